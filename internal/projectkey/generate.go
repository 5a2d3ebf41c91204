package projectkey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/worktree"
)

// ErrTracked: git tracks the path, so a key there would be in the next commit.
var ErrTracked = errors.New("git tracks this path, so the next commit would hold the key")

// Generated describes a key that was written. It does not hold it.
type Generated struct {
	Path        string
	Fingerprint string
	Ignored     string   // the .gitignore that got a line for the key; "" if that was not needed
	Notices     []string // for people: what could not be checked
}

// Generate writes a new key to path, "" for codeship.aes in the current folder, as
// Put does. Beside a codeship.aes.age no codeship.aes is made, which would come
// before it: the error then wraps fs.ErrExist.
func Generate(ctx context.Context, path string) (Generated, error) {
	if path == "" {
		path = FileName
	}
	if dir, name := filepath.Split(path); name == FileName {
		shared := filepath.Join(dir, SharedFileName)
		if _, err := os.Lstat(shared); err == nil {
			return Generated{}, fmt.Errorf("generate %q: %q has a key: %w", path, shared, fs.ErrExist)
		}
	}
	return Put(ctx, path, crypto.GenerateKey())
}

// Put writes a key to path with mode 0600. Nothing is ever replaced: the error then
// wraps fs.ErrExist.
//
// Inside a git work tree it refuses a path that git tracks (ErrTracked), and
// makes sure first that git ignores it, so that the key never stands there
// unignored. After an error there is no key, and at most a new line in .gitignore.
func Put(ctx context.Context, path string, key crypto.Key) (Generated, error) {
	g := Generated{Path: path}
	fail := func(err error) (Generated, error) {
		return Generated{}, fmt.Errorf("generate %q: %w", path, err)
	}
	if _, err := os.Lstat(path); err == nil {
		return fail(fs.ErrExist)
	}
	var err error
	if g.Ignored, g.Notices, err = KeepOutOfGit(ctx, path); err != nil {
		return fail(err)
	}
	if err := outfile.WriteNewFile(path, key.Encode(), outfile.Private); err != nil {
		return Generated{}, err
	}
	g.Fingerprint = key.Fingerprint()
	return g, nil
}

// KeepOutOfGit sees to it that git neither tracks what stands at path, or will
// stand there (ErrTracked), nor will add it. It gives the .gitignore that got a
// line for that, "" if none was needed, and notices for people. Outside of a work
// tree there is nothing to do.
func KeepOutOfGit(ctx context.Context, path string) (ignored string, notices []string, err error) {
	folder, name := filepath.Split(path)
	dir, top, err := worktree.Top(folder)
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return "", nil, fmt.Errorf("folder %q: %w", folder, e.Err)
	}
	if err != nil || top == "" {
		return "", nil, err
	}
	tracked, noAnswer := worktree.Tracks(ctx, path)
	if tracked {
		return "", nil, ErrTracked
	}
	isIgnored := false
	if noAnswer == nil {
		isIgnored, noAnswer = worktree.Ignores(ctx, path)
	}
	switch {
	case ctx.Err() != nil:
		return "", nil, ctx.Err()
	case isIgnored:
		return "", nil, nil
	case noAnswer != nil:
		notices = append(notices, fmt.Sprintf("git could not be asked whether it tracks or ignores %q: %v", name, noAnswer))
	}
	file := filepath.Join(dir, ".gitignore")
	changed, inPlace, err := ignore(file, name)
	if err != nil {
		return "", nil, err
	}
	if changed {
		ignored = filepath.Join(filepath.Dir(path), ".gitignore")
	}
	if inPlace {
		notices = append(notices, fmt.Sprintf("%q had to be written in place", ignored))
	}
	if noAnswer != nil {
		return ignored, notices, nil
	}
	isIgnored, err = worktree.Ignores(ctx, path)
	if err == nil && !isIgnored {
		err = fmt.Errorf("git does not ignore it, in spite of %q", file)
	}
	return ignored, notices, err
}

// ignore adds a line for name to a .gitignore file, unless one is there.
func ignore(file, name string) (changed, inPlace bool, err error) {
	pattern, err := ignorePattern(name)
	if err != nil {
		return false, false, err
	}
	if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
		// Since 2.32 git follows no link here, and a line there would be for nothing.
		return false, false, fmt.Errorf("%q is not a plain file, so git does not read it; add %q to .git/info/exclude", file, pattern)
	}
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, false, err
	}
	if bytes.HasPrefix(old, []byte("\xff\xfe")) || bytes.HasPrefix(old, []byte("\xfe\xff")) {
		return false, false, fmt.Errorf("%q is in UTF-16, which git does not read", file)
	}
	if ignores(old, pattern) {
		return false, false, nil
	}
	lineEnd := "\n"
	if line, _, _ := bytes.Cut(old, []byte("\n")); bytes.HasSuffix(line, []byte("\r")) {
		lineEnd = "\r\n"
	}
	content := old
	if len(old) > 0 && !bytes.HasSuffix(old, []byte("\n")) {
		content = append(content, lineEnd...)
	}
	content = append(content, pattern+lineEnd...)
	inPlace, err = outfile.WriteFile(file, content, outfile.Shared)
	return err == nil, inPlace, err
}

// ignores reports whether the lines hold pattern, anchored or not, and take
// nothing back after it. It is a plain look: only git knows for certain.
func ignores(lines []byte, pattern string) bool {
	found := false
	for line := range bytes.Lines(lines) {
		line := strings.TrimRight(string(line), "\r\n")
		switch {
		case line == pattern, "/"+line == pattern:
			found = true
		case strings.HasPrefix(line, "!"):
			found = false
		}
	}
	return found
}

// ignorePattern gives the line of a .gitignore file that means name in its own
// folder and nothing else (gitignore(5), "Pattern format"). The slash in front
// anchors it, and also takes the meaning from a leading "#" or "!".
func ignorePattern(name string) (string, error) {
	if strings.ContainsAny(name, "\r\n") {
		return "", errors.New("a name with a line end cannot be put into .gitignore")
	}
	var b strings.Builder
	b.WriteByte('/')
	for i := range len(name) {
		if strings.IndexByte(`\*?[ `, name[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(name[i])
	}
	return b.String(), nil
}
