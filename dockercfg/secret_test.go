package dockercfg_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/dockercfg/jet/dockercfg"
)

const canary = "canary-Zq8vXw2L"

// hidden fails if text holds the canary, plain, in hex (%x) or in base64.
func hidden(t *testing.T, how, text string) {
	t.Helper()
	for _, form := range []string{
		canary,
		hex.EncodeToString([]byte(canary)),
		base64.StdEncoding.EncodeToString([]byte(canary)),
		strings.Trim(fmt.Sprint([]byte(canary)), "[]"),
	} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(form)) {
			t.Errorf("%s shows the secret: %s", how, text)
		}
	}
}

func TestSecretIsRedacted(t *testing.T) {
	type inside struct {
		Exported   dockercfg.Secret
		unexported dockercfg.Secret
		pointer    *dockercfg.Secret
	}
	s := dockercfg.NewSecret(canary)
	entry := dockercfg.Entry{Registry: "quay.io", Username: "bob", Password: s}
	file, err := dockercfg.New(entry)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"value":     s,
		"pointer":   &s,
		"struct":    inside{s, s, &s},
		"slice":     []dockercfg.Secret{s},
		"map key":   map[dockercfg.Secret]int{s: 1},
		"interface": any([]any{s}),
		"entry":     entry,
		"*entry":    &entry,
		"file":      *file,
		"*file":     file,
	}
	for name, value := range values {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, flags := range []string{"", "+", "#", "-20.40", " ", "0"} {
				format := "%" + flags + string(verb)
				hidden(t, name+" under "+format, fmt.Sprintf(format, value))
			}
		}
		hidden(t, name+" in Println", fmt.Sprintln(value))
		hidden(t, name+" in an error", fmt.Errorf("entry %v", value).Error())
		if name != "map key" {
			text, err := json.Marshal(value)
			if err != nil {
				t.Errorf("%s in JSON: %v", name, err)
			}
			hidden(t, name+" in JSON", string(text))
		}
		text, _ := xml.Marshal(value)
		hidden(t, name+" in XML", string(text))
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("entry", "value", value)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("entry", "value", value)
		hidden(t, name+" in slog", log.String())
	}
	for _, text := range []string{s.String(), fmt.Sprint(s), fmt.Sprintf("%#v", s), fmt.Sprintf("%x", s)} {
		if text != "[redacted]" {
			t.Errorf("got %q, want [redacted]", text)
		}
	}
	if v := slog.AnyValue(s).Resolve(); v.Kind() != slog.KindString || v.String() != "[redacted]" {
		t.Errorf("slog: got %v of kind %v", v, v.Kind())
	}
	if text, err := json.Marshal(s); err != nil || string(text) != `"[redacted]"` {
		t.Errorf("JSON: got %s, %v", text, err)
	}
}

func TestSecretReveal(t *testing.T) {
	for _, text := range []string{"", " ", canary, "\x00\xff", strings.Repeat("x", 10<<10)} {
		if got := dockercfg.NewSecret(text).Reveal(); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	if got := (dockercfg.Secret{}).Reveal(); got != "" {
		t.Errorf("zero Secret: got %q", got)
	}
	if dockercfg.NewSecret("a") != dockercfg.NewSecret(strings.Clone("a")) ||
		dockercfg.NewSecret("a") == dockercfg.NewSecret("b") ||
		dockercfg.NewSecret("") != (dockercfg.Secret{}) {
		t.Error("Secrets are not equal exactly when their texts are")
	}
}
