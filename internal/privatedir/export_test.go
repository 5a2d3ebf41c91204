package privatedir

import "testing"

// WithoutMemory plays a system without a file system in memory.
func WithoutMemory(t *testing.T) {
	before := memoryPlaces
	ForgetMemory()
	t.Cleanup(func() { memoryPlaces = before })
}

// ForgetMemory does so for the rest of the process.
func ForgetMemory() { memoryPlaces = func() []string { return nil } }

// Prefix begins the name of every folder.
const Prefix = prefix
