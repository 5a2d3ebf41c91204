package placeholder

import (
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for name, want := range map[string]string{
		"DB_PASSWORD": "db password", "dbPassword": "db password", "db.password-2": "db password 2", "APIKey": "apikey", "": "", "__": "", "é": "",
	} {
		if got := strings.Join(Words(name), " "); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestIs(t *testing.T) {
	for value, want := range map[string]bool{
		"": true, "***": true, "<password>": true, "changeme": true, "CHANGE_ME": true, "${PASSWORD}": true, "$DOCKER_PASSWORD": true,
		"{{ .Values.password }}": true, "YOUR_PASSWORD": true, "your-token-here": true, "xxxxxxxx": true, "12345678": true, "password": true,
		"%DOCKER_PASSWORD%": true, "[password]": true, "TODO": true,
		"hunter2": false, "secret123": false, "dckr_pat_7Yq2mWq0xk3nVbT1": false, "correct horse battery staple": false, "$ecret": false, "a<b>c": false,
		`{"type": "service_account"}`: false, "tr0ub4dor&3": false, "yourself": false, "x": true,
	} {
		if got := Is("", value); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}
