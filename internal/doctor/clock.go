package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/worktree"
)

// slack is how far a clock may be behind the time of a file: file servers and
// colleagues have clocks of their own. AWS refuses a signature that is 15 minutes
// off (registries and token servers are of that order).
const slack = 10 * time.Minute

// longPast is a time that has passed for everybody who has this program: the
// beginning of 2026, in seconds since 1970.
const longPast = 1767225600

// lookAtClock compares the clock with what was written and committed before.
func (e *examiner) lookAtClock() error {
	e.looked = append(e.looked, "the clock")
	now := e.Now()
	latest, what := time.Unix(longPast, 0), "this version of jet was made"
	see := func(at time.Time, text string) {
		if at.After(latest) {
			latest, what = at, text
		}
	}
	names := []string{".git/index", ".git/HEAD", ".git/FETCH_HEAD", ".git/ORIG_HEAD", ".git/logs/HEAD", ".git/COMMIT_EDITMSG", "codeship.aes", "codeship.aes.age"}
	for _, file := range e.files {
		if strings.HasSuffix(file.Path, ".encrypted") {
			names = append(names, file.Path)
		}
	}
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(e.top, filepath.FromSlash(name))); err == nil {
			see(info.ModTime(), fmt.Sprintf("%q was written", e.typed(name)))
		}
	}
	if e.inGit {
		if out, err := worktree.Git(e.ctx, e.top, "log", "-1", "--format=%ct").Output(); err == nil {
			if seconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64); err == nil {
				see(time.Unix(seconds, 0), "the last commit was made")
			}
		}
	}
	if behind := latest.Sub(now); behind > slack {
		hint := "timedatectl set-ntp true; timedatectl status"
		switch runtime.GOOS {
		case "darwin":
			hint = "sudo sntp -sS time.apple.com"
		case "windows":
			hint = "w32tm /resync"
		}
		e.add(Problem, "clock-behind", "", 0, fmt.Sprintf("the clock says %s, and %s at %s: clouds refuse what is signed with a wrong time, and tokens seem to last longer than they do",
			now.UTC().Format(time.RFC3339), what, latest.UTC().Format(time.RFC3339)), hint)
	}
	return nil
}
