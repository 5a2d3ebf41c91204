// Package heroku makes the dockercfg entry for Heroku's container registry. It asks
// no server: the registry takes the API key itself as the password
// (devcenter.heroku.com/articles/container-registry-and-runtime).
package heroku
