// Package services reads services files, codeship-services.yml or a Compose file,
// in YAML or JSON: which services there are, which files they refer to, and the
// encrypted values within, which it can replace without touching anything else.
//
// It looks for the names that mean something here wherever they stand, so that it
// also reads steps files, and misses nothing in a layout that it does not know.
//
// Source: Codeship's documentation, "Services" and "Build Arguments".
package services

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/yamledit"
)

// Names under which encrypted values stand.
const (
	encryptedArgs        = "encrypted_args"
	encryptedEnvironment = "encrypted_environment"
)

// MaxBytes is the largest file that is read.
const MaxBytes = 4 << 20

// A File is a services file. It holds no plaintext secret that jet knows of, but
// what people have put under "environment" may be one.
type File struct {
	Services   []Service
	References []Reference
	Values     []Value

	yaml *yamledit.File
	seen map[yamledit.Node]bool // what was collected
}

// A Service is one service of a services file.
type Service struct {
	Name  string
	Line  int      // from 1
	Image string   // "" if it is built from a Dockerfile alone
	Args  []string // the names of build arguments that are not encrypted
}

// A Reference names a file, or a service that makes a dockercfg.
type Reference struct {
	Service string // in which it stands, "" outside of services
	Key     string // env_file, encrypted_env_file, encrypted_args_file, encrypted_dockercfg_path or dockercfg_service
	Target  string // a path from the folder of the services file; a service for dockercfg_service
	Line    int    // from 1
}

// IsEncrypted reports whether the file that is referred to is meant to be encrypted.
func (r Reference) IsEncrypted() bool { return strings.HasPrefix(r.Key, encryptedPrefix) }

// A Value is a text under encrypted_environment or encrypted_args.
type Value struct {
	Service string        // in which it stands, "" outside of services
	Key     string        // encrypted_environment or encrypted_args
	Line    int           // from 1
	Text    string        // as crypto.Decrypt reads it, without the white space that YAML adds
	Format  crypto.Format // crypto.Unsigned as a rule; 0: it is not encrypted

	place yamledit.Node
}

// IsNamed reports whether a file is called as services files are.
func IsNamed(name string) bool {
	name = strings.ToLower(filepath.Base(name))
	if !slices.Contains([]string{".yml", ".yaml", ".json"}, filepath.Ext(name)) {
		return false
	}
	return strings.HasPrefix(name, "codeship-services.") || strings.HasPrefix(name, "docker-compose.") || strings.HasPrefix(name, "compose.")
}

// encryptedPrefix is what all keys for encrypted files and values begin with.
const encryptedPrefix = "encrypted_"

// Mentions reports whether a file may hold encrypted values or refer to encrypted
// files: its name is that of a YAML or JSON file, and it has a word that begins
// as their keys do.
func Mentions(name string, content io.Reader) (bool, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".yml", ".yaml", ".json":
	default:
		return false, nil
	}
	buffer := make([]byte, 32<<10)
	kept := 0 // of the part before, so that no word is cut in two
	for {
		n, err := io.ReadFull(content, buffer[kept:])
		part := buffer[:kept+n]
		if bytes.Contains(part, []byte(encryptedPrefix)) {
			return true, nil
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		kept = copy(buffer, part[len(part)-len(encryptedPrefix):])
	}
}

// MayHoldValues reports whether the key of encrypted values stands in a file, be it
// valid YAML or not.
func MayHoldValues(data []byte) bool {
	return bytes.Contains(data, []byte(encryptedEnvironment)) || bytes.Contains(data, []byte(encryptedArgs))
}

// Parse reads a services file. The error wraps a *yamledit.Error if it is not
// valid YAML, and quotes nothing.
func Parse(data []byte) (*File, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("it is over %d MiB long", MaxBytes>>20)
	}
	yaml, err := yamledit.Parse(string(data))
	if err != nil {
		return nil, err
	}
	f := &File{yaml: yaml, seen: make(map[yamledit.Node]bool)}
	for _, document := range yaml.Documents() {
		services := document
		if within, ok := document.Field("services"); ok {
			services = within
		}
		f.search(document, services, services == document, "")
	}
	return f, nil
}

// search looks for what is known in and below a value of a service.
// Mixed says that other things than services stand beside them.
func (f *File) search(n, services yamledit.Node, mixed bool, service string) {
	for _, element := range n.Elements() {
		f.search(element, services, mixed, service)
	}
	for _, pair := range n.Pairs() {
		within := service
		if n == services && isService(pair, mixed) {
			within = pair.Name
			f.Services = append(f.Services, newService(pair))
		}
		switch pair.Name {
		case encryptedEnvironment, encryptedArgs:
			f.collect(pair.Value, pair.Name, within)
		case "env_file", "encrypted_env_file", "encrypted_args_file", "encrypted_dockercfg_path", "dockercfg_service":
			f.refer(pair.Value, pair.Name, within)
		default:
			f.search(pair.Value, services, mixed, within)
		}
	}
}

