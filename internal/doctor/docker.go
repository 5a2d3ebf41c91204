package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/dockerconfig"
	"github.com/dockercfg/jet/internal/helperconfig"
	"github.com/dockercfg/jet/internal/shellword"
)

// lookAtDocker looks at the configuration of Docker and the helpers that it names.
func (e *examiner) lookAtDocker() error {
	if e.DockerFolder == "" {
		return nil
	}
	e.looked = append(e.looked, "Docker's configuration")
	if text, ok := e.LookupEnv("DOCKER_AUTH_CONFIG"); ok && text != "" {
		if _, err := dockercfg.Parse([]byte(text)); err != nil {
			e.add(Problem, "docker-auth-config-broken", "", 0, "DOCKER_AUTH_CONFIG is set and is no dockercfg: "+reason(err), "unset DOCKER_AUTH_CONFIG")
		}
	}
	path := filepath.Join(e.DockerFolder, "config.json")
	if folder, _ := e.LookupEnv("DOCKER_CONFIG"); folder != "" {
		if info, err := os.Stat(e.DockerFolder); err != nil || !info.IsDir() {
			e.add(Problem, "docker-config-missing", "", 0, fmt.Sprintf("DOCKER_CONFIG names %q, which is no folder", e.DockerFolder),
				"unset DOCKER_CONFIG, or mkdir -p "+shellword.Quote(e.DockerFolder))
			return nil
		}
	}
	c, err := dockerconfig.Load(e.DockerFolder)
	if err != nil {
		line := 0
		var parse *dockercfg.ParseError
		if errors.As(err, &parse) {
			line = parse.Line
		}
		hint := "${EDITOR:-vi} " + shellword.Quote(path)
		var form *dockerconfig.FormError
		if errors.As(err, &form) {
			hint = fmt.Sprintf("\"jet dockercfg convert %s %s\" makes a config.json of it", shellword.Quote(path), shellword.Quote(path))
		}
		e.add(Problem, "docker-config-broken", path, line, "Docker cannot read it: "+reason(err), hint)
		return nil
	}
	if text, err := os.ReadFile(path); err == nil {
		e.lookAtKeys(path, text)
	}
	e.lookAtMembers(c)
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0 && c.Store == "" && len(c.Entries) > 0 {
		e.add(Note, "docker-config-readable", path, 0, "everybody on this machine can read the passwords in it", "chmod 600 "+shellword.Quote(path))
	}
	return nil
}

// reason is an error without what our packages put before it.
func reason(err error) string {
	text := err.Error()
	for _, before := range [...]string{"dockerconfig: ", "Failed to parse dockercfg: "} {
		text = strings.ReplaceAll(text, before, "")
	}
	return text
}

// lookAtMembers looks for the programs that the configuration names.
func (e *examiner) lookAtMembers(c *dockerconfig.Configuration) {
	users := make(map[string][]string) // of each helper: what names it
	if c.Store != "" && !c.Detected {
		users[c.Store] = append(users[c.Store], "credsStore")
	}
	for _, registry := range slices.Sorted(maps.Keys(c.Helpers)) {
		if helper := c.Helpers[registry]; helper != "" {
			users[helper] = append(users[helper], "credHelpers for "+registry)
		}
	}
	for _, helper := range slices.Sorted(maps.Keys(users)) {
		by := strings.Join(users[helper], ", ")
		program := "docker-credential-" + helper
		if e.FindHelper == nil {
			break
		}
		onPath, elsewhere := e.FindHelper(helper)
		switch {
		case len(onPath) > 0:
		case elsewhere != "":
			e.add(Problem, "helper-not-on-path", c.Path, 0, fmt.Sprintf("%s names %s, which is not on PATH but is %q: Docker fails for every registry that it asks it for", by, program, elsewhere),
				"export PATH=\"$PATH:"+filepath.Dir(elsewhere)+"\"")
		default:
			e.add(Problem, "helper-missing", c.Path, 0, fmt.Sprintf("%s names %s, and there is no such program: Docker fails for every registry that it asks it for", by, program), helperAdvice(helper, c.Path)...)
		}
		if helper == helperconfig.Name && len(onPath) > 1 {
			e.add(Note, "helper-twice", "", 0, fmt.Sprintf("%s is installed more than once, and the first is used: %s", program, listed(onPath)), "rm "+shellword.Quote(onPath[1])+", if that is the older one")
		}
	}
	if c.Store == helperconfig.Name && !c.Detected && slices.Contains(slices.Collect(maps.Values(c.Helpers)), helperconfig.Name) {
		e.add(Note, "helper-twice", c.Path, 0, "jet is credsStore, which is asked for all registries, and credHelpers for some of them as well", `"jet helper uninstall" and "jet helper install --all" put it there once`)
	}
}

