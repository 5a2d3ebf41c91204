// Package projectkey finds the key of a project, and makes new ones.
package projectkey
