package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/dockercfg/jet/dockercfg/kubernetes"
)

// mask has the log of a GitHub Actions job hide secrets that are about to be
// printed; elsewhere it does nothing. The runner reads commands from stderr too
// (docs.github.com/actions/reference/workflow-commands, "Masking a value in a log"),
// so stdout is data and nothing else.
func (p *program) mask(secrets ...string) {
	if value, _ := p.lookupEnv("GITHUB_ACTIONS"); value != "true" {
		return
	}
	seen := make(map[string]bool)
	for _, secret := range secrets {
		quoted, err := json.Marshal(secret)
		forms := []string{secret}
		if err == nil {
			forms = append(forms, string(quoted[1:len(quoted)-1])) // as it stands in a dockercfg
		}
		for _, form := range forms {
			for line := range strings.FieldsFuncSeq(form, func(r rune) bool { return r == '\n' || r == '\r' }) {
				if !seen[line] {
					seen[line] = true
					fmt.Fprintf(p.stderr, "::add-mask::%s\n", strings.ReplaceAll(line, "%", "%25"))
				}
			}
		}
	}
}

// longWord is from where on a word of a text with credentials is taken for one of
// them, in bytes: the base64 of a whole dockercfg in a Kubernetes Secret, say.
const longWord = 40

// maskCredentials masks the secrets in a dockercfg of any form.
func (p *program) maskCredentials(text []byte) {
	// The form env is a config.json behind a name.
	if file, err := kubernetes.Parse(bytes.TrimPrefix(text, []byte("DOCKER_AUTH_CONFIG="))); err == nil {
		for _, e := range file.Entries() {
			auth := base64.StdEncoding.EncodeToString([]byte(e.Username + ":" + e.Password.Reveal()))
			p.mask(e.Password.Reveal(), e.IdentityToken.Reveal(), e.RegistryToken.Reveal(), auth)
		}
	}
	for word := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`"'{}:,`, r) }) {
		if len(word) >= longWord {
			p.mask(word)
		}
	}
}
