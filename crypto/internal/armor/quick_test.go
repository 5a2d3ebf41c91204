package armor

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"testing"
)

// The standard library is the oracle for the loops here.
func TestQuickIsBase64(t *testing.T) {
	strict := base64.StdEncoding.Strict()
	source := rand.NewChaCha8([32]byte{1})
	for _, n := range []int{0, 1, 2, 5, 6, 7, 8, 9, 47, 48, 49, 3071, 3072, 3073, 4096, 4097, 4098, 9999, 50000} {
		data := make([]byte, n)
		source.Read(data)
		text := base64.StdEncoding.AppendEncode(nil, data)
		for _, room := range []int{0, 1, 8, 9, n, 2 * n} {
			before := append(make([]byte, 0, 6+room), "before"...)
			if got := appendEncode(before, data, false); !bytes.Equal(got, append([]byte("before"), text...)) {
				t.Errorf("%d bytes are encoded to something else", n)
			}
			got := bytes.TrimPrefix(appendEncode(before, data, true), []byte("before"))
			if !bytes.Equal(bytes.ReplaceAll(got, []byte("\n"), nil), text) || len(got) != len(text)+(len(text)+63)/64 {
				t.Errorf("%d bytes are encoded to other lines", n)
			}
			for i := 64; i < len(got); i += 65 {
				if got[i] != '\n' {
					t.Fatalf("%d bytes: character %d is no line end", n, i)
				}
			}
		}
		got := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
		if m, err := decode(strict, got, text); err != nil || !bytes.Equal(got[:m], data) {
			t.Errorf("%d bytes are decoded to %d others, error %v", n, m, err)
		}
		if n < 3000 {
			continue
		}
		for range 300 {
			bad := bytes.Clone(text)
			bad[rand.IntN(len(bad))] = byte(rand.Uint32())
			want := make([]byte, len(got))
			wantN, wantErr := strict.Decode(want, bad)
			gotN, gotErr := decode(strict, got, bad)
			if wantErr != gotErr || wantErr == nil && !bytes.Equal(got[:gotN], want[:wantN]) {
				t.Fatalf("%d bytes: got %d and %v, want %d and %v", n, gotN, gotErr, wantN, wantErr)
			}
		}
	}
}

func FuzzQuick(f *testing.F) {
	for _, s := range []string{"", "A", "AAAA", "AA==", "AAAA====", "AAAA\nAAAA", "A*AA"} {
		f.Add([]byte(s))
	}
	strict := base64.StdEncoding.Strict()
	filler := bytes.Repeat([]byte("abcd"), quickBytes/4)
	f.Fuzz(func(t *testing.T, text []byte) {
		text = append(bytes.Clone(filler), text...)
		want, got := make([]byte, len(text)), make([]byte, len(text))
		wantN, wantErr := strict.Decode(want, text)
		gotN, gotErr := decode(strict, got, text)
		if wantErr != gotErr || wantErr == nil && !bytes.Equal(got[:gotN], want[:wantN]) {
			t.Errorf("got %d and %v, want %d and %v", gotN, gotErr, wantN, wantErr)
		}
		if back := appendEncode(make([]byte, 0, 2*len(text)), want[:wantN], false); wantErr == nil && !bytes.Equal(back, bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\n"), nil), []byte("\r"), nil)) {
			t.Error("encoding again gives other text")
		}
	})
}
