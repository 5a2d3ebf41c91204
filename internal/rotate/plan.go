package rotate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/encryptedfile"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/services"
	"github.com/dockercfg/jet/internal/worktree"
)

// NewPlan decrypts what is to have a new key, and changes nothing. The error is
// Problems if there are files that cannot be rotated, all of them.
func NewPlan(ctx context.Context, r Request) (*Plan, error) {
	p := newPlan(r)
	listing, err := worktree.ListAll(ctx, r.Root, func(path string) bool { return within(path, r.Exclude) })
	if err != nil {
		return nil, err
	}
	p.Nested = listing.Nested
	var problems Problems
	for _, err := range listing.Unread {
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			problems = append(problems, Problem{Path: path.Path, Err: path.Err})
		}
	}

	var files []string
	for _, f := range listing.Files {
		switch {
		case f.Info.Mode()&fs.ModeSymlink != 0:
			p.lookBehind(f.Path)
		case !f.Info.Mode().IsRegular() || r.isKey(f.Path):
		case isStaged(f.Path):
			p.Leftovers = append(p.Leftovers, f.Path)
		default:
			files = append(files, f.Path)
		}
	}
	candidates := make([]*candidate, len(files))
	if err := parallel(ctx, len(files), func(i int) error {
		candidates[i] = p.look(files[i])
		return nil
	}); err != nil {
		return nil, err
	}
	candidates = slices.DeleteFunc(candidates, func(c *candidate) bool { return c == nil })

	// What a services file refers to as encrypted is, whatever its name.
	known := make(map[string]bool)
	for _, c := range candidates {
		for _, path := range c.refers {
			known[path] = true
		}
	}
	// Those that have a check first: what they show helps to judge the others.
	checked := func(c *candidate) bool { return c.finding.Format.Strength() > 0 }
	for _, pass := range []bool{true, false} {
		if err := parallel(ctx, len(candidates), func(i int) error {
			c := candidates[i]
			if checked(c) != pass {
				return nil
			}
			if known[c.path] || slices.Contains(r.Paths, c.path) || slices.Contains(r.Unsigned, c.path) {
				c.finding.Doubtful = false
			}
			return p.examine(ctx, c)
		}); err != nil {
			return nil, err
		}
		p.mixed = slices.ContainsFunc(candidates, func(c *candidate) bool { return c.done })
	}
	for _, c := range candidates {
		switch {
		case c.problem != nil:
			problems = append(problems, *c.problem)
		case c.file != nil:
			p.Files = append(p.Files, c.file)
		case c.remains:
			p.Remaining = append(p.Remaining, Left{c.path, NotNamed})
		case c.done:
			p.Done = append(p.Done, c.path)
		case c.foreign:
			p.Foreign = append(p.Foreign, c.path)
		case c.doubtful:
			p.Doubtful = append(p.Doubtful, c.path)
		}
	}
	problems = append(problems, p.unmatched(files, candidates)...)
	if err := p.lookAtExcluded(ctx); err != nil {
		return nil, err
	}
	if problems != nil {
		slices.SortStableFunc(problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
		return nil, problems
	}
	return p, nil
}

// parallel calls do for 0 to n-1 on all processors, until one fails.
func parallel(ctx context.Context, n int, do func(i int) error) error {
	return parallelBy(ctx, runtime.GOMAXPROCS(0), n, do)
}

