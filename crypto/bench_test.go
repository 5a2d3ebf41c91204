package crypto_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/dockercfg/jet/crypto"
)

var benchSizes = []int{1 << 10, 1 << 20, 64 << 20}

func BenchmarkEncrypt(b *testing.B) {
	key := crypto.GenerateKey()
	for _, format := range []crypto.Format{crypto.CodeshipV2, crypto.JetV1} {
		for _, n := range benchSizes {
			plain := bytes.NewReader(make([]byte, n))
			b.Run(fmt.Sprintf("%v/%d", format, n), func(b *testing.B) {
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					plain.Seek(0, io.SeekStart)
					if err := crypto.Encrypt(io.Discard, plain, key, format); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkDecrypt(b *testing.B) {
	key := crypto.GenerateKey()
	for _, format := range []crypto.Format{crypto.Unsigned, crypto.CodeshipV2, crypto.JetV1} {
		for _, n := range benchSizes {
			message := bytes.NewReader(encrypt(b, make([]byte, n), key, format))
			for _, output := range outputs {
				b.Run(fmt.Sprintf("%v/%d/%s", format, n, output.name), func(b *testing.B) {
					b.SetBytes(int64(n))
					b.ReportAllocs()
					for b.Loop() {
						message.Seek(0, io.SeekStart)
						if _, err := crypto.Decrypt(io.Discard, message, key, output.options...); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
