// Package oracle holds the tests of jet that need more than the root module
// should carry: published test vectors of 100 MB, real registries, clients and
// credential stores, and the code with which Kubernetes reads a Secret.
//
// It is a module of its own, so that none of that reaches the users of jet. Its
// path lies inside crypto/internal of the root module, though its folder does
// not, because the vectors are for a package that only code there may import.
package oracle