// parallelBy is parallel with a number of workers.
func parallelBy(ctx context.Context, workers, n int, do func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var group sync.WaitGroup
	for range min(n, workers) {
		group.Go(func() {
			for i := range next {
				if err := do(i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	group.Wait()
	return context.Cause(ctx)
}

// A candidate is a file that may have to be rotated, and what became of it.
type candidate struct {
	path    string
	finding encryptedfile.Finding
	values  *services.File // of a services file
	refers  []string       // to files that are encrypted

	problem                          *Problem
	file                             *File
	remains, done, foreign, doubtful bool
}

func (c *candidate) stop(line int, err error) {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err // which names the file once more
	}
	if c.problem == nil {
		c.problem = &Problem{Path: c.path, Line: line, Err: err}
	}
}

// look tells without a key what a file is: nil for nothing of interest.
func (p *Plan) look(path string) *candidate {
	c := &candidate{path: path}
	file, err := os.Open(p.full(path))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		c.stop(0, err)
		return c
	}
	defer file.Close()
	if c.finding, err = encryptedfile.Look(path, file); err != nil {
		c.stop(0, err)
		return c
	}
	if c.finding.Format != 0 || c.finding.Problem != nil {
		return c
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		c.stop(0, err)
		return c
	}
	may, err := services.Mentions(path, file)
	if err == nil && may {
		var data []byte
		if data, err = readServices(p.full(path)); err == nil {
			if c.values, err = services.Parse(data); err != nil && !services.MayHoldValues(data) {
				return nil // something else that has the words
			}
		}
	}
	switch {
	case err != nil && p.selected(path):
		c.stop(0, err)
		return c
	case err != nil || c.values == nil:
		return nil
	}
	for _, r := range c.values.References {
		if r.IsEncrypted() {
			c.refers = append(c.refers, filepath.Join(filepath.Dir(path), filepath.FromSlash(r.Target)))
		}
	}
	return c
}

func readServices(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, services.MaxBytes+1))
}

// examine finds out which key opens a candidate.
func (p *Plan) examine(ctx context.Context, c *candidate) error {
	switch {
	case c.problem != nil:
		return nil
	case !p.selected(c.path):
		c.remains = p.needsOld(c.path, c.values)
		return nil
	case c.values != nil:
		return p.examineValues(ctx, c)
	case c.finding.Problem != nil:
		if !p.belongsToOther(c.path) {
			c.stop(0, c.finding.Problem)
		}
		return nil
	case c.finding.Format == crypto.Unsigned:
		return p.examineUnsigned(ctx, c)
	}
	read, err := p.decrypt(ctx, p.full(c.path), p.Old.Key)
	if err == nil {
		c.file = p.newFile(c.path, read)
		p.checkTarget(c)
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if isWrongKey(err) {
		if _, err := p.decrypt(ctx, p.full(c.path), p.New.Key); err == nil {
			c.done = true
			return nil
		} else if !isWrongKey(err) {
			c.stop(0, err)
			return ctx.Err()
		}
		if c.foreign = p.belongsToOther(c.path); c.foreign {
			return nil
		}
		err = fmt.Errorf("neither key opens it: %w", err)
	}
	c.stop(0, err)
	return nil
}

// isWrongKey reports whether another key may do.
func isWrongKey(err error) bool {
	return errors.Is(err, crypto.ErrWrongKey) || errors.Is(err, crypto.ErrVariant)
}

// leastText is how many bytes of text are more than chance.
const leastText = 12

// examineUnsigned judges a file of the format without a check by whether it opens
// to text.
func (p *Plan) examineUnsigned(ctx context.Context, c *candidate) error {
	vouched := slices.Contains(p.Unsigned, c.path)
	read, err := p.decrypt(ctx, p.full(c.path), p.Old.Key)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, crypto.ErrHeaderLost):
		c.stop(0, err)
		return nil
	case err != nil && c.finding.Doubtful:
		c.doubtful = true
		return nil
	case err != nil:
		c.stop(0, err)
		return nil
	}
	isText := func(key crypto.Key) bool {
		return p.probe(p.full(c.path), key) && (!c.finding.Doubtful || read.size >= leastText)
	}
	switch {
	case !vouched && p.mixed && read.size > 0 && isText(p.Old.Key) && isText(p.New.Key):
		c.stop(0, ErrAmbiguous)
	case vouched, isText(p.Old.Key):
		c.file = p.newFile(c.path, read)
		p.checkTarget(c)
	case isText(p.New.Key):
		c.done = true
	case c.finding.Doubtful:
		c.doubtful = true
	case p.belongsToOther(c.path):
		c.foreign = true
	default:
		c.stop(0, ErrUncertain)
	}
	return nil
}

// examineValues finds out which values of a services file need the new key.
func (p *Plan) examineValues(ctx context.Context, c *candidate) error {
	data, err := readServices(p.full(c.path))
	if err != nil {
		c.stop(0, err)
		return nil
	}
	_, f, err := p.sealValues(c.path, data)
	var problem Problem
	switch {
	case errors.As(err, &problem):
		if errors.Is(problem.Err, ErrUncertain) && p.belongsToOther(c.path) {
			c.foreign = true
			return nil
		}
		c.stop(problem.Line, problem.Err)
	case err != nil:
		c.stop(0, err)
	case f.Values > 0:
		c.file = f
	default:
		c.done = slices.ContainsFunc(c.values.Values, func(v services.Value) bool { return v.Format != 0 })
	}
	return ctx.Err()
}

