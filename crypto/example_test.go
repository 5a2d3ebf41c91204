package crypto_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/dockercfg/jet/crypto"
)

func Example() {
	key := crypto.GenerateKey()

	var file bytes.Buffer
	if err := crypto.Encrypt(&file, strings.NewReader("FOO=bar\n"), key, crypto.JetV1); err != nil {
		panic(err)
	}
	header, _, _ := strings.Cut(file.String(), "\n")
	fmt.Println(header)

	if _, err := crypto.Decrypt(os.Stdout, &file, key); err != nil {
		panic(err)
	}
	// Output:
	// jet:v1
	// FOO=bar
}

func ExampleDecrypt_wrongKey() {
	var file bytes.Buffer
	if err := crypto.Encrypt(&file, strings.NewReader("FOO=bar\n"), crypto.GenerateKey(), crypto.CodeshipV2); err != nil {
		panic(err)
	}
	_, err := crypto.Decrypt(os.Stdout, &file, crypto.GenerateKey())
	fmt.Println(errors.Is(err, crypto.ErrWrongKey), err)
	// Output:
	// true checksum for decrypted data is invalid, corrupt AES key or data: wrong key, or a damaged start
}
