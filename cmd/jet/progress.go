package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// progressAfter is how long something takes before a person is told to wait.
const progressAfter = 400 * time.Millisecond

// A progress tells a person at a terminal what is being waited for, on one line
// that is gone at the end. Elsewhere it does nothing.
type progress struct {
	program *program
	what    string
	timer   *time.Timer // nil where nobody looks

	mutex   sync.Mutex
	names   []string
	visible bool
}

func (p *program) newProgress(what string) *progress {
	g := &progress{program: p, what: what}
	if _, ok := terminalOf(p.stderr); !ok {
		return g
	}
	if term, _ := p.lookupEnv("TERM"); term == "" || term == "dumb" {
		return g // which cannot take a line back
	}
	g.timer = time.AfterFunc(progressAfter, func() {
		g.mutex.Lock()
		defer g.mutex.Unlock()
		g.visible = true
		g.draw()
	})
	return g
}

// begin adds something to wait for.
func (g *progress) begin(name string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.names = append(g.names, name)
	g.draw()
}

// done takes it off.
func (g *progress) done(name string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if i := slices.Index(g.names, name); i >= 0 {
		g.names = slices.Delete(g.names, i, i+1)
	}
	g.draw()
}

// end takes the line away.
func (g *progress) end() {
	if g.timer == nil {
		return
	}
	g.timer.Stop()
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.names = nil
	g.draw()
	g.visible = false
}

// draw writes the line anew.
func (g *progress) draw() {
	if !g.visible {
		return
	}
	line := "\r\x1b[K" // to the start, and erase
	if g.names != nil {
		text := []rune("jet: " + g.what + " " + printable(strings.Join(g.names, ", ")))
		line += string(text[:min(len(text), lineWidth-1)]) // a longer one could not be taken back
	}
	fmt.Fprint(g.program.stderr, line)
}
