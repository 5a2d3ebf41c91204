package sharedkey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/dockercfg/jet/internal/process"
)

// Program is the name of the program that knows age.
const Program = "jet-age"

// Ask asks a person for a passphrase.
type Ask func(ctx context.Context, question Question) (passphrase string, err error)

// NobodyToAsk is the error of an Ask that reaches no person.
func NobodyToAsk(question Question) error {
	what := "it"
	if question.Path != "" {
		what = fmt.Sprintf("%q", question.Path)
	}
	return &Error{Code: CodeNobody, Path: question.Path, Text: what + " needs its passphrase, and there is no terminal on which to ask for it"}
}

// Opened is what was in a file.
type Opened struct {
	Plaintext []byte // the text of the key, a secret
	By        string // the path of the identity that opened it, or JET_IDENTITY; "" for a passphrase
}

// Open opens a file of age with the identities of the user, or with a passphrase.
// Ask is called for each passphrase that is needed; nil says that there is nobody
// to ask. The error is an *Error, a *MissingError, that of Ask or of the context.
func Open(ctx context.Context, file []byte, identities Identities, ask Ask) (Opened, error) {
	reply, err := call(ctx, Request{Action: ActionOpen, File: file, Identities: identities}, ask)
	return Opened{Plaintext: reply.Plaintext, By: reply.Opener}, err
}

// Seal makes a file for recipients, in armor. The error is as for Open.
func Seal(ctx context.Context, plaintext []byte, recipients []Recipient) ([]byte, error) {
	r := Request{Action: ActionSeal, Plaintext: plaintext}
	for _, recipient := range recipients {
		r.Recipients = append(r.Recipients, recipient.Key)
	}
	reply, err := call(ctx, r, nil)
	return reply.File, err
}

// Protect makes a file with a passphrase, in armor. The error is as for Open.
func Protect(ctx context.Context, plaintext []byte, passphrase string) ([]byte, error) {
	reply, err := call(ctx, Request{Action: ActionProtect, Plaintext: plaintext, Passphrase: passphrase}, nil)
	return reply.File, err
}

// MissingError says that the program jet-age is nowhere.
type MissingError struct {
	Folder string // that of this program
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("the program %s, which knows the files of age, is neither in %q nor on PATH", Program, e.Folder)
}

// find looks for jet-age beside this program, where it is installed, and then on PATH.
func find() (string, error) {
	name := Program
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	folder := filepath.Dir(self)
	folders := []string{folder}
	if real, err := filepath.EvalSymlinks(self); err == nil && filepath.Dir(real) != folder {
		folders = append(folders, filepath.Dir(real))
	}
	for _, folder := range folders {
		if info, err := os.Stat(filepath.Join(folder, name)); err == nil && info.Mode().IsRegular() {
			return filepath.Join(folder, name), nil
		}
	}
	path, err := exec.LookPath(name) // never one in a relative folder: that is an error
	if err != nil {
		return "", &MissingError{folder}
	}
	return path, nil
}

// call lets jet-age do what is requested.
func call(ctx context.Context, request Request, ask Ask) (Reply, error) {
	path, err := find()
	if err != nil {
		return Reply{}, err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	cmd := process.Command(running, path)
	input, err := cmd.StdinPipe()
	if err != nil {
		return Reply{}, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return Reply{}, err
	}
	if err := cmd.Start(); err != nil {
		return Reply{}, fmt.Errorf("%s: %w", Program, err)
	}
	request.Version = Version
	reply, err := converse(ctx, output, input, request, ask)
	input.Close()
	if err != nil {
		stop() // it may wait for an answer that never comes
	}
	ended := cmd.Wait()
	var answer *Error
	switch {
	case err == nil, errors.As(err, &answer):
		return reply, err // whatever its exit status is
	case errors.Is(err, errSilent) && ended != nil:
		err = fmt.Errorf("%w: %w", err, ended)
	}
	return Reply{}, err
}

// errSilent: jet-age ended, or said what is no reply.
var errSilent = errors.New(Program + " gave no answer")

// converse speaks the protocol.
func converse(ctx context.Context, from io.Reader, to io.Writer, request Request, ask Ask) (Reply, error) {
	encoder, decoder := json.NewEncoder(to), json.NewDecoder(io.LimitReader(from, MaxMessage))
	encoder.Encode(request) // where that fails, what it says or does not say tells why
	for {
		var reply Reply
		if err := decoder.Decode(&reply); err != nil {
			return Reply{}, silent(ctx)
		}
		switch {
		case reply.Error != nil:
			return Reply{}, reply.Error
		case reply.Question == nil:
			return reply, nil
		case ask == nil:
			return Reply{}, NobodyToAsk(*reply.Question)
		}
		passphrase, err := ask(ctx, *reply.Question)
		if err != nil {
			return Reply{}, err
		}
		if err := encoder.Encode(Answer{Passphrase: passphrase}); err != nil {
			return Reply{}, silent(ctx)
		}
	}
}

// silent is why there is no reply. The errors of the pipes say nothing more.
func silent(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return errSilent
}
