// Package gcr makes dockercfg entries for Google's registries: Artifact Registry
// (*.pkg.dev) and the gcr.io names, which it serves too.
//
// The credential is the key of a service account in a variable, or what Google's
// libraries find by themselves, the application default credentials: a file that
// GOOGLE_APPLICATION_CREDENTIALS names, the file of gcloud, the metadata server. Any
// of them may act as another service account (impersonation). The entry holds an
// access token, which dies within the hour, or the key itself, which lasts.
//
// A key in a variable is read whatever was done to it on its way; what was repaired
// is told. A document may name servers to which a credential goes: those must be
// Google's (see Config.UniverseDomain). Documents that can name files and servers to
// read from, which keys cannot, are taken from a variable only if that was asked for
// (Config.KeyType), and programs that a document names are never run.
//
// Nothing comes from the process environment but the proxy, the certificate
// authorities and the home folder. On Amazon's machines the credential is that of the
// machine: the variables of Amazon are not read.
package gcr
