package crypto_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/dockercfg/jet/crypto"
)

// goodKey is 32 bytes, 0 to 31.
const goodKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func TestParseKey(t *testing.T) {
	want := parseKey(t, goodKey)
	for _, text := range []string{goodKey + "\n", goodKey + "\r\n", "\ufeff" + goodKey, "\ufeff" + goodKey + "\r\n"} {
		if got := parseKey(t, text); !got.Equal(want) {
			t.Errorf("%q is another key", text)
		}
	}
	for name, test := range map[string]struct{ text, want string }{
		"empty":             {"", "empty"},
		"newline":           {"\n", "empty"},
		"31 bytes":          {base64.StdEncoding.EncodeToString(make([]byte, 31)), "decodes to 31 bytes"},
		"33 bytes":          {base64.StdEncoding.EncodeToString(make([]byte, 33)), "decodes to 33 bytes"},
		"64 bytes":          {base64.StdEncoding.EncodeToString(make([]byte, 64)), "decodes to 64 bytes"},
		"16 bytes":          {base64.StdEncoding.EncodeToString(make([]byte, 16)), "decodes to 16 bytes"},
		"no padding":        {strings.TrimRight(goodKey, "="), "not base64"},
		"URL-safe":          {base64.URLEncoding.EncodeToString([]byte(strings.Repeat("\xff", 32))), "not base64"},
		"trailing bits":     {goodKey[:42] + "9=", "not base64"},
		"hexadecimal":       {strings.Repeat("0f", 32), "decodes to 48 bytes"},
		"raw bytes":         {strings.Repeat("\x80", 32), "not base64"},
		"blank in front":    {" " + goodKey, "not base64"},
		"blank behind":      {goodKey + " ", "not base64"},
		"two line ends":     {goodKey + "\n\n", "more than one line"},
		"two keys":          {goodKey + "\n" + goodKey + "\n", "more than one line"},
		"wrapped":           {goodKey[:20] + "\n" + goodKey[20:], "more than one line"},
		"quoted":            {`"` + goodKey + `"`, "not base64"},
		"half a key":        {goodKey[:22], "not base64"},
		"an encrypted file": {"codeship:v2\nAAAA", "more than one line"},
		"far too long":      {strings.Repeat("A", 5000), "over 4096 bytes"},
	} {
		_, err := crypto.ParseKey([]byte(test.text))
		switch {
		case !errors.Is(err, crypto.ErrKey):
			t.Errorf("%s: got %v, want ErrKey", name, err)
		case !strings.Contains(err.Error(), test.want):
			t.Errorf("%s: got %q, want it to say %q", name, err, test.want)
		case len(test.text) > 20 && strings.Contains(err.Error(), test.text[:20]):
			t.Errorf("%s: the error quotes the text", name)
		}
	}
}

func TestGenerateKey(t *testing.T) {
	a, b := crypto.GenerateKey(), crypto.GenerateKey()
	if a.Equal(b) || a.Equal(crypto.Key{}) || !a.Equal(a) || !(crypto.Key{}).Equal(crypto.Key{}) {
		t.Error("Equal does not tell keys apart")
	}
	text := a.Encode()
	if len(text) != 45 || text[44] != '\n' {
		t.Errorf("a key file has %d bytes, want 45 with a newline", len(text))
	}
	if !parseKey(t, string(text)).Equal(a) {
		t.Error("a key does not survive Encode and ParseKey")
	}
}

func TestFingerprint(t *testing.T) {
	// printf '%s' 'github.com/dockercfg/jet project key fingerprint' >f; printf '\0' >>f
	// base64 -d key >>f; openssl dgst -sha256 -binary f | base64
	const want = "SHA256:4jgmdajQjHpTXpAu7FeQZNHSNPt4rhNQ8zvCpCVpMKQ"
	if got := parseKey(t, goodKey).Fingerprint(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if crypto.GenerateKey().Fingerprint() == want {
		t.Error("every key has the same fingerprint")
	}
}

func TestKeyIsNeverPrinted(t *testing.T) {
	key := parseKey(t, goodKey)
	type holder struct {
		Key     crypto.Key
		Pointer *crypto.Key
		hidden  crypto.Key
	}
	h := holder{key, &key, key}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key, "holder", h)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", key, "holder", h)
	asJSON, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out := log.String() + string(asJSON)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%o", "%T"} {
		out += fmt.Sprintf(verb+" "+verb+" "+verb+"\n", key, &key, key.String())
		out += fmt.Sprintf(verb+" "+verb+"\n", []any{key}, h)
	}
	for _, canary := range []string{goodKey, "AAECAwQF", "000102030405", "0 1 2 3 4 5", "0x1, 0x2", "\x00\x01\x02\x03"} {
		if strings.Contains(out, canary) {
			t.Errorf("the key can be seen as %q in:\n%s", canary, out)
		}
	}
}

// TestDerive has a value that Python's hmac module gives: the first 32 bytes of
// HMAC-SHA-512 of the label, the purpose and 0x01.
func TestDerive(t *testing.T) {
	key := parseKey(t, goodKey)
	derived, err := key.Derive("masked values")
	const want = "f39b229a98f2669866735c31c5236482fe3c8edb537dbdf1af3e7af60b3d7ab3"
	if got := fmt.Sprintf("%x", derived); got != want || err != nil {
		t.Errorf("got %s and %v, want %s", got, err, want)
	}
	if other, _ := key.Derive("masked value"); bytes.Equal(other, derived) {
		t.Error("two purposes give the same")
	}
	if _, err := (crypto.Key{}).Derive("masked values"); err == nil {
		t.Error("the zero key derives something")
	}
}

func TestIsFingerprint(t *testing.T) {
	right := crypto.GenerateKey().Fingerprint()
	if !crypto.IsFingerprint(right) {
		t.Errorf("%q is one", right)
	}
	for _, wrong := range []string{"", "SHA256:", right[7:], right[:49], right + "=", right + "\n", "sha256:" + right[7:], right[:49] + "B"} {
		if crypto.IsFingerprint(wrong) {
			t.Errorf("%q is none", wrong)
		}
	}
}
