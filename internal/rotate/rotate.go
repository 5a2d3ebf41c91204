// Package rotate changes the key of a whole project: every encrypted file, and the
// encrypted values in services files, all or nothing.
//
// First all is decrypted with the old key (NewPlan), and nothing on disk changes.
// Then Run writes every new file beside the old one, encrypted; reads it back with
// the new key and compares; looks whether an old file changed meanwhile; and only
// then renames all of them into place, after which the key files change places.
//
// A journal on disk (package journal) says what is under way. A process that is
// killed before the first rename leaves old files and something to tidy up; after
// it, old files, new files, and new files that wait. Resume goes on from there.
// There is no moment at which neither key opens a file, and no plaintext on disk.
package rotate

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/content"
)

// A Key is one of the two keys.
type Key struct {
	crypto.Key
	Path      string // the file that holds it, absolute and without symbolic links; "" if it comes from elsewhere
	Generated bool   // it was made for this rotation
	Shared    bool   // the file is one of age
}

// Shared is the key as it is shared, in files for other people, which get the new
// key for the same people.
type Shared struct {
	Path     string // the file of age
	ListPath string // the list of its recipients; "" for none
	// Seal gives the new content of both, nil for a list that is not there.
	Seal func(ctx context.Context, key crypto.Key) (file, list []byte, err error)
}

// Request says what is to have a new key. Paths are from Root, in the form of the system.
type Request struct {
	Root     string   // the folder of the project, absolute and without symbolic links
	Paths    []string // the files and folders that are rotated; nil for all
	Exclude  []string // files and folders that are left alone
	Unsigned []string // files of the format unsigned that the old key opens, though nothing shows it
	Old, New Key
	Shared   *Shared       // nil for none
	Format   crypto.Format // to write; 0: each file keeps its own, or gets the oldest one with a check
	Require  crypto.Format // refuse weaker formats; 0: none
}

// A Plan is what a rotation does. Making it changes nothing.
type Plan struct {
	Request
	Files     []*File  // which get the new key
	Done      []string // which have it already
	Remaining []Left   // which the old key opens, and will open after it
	Foreign   []string // which neither key opens, in folders where another key is found first
	Doubtful  []string // base64 without a header that opens to no text, so probably something else
	Nested    []string // repositories within, which were not looked into
	Leftovers []string // staged files of a rotation that nobody knows of any more

	shared   []*File  // those of Request.Shared
	mixed    bool     // there are files that have the new key already
	proofKey [32]byte // of File.proof; random
}

// A File is one that gets the new key. It holds no plaintext.
type File struct {
	Path     string        // from Root
	From, To crypto.Format // 0 for values of a services file, which keep theirs
	Values   int           // how many values of a services file get the new key; 0 for an encrypted file
	Kind     content.Kind  // of the plaintext
	Names    []string      // of the secrets in it
	Hidden   int           // how many more there are, whose names may be pieces of secrets

	sum     digest // of the file as it was read
	proof   digest // of the plaintext
	content []byte // what a file of Shared is to hold; nil for others
	shared  bool   // it is one of Shared
}

// Left is a file that still needs the old key.
type Left struct {
	Path   string // from Root, or absolute
	Reason Reason
}

// Reason is why a file is not rotated.
type Reason string

const (
	NotNamed Reason = "not among the files to rotate"
	Excluded Reason = "excluded"
	Outside  Reason = "a link to a file outside of the project"
)

// A Problem is a file that stops the rotation.
type Problem struct {
	Path string // from Root
	Line int    // of a value in a services file; 0 for others
	Err  error
}

func (p Problem) Error() string {
	if p.Line > 0 {
		return fmt.Sprintf("%q, line %d: %v", p.Path, p.Line, p.Err)
	}
	return fmt.Sprintf("%q: %v", p.Path, p.Err)
}

func (p Problem) Unwrap() error { return p.Err }

// Problems are all that stop a rotation. Nothing was changed.
type Problems []Problem

func (p Problems) Error() string {
	var all []error
	for _, problem := range p {
		all = append(all, problem)
	}
	return errors.Join(all...).Error()
}

// Reasons of a Problem, beside those of crypto.
var (
	// ErrUncertain: an unsigned file, or value, that is no text under either key.
	ErrUncertain = errors.New("it is unsigned and opens to no text with either key, so nobody knows whether one of them is right")
	// ErrAmbiguous: a very short unsigned file, or value, that is text under both
	// keys, in a project that has files of both.
	ErrAmbiguous = errors.New("it is unsigned and opens to some text with both keys, so nobody knows which one is right")
	// ErrNotEncrypted: the user named it.
	ErrNotEncrypted = errors.New("there is nothing encrypted in it")
	// ErrNested: the user named it.
	ErrNested = errors.New("it is in a repository of its own, which has to be rotated by itself")
	// ErrChanged: somebody else wrote the file.
	ErrChanged = errors.New("it changed meanwhile")
	// ErrReadBack: what was written is not what was to be written.
	ErrReadBack = errors.New("what was written cannot be read back")
)

// digest is a SHA-256 or an HMAC with it.
type digest [sha256.Size]byte

func sumOf(h hash.Hash) (d digest) {
	h.Sum(d[:0])
	return d
}

// prove begins a proof of a plaintext, which tells nothing about it to who does
// not have the key of the proof.
func (p *Plan) prove() hash.Hash { return hmac.New(sha256.New, p.proofKey[:]) }

func newPlan(r Request) *Plan {
	p := &Plan{Request: r}
	rand.Read(p.proofKey[:])
	return p
}

// all gives every file that changes.
func (p *Plan) all() []*File { return slices.Concat(p.Files, p.shared) }

// target gives the format in which a file of another one is written.
func (r Request) target(from crypto.Format) crypto.Format {
	switch {
	case r.Format != 0:
		return r.Format
	case from == crypto.JetV1:
		return crypto.JetV1
	}
	return crypto.CodeshipV2 // the oldest with a check, which the original tool reads
}

// within reports whether path is one of the paths, or below one.
func within(path string, paths []string) bool {
	for _, p := range paths {
		if path == p || p == "." || strings.HasPrefix(path, p+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

func (r Request) selected(path string) bool { return r.Paths == nil || within(path, r.Paths) }

// full gives the path of a file as the system has it.
func (r Request) full(path string) string { return filepath.Join(r.Root, path) }
