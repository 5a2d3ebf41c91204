package check_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/internal/check"
	"github.com/dockercfg/jet/internal/check/corpus"
	"github.com/dockercfg/jet/internal/worktree"
)

// extensions are those of the files of a large project, as often as they are there.
var extensions = strings.Fields(".go .go .go .go .js .js .js .ts .ts .ts .ts .py .py .json .json .yaml .md .css .html .env")

// importFiles makes a repository through git fast-import: commits, each of which
// writes as many files, of 3,600 bytes on average, and then what more writes.
func importFiles(tb testing.TB, commits, files int, more func(w *bufio.Writer, commit int)) string {
	tb.Helper()
	dir := repository(tb)
	random := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("return if err != nil the of and func import const = { } ( ) value name config server data = 1 2 \"text\" : ,")
	// Text that compresses as programs do, and that no two files share.
	text := func(size int) string {
		var b strings.Builder
		for b.Len() < size {
			b.WriteString(words[random.IntN(len(words))])
			fmt.Fprintf(&b, " v%x ", random.IntN(1<<16))
			if random.IntN(8) == 0 {
				b.WriteByte('\n')
			}
		}
		return b.String()
	}
	cmd := worktree.Git(tb.Context(), dir, "fast-import", "--quiet")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriter(stdin)
	for c := range commits {
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter a <a@example.com> %d +0000\ndata 1\nc\n", 1_600_000_000+c)
		for i := range files {
			n := c*files + i
			if commits > 1 {
				n = random.IntN(2000) // the same files again and again
			}
			var content string
			switch extension := extensions[n%len(extensions)]; extension {
			case ".env":
				content = strings.Repeat("LOG_LEVEL=debug\nDB_PASSWORD=changeme\nAPI_TOKEN=${API_TOKEN}\n", 5) + fmt.Sprintf("PORT=%d\n", random.IntN(60000))
			case ".json":
				content = fmt.Sprintf(`{"auths": %d, "text": %q}`, n, text(random.IntN(6000)))
			default:
				content = text(random.IntN(7200))
			}
			fmt.Fprintf(w, "M 100644 inline d%d/e%d/f%d%s\ndata %d\n%s\n", n/1000, n/50%20, n, extensions[n%len(extensions)], len(content), content)
		}
		more(w, c)
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		tb.Fatal(err)
	}
	git(tb, dir, "reset", "-q", "--hard", "main")
	return dir
}

func nothing(*bufio.Writer, int) {}

// BenchmarkFiles checks 50,000 files: 180 MB, 2,500 env files, 5,000 JSON files.
func BenchmarkFiles(b *testing.B) {
	dir := importFiles(b, 1, 50_000, nothing)
	bench := func(name string, o check.Options, files int) {
		o.Dir = dir
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				report, err := check.Run(b.Context(), o)
				if err != nil || len(report.Findings) > 0 || report.Files != files {
					b.Fatal(err, report)
				}
			}
		})
	}
	bench("key", check.Options{Key: corpus.ProjectKey}, 50_000)
	bench("no key", check.Options{}, 50_000)
	put(b, dir, "one.env", "A=1\n")
	git(b, dir, "add", "one.env")
	bench("one staged", check.Options{Staged: true, Key: corpus.ProjectKey}, 1)
	git(b, dir, "update-ref", "-d", "HEAD")
	bench("all staged", check.Options{Staged: true, Key: corpus.ProjectKey}, 50_001)
}

// BenchmarkHistory looks for keys in 10,000 commits with 20,000 changes, and in as
// many again: the time must grow with the history, and no faster.
func BenchmarkHistory(b *testing.B) {
	for _, commits := range []int{10_000, 20_000} {
		dir := importFiles(b, commits, 2, func(w *bufio.Writer, commit int) {
			switch commit {
			case 5000:
				fmt.Fprintf(w, "M 100644 inline codeship.aes\ndata %d\n%s\n", len(corpus.Key), corpus.Key)
			case 5001:
				fmt.Fprint(w, "D codeship.aes\n")
			}
		})
		for name, o := range map[string]check.Options{"key": {Key: corpus.ProjectKey}, "no key": {}} {
			b.Run(fmt.Sprintf("%d commits, %s", commits, name), func(b *testing.B) {
				o.Dir, o.History = dir, true
				for b.Loop() {
					report, err := check.Run(b.Context(), o)
					if err != nil || len(report.Findings) != 1 || report.Commits != commits {
						b.Fatal(err, report)
					}
				}
			})
		}
	}
}

// TestFiftyThousandFiles holds the time that is promised, with room for a machine
// that does other things too.
func TestFiftyThousandFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 50,000 files")
	}
	dir := importFiles(t, 1, 50_000, nothing)
	best := time.Hour
	for range 3 {
		began := time.Now()
		report := run(t, check.Options{Dir: dir, Key: corpus.ProjectKey})
		best = min(best, time.Since(began))
		same(t, report)
	}
	t.Logf("the best of three took %v", best)
	if best > 10*time.Second {
		t.Errorf("50,000 files took %v", best)
	}
}
