// Package generators makes dockercfg entries from what a team already has:
// variables, cloud accounts, credential stores. Each kind of source is a Backend
// in a package of its own.
//
// A backend lists its variables without any credentials at hand, opens a Source
// from an Env, and the Source produces the entries:
//
//	Env → Backend.Open → Source.Generate → Result
//
// A variable that is set but empty counts as not set, everywhere in this package:
// continuous integration services set the variables of secrets that a build may
// not see to the empty string, and templates of env files leave blank what is
// not used.
//
// The packages below know nothing of the process environment, of files, the
// terminal or the command line.
package generators
