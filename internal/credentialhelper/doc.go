// Package credentialhelper is the program docker-credential-jet: it answers Docker,
// Podman, skopeo, crane and their relatives from the encrypted dockercfg of the
// project that they are run in, in the protocol of docker-credential-helpers.
//
// The file is the one that JET_DOCKERCFG names, else the nearest
// dockercfg.encrypted, from the current folder up to the top of the git work tree.
// It is decrypted in memory, with the key that package projectkey finds, and
// JET_REQUIRE sets the weakest format that will do. A file that JET_DOCKERCFG names
// may also be a plain one, with a warning, unless JET_REQUIRE is set.
//
// What the file does not hold is asked of jet, where the user has a file of registry
// accounts: the one that JET_REGISTRIES names by its full path, else registries.yaml in
// jet's folder of the user's configuration. It is never one of the project, which could
// have commands run.
//
// What neither holds is asked of the store of the user, and "store" and
// "erase" go there too, so that "docker login" and "docker logout" work as ever. It
// is, in this order, the helper that JET_CREDENTIAL_STORE names; the one that
// config.json would name if "jet helper install" had not changed it (package
// helperconfig); the one that Docker picks on this platform, if it is installed. It
// is never this program itself, by whatever name. The last of these was named by
// nobody, so it counts as none, with a warning, where it does not work: pass without
// a key, or secretservice without a session.
//
// "get" of what is neither here nor there answers that it was not found, and
// clients go on without credentials. Every other failure (no key, a wrong one, a
// damaged file, a locked keychain) has an answer that no client takes for that.
// The reason then stands on stderr.
//
// "list" names the registries of the file and those of the store, without host
// patterns, which are no registries. If the store fails, the rest is listed and
// stderr says so.
package credentialhelper
