package agefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/dockercfg/jet/internal/sharedkey"
)

// A server answers one request.
type server struct {
	decoder *json.Decoder
	encoder *json.Encoder
}

// Serve reads a request, and does what it says. The error is for what cannot be
// told to whoever asked.
func Serve(in io.Reader, out io.Writer) error {
	s := &server{decoder: json.NewDecoder(io.LimitReader(in, sharedkey.MaxMessage)), encoder: json.NewEncoder(out)}
	var request sharedkey.Request
	if err := s.decoder.Decode(&request); err != nil {
		return errors.New("stdin holds no request") // what is wrong with it may be a secret
	}
	reply, err := s.do(request)
	if err != nil {
		failed := new(sharedkey.Error)
		if !errors.As(err, &failed) {
			failed = &sharedkey.Error{Code: sharedkey.CodeInternal, Text: err.Error()}
		}
		reply = sharedkey.Reply{Error: failed}
	}
	return s.encoder.Encode(reply)
}

func (s *server) do(r sharedkey.Request) (sharedkey.Reply, error) {
	if r.Version != sharedkey.Version {
		return sharedkey.Reply{}, fmt.Errorf("%s is of another version than the program that runs it: install both anew", sharedkey.Program)
	}
	switch r.Action {
	case sharedkey.ActionOpen:
		plaintext, opener, err := s.open(r.File, r.Identities)
		return sharedkey.Reply{Plaintext: plaintext, Opener: opener}, err
	case sharedkey.ActionSeal:
		file, err := seal(r.Plaintext, r.Recipients)
		return sharedkey.Reply{File: file}, err
	case sharedkey.ActionProtect:
		file, err := protect(r.Plaintext, r.Passphrase)
		return sharedkey.Reply{File: file}, err
	}
	return sharedkey.Reply{}, fmt.Errorf("%s does not know %q", sharedkey.Program, r.Action)
}

// ask asks for the passphrase of a file of identities, or of the file itself if
// path is "".
func (s *server) ask(path string) (string, error) {
	if err := s.encoder.Encode(sharedkey.Reply{Question: &sharedkey.Question{Path: path}}); err != nil {
		return "", err
	}
	var answer sharedkey.Answer
	if err := s.decoder.Decode(&answer); err != nil {
		return "", errors.New("no passphrase came")
	}
	return answer.Passphrase, nil
}
