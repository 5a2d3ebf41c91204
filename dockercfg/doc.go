// Package dockercfg models the file in which Docker and its relatives look for
// registry credentials: config.json with its "auths" section.
//
// A File is built from entries, one a registry. Registry names are brought into
// the one form under which Docker looks them up, so two spellings of a registry
// cannot stand side by side with different credentials.
//
// The package knows no paths, environment or terminal. Passwords are held in a
// Secret, which does not print.
package dockercfg
