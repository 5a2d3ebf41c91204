package check

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/dockercfg/kubernetes"
	"github.com/dockercfg/jet/internal/accounts"
	"github.com/dockercfg/jet/internal/content"
	"github.com/dockercfg/jet/internal/encryptedfile"
	"github.com/dockercfg/jet/internal/placeholder"
)

const (
	// wholeBytes is the size up to which a file is judged as a whole. Of a larger one
	// that is encrypted all is decrypted, and of another the beginning is looked at.
	wholeBytes = 4 << 20
	// searchBytes is the size up to which any file is searched for the project key.
	searchBytes = 128 << 10
)

// A version is one content of a file in one place.
type version struct {
	path  string // from the top, with slashes
	place Place
	size  int64 // in bytes
	twin  *twin // nil if there is no encrypted file beside it that it may belong to
}

// A judge looks at versions. It is safe for concurrent use.
type judge struct {
	ctx context.Context
	key *keyring
	say *speaker
}

// must reports whether the rules have to see the content of a version, key or no key.
func must(v *version) bool {
	return v.twin != nil || encryptedfile.Mentioned(v.path) || isEnvName(v.path) ||
		mayBeDockercfg(v.path) && v.size <= dockercfg.MaxBytes ||
		isKeyName(v.path) && v.size <= maxKeyFile
}

// may reports whether the project key can stand in a version, or it can be an
// encrypted file under any name.
func may(v *version) bool { return v.size >= keyChars && v.size <= searchBytes }

// judge gives what is wrong with a version. The content may be read once.
func (j *judge) judge(v *version, r io.Reader) ([]Finding, error) {
	data, err := io.ReadAll(io.LimitReader(r, wholeBytes+1))
	if err != nil {
		return nil, err
	}
	return j.content(v, data, r)
}

// content judges a version by its beginning of up to wholeBytes+1 bytes, and the rest.
func (j *judge) content(v *version, data []byte, rest io.Reader) ([]Finding, error) {
	if f, err := j.holdsKey(v, data); f != nil || err != nil {
		return f, err
	}
	found, isCipher, err := j.encryption(v, data, rest)
	if err != nil || isCipher || found != nil {
		return found, err
	}
	return j.plain(v, data), nil
}

// holdsKey looks for a project key.
func (j *judge) holdsKey(v *version, data []byte) ([]Finding, error) {
	if !j.say.git {
		return nil, nil // it lies where it should
	}
	if key, ok := parseKey(data); ok && isKeyName(v.path) {
		whose, err := j.key.whose(j.ctx, key)
		if err != nil {
			return nil, err
		}
		return []Finding{j.say.keyFile(v, whose)}, nil
	}
	if len(data) > searchBytes {
		return nil, nil
	}
	for _, c := range keysIn(data) {
		switch key, ok, err := j.key.get(j.ctx); {
		case err != nil || !ok:
			return nil, err
		case c.key.Equal(key):
			return []Finding{j.say.keyInside(v, c.line)}, nil
		}
	}
	return nil, nil
}

// encryption judges a file that is encrypted or named so, and tells whether it is
// encrypted in some way.
func (j *judge) encryption(v *version, data []byte, rest io.Reader) (found []Finding, isCipher bool, err error) {
	head := data[:min(len(data), encryptedfile.HeadBytes)]
	format, problem := crypto.Detect(head)
	named := encryptedfile.Named(v.path)
	switch {
	case problem != nil && !named:
		return nil, false, nil
	case hasConflict(data) && (named || format > crypto.Unsigned):
		return j.say.one(v, NotEncrypted, "it holds the marks of a merge conflict", j.say.merge(v)...), true, nil
	case problem != nil:
		return j.unknown(v, data, problem)
	case format == crypto.Unsigned:
		if !encryptedfile.Mentioned(v.path) {
			return nil, false, nil // base64, as many things are
		}
		if whole, err := encryptedfile.Detect(data); len(data) <= wholeBytes && (err != nil || whole != crypto.Unsigned) {
			if !named {
				return nil, false, nil
			}
			return j.unknown(v, data, crypto.ErrNotEncrypted)
		}
		switch what := inBase64(data); {
		case what == otherCipher:
			return nil, true, nil
		case what == readable && !named:
			return nil, false, nil
		case what == readable:
			return j.say.one(v, NotEncrypted, "it is not encrypted but in base64, which hides nothing", j.say.encrypt(v)), true, nil
		}
		found = j.say.one(v, UnsignedFormat, "it is in the unsigned format, in which neither damage nor a wrong key is noticed", j.say.reencrypt(v))
	}
	more, err := j.opens(v, format, data, rest)
	return append(found, more...), true, err
}

// unknown judges a file that is named as encrypted and in none of our formats.
func (j *judge) unknown(v *version, data []byte, problem error) ([]Finding, bool, error) {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return j.say.one(v, NotEncrypted, "it is empty, and an encrypted file never is", j.say.versions(v)...), true, nil
	case isOtherCipher(data), isNoise(data):
		return nil, true, nil
	}
	message := "it is not encrypted, though its name says so"
	// What crypto knows of it is the kind of file; of a line it may quote the beginning.
	if why, found := strings.CutPrefix(problem.Error(), crypto.ErrNotEncrypted.Error()+": it looks like "); found {
		message += ": it looks like " + why
	}
	return j.say.one(v, NotEncrypted, message, j.say.encrypt(v)), true, nil
}

