package doctor

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/accounts"
	"github.com/dockercfg/jet/internal/credentialhelper"
	"github.com/dockercfg/jet/internal/encryptedfile"
	"github.com/dockercfg/jet/internal/shellword"
)

// lookAtAccounts looks at the user's file of registry accounts, which "jet token" and
// docker-credential-jet read.
func (e *examiner) lookAtAccounts() error {
	path, err := credentialhelper.AccountsFile(e.LookupEnv)
	if err != nil {
		e.add(Problem, "registries-missing", "", 0, err.Error(), credentialhelper.AccountsVariable+"=/path/to/registries.yaml names it wherever one is")
		return nil
	}
	if path == "" {
		return nil
	}
	e.looked = append(e.looked, "registry accounts")
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir():
		why, hint := "it leads nowhere", "ls -l "+shellword.Quote(path)
		if named, _ := e.LookupEnv(credentialhelper.AccountsVariable); named != "" {
			why = credentialhelper.AccountsVariable + " names it, and there is no such file"
			hint = "unset " + credentialhelper.AccountsVariable + ", or let it name registries.yaml by its full path"
		}
		e.add(Problem, "registries-missing", path, 0, why+": docker-credential-jet fails for every registry that the project's file does not have", hint)
		return nil
	case err != nil:
		e.add(Problem, "unreadable", path, 0, fmt.Sprintf("it cannot be read: %v", cause(err)), "ls -l "+shellword.Quote(path))
		return nil
	case !info.Mode().IsRegular():
		return nil // reading a pipe takes away what is in it
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o002 != 0:
		e.add(Problem, "registries-writable", path, 0, "everybody on this machine can write to it, and have commands run as you", "chmod o-w "+shellword.Quote(path))
	}
	text, ok := e.readAccounts(path)
	if !ok {
		return nil
	}
	file, err := accounts.Parse(text)
	if problems, ok := errors.AsType[accounts.Errors](err); ok {
		message := problems[0].Problem
		if more := len(problems) - 1; more > 0 {
			message += fmt.Sprintf(" (and %d more)", more)
		}
		e.add(Problem, "registries-broken", path, problems[0].Line, message, fmt.Sprintf("\"jet verify --config %s\" says all that is wrong; docs/registries.md describes the file", shellword.Quote(path)))
		return nil
	} else if err != nil {
		return err
	}
	for _, a := range file.Accounts {
		for _, named := range []struct{ field, path string }{{"envFile", a.EnvFile}, {"passwordFile", a.PasswordFile}, {"caCert", a.CACert}} {
			target := named.path
			if target == "" {
				continue
			}
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(path), target)
			}
			if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
				e.add(Problem, "missing-file", path, a.Line, fmt.Sprintf("%s of %s names %q, and there is no such file", named.field, a.Name, named.path),
					"${EDITOR:-vi} "+shellword.Quote(path)+"; paths start from its folder")
			}
		}
	}
	return nil
}

// readAccounts gives what is in a file of registry accounts, decrypted. It reports
// whether that can be told.
func (e *examiner) readAccounts(path string) (text []byte, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		e.add(Problem, "unreadable", path, 0, fmt.Sprintf("it cannot be read: %v", cause(err)), "ls -l "+shellword.Quote(path))
		return nil, false
	}
	// What is in no format that is known is for the parser to refuse.
	if format, err := encryptedfile.Detect(text); err != nil || format == 0 {
		return text, true
	}
	if !e.haveKey {
		if e.noKey != nil {
			e.add(Problem, "key-missing", path, 0, fmt.Sprintf("it is encrypted, and there is no key in this folder: %v", e.noKey), "JET_KEY_PATH=/path/to/codeship.aes names its key in every folder")
		}
		return nil, false
	}
	var plain strings.Builder
	if _, err := crypto.Decrypt(&plain, bytes.NewReader(text), e.key.Key, crypto.WithHiddenOutput()); err != nil {
		e.add(Problem, "registries-broken", path, 0, "the key of this folder does not open it, or it is damaged", "JET_KEY_PATH=/path/to/codeship.aes names its key in every folder",
			"\"jet decrypt "+shellword.Quote(path)+" -\" says more")
		return nil, false
	}
	return []byte(plain.String()), true
}
