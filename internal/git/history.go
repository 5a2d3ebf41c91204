package git

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"time"
)

// A Blob is a content that some commit has.
type Blob struct {
	Object string
	Size   int64 // in bytes
}

// A History is what the commits hold that a ref, HEAD or the newest stash leads to.
type History struct {
	Commits int
	Blobs   []Blob // each once, of those that were asked for
	Shallow bool   // the repository is a shallow clone: older commits are elsewhere
	Absent  int    // how many objects are not there, as in a partial clone
}

// History looks at the whole history, for the blobs of at most maxSize bytes.
func (r *Repository) History(ctx context.Context, maxSize int64) (History, error) {
	var h History
	out, err := r.output(ctx, "rev-parse", "--is-shallow-repository")
	if err != nil {
		return h, err
	}
	h.Shallow = string(bytes.TrimSpace(out)) == "true"

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	questions, ask := io.Pipe()
	listed := make(chan error, 1)
	go func() {
		w := bufio.NewWriterSize(ask, 64<<10)
		err := r.stream(ctx, nil, func(objects *bufio.Reader) error {
			return eachLine(objects, func(line []byte) error {
				// A commit stands alone; trees and blobs have a blank after the hash, and then
				// a path if they have one; what is not there begins with "?".
				object, _, named := bytes.Cut(line, []byte{' '})
				switch {
				case bytes.HasPrefix(object, []byte{'?'}):
					h.Absent++
				case !named:
					h.Commits++
				default:
					w.Write(object)
					return w.WriteByte('\n')
				}
				return nil
			})
		}, "rev-list", "--objects", "--all", "--missing=print")
		w.Flush()
		ask.Close()
		listed <- err
	}()
	var blobs []Blob
	err = r.catFile(ctx, questions, func(answers *bufio.Reader) error {
		return eachLine(answers, func(line []byte) error {
			a, err := parseAnswer(string(line))
			if a.kind == "blob" && a.size <= maxSize {
				blobs = append(blobs, Blob{a.object, a.size})
			}
			return err
		})
	}, "--batch-check")
	if err != nil {
		cancel() // nobody listens any more
		questions.Close()
	}
	if problem := <-listed; err == nil {
		err = problem
	}
	h.Blobs = blobs
	return h, err
}

// eachLine calls visit for each line, without its end, up to the first error.
func eachLine(r *bufio.Reader, visit func(line []byte) error) error {
	for {
		line, err := r.ReadSlice('\n')
		if err == bufio.ErrBufferFull { // no path is that long, and its end does not matter
			line = bytes.Clone(line)
			for err == bufio.ErrBufferFull {
				_, err = r.ReadSlice('\n')
			}
		}
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		if err := visit(bytes.TrimSuffix(line, []byte{'\n'})); err != nil {
			return err
		}
	}
}

// An Introduction is the first commit that has a blob under a path.
type Introduction struct {
	Object, Path string
	Commit       string
	Time         time.Time // when it was committed
}

// maxObjects bounds how many objects stand on one command line of git's.
const maxObjects = 500

// Introductions gives, for each of the blobs, the commits of the history that
// introduced it, one for each path, in the order of time. A blob that no commit
// has (a tag may lead to it) has none.
func (r *Repository) Introductions(ctx context.Context, objects []string) ([]Introduction, error) {
	if len(objects) == 0 {
		return nil, nil
	}
	commits, err := r.output(ctx, "rev-list", "--all", "--topo-order", "--reverse")
	if err != nil {
		return nil, err
	}
	var all []Introduction
	for chunk := range slices.Chunk(objects, maxObjects) {
		args := append([]string{"diff-tree", "--stdin", "-m", "-r", "--root"}, rawFormat[:]...)
		for _, object := range chunk {
			args = append(args, "--find-object="+object)
		}
		type place struct{ object, path string }
		seen := make(map[place]bool)
		commit := ""
		err := r.stream(ctx, bytes.NewReader(commits), func(out *bufio.Reader) error {
			for {
				record, err := out.ReadString(0)
				if err == io.EOF && record == "" {
					return nil
				}
				if err != nil {
					return err
				}
				if record[0] != ':' {
					commit = strings.TrimSuffix(record, "\x00")
					continue
				}
				path, err := out.ReadString(0)
				if err != nil {
					return err
				}
				found, err := changes([]byte(record + path))
				if err != nil {
					return err
				}
				p := place{found[0].object, found[0].path}
				if !seen[p] && slices.Contains(chunk, p.object) {
					seen[p] = true
					all = append(all, Introduction{Object: p.object, Path: p.path, Commit: commit})
				}
			}
		}, args...)
		if err != nil {
			return nil, err
		}
	}
	return all, r.date(ctx, all)
}

// date fills in the times.
func (r *Repository) date(ctx context.Context, all []Introduction) error {
	if len(all) == 0 {
		return nil
	}
	var commits []string
	for _, i := range all {
		commits = append(commits, i.Commit)
	}
	times := make(map[string]time.Time)
	err := r.stream(ctx, lines(commits), func(out *bufio.Reader) error {
		return eachLine(out, func(line []byte) error {
			commit, when, _ := strings.Cut(string(line), " ")
			if commit == "commit" {
				return nil // the line that rev-list puts before each
			}
			t, err := time.Parse(time.RFC3339, when)
			times[commit] = t.UTC()
			return err
		})
	}, "rev-list", "--no-walk", "--stdin", "--format=%H %cI")
	for i := range all {
		all[i].Time = times[all[i].Commit]
	}
	slices.SortStableFunc(all, func(a, b Introduction) int { return a.Time.Compare(b.Time) })
	return err
}