// isService tells services from what stands beside them.
func isService(pair yamledit.Pair, mixed bool) bool {
	if pair.Name == "" || strings.HasPrefix(pair.Name, "x-") || len(resolved(pair.Value).Pairs()) == 0 {
		return false
	}
	return !mixed || !slices.Contains([]string{"volumes", "networks", "secrets", "configs"}, pair.Name)
}

func newService(pair yamledit.Pair) Service {
	s := Service{Name: pair.Name, Line: pair.Line}
	s.Image = text(pair.Value, "image")
	build, _ := field(pair.Value, "build")
	if s.Image == "" {
		s.Image = text(build, "image")
	}
	args, _ := field(build, "args")
	args = resolved(args)
	for _, arg := range args.Pairs() {
		s.Args = append(s.Args, arg.Name)
	}
	for _, element := range args.Elements() {
		if arg, ok := element.Text(); ok {
			name, _, _ := strings.Cut(arg, "=")
			s.Args = append(s.Args, name)
		}
	}
	return s
}

// text gives the string under a name, "" for none.
func text(n yamledit.Node, name string) string {
	value, _ := field(n, name)
	text, _ := resolved(value).Text()
	return text
}

// field gives the value of a name, also from mappings that are merged.
func field(n yamledit.Node, name string) (yamledit.Node, bool) {
	n = resolved(n)
	if value, ok := n.Field(name); ok {
		return value, true
	}
	for _, pair := range n.Pairs() {
		if !pair.Merge {
			continue
		}
		merged := resolved(pair.Value)
		for _, mapping := range append(merged.Elements(), merged) {
			// One level, since a mapping may be merged with itself.
			if value, ok := resolved(mapping).Field(name); ok {
				return value, true
			}
		}
	}
	return yamledit.Node{}, false
}

// resolved gives what an alias stands for.
func resolved(n yamledit.Node) yamledit.Node {
	if target, ok := n.Target(); ok {
		return target
	}
	return n
}

// collect takes in the values of a text, a list of texts or a mapping to texts,
// each place once, however many aliases it has.
func (f *File) collect(n yamledit.Node, key, service string) {
	if target, ok := n.Target(); ok {
		n = target
	}
	if f.seen[n] {
		return
	}
	f.seen[n] = true
	if text, ok := n.Text(); ok && strings.TrimSpace(text) != "" {
		v := Value{Service: service, Key: key, Line: n.Line(), place: n}
		v.Text, v.Format = compact(text)
		f.Values = append(f.Values, v)
		return
	}
	for _, element := range n.Elements() {
		f.collect(element, key, service)
	}
	for _, pair := range n.Pairs() {
		f.collect(pair.Value, key, service)
	}
}

// compact takes out the white space that comes from YAML, and tells the format.
// What is not encrypted stays as it is.
func compact(text string) (string, crypto.Format) {
	words := strings.Fields(text)
	header := ""
	if format, err := crypto.ParseFormat(words[0]); err == nil && format != crypto.Unsigned {
		header = words[0] + "\n"
		words = words[1:]
	}
	body := strings.Join(words, "")
	format, err := crypto.Detect([]byte(header + body))
	raw, bad := base64.StdEncoding.Strict().DecodeString(body)
	if err != nil || bad != nil || len(raw) < leastBytes {
		return text, 0
	}
	return header + body, format
}

// leastBytes is how long an encrypted value is at least: an initialisation vector.
const leastBytes = 16

func (f *File) refer(n yamledit.Node, key, service string) {
	n = resolved(n)
	if target, ok := n.Text(); ok {
		f.References = append(f.References, Reference{Service: service, Key: key, Target: target, Line: n.Line()})
		return
	}
	for _, element := range n.Elements() {
		if path, ok := element.Field("path"); ok { // the long form of Compose
			element = path
		}
		if target, ok := resolved(element).Text(); ok {
			f.References = append(f.References, Reference{Service: service, Key: key, Target: target, Line: element.Line()})
		}
	}
}

// Replace gives the file with other texts in place of its values, each encrypted
// in the format that the value had, in the order of Values; "" leaves a value as
// it is. All other bytes stay. The error is yamledit.ErrLayout if that cannot be done.
func (f *File) Replace(texts []string) ([]byte, error) {
	var changes []yamledit.Change
	for i, v := range f.Values {
		if texts[i] != "" {
			changes = append(changes, yamledit.Change{Place: v.place, Text: texts[i], Plain: !strings.Contains(texts[i], "\n")})
		}
	}
	changed, err := f.yaml.Replace(changes)
	if err != nil {
		return nil, err
	}
	return []byte(changed), nil
}
