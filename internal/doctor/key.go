package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/knownkeys"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/sharedkey"
	"github.com/dockercfg/jet/internal/shellword"
	"github.com/dockercfg/jet/internal/worktree"
)

// lookAtKey finds the key, and says what is odd about it. That there is none is
// only wrong if something is encrypted.
func (e *examiner) lookAtKey() error {
	if e.FindKey == nil {
		return nil
	}
	e.looked = append(e.looked, "the key")
	found, err := e.FindKey(e.ctx)
	var none *projectkey.NotFoundError
	var missing *sharedkey.MissingError
	var shared *sharedkey.Error
	switch {
	case e.ctx.Err() != nil:
		return e.ctx.Err()
	case errors.As(err, &none):
		e.noKey = err
		return nil
	case errors.As(err, &missing):
		e.add(Problem, "jet-age-missing", "", 0, err.Error(), adviceOf(err)...)
		return nil
	case errors.As(err, &shared):
		e.add(Problem, "key-does-not-open", "", 0, err.Error(), adviceOf(err)...)
		return nil
	case err != nil:
		hints := adviceOf(err)
		if strings.HasPrefix(err.Error(), "JET_KEY_COMMAND: ") {
			hints = []string{`sh -c "$JET_KEY_COMMAND" >/dev/null; echo $?`}
		} else if hints == nil {
			hints = []string{"--key-path FILE names another key"}
		}
		e.add(Problem, "key-broken", "", 0, err.Error(), hints...)
		return nil
	}
	e.key, e.haveKey = found, true
	if found.Rotation != nil {
		e.add(Problem, "rotation-unfinished", "", 0, "a change of the project key is not finished, so some files have the old key and some the new one", "jet rotate --resume")
	}
	e.lookAtMode()
	e.lookForOthers()
	return e.lookAtTrust()
}

// lookAtMode: everybody on the machine can read the key.
func (e *examiner) lookAtMode() {
	if e.key.Path == "" || e.key.Shared || runtime.GOOS == "windows" {
		return
	}
	info, err := os.Stat(e.key.Path)
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0 {
		e.add(Problem, "key-readable", e.absolute(e.key.Path), 0, "everybody on this machine can read the key", "chmod 600 "+shellword.Quote(e.key.Path))
	}
}

// absolute is for a path from the current folder of the look-up.
func (e *examiner) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(e.dir, path)
}

// lookForOthers: there are keys besides the one in use, which people take for it.
func (e *examiner) lookForOthers() {
	folders, err := worktree.Folders(e.dir)
	if err != nil {
		return
	}
	for _, folder := range folders {
		path := filepath.Join(folder, projectkey.FileName)
		text, err := os.ReadFile(path)
		if err != nil || e.key.Path != "" && sameFile(path, e.absolute(e.key.Path)) {
			continue
		}
		other, err := crypto.ParseKey(text)
		if err != nil || other.Equal(e.key.Key) {
			continue
		}
		e.add(Note, "several-keys", path, 0,
			fmt.Sprintf("it is another key than the one in use, which is that of %s: %s and %s", e.key.Origin, other.Fingerprint(), e.key.Key.Fingerprint()),
			fmt.Sprintf("--key-path %s uses this one", shellword.Quote(e.typed(path))))
	}
}

func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// lookAtTrust: nothing will be encrypted with the key, which is not the one that is
// known.
func (e *examiner) lookAtTrust() error {
	foreign, err := e.key.FromRepository(e.ctx)
	if err != nil || !foreign {
		return nil // writing commands say why, where it matters
	}
	tree, folder, err := knownkeys.Place(filepath.Dir(e.absolute(e.key.Path)))
	if err != nil {
		return err
	}
	record, err := knownkeys.Load(tree)
	if err != nil {
		e.add(Problem, "memory-broken", "", 0, err.Error(), "remove that file; then --trust-key FINGERPRINT says again which key is right")
		return nil
	}
	fingerprint := e.key.Key.Fingerprint()
	if known := record.Fingerprints(folder); known != nil && !record.Knows(folder, fingerprint) {
		e.add(Problem, "key-swapped", e.absolute(e.key.Path), 0,
			fmt.Sprintf("it comes with the repository and is %s, and the key that is known here is %s: nothing is encrypted with it", fingerprint, strings.Join(known, " or ")),
			"if a colleague tells you, not through the repository, that it is right: --trust-key "+fingerprint)
	}
	return nil
}

// lookAtSharing looks at codeship.aes.age and the list of who can open it.
func (e *examiner) lookAtSharing() error {
	path, err := worktree.Nearest(e.dir, projectkey.SharedFileName)
	if err != nil {
		return err
	}
	listPath := filepath.Join(filepath.Dir(path), sharedkey.ListName)
	if path == "" {
		if listPath, err = worktree.Nearest(e.dir, sharedkey.ListName); err != nil || listPath == "" {
			return err
		}
		e.add(Note, "recipients-alone", listPath, 0, "it lists who can open codeship.aes.age, which is not there",
			fmt.Sprintf("\"jet key share --to %s\" makes it", shellword.Quote(e.typed(listPath))))
		return nil
	}
	file, err := os.ReadFile(path)
	if err != nil || sharedkey.HasPassphrase(file) {
		return nil // the look-up of the key says why
	}
	text, err := os.ReadFile(listPath)
	if errors.Is(err, fs.ErrNotExist) {
		e.add(Note, "recipients-unknown", path, 0, fmt.Sprintf("who can open it is not known: there is no %q", e.typed(listPath)),
			`"jet key share --replace --to FILE…" shares it with these alone, and lists them`)
		return nil
	}
	var list sharedkey.List
	if err == nil {
		list, err = sharedkey.ParseList(text)
	}
	switch {
	case err != nil:
		e.add(Problem, "recipients-broken", listPath, 0, fmt.Sprintf("it is no list of recipients: %v", err),
			fmt.Sprintf("git restore -- %s", shellword.Quote(e.typed(listPath))))
	case e.haveKey && errors.Is(list.Check(e.key.Key), sharedkey.ErrAltered):
		e.add(Problem, "recipients-altered", listPath, 0, sharedkey.ErrAltered.Error(),
			`"jet key list" shows who is in it`,
			fmt.Sprintf("if all of them are right: \"jet key share --replace --to %s\"", shellword.Quote(e.typed(listPath))))
	}
	return nil
}
