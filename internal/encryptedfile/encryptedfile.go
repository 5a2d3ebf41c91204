// Package encryptedfile tells encrypted files from others, by content and without
// a key, and among many files those that are meant to be encrypted.
//
// Three formats have a header line, which settles it. The oldest, unsigned, is
// bare base64: so are digests, certificates without their frame, a key, and a
// version that is a commit. In a file of one's own choice that layout is enough
// (Detect, FormatOf). Among all files of a project (Look) it counts if the name
// says "encrypted" too; else the file is doubtful, and only the key can tell
// more: see crypto.Decrypt, and whether what comes out is text.
package encryptedfile

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dockercfg/jet/crypto"
)

// HeadBytes is how much of a file crypto.Detect looks at.
const HeadBytes = 512

const byteOrderMark = "\ufeff"

// unsignedLeast is the length of the shortest unsigned body in bytes.
const unsignedLeast = 16

// Detect tells the format of a whole file that may be encrypted or plain variables
// or credentials: 0 for plain. The error wraps crypto.ErrUnknownFormat.
func Detect(data []byte) (crypto.Format, error) {
	format, err := crypto.Detect(data)
	if errors.Is(err, crypto.ErrUnknownFormat) {
		// Only a line with a colon is meant as a header; another one is a bare name.
		line, _, _ := bytes.Cut(data, []byte("\n"))
		if bytes.Contains(line, []byte(":v")) && !bytes.Contains(line, []byte("=")) {
			return 0, err
		}
	}
	if err != nil || format == crypto.Unsigned && !isUnsignedText(data) {
		return 0, nil
	}
	return format, nil
}

// FormatOf tells the format of the file at path: 0 if it is in none, or nothing
// that can be read without side effects and with the rights at hand.
func FormatOf(path string) (crypto.Format, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return 0, nil
	}
	found, err := LookAt(path)
	if errors.Is(err, fs.ErrPermission) {
		return 0, nil
	}
	return found.Format, err
}

// A Finding is what is known of a file without a key.
type Finding struct {
	Format   crypto.Format // 0: in none
	Doubtful bool          // the layout is that of crypto.Unsigned, and nothing but the layout says so
	Problem  error         // the file is meant to be encrypted and in no format that is known; nil for others
}

// Look tells what a file is by its name, which may be a path, and its content, of
// which no more than the first HeadBytes are read unless they are base64.
func Look(name string, content io.Reader) (Finding, error) {
	head := make([]byte, HeadBytes)
	n, err := io.ReadFull(content, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return Finding{}, err
	}
	head = head[:n]
	format, err := crypto.Detect(head)
	switch {
	case err != nil:
		if Named(name) || errors.Is(err, crypto.ErrUnknownFormat) && hasOurHeader(head) {
			return Finding{Problem: err}, nil
		}
		return Finding{}, nil
	case format != crypto.Unsigned:
		return Finding{Format: format}, nil
	}
	whole, err := isUnsigned(head, content)
	switch {
	case err != nil:
		return Finding{}, err
	case whole:
		return Finding{Format: format, Doubtful: !Mentioned(name)}, nil
	case Named(name):
		return Finding{Problem: crypto.ErrNotEncrypted}, nil
	}
	return Finding{}, nil
}

// errNoFile: at a path is something other than a plain file.
var errNoFile = errors.New("not a file")

// LookAt is Look for the file at path. A symbolic link is followed. What is no
// plain file is an error.
func LookAt(path string) (Finding, error) {
	info, err := os.Stat(path) // opening a pipe would wait
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: errNoFile}
	}
	if err != nil {
		return Finding{}, err
	}
	file, err := os.Open(path)
	if err != nil {
		return Finding{}, err
	}
	defer file.Close()
	return Look(path, file)
}

// Named reports whether a file name ends as those of encrypted files do by custom:
// in ".encrypted".
func Named(name string) bool { return strings.HasSuffix(lower(name), ".encrypted") }

// Mentioned reports whether a file name speaks of encryption at all, as
// "encrypted.env", "env_encrypted" and "app.env.enc" do.
func Mentioned(name string) bool {
	name = lower(name)
	return strings.Contains(name, "encrypted") || strings.HasSuffix(name, ".enc")
}

func lower(name string) string { return strings.ToLower(filepath.Base(name)) }

// hasOurHeader reports whether a file begins with the name of a family of formats
// that is known: then it is one of a newer version. "image:v3" may be anything.
func hasOurHeader(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte(byteOrderMark))
	for f := crypto.CloudBeesV1; f <= crypto.JetV1; f++ {
		family, _, _ := strings.Cut(f.String(), ":")
		if bytes.HasPrefix(head, []byte(family+":v")) {
			return true
		}
	}
	return false
}

func isUnsignedText(data []byte) bool {
	is, _ := isUnsigned(data, bytes.NewReader(nil))
	return is
}

// isUnsigned tells a file without a header, head and then rest, from other text:
// all of it is base64, as crypto decodes it, and long enough.
func isUnsigned(head []byte, rest io.Reader) (bool, error) {
	text := io.MultiReader(bytes.NewReader(bytes.TrimPrefix(head, []byte(byteOrderMark))), rest)
	n, err := io.Copy(io.Discard, base64.NewDecoder(base64.StdEncoding.Strict(), text))
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) || err == io.ErrUnexpectedEOF {
		return false, nil
	}
	return err == nil && n >= unsignedLeast, err
}
