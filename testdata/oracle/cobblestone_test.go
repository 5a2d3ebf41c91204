package oracle

import (
	"bytes"
	"compress/zlib"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dockercfg/jet/crypto/internal/sealed"
)

// wantVectors is how many vectors there were when this was written. Fewer means
// that the loader skips some.
const wantVectors = 35

// vector is one case of testvectors_v1/c2sp_chunked_encryption_aes_256_gcm_test.json
// in github.com/c2sp/wycheproof; doc/c2sp_chunked_encryption.md there says how to
// apply it.
type vector struct {
	ID         int      `json:"tcId"`
	Comment    string   `json:"comment"`
	Key        hexBytes `json:"key"`
	Context    hexBytes `json:"ctx"`
	Ciphertext zlibHex  `json:"ct"`
	AEADKey    hexBytes `json:"aeadKey"`
	BaseNonce  hexBytes `json:"baseNonce"`
	Length     int64    `json:"msgLength"`
	SHA512     hexBytes `json:"msgSha512"`
	Result     string   `json:"result"`
	Flags      []string `json:"flags"`
}

func (v vector) flagged(name string) bool { return slices.Contains(v.Flags, name) }

// knownFlags are the flags that the tests below know how to read. An unknown one
// may ask for a check that is not made, so it is an error.
var knownFlags = []string{
	"ChunkReordering", "CounterRollover", "HeaderFailure", "InvalidKeySize",
	"ModifiedCiphertext", "PartialPlaintext", "TrailingData", "Truncation",
	"ValidFinalChunk", "WrongContext", "WrongKey",
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// zlibHex is zlib-compressed, then hexadecimal.
type zlibHex []byte

func (z *zlibHex) UnmarshalText(text []byte) error {
	var packed hexBytes
	if err := packed.UnmarshalText(text); err != nil {
		return err
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	*z, err = io.ReadAll(r)
	return err
}

func loadVectors(t *testing.T) []vector {
	t.Helper()
	const name = "c2sp_chunked_encryption_aes_256_gcm_test.json"
	data, err := os.ReadFile(filepath.Join(moduleDir(t, "github.com/c2sp/wycheproof"), "testvectors_v1", name))
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := parseVectors(data)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return vectors
}

func parseVectors(data []byte) ([]vector, error) {
	var file struct {
		Algorithm string          `json:"algorithm"`
		Header    json.RawMessage `json:"header"`
		Notes     map[string]json.RawMessage
		Count     int    `json:"numberOfTests"`
		Schema    string `json:"schema"`
		Groups    []struct {
			Type   string          `json:"type"`
			AEAD   string          `json:"aead"`
			SHA    string          `json:"sha"`
			Source json.RawMessage `json:"source"`
			Tests  []vector        `json:"tests"`
		} `json:"testGroups"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, err
	}
	if file.Algorithm != "Cobblestone-256" {
		return nil, fmt.Errorf("algorithm %q, want Cobblestone-256", file.Algorithm)
	}
	for flag := range file.Notes {
		if !slices.Contains(knownFlags, flag) {
			return nil, fmt.Errorf("flag %q is not known", flag)
		}
	}
	var vectors []vector
	for _, g := range file.Groups {
		if g.Type != "ChunkedEncryption" || g.AEAD != "AEAD_AES_256_GCM" || g.SHA != "SHA-512" {
			return nil, fmt.Errorf("group of type %q, %q, %q is not known", g.Type, g.AEAD, g.SHA)
		}
		vectors = append(vectors, g.Tests...)
	}
	if len(vectors) < wantVectors || len(vectors) != file.Count {
		return nil, fmt.Errorf("%d vectors of %d, want at least %d", len(vectors), file.Count, wantVectors)
	}
	for _, v := range vectors {
		if v.Result != "valid" && v.Result != "invalid" {
			return nil, fmt.Errorf("vector %d: result %q is not known", v.ID, v.Result)
		}
		for _, flag := range v.Flags {
			if !slices.Contains(knownFlags, flag) {
				return nil, fmt.Errorf("vector %d: flag %q is not known", v.ID, flag)
			}
		}
		if (v.Result == "valid" || v.flagged("PartialPlaintext")) && len(v.SHA512) != sha512.Size {
			return nil, fmt.Errorf("vector %d: no hash of the message", v.ID)
		}
	}
	return vectors, nil
}

// moduleDir gives the folder of a module that go.mod requires, and downloads it
// if need be.
func moduleDir(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("go", "mod", "download", "-json", path).Output()
	var module struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &module); err != nil || jsonErr != nil || module.Error != "" {
		missing(t, "%s cannot be downloaded: %v %s", path, err, module.Error)
	}
	return module.Dir
}

// pieces are the sizes in which a message is handed over, in bytes: a size that
// fits nothing, a sealed chunk (so that a reader that forgot an error meets a
// chunk it can open), and more than any message.
var pieces = []int{1009, 16<<10 + 16, 8 << 20}

// open gives the plaintext that an Opener releases, and its first error. It goes
// on after an error, as the rule for partial plaintext asks, up to Close.
func open(t *testing.T, v vector, head, piece int) ([]byte, error) {
	t.Helper()
	var plain bytes.Buffer
	o := sealed.NewOpener(&plain, v.Key, string(v.Context))
	rest := []byte(v.Ciphertext)
	var first error
	size := min(head, len(rest))
	forgot := ""
	for len(rest) > 0 {
		// A copy: the Opener may not count on the piece after Write.
		p := bytes.Clone(rest[:size])
		_, err := o.Write(p)
		if first != nil && err == nil {
			forgot = "Write"
		}
		if first == nil {
			first = err
		}
		clear(p)
		rest = rest[size:]
		size = min(piece, len(rest))
	}
	for range 2 {
		if first == nil {
			first = o.Close()
			if first == nil {
				break
			}
		}
		if o.Close() == nil {
			forgot = "Close"
		}
	}
	if forgot != "" {
		t.Errorf("pieces of %d: %s forgot the error %v", piece, forgot, first)
	}
	return plain.Bytes(), first
}

func TestCobblestone(t *testing.T) {
	const header = 24 + 32
	for _, v := range loadVectors(t) {
		t.Run(fmt.Sprintf("%d %s", v.ID, v.Comment), func(t *testing.T) {
			for _, piece := range pieces {
				plain, err := open(t, v, header, piece)
				sum := sha512.Sum512(plain)
				switch {
				case v.Result == "valid":
					if err != nil {
						t.Fatalf("pieces of %d: %v", piece, err)
					}
					if int64(len(plain)) != v.Length || !bytes.Equal(sum[:], v.SHA512) {
						t.Fatalf("pieces of %d: another message, of %d bytes, want %d", piece, len(plain), v.Length)
					}
				case err == nil:
					t.Fatalf("pieces of %d: no error", piece)
				case v.flagged("PartialPlaintext"):
					// Every chunk before the fault is authentic, and we release them all.
					if int64(len(plain)) != v.Length || !bytes.Equal(sum[:], v.SHA512) {
						t.Fatalf("pieces of %d: %d bytes released that are not the valid prefix of %d", piece, len(plain), v.Length)
					}
				case len(plain) > 0:
					t.Fatalf("pieces of %d: %d bytes released, want none", piece, len(plain))
				}
				checkDiagnosis(t, v, err)
			}
		})
	}
}

// checkDiagnosis holds an error against the flags.
func checkDiagnosis(t *testing.T, v vector, err error) {
	t.Helper()
	var chunk *sealed.ChunkError
	switch {
	case v.Result == "valid":
	case v.flagged("WrongKey"), v.flagged("WrongContext"), v.flagged("HeaderFailure") && v.flagged("ModifiedCiphertext"):
		if !errors.Is(err, sealed.ErrCommitment) {
			t.Errorf("got %v, want ErrCommitment", err)
		}
	case v.flagged("HeaderFailure") && v.flagged("Truncation"):
		if !errors.Is(err, sealed.ErrTruncated) {
			t.Errorf("got %v, want ErrTruncated", err)
		}
	case v.flagged("ModifiedCiphertext"), v.flagged("ChunkReordering"):
		if !errors.As(err, &chunk) {
			t.Errorf("got %v, want a ChunkError", err)
		}
	}
}

// The salt can be chosen, so encryption must give every valid vector again.
func TestCobblestoneEncrypt(t *testing.T) {
	valid := 0
	for _, v := range loadVectors(t) {
		if v.Result != "valid" {
			continue
		}
		valid++
		plain, err := open(t, v, len(v.Ciphertext), len(v.Ciphertext))
		if err != nil {
			t.Fatalf("vector %d: %v", v.ID, err)
		}
		s, err := sealed.NewSealer(bytes.NewReader(plain), v.Key, v.Ciphertext[:sealed.SaltSize], string(v.Context))
		if err != nil {
			t.Fatalf("vector %d: %v", v.ID, err)
		}
		got, err := io.ReadAll(s)
		if err != nil || !bytes.Equal(got, v.Ciphertext) {
			t.Errorf("vector %d: another ciphertext, of %d bytes, want %d; %v", v.ID, len(got), len(v.Ciphertext), err)
		}
	}
	if valid < 10 {
		t.Errorf("%d valid vectors, want at least 10", valid)
	}
}

// The loader must not let a vector it does not understand pass.
func TestParseVectorsStrict(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(moduleDir(t, "github.com/c2sp/wycheproof"),
		"testvectors_v1", "c2sp_chunked_encryption_aes_256_gcm_test.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, old, new string }{
		{"unknown key", `"comment"`, `"remark"`},
		{"unknown flag", `"Truncation"`, `"Stretching"`},
		{"unknown result", `"valid"`, `"acceptable"`},
		{"other algorithm", `"Cobblestone-256"`, `"Cobblestone-128"`},
		{"other count", `"numberOfTests" : 35`, `"numberOfTests" : 36`},
		{"no hash", `"msgSha512" : "`, `"msgSha512" : "", "ctx" : "`},
	} {
		changed := bytes.Replace(data, []byte(test.old), []byte(test.new), 1)
		if bytes.Equal(changed, data) {
			changed = bytes.Replace(data, bytes.ReplaceAll([]byte(test.old), []byte(" :"), []byte(":")), []byte(test.new), 1)
		}
		if bytes.Equal(changed, data) {
			t.Errorf("%s: %q is not in the file", test.name, test.old)
		}
		if _, err := parseVectors(changed); err == nil {
			t.Errorf("%s: accepted", test.name)
		}
	}
}