// opens judges a file in one of our formats, with the key if there is one.
func (j *judge) opens(v *version, format crypto.Format, data []byte, rest io.Reader) ([]Finding, error) {
	whole := io.MultiReader(bytes.NewReader(data), rest)
	key, haveKey, err := j.key.get(j.ctx)
	if err != nil {
		return nil, err
	}
	var plain bytes.Buffer
	if haveKey {
		var dst io.Writer = &plain
		if len(data) > wholeBytes {
			dst = io.Discard
		}
		_, err = crypto.Decrypt(dst, whole, key, crypto.WithHiddenOutput())
	} else {
		_, err = crypto.Inspect(whole)
	}
	var lost *crypto.HeaderLostError
	switch {
	case err == nil && haveKey:
		return j.parses(v, format, plain.Bytes()), nil
	case err == nil:
		return nil, nil
	case errors.Is(err, crypto.ErrWrongKey), errors.Is(err, crypto.ErrVariant):
		return j.say.one(v, WrongKey, "it does not open with the project key: "+err.Error(), j.say.tryKey(v)), nil
	case errors.As(err, &lost):
		return j.say.one(v, Damaged, fmt.Sprintf("its first line, %v, is lost", lost.Format), j.say.versions(v)...), nil
	case errors.Is(err, crypto.ErrDamaged), errors.Is(err, crypto.ErrNotEncrypted):
		if isPartlyPlain(data) {
			return j.say.one(v, NotEncrypted, "a part of it is not encrypted", j.say.versions(v)...), nil
		}
		return j.say.one(v, Damaged, "it is damaged: "+err.Error(), j.say.versions(v)...), nil
	}
	return nil, err
}

// parses judges what comes out of an encrypted file whose name says what it is.
func (j *judge) parses(v *version, format crypto.Format, plain []byte) []Finding {
	var c *content.Content
	switch {
	case len(plain) == 0:
		return nil
	case isDockercfgName(v.path):
		c = content.ParseAs(content.Dockercfg, plain)
	case saysEnvFile(v.path):
		c = content.ParseAs(content.EnvFile, plain)
	}
	if c == nil || c.Problem == nil {
		return nil
	}
	message := fmt.Sprintf("decrypted it is no valid %v: %v", c.Kind, c.Problem)
	if format == crypto.Unsigned {
		message += "; the key may be the wrong one"
	}
	return j.say.one(v, DoesNotParse, message, j.say.show(v))
}

// plain judges a file that is not encrypted.
func (j *judge) plain(v *version, data []byte) []Finding {
	if v.twin != nil && v.twin.certain && len(bytes.TrimSpace(data)) > 0 {
		return []Finding{j.say.twin(v, 0)}
	}
	what, line := secretsIn(v, data)
	switch {
	case what == "":
		return nil
	case v.twin != nil:
		return []Finding{j.say.twin(v, line)}
	}
	return []Finding{j.say.plain(v, what, line)}
}

// shownNames is how many names a message lists.
const shownNames = 3

// secretsIn tells which secrets a dockercfg or env file holds in plain text, and in
// which line the first stands, if that is known; "" for none.
func secretsIn(v *version, data []byte) (what string, line int) {
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		return "", 0
	}
	if mayBeDockercfg(v.path) {
		if registries := exposedRegistries(v.path, data); registries != nil {
			return "credentials for " + list(registries), 1
		}
		if names, first := exposedAccounts(v.path, data); names != nil {
			return "the password of " + list(names), first
		}
	}
	if !isEnvName(v.path) && v.twin == nil {
		return "", 0
	}
	var names []string
	exposed := exposedVariables(data, isTemplate(v.path))
	for _, e := range exposed {
		if !slices.Contains(names, e.name) {
			names = append(names, e.name)
		}
	}
	if names == nil {
		return "", 0
	}
	return "the value of " + list(names), exposed[0].line
}

// list joins names for people.
func list(names []string) string {
	if len(names) > shownNames+1 {
		names = append(names[:shownNames:shownNames], fmt.Sprintf("%d more", len(names)-shownNames))
	}
	return strings.Join(names, ", ")
}

// exposedRegistries gives the registries for which a dockercfg in any form holds
// credentials in plain text that are no placeholders.
func exposedRegistries(path string, data []byte) (registries []string) {
	if !isDockercfgName(path) && !bytes.Contains(data, []byte(`"auths"`)) &&
		!bytes.Contains(data, []byte("dockerconfigjson")) && !bytes.Contains(data, []byte("kubernetes.io/dockercfg")) {
		return nil
	}
	file, err := kubernetes.Parse(data)
	if err != nil {
		return nil
	}
	for _, entry := range file.Entries() {
		for _, secret := range [...]dockercfg.Secret{entry.Password, entry.IdentityToken, entry.RegistryToken} {
			text := secret.Reveal()
			if placeholder.Is("", text) || text == entry.Username || isTemplate(path) && !isRandom(text) && !isToken(text) {
				continue
			}
			registries = append(registries, entry.Registry)
			break
		}
	}
	return registries
}

