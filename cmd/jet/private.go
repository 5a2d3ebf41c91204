package main

import "github.com/dockercfg/jet/internal/privatedir"

// privateDir gives a folder for plaintext that another program reads. What killed
// runs left behind is removed first, and named. The caller removes the folder;
// until then no signal but SIGKILL ends the process.
func (p *program) privateDir() (*privatedir.Dir, error) {
	p.signals.protect()
	removed, err := privatedir.RemoveLeftovers()
	for _, path := range removed {
		p.note("removed %q, which a killed run had left behind", path)
	}
	if err != nil {
		p.warn("%v", err)
	}
	dir, err := privatedir.Create()
	if err == nil && !dir.InMemory() {
		p.warn("there is no folder in memory here: the plaintext is in %q for a while, and the disk may keep traces of it", dir.Path())
	}
	return dir, err
}