// helperAdvice says how to come to a helper, or to do without.
func helperAdvice(helper, path string) []string {
	without := fmt.Sprintf("or take it out of %s, and type docker login again", shellword.Quote(path))
	switch helper {
	case helperconfig.Name:
		return []string{`"jet helper uninstall" takes it out`, "it comes with jet: put docker-credential-jet on PATH, beside jet"}
	case "desktop", "desktop.exe":
		return []string{"it comes with Docker Desktop, which is not here or not started: " + without}
	case "osxkeychain":
		return []string{"brew install docker-credential-helper", without}
	case "pass", "secretservice":
		return []string{"apt-get install golang-docker-credential-helpers", without}
	case "ecr-login":
		return []string{"apt-get install amazon-ecr-credential-helper, or brew install docker-credential-helper-ecr", without}
	case "gcloud", "gcr":
		return []string{"gcloud components install docker-credential-gcr", without}
	}
	return []string{without}
}

// lookAtRegistries looks at a dockercfg of the project.
func (e *examiner) lookAtRegistries(path string, text []byte) {
	file, err := dockercfg.Parse(text)
	if err != nil {
		return // package check has said so, if its name says what it is
	}
	for _, notice := range file.Notices() {
		e.add(Note, "odd-entry", path, 0, notice, "jet dockercfg show "+shellword.Quote(e.typed(path)))
	}
	e.lookAtKeys(path, text)
}

// lookAtKeys looks at how a dockercfg spells its registries: Docker finds Docker Hub
// under one spelling alone (docker/cli v29.9.3, cli/config/credentials/file_store.go).
func (e *examiner) lookAtKeys(path string, text []byte) {
	var file map[string]json.RawMessage
	if json.Unmarshal([]byte(strings.TrimPrefix(string(text), "\ufeff")), &file) != nil {
		return
	}
	if auths, ok := file["auths"]; ok {
		file = nil
		json.Unmarshal(auths, &file)
	}
	if _, right := file[dockercfg.DockerHub]; right {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(file)) {
		normal, err := dockercfg.NormalizeRegistry(key)
		if err != nil || normal != dockercfg.DockerHub || strings.HasPrefix(key, dockercfg.DockerHub) || len(file[key]) < len(`{"a":1}`) {
			continue
		}
		e.add(Problem, "docker-hub-key", path, 0, fmt.Sprintf("Docker does not find the credential for Docker Hub under %q: it looks for %s", key, dockercfg.DockerHub), e.respell(path, key))
	}
}

// respell says how to bring Docker Hub under its key.
func (e *examiner) respell(path, key string) string {
	if strings.HasSuffix(path, ".encrypted") {
		return fmt.Sprintf("\"jet edit %s\", and write %s for %q", shellword.Quote(e.typed(path)), dockercfg.DockerHub, key)
	}
	return fmt.Sprintf("write %s for %q: ${EDITOR:-vi} %s", dockercfg.DockerHub, key, shellword.Quote(e.typed(path)))
}
