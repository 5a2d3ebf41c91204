// Package outfile writes files that are, at every moment and after every crash,
// either as they were or complete.
//
// A file is written beside its target, under no name at all where the system can
// do that (O_TMPFILE on Linux), and takes the target's name only in Commit.
// Symbolic links are followed and what they lead to is replaced. Two kinds of
// target are written differently: one that can neither be replaced nor have a
// neighbour, such as a single file mounted into a container, is overwritten in
// place (see InPlace), and a device, a pipe or an open descriptor is a plain
// stream.
package outfile
