// Package crypto reads and writes the encrypted files of a project.
package crypto
