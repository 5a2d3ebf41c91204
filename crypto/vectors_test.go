package crypto_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/dockercfg/jet/crypto"
)

// vectorFiles lists the files of testdata/vectors with the least number of valid
// and invalid cases in each; SOURCES.md there says where they come from.
var vectorFiles = []struct {
	name           string
	format         crypto.Format
	valid, invalid int
}{
	{"published.json", crypto.Unsigned, 1, 0},
	{"unsigned.json", crypto.Unsigned, 11, 3},
	{"codeship-v2.json", crypto.CodeshipV2, 10, 8},
	{"cloudbees-v1.json", crypto.CloudBeesV1, 10, 8},
	{"jet-v1.json", crypto.JetV1, 8, 10},
}

type vector struct {
	Name   string  `json:"name"`
	Key    string  `json:"key"`
	Size   int     `json:"size"`
	SHA256 string  `json:"sha256"`
	Error  *string `json:"error"`
	File   string  `json:"file"`
}

// vectorErrors are the names that the vectors have for the errors.
var vectorErrors = map[string]error{
	"wrong key":     crypto.ErrWrongKey,
	"damaged":       crypto.ErrDamaged,
	"header lost":   crypto.ErrHeaderLost,
	"variant":       crypto.ErrVariant,
	"not encrypted": crypto.ErrNotEncrypted,
}

func loadVectors(t testing.TB, name string, wantValid, wantInvalid int) []vector {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "testdata", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var file struct {
		Format string   `json:"format"`
		Seed   int      `json:"seed"`
		Cases  []vector `json:"cases"`
	}
	decoder := json.NewDecoder(f)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	valid, invalid := 0, 0
	for _, v := range file.Cases {
		if v.Error == nil {
			valid++
		} else if invalid++; vectorErrors[*v.Error] == nil {
			t.Fatalf("%s: %s: error %q is not known", name, v.Name, *v.Error)
		}
	}
	if valid < wantValid || invalid < wantInvalid {
		t.Fatalf("%s: %d valid and %d invalid cases, want at least %d and %d", name, valid, invalid, wantValid, wantInvalid)
	}
	return file.Cases
}

func parseKey(t testing.TB, text string) crypto.Key {
	t.Helper()
	key, err := crypto.ParseKey([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// outputs are the two ways to write: checked first, or hidden until it is checked.
var outputs = []struct {
	name    string
	options []crypto.Option
}{
	{"checked", nil},
	{"hidden", []crypto.Option{crypto.WithHiddenOutput()}},
}

func TestVectors(t *testing.T) {
	for _, file := range vectorFiles {
		for _, v := range loadVectors(t, file.name, file.valid, file.invalid) {
			for _, output := range outputs {
				t.Run(file.name+"/"+v.Name+"/"+output.name, func(t *testing.T) {
					var plain bytes.Buffer
					format, err := crypto.Decrypt(&plain, bytes.NewReader([]byte(v.File)), parseKey(t, v.Key), output.options...)
					if v.Error != nil {
						if want := vectorErrors[*v.Error]; !errors.Is(err, want) {
							t.Errorf("got error %v, want %v", err, want)
						}
						if plain.Len() > 0 && output.options == nil {
							t.Errorf("%d bytes released with the error", plain.Len())
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					if format != file.format {
						t.Errorf("got format %v, want %v", format, file.format)
					}
					sum := sha256.Sum256(plain.Bytes())
					if plain.Len() != v.Size || hex.EncodeToString(sum[:]) != v.SHA256 {
						t.Errorf("another plaintext, of %d bytes, want %d", plain.Len(), v.Size)
					}
				})
			}
		}
	}
}

// independent runs testdata/vectors/make_vectors.py, or skips where it cannot run.
func independent(t *testing.T, command string, cases any) []string {
	t.Helper()
	const python = "/usr/bin/python3" // Debian's, which has its packages
	if err := exec.Command(python, "-c", "import cryptography").Run(); err != nil {
		t.Skipf("needs %s with the package cryptography (Debian: python3-cryptography): %v", python, err)
	}
	input, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join("..", "testdata", "vectors", "make_vectors.py"), command)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Stderr = os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("make_vectors.py %s: %v", command, err)
	}
	var texts []string
	if err := json.Unmarshal(answer, &texts); err != nil {
		t.Fatal(err)
	}
	return texts
}

// TestIndependent makes fresh cases each time and has the second implementation
// read what this one writes, and the other way about.
func TestIndependent(t *testing.T) {
	random := newRandom(t)
	type independentCase struct {
		Format    string `json:"format"`
		Key       string `json:"key"`
		Plaintext string `json:"plaintext"`
		File      string `json:"file"`
		format    crypto.Format
		key       crypto.Key
		plain     []byte
	}
	var cases []independentCase
	for _, format := range []crypto.Format{crypto.Unsigned, crypto.CodeshipV2, crypto.JetV1} {
		for _, size := range []int{0, 1, 33, 16<<10 - 1, 16 << 10, 16<<10 + 1, 300 << 10} {
			raw, plain := random.bytes(crypto.KeySize), random.bytes(size)
			c := independentCase{Format: format.String(), Key: base64.StdEncoding.EncodeToString(raw), format: format, plain: plain}
			c.key = parseKey(t, c.Key)
			var file bytes.Buffer
			if err := crypto.Encrypt(&file, bytes.NewReader(plain), c.key, format); err != nil {
				t.Fatal(err)
			}
			c.File = file.String()
			c.Plaintext = base64.StdEncoding.EncodeToString(plain)
			cases = append(cases, c)
		}
	}
	for i, got := range independent(t, "read", cases) {
		if got != cases[i].Plaintext {
			t.Errorf("%v, %d bytes: the other implementation reads another plaintext", cases[i].format, len(cases[i].plain))
		}
	}
	for i, file := range independent(t, "write", cases) {
		var plain bytes.Buffer
		format, err := crypto.Decrypt(&plain, bytes.NewReader([]byte(file)), cases[i].key)
		if err != nil || format != cases[i].format || !bytes.Equal(plain.Bytes(), cases[i].plain) {
			t.Errorf("%v, %d bytes: what the other implementation writes gives format %v, %d bytes, %v",
				cases[i].format, len(cases[i].plain), format, plain.Len(), err)
		}
	}
}
