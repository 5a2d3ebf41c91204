// Package credentialstore asks the programs in which Docker keeps credentials
// outside its configuration: docker-credential-osxkeychain, -desktop, -wincred,
// -secretservice, -pass and any other docker-credential-NAME. The protocol is that
// of github.com/docker/docker-credential-helpers, and its client package speaks it.
//
// What that package leaves open is bounded here: each run has a context and a
// deadline, its output a limit, and no error holds what a program printed on
// stdout, since that may be a secret.
package credentialstore
