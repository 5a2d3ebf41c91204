// Package dockercfg models the file in which Docker and its relatives look for
// registry credentials: config.json with its "auths" section, the flat
// .dockercfg of old, and Kubernetes Secrets that hold one of the two.
//
// A File is parsed or built from entries, one a registry. Registry names are
// brought into the one form under which Docker looks them up, so two spellings
// of a registry cannot stand side by side with different credentials. A parsed
// file keeps every byte that a change does not concern.
//
// Secrets in YAML are read by package dockercfg/kubernetes, so that a program
// that never meets one does not carry a YAML library.
//
// The package knows no paths, environment or terminal. Passwords and tokens are
// held in a Secret, which does not print.
package dockercfg
