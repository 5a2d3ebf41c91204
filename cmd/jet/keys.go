package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/sharedkey"
	"github.com/dockercfg/jet/internal/worktree"
)

func (p *program) keyCommand() *cli.Command {
	return &cli.Command{
		Name:  "key",
		Usage: "Share the project key with colleagues, protect it, store it.",
		UsageText: `jet key list
jet key share --to alice.pub
jet key protect`,
		Description: `codeship.aes.age holds the project key encrypted for people's own keys, or with a passphrase, and can be committed. jet opens it with your private key: that of JET_IDENTITY, of the file that JET_IDENTITY_PATH names, or where age, sops and OpenSSH keep theirs. The program age opens it as well.`,
		Action:      chooseBelow,
		Subcommands: []*cli.Command{
			p.keyListCommand(), p.shareCommand(), p.unshareCommand(), p.protectCommand(), p.unprotectCommand(),
			p.storeKeyCommand(), p.forgetKeyCommand(),
		},
	}
}

// A sharedFile is codeship.aes.age and the list of its recipients.
type sharedFile struct {
	path, listPath string
	file           []byte // nil for none
	list           sharedkey.List
	listed         bool // there is a list
}

// maxSharedFile bounds either file, in bytes.
const maxSharedFile = 1 << 20

// loadShared reads the files of the project: those beside the key that was found,
// else the nearest ones, else those that would stand at the top of the work tree.
func loadShared(found projectkey.Found) (*sharedFile, error) {
	folder, err := sharedFolder(found)
	if err != nil {
		return nil, err
	}
	s := &sharedFile{
		path:     filepath.Join(folder, projectkey.SharedFileName),
		listPath: filepath.Join(folder, sharedkey.ListName),
	}
	if s.file, err = readIfThere(s.path); err != nil {
		return nil, err
	}
	text, err := readIfThere(s.listPath)
	if err != nil || text == nil {
		return s, err
	}
	s.listed = true
	if s.list, err = sharedkey.ParseList(text); err != nil {
		return nil, fmt.Errorf("%q: %w", s.listPath, err)
	}
	return s, nil
}

func sharedFolder(found projectkey.Found) (string, error) {
	_, here, err := worktree.Top("")
	if err != nil {
		return "", err
	}
	if found.Path != "" {
		folder := filepath.Dir(found.Path)
		if _, top, err := worktree.Top(folder); err == nil && top == here && (top != "" || folder == ".") {
			return folder, nil
		}
	}
	for _, name := range []string{projectkey.SharedFileName, projectkey.FileName} {
		nearest, err := worktree.Nearest("", name)
		if err != nil {
			return "", err
		}
		if nearest != "" {
			return relative(filepath.Dir(nearest)), nil
		}
	}
	if here == "" {
		return ".", nil
	}
	return relative(here), nil
}

// relative shortens a path for people, where that is shorter.
func relative(path string) string {
	here, err := os.Getwd()
	if err == nil {
		here, err = filepath.EvalSymlinks(here)
	}
	if err != nil {
		return path
	}
	if short, err := filepath.Rel(here, path); err == nil && len(short) < len(path) {
		return short
	}
	return path
}

func readIfThere(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err == nil && len(text) > maxSharedFile {
		err = fmt.Errorf("it is over %d MiB long", maxSharedFile>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, cause(err))
	}
	return text, nil
}

// hasPassphrase reports whether the file is for a passphrase and not for recipients.
func (s *sharedFile) hasPassphrase() bool { return sharedkey.HasPassphrase(s.file) }

// writeShared writes both files for the recipients of the list. The list comes
// first: one who is in it and not yet in the other file is there the next time.
func (p *program) writeShared(ctx context.Context, s *sharedFile, key crypto.Key) error {
	text, err := s.list.Encode(key)
	if err != nil {
		return err
	}
	file, err := sharedkey.Seal(ctx, key.Encode(), s.list.Recipients)
	if err != nil {
		return adviseKey(fmt.Errorf("%q: %w", s.path, err))
	}
	if err := p.writeWhole(ctx, s.listPath, text, outfile.Shared); err != nil {
		return err
	}
	return p.writeWhole(ctx, s.path, file, outfile.Shared)
}

// writeWhole writes a file whose content is at hand.
func (p *program) writeWhole(ctx context.Context, path string, content []byte, class outfile.Class) error {
	return p.write(ctx, path, class, func(w io.Writer, _ bool) error {
		_, err := io.Copy(w, bytes.NewReader(content))
		return err
	})
}
