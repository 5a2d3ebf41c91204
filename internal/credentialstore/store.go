package credentialstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/dockercfg/jet/dockercfg"
)

// Get gives the credential for a server, asked for in this very spelling. With
// the user name "<token>" the secret is an identity token.
//
// Its errors, and those of the other methods, are ErrNotFound, *LockedError,
// *TimeoutError, *FailedError, or the cause of the context's end; the first is
// wrapped, and so is the last. An answer without user name and secret counts as ErrNotFound:
// docker-credential-pass 0.6.4 gives one for a server that it does not know.
func (s *Store) Get(ctx context.Context, server string) (username string, secret dockercfg.Secret, err error) {
	var answer *credentials.Credentials
	err = s.run(ctx, credentials.ActionGet, func(program client.ProgramFunc) (err error) {
		answer, err = client.Get(program, server)
		return err
	})
	switch {
	case err != nil:
		return "", dockercfg.Secret{}, err
	case answer.Username == "" && answer.Secret == "":
		return "", dockercfg.Secret{}, fmt.Errorf("%s: %w", s.name, ErrNotFound)
	case answer.Username == "":
		return "", dockercfg.Secret{}, s.failed(credentials.ActionGet, "its answer has no user name")
	case answer.Secret == "":
		return "", dockercfg.Secret{}, s.failed(credentials.ActionGet, "its answer has no secret")
	}
	return answer.Username, dockercfg.NewSecret(answer.Secret), nil
}

// ProjectKeyPrefix begins the server names under which jet itself keeps halves of
// project keys. They are no credentials, and List leaves them out. The host is
// one that no registry has (RFC 2606).
const ProjectKeyPrefix = "https://project-key.jet.invalid/"

// List gives the user names by server, each in the spelling under which Get finds
// it. A store that answers that it found nothing is empty: the retracted releases
// 0.9.0 and 0.9.1 of docker-credential-osxkeychain did.
func (s *Store) List(ctx context.Context) (map[string]string, error) {
	var users map[string]string
	err := s.run(ctx, credentials.ActionList, func(program client.ProgramFunc) (err error) {
		users, err = client.List(program)
		return err
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	for server := range users {
		// Stores differ in what they do to the scheme.
		if strings.Contains(server, strings.TrimPrefix(ProjectKeyPrefix, "https://")) {
			delete(users, server)
		}
	}
	return users, nil
}

// Store keeps a credential, in place of one that the store has for the server.
func (s *Store) Store(ctx context.Context, server, username string, secret dockercfg.Secret) error {
	return s.run(ctx, credentials.ActionStore, func(program client.ProgramFunc) error {
		return client.Store(program, &credentials.Credentials{ServerURL: server, Username: username, Secret: secret.Reveal()})
	})
}

// Erase takes the credential for a server out of the store. Whether one that is
// not there is ErrNotFound is up to the helper.
func (s *Store) Erase(ctx context.Context, server string) error {
	return s.run(ctx, credentials.ActionErase, func(program client.ProgramFunc) error {
		return client.Erase(program, server)
	})
}

// run lets the client package do one action with our way of running a program.
// The client's errors hold what the program printed, so none is passed on.
func (s *Store) run(ctx context.Context, action string, do func(client.ProgramFunc) error) error {
	attempt := &run{ctx: ctx, store: s, action: action}
	err := do(func(...string) client.Program { return attempt })
	switch {
	case attempt.err != nil:
		return attempt.err
	case err == nil && utf8.Valid(attempt.output):
		return nil
	case strings.TrimSpace(strings.ToLower(string(attempt.output))) == answersNotFound[0]:
		return fmt.Errorf("%s: %w", s.name, ErrNotFound) // with exit status 0
	case len(attempt.output) == 0:
		return s.failed(action, "it gave no answer")
	case !utf8.Valid(attempt.output):
		return s.failed(action, "its answer is not UTF-8")
	case json.Valid(attempt.output):
		return s.failed(action, "its answer is JSON of another kind")
	}
	return s.failed(action, "its answer is not valid JSON")
}

func (s *Store) failed(action, problem string) error {
	return &FailedError{Program: s.name, Action: action, Problem: problem}
}