// checkTarget refuses to write a format that is too weak.
func (p *Plan) checkTarget(c *candidate) {
	if c.file.To.Strength() < p.Require.Strength() {
		c.stop(0, weakTarget(c.file.To, p.Require))
	}
}

// needsOld reports whether the old key opens a file, or a value in it, as far as
// their beginnings tell.
func (p *Plan) needsOld(path string, values *services.File) bool {
	if values == nil {
		return p.probe(p.full(path), p.Old.Key)
	}
	return slices.ContainsFunc(values.Values, func(v services.Value) bool {
		_, err := crypto.Probe([]byte(v.Text), p.Old.Key)
		return v.Format != 0 && err == nil
	})
}

// probe reports whether a key opens the beginning of a file.
func (p *Plan) probe(path string, key crypto.Key) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	head := make([]byte, encryptedfile.HeadBytes)
	n, _ := io.ReadFull(file, head)
	_, err = crypto.Probe(head[:n], key)
	return err == nil
}

// belongsToOther reports whether another key than the old one is found first from
// the folder of a file, so that its own is another project.
func (p *Plan) belongsToOther(path string) bool {
	home := "."
	if name := filepath.Base(p.Old.Path); name == projectkey.FileName || name == projectkey.SharedFileName {
		if rel, err := filepath.Rel(p.Root, filepath.Dir(p.Old.Path)); err == nil && filepath.IsLocal(rel) {
			home = rel
		}
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if dir == home {
			return false
		}
		for _, name := range [...]string{projectkey.FileName, projectkey.SharedFileName} {
			if _, err := os.Lstat(p.full(filepath.Join(dir, name))); err == nil {
				return true
			}
		}
		if dir == "." {
			return true // it is not below the folder of the old key
		}
	}
}

// isKey leaves out the files of keys, which look like unsigned files.
func (r Request) isKey(path string) bool {
	full := r.full(path)
	return full == r.Old.Path || full == r.New.Path || strings.HasPrefix(filepath.Base(path), projectkey.FileName)
}

// lookBehind notes a link that leads out of the project to a file that needs the
// old key. A link within leads to a file that is looked at itself.
func (p *Plan) lookBehind(path string) {
	target, err := filepath.EvalSymlinks(p.full(path))
	if err != nil {
		return
	}
	inside, err := filepath.Rel(p.Root, target)
	if err == nil && filepath.IsLocal(inside) {
		return
	}
	if found, err := encryptedfile.LookAt(target); err == nil && found.Format != 0 && !found.Doubtful && p.probe(target, p.Old.Key) {
		p.Remaining = append(p.Remaining, Left{path, Outside})
	}
}

// lookAtExcluded notes what is left out and needs the old key.
func (p *Plan) lookAtExcluded(ctx context.Context) error {
	note := func(path string) {
		if found, err := encryptedfile.LookAt(p.full(path)); err == nil && found.Format != 0 && !found.Doubtful && p.probe(p.full(path), p.Old.Key) {
			p.Remaining = append(p.Remaining, Left{path, Excluded})
		}
	}
	for _, path := range p.Exclude {
		info, err := os.Lstat(p.full(path))
		switch {
		case err != nil:
		case info.Mode().IsRegular():
			note(path)
		case info.IsDir():
			listing, err := worktree.ListAll(ctx, p.full(path), nil)
			if err != nil {
				return err
			}
			for _, f := range listing.Files {
				if f.Info.Mode().IsRegular() && !p.isKey(f.Path) {
					note(filepath.Join(path, f.Path))
				}
			}
		}
	}
	return nil
}

// unmatched gives what the user named and what cannot be rotated.
func (p *Plan) unmatched(files []string, candidates []*candidate) (problems Problems) {
	for _, path := range slices.Concat(p.Paths, p.Unsigned) {
		is := func(c *candidate) bool {
			return c.path == path && (c.problem != nil || c.file != nil || c.done || c.foreign || c.doubtful)
		}
		switch {
		case within(path, p.Nested), slices.Contains(strings.Split(path, string(filepath.Separator)), ".git"):
			problems = append(problems, Problem{Path: path, Err: ErrNested})
		case slices.Contains(files, path) && !slices.ContainsFunc(candidates, is):
			problems = append(problems, Problem{Path: path, Err: ErrNotEncrypted})
		}
	}
	return problems
}
