// Package registry asks container registries whether credentials work, as the OCI
// distribution specification and the token specification of distribution/distribution
// have it, and says what is wrong if they do not.
//
// It pushes nothing, and sends credentials to the registry and to the token server
// that it names alone: see realm.go for which one that may be. It knows no files, no
// environment (but for the proxy that net/http takes from there) and no terminal, and
// nothing of what it returns holds a secret, not even one that a server sent back.
package registry