// exposedAccounts gives the accounts of a registries.yaml whose password stands in it,
// and the line on which the first of them begins.
func exposedAccounts(path string, data []byte) (names []string, line int) {
	if !bytes.Contains(data, []byte("registries")) || !bytes.Contains(data, []byte("password")) {
		return nil, 0
	}
	file, err := accounts.Parse(data)
	if err != nil {
		return nil, 0
	}
	for _, a := range file.Accounts {
		text := a.Password.Reveal()
		if placeholder.Is("", text) || isTemplate(path) && !isRandom(text) && !isToken(text) {
			continue
		}
		if names == nil {
			line = a.Line
		}
		names = append(names, a.Name)
	}
	return names, line
}

// hasConflict reports whether git left the marks of a conflict in a text.
func hasConflict(data []byte) bool {
	ours, theirs := false, false
	for line := range bytes.Lines(data) {
		ours = ours || bytes.HasPrefix(line, []byte("<<<<<<< "))
		theirs = theirs || bytes.HasPrefix(line, []byte(">>>>>>> "))
	}
	return ours && theirs
}

// isPartlyPlain reports whether a file with a header of ours has a line that is no
// base64: not what damage leaves, but what somebody wrote into it.
func isPartlyPlain(data []byte) bool {
	first := true
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if !first && !isBase64(bytes.TrimRight(line, "=")) && utf8.Valid(line) {
			return true
		}
		first = false
	}
	return false
}

// What base64 holds that is not our unsigned format.
type holding int

const (
	unreadable holding = iota
	readable
	otherCipher
)

// inBase64 tells ciphertext from text that was put into base64. Random bytes, of
// which there are at least 16 in front of ours, are not text by chance.
func inBase64(data []byte) holding {
	text := bytes.TrimPrefix(data, []byte("\ufeff"))
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, _ := base64.StdEncoding.Decode(decoded, text)
	decoded = decoded[:n]
	switch {
	case isOtherCipher(decoded):
		return otherCipher
	case isReadable(decoded):
		return readable
	}
	return unreadable
}

func isReadable(data []byte) bool {
	return utf8.Valid(data) && !bytes.ContainsFunc(data, func(r rune) bool {
		return !unicode.IsPrint(r) && !unicode.IsSpace(r)
	})
}

// isOtherCipher reports whether a file is encrypted by another program, or is only
// a pointer to where the file is: then nothing lies open in it.
func isOtherCipher(data []byte) bool {
	for _, begins := range [...]string{
		"age-encryption.org/", "-----BEGIN AGE ENCRYPTED FILE-----", "-----BEGIN PGP MESSAGE-----",
		"$ANSIBLE_VAULT;", "\x00GITCRYPT\x00", "Salted__", "U2FsdGVkX1", "AES\x02", "AES\x03",
		"version https://git-lfs.github.com/", "vault:v",
	} {
		if bytes.HasPrefix(data, []byte(begins)) {
			return true
		}
	}
	for _, f := range [...]string{"jet:v", "codeship:v", "cloudbees:v"} {
		if rest, ok := bytes.CutPrefix(data, []byte(f)); ok && len(rest) > 0 && class(rest[0]) == 'd' {
			return true // of a newer version
		}
	}
	if bytes.HasPrefix(data, []byte("{")) {
		// The JSON of Laravel's encrypter, and of SOPS.
		return bytes.Contains(data, []byte(`"iv"`)) && bytes.Contains(data, []byte(`"value"`)) ||
			bytes.Contains(data, []byte(`"sops"`)) && bytes.Contains(data, []byte("ENC["))
	}
	return bytes.Contains(data, []byte("ENC[AES256_GCM,")) && bytes.Contains(data, []byte("sops"))
}

// isNoise reports whether bytes are as evenly spread as those of a ciphertext are
// and those of a picture, a program or an archive's head are not.
func isNoise(data []byte) bool {
	if utf8.Valid(data) || len(data) < 32 {
		return false
	}
	for _, begins := range [...]string{"PK\x03\x04", "\x1f\x8b", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd", "\x89PNG", "\xff\xd8\xff", "GIF8", "%PDF", "7z\xbc\xaf", "SQLite format 3", "\x7fELF", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(data, []byte(begins)) {
			return false
		}
	}
	data = data[:min(len(data), 64<<10)]
	var count [256]int
	for _, b := range data {
		count[b]++
	}
	// Pearson's statistic against an even spread has 255 degrees of freedom: 255 on
	// average, and a standard deviation of 22.6.
	expected, statistic := float64(len(data))/256, 0.0
	for _, n := range count {
		statistic += (float64(n) - expected) * (float64(n) - expected) / expected
	}
	return statistic < 255+6*22.6
}
