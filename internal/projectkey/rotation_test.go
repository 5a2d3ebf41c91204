package projectkey

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/rotate/journal"
)

// TestRotation: while a change of the key is not finished, both keys are found,
// wherever either stands.
func TestRotation(t *testing.T) {
	old, new, other := crypto.GenerateKey(), crypto.GenerateKey(), crypto.GenerateKey()
	for _, c := range []struct {
		name          string
		files         map[string]crypto.Key
		journal       func(j *journal.Journal)
		env           crypto.Key // of JET_KEY
		both, noticed bool
	}{
		{"no journal", map[string]crypto.Key{"codeship.aes": old}, nil, crypto.Key{}, false, false},
		{"the old key in its place", map[string]crypto.Key{"codeship.aes": old, "codeship.aes.new": new}, func(*journal.Journal) {}, crypto.Key{}, true, true},
		{"the new one there", map[string]crypto.Key{"codeship.aes": new, "codeship.aes.old": old}, func(*journal.Journal) {}, crypto.Key{}, true, true},
		{"the old one from the environment", map[string]crypto.Key{"codeship.aes.new": new}, func(j *journal.Journal) { j.Old.Path, j.Old.Later = "", "" }, old, true, true},
		{"the new one lost", map[string]crypto.Key{"codeship.aes": old}, func(*journal.Journal) {}, crypto.Key{}, false, true},
		{"the old one lost", map[string]crypto.Key{"codeship.aes": new}, func(*journal.Journal) {}, crypto.Key{}, false, true},
		{"another key", map[string]crypto.Key{"codeship.aes": other, "codeship.aes.new": new, "codeship.aes.old": old}, func(*journal.Journal) {}, crypto.Key{}, false, false},
		{"a damaged journal", map[string]crypto.Key{"codeship.aes": old}, func(j *journal.Journal) { j.ID = "" }, crypto.Key{}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, ".git"), 0o755); err != nil {
				t.Fatal(err)
			}
			for name, key := range c.files {
				if err := os.WriteFile(filepath.Join(dir, name), key.Encode(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if c.journal != nil {
				place, err := journal.PlaceOf(dir, "")
				if err != nil {
					t.Fatal(err)
				}
				j := journal.New(place)
				j.ID = "A"
				j.Old = journal.Key{Fingerprint: old.Fingerprint(), Path: "codeship.aes", Later: "codeship.aes.old"}
				j.New = journal.Key{Fingerprint: new.Fingerprint(), Path: "codeship.aes.new"}
				c.journal(j)
				if err := j.Save(); err != nil {
					t.Fatal(err)
				}
			}
			lookup := Lookup{Dir: dir, LookupEnv: func(name string) (string, bool) {
				if name == "JET_KEY" && !c.env.Equal(crypto.Key{}) {
					return string(c.env.Encode()), true
				}
				return "", false
			}}
			found, err := lookup.Find(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if (found.Rotation != nil) != c.both || (len(found.Warnings) > 0) != c.noticed {
				t.Fatalf("got %+v", found)
			}
			for key, wants := range map[*crypto.Key]bool{&old: c.both, &new: c.both, &other: false} {
				for _, format := range []crypto.Format{crypto.JetV1, crypto.CodeshipV2, crypto.Unsigned} {
					var b bytes.Buffer
					if err := crypto.Encrypt(&b, strings.NewReader("NAME=some text"), *key, format); err != nil {
						t.Fatal(err)
					}
					if got := found.For(b.Bytes()); wants && !got.Equal(*key) || !wants && !got.Equal(found.Key) {
						t.Errorf("%v: another key is taken", format)
					}
				}
			}
		})
	}
}
