package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/encryptedfile"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/privatedir"
	"github.com/dockercfg/jet/internal/trustedkey"
)

// A textFile is a file of text, encrypted or not, that is to be changed.
type textFile struct {
	name   string        // as the command line has it
	exists bool          // else there is no such file yet
	raw    []byte        // what the file holds
	text   []byte        // raw, decrypted
	format crypto.Format // that it is encrypted in, 0 for none
}

func (f *textFile) shown() string { return display(f.name, "stdin") }

// openText reads the file that the first argument of a command names, which need
// not exist. An empty file is as one that is not there.
func (r *reader) openText(c *cli.Context, kind string) (*textFile, error) {
	f := &textFile{name: c.Args().First()}
	if f.name == "-" {
		return nil, misuse("%s changes a file, and stdin is none", c.Command.HelpName).hint(usageOf(c.Command.HelpName, c.Command))
	}
	info, err := os.Stat(f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if dir := filepath.Dir(f.name); !exists(dir) {
			return nil, adviseOutput(fmt.Errorf("write %q: folder %q: %w", f.name, dir, cause(err)), f.name)
		}
		return f, nil
	case err == nil && info.IsDir():
		err = syscall.EISDIR
	case err == nil && !info.Mode().IsRegular():
		err = errors.New("it is not a file")
	}
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", f.name, cause(err))
	}
	f.exists = true
	if f.raw, err = r.program.readWhole(c.Context, f.name, kind); err != nil {
		return nil, err
	}
	format, err := encryptedfile.Detect(f.raw)
	switch {
	case err != nil:
		return nil, diagnose(err, f.name, r.key)
	case format == 0:
		f.text = f.raw
		return f, nil
	}
	f.text, f.format, err = r.decrypt(c.Context, f.name, f.raw)
	return f, err
}

// keyFor gives the key that may encrypt the file of that name.
func (r *reader) keyFor(ctx context.Context, name string) (trustedkey.Key, error) {
	found, err := r.findKey(ctx)
	if err == nil {
		err = guardKey(name, found)
	}
	if err != nil {
		return trustedkey.Key{}, err
	}
	return r.program.writingKey(ctx, found, name, r.trust)
}

// warnConflict tells of a file of which a merge of git has left our side alone.
func (p *program) warnConflict(ctx context.Context, f *textFile) {
	if inConflict(ctx, f.name) {
		p.warn("%s is in conflict, and this is our side alone", f.shown())
		p.hint("\"jet merge %s\" has both", shellWord(f.name))
	}
}

// replaceText writes another text into a file, if that is still as it was read.
func (r *reader) replaceText(ctx context.Context, f *textFile, text []byte, s *sealing) error {
	now, err := os.ReadFile(f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.exists:
		return fail("%s was removed meanwhile", f.shown())
	case err == nil && !f.exists:
		return fail("%s was made meanwhile, by somebody else", f.shown())
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read %q: %w", f.name, cause(err))
	case !bytes.Equal(now, f.raw):
		return fail("%s was changed meanwhile, by somebody else", f.shown())
	}
	return r.writeCredentials(ctx, f.name, text, s)
}

// keepWork puts a text that could not be written to its file into another place,
// encrypted with the project key. It says where, and what to type.
func (p *program) keepWork(f *textFile, text []byte, format crypto.Format, key trustedkey.Key) error {
	var sealed bytes.Buffer
	if err := key.Encrypt(&sealed, bytes.NewReader(text), format); err != nil {
		return err
	}
	name := filepath.Base(f.name)
	if encryptedfile.Named(name) {
		name = name[:len(name)-len(".encrypted")]
	}
	name += "." + strings.ToLower(rand.Text()[:8]) + ".encrypted"
	var problems []error
	for _, place := range keptPlaces() {
		path := filepath.Join(place, name)
		err := outfile.WriteNewFile(path, sealed.Bytes(), outfile.Private)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		p.note("what you edited is kept in %q, encrypted with the same key", path)
		if kept, name := shellWord(path), shellWord(f.name); exists(f.name) {
			p.hint("\"jet diff %s %s\" tells what is different, \"jet decrypt %s -\" shows it; \"cp %s %s\" puts it in place", name, kept, kept, kept, name)
		} else {
			p.hint("\"jet decrypt %s -\" shows it; \"cp %s %s\" puts it in place", kept, kept, name)
		}
		return nil
	}
	return errors.Join(problems...)
}

// keptPlaces are where work is kept that cannot be written to its file, the most
// lasting first. A disk that is full is rarely the only one: what is in memory on
// Linux is another.
func keptPlaces() []string {
	var all []string
	if cache, err := os.UserCacheDir(); err == nil {
		place := filepath.Join(cache, "jet")
		if os.MkdirAll(place, 0o700) == nil {
			all = append(all, place)
		}
	}
	places := privatedir.Places()
	return append(all, append(places[len(places)-1:], places[:len(places)-1]...)...)
}
