// Package sharedkey reads and makes codeship.aes.age: the project key as a file of
// age (age-encryption.org/v1) in its armor, for the SSH and age keys of those who
// share it, or with a passphrase. The program age opens it as well.
//
// The library of age and what it needs for SSH keys would cost every start of jet a
// fifth of its time. So the work is done by a program of its own, jet-age, which is
// run when there is such a file; this package asks it, and hands on the passphrases
// that it needs. What the two say to each other goes through pipes.
//
// An age file does not say whom it is for. That stands in codeship.aes.recipients,
// in the syntax of age's own recipients files, with a seal: see List.
package sharedkey
