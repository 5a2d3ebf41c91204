// Package store makes dockercfg entries from the credentials that Docker keeps
// outside its configuration, in the keychain of macOS and its siblings, and from
// those that stand in the configuration itself.
//
// Which programs are asked follows from the configuration, as for Docker: the
// helper of a registry (credHelpers) goes before the one for all others
// (credsStore). With Config.Registries only those are asked for, with one question
// each that the store can answer, since a keychain may prompt for every item.
// Otherwise the store lists what it has.
//
// Never exported are the two items that a web login to Docker Hub leaves beside
// the credential. The helper "jet" is not asked: it would answer from what is
// about to be written.
package store
