// Package ecr makes dockercfg entries for Amazon's container registries: those of
// accounts (Amazon ECR) and public.ecr.aws (Amazon ECR Public). AWS gives out tokens
// for them that last 12 hours.
//
// Keys come from the first source there is, in the order of AWS's own SDK: static
// keys, a web identity token, profiles, the container's endpoint, the instance's
// metadata. Whatever is set by halves is an error and no reason to go on to the
// next. A role is assumed with them, if one is named, and then a registry's region
// is asked for a token: one request for each region and set of keys, all side by
// side.
//
// Everything that decides where a request goes and who it is signed by comes from
// the Config, never from the environment of the process. Profiles alone need more
// of the SDK than is linked here: see Profiles.
package ecr
