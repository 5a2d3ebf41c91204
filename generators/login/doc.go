// Package login makes a dockercfg entry from a user name and a password, those
// one would type at `docker login`. It asks no server.
package login
