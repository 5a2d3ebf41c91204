package check

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dockercfg/jet/internal/git"
	"github.com/dockercfg/jet/internal/worktree"
)

// A candidate is a version with what it takes to read it.
type candidate struct {
	version
	object string // of the index; "" if there is none, or it is not the same as the file
	file   string // in the work tree; "" to read the object
}

// collect judges the index and the work tree, or what is staged.
func (c *checker) collect() error {
	switch {
	case c.repo == nil:
		return c.collectFiles()
	case c.Staged:
		return c.collectStaged()
	}
	return c.collectAll()
}

// collectStaged judges what the next commit changes. A file that lies in the index
// beside its encrypted version is judged if either of the two is new.
func (c *checker) collectStaged() error {
	var staged, entries []git.Entry
	if err := c.together(
		func() (err error) { staged, err = c.repo.Staged(c.ctx); return err },
		func() (err error) { entries, err = c.repo.Entries(c.ctx); return err },
	); err != nil {
		return err
	}
	if err := c.readStagedAllowances(entries); err != nil {
		return err
	}
	known := make(map[string]bool, len(entries))
	for _, e := range entries {
		known[e.Path] = true
	}
	c.say.tracked = known
	if err := c.exist(known); err != nil {
		return err
	}
	twins := twinsAmong(known)
	isStaged := make(map[string]bool, len(staged))
	for _, e := range staged {
		isStaged[e.Path] = true
	}
	for _, e := range entries {
		if twin := twins[e.Path]; twin != nil && isStaged[twin.of] && !isStaged[e.Path] && !e.Unmerged {
			staged = append(staged, e)
		}
	}
	var candidates []*candidate
	for _, e := range staged {
		if e.Mode.IsFile() && c.judges(e.Path) {
			candidates = append(candidates, &candidate{version: version{path: e.Path, place: InIndex, twin: twins[e.Path]}, object: e.Object})
		}
	}
	c.files = len(candidates)
	return c.judgeObjects(candidates, true)
}

// collectAll judges the index, and the files of the work tree that are not as they
// are there, or that git would add.
func (c *checker) collectAll() error {
	if err := c.readAllowances(); err != nil {
		return err
	}
	var entries []git.Entry
	var differences map[string]git.Difference
	var listing worktree.Listing
	if err := c.together(
		func() (err error) { entries, err = c.repo.Entries(c.ctx); return err },
		func() (err error) { differences, err = c.repo.Differences(c.ctx); return err },
		func() (err error) { listing, err = worktree.List(c.ctx, c.top); return err },
	); err != nil {
		return err
	}
	_, search, err := c.keys.get(c.ctx)
	if err != nil {
		return err
	}
	known, tracked := make(map[string]bool, len(entries)), make(map[string]bool, len(entries))
	files := make(map[string]fs.FileInfo, len(listing.Files))
	for _, e := range entries {
		known[e.Path], tracked[e.Path] = true, true
	}
	for _, f := range listing.Files {
		path := filepath.ToSlash(f.Path)
		known[path] = true
		files[path] = f.Info
	}
	c.say.tracked = tracked
	if err := c.exist(known); err != nil {
		return err
	}
	twins := twinsAmong(known)

	var inIndex, inTree []*candidate
	file := func(path, object string, place Place) {
		info := files[path]
		if info == nil || !info.Mode().IsRegular() {
			return
		}
		f := &candidate{version: version{path: path, place: place, size: info.Size(), twin: twins[path]}, object: object}
		f.file = filepath.Join(c.top, filepath.FromSlash(path))
		if must(&f.version) || search && may(&f.version) {
			inTree = append(inTree, f)
		}
	}
	previous := ""
	for _, e := range entries {
		if !c.judges(e.Path) {
			continue
		}
		if e.Path != previous {
			c.files++
		}
		again := e.Path == previous
		previous = e.Path
		difference := differences[e.Path]
		switch {
		case e.Unmerged && !again:
			file(e.Path, "", InWorkTree) // what is in conflict is not committed as it is
		case e.Unmerged:
		case !e.Mode.IsFile():
			if difference == git.Modified {
				file(e.Path, "", InWorkTree) // it may have become one
			}
		case difference == git.Intended:
			file(e.Path, "", InWorkTree)
		case difference == 0 && !e.Unwatched && files[e.Path] != nil:
			file(e.Path, e.Object, InIndex)
		default:
			inIndex = append(inIndex, &candidate{version: version{path: e.Path, place: InIndex, twin: twins[e.Path]}, object: e.Object})
			if difference == git.Modified && !e.Unwatched {
				file(e.Path, "", InWorkTree)
			}
		}
	}
	for _, f := range listing.Files {
		if path := filepath.ToSlash(f.Path); !tracked[path] && c.judges(path) {
			c.files++
			file(path, "", InWorkTree)
		}
	}
	for _, problem := range listing.Unread {
		if p := (*fs.PathError)(nil); errors.As(problem, &p) && c.judges(filepath.ToSlash(p.Path)) {
			return problem
		}
	}
	if err := c.judgeFiles(inTree); err != nil {
		return err
	}
	return c.judgeObjects(inIndex, search)
}

// collectFiles judges all files, as nobody can tell which of them matter.
func (c *checker) collectFiles() error {
	if err := c.readAllowances(); err != nil {
		return err
	}
	listing, err := worktree.ListAll(c.ctx, c.top, nil)
	if err != nil {
		return err
	}
	_, search, err := c.keys.get(c.ctx)
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(listing.Files))
	for _, f := range listing.Files {
		known[filepath.ToSlash(f.Path)] = true
	}
	if err := c.exist(known); err != nil {
		return err
	}
	twins := twinsAmong(known)
	var candidates []*candidate
	for _, f := range listing.Files {
		path := filepath.ToSlash(f.Path)
		if !c.judges(path) {
			continue
		}
		c.files++
		one := &candidate{version: version{path: path, place: InWorkTree, size: f.Info.Size(), twin: twins[path]}, file: filepath.Join(c.top, f.Path)}
		if f.Info.Mode().IsRegular() && (must(&one.version) || search && may(&one.version)) {
			candidates = append(candidates, one)
		}
	}
	for _, problem := range listing.Unread {
		if p := (*fs.PathError)(nil); errors.As(problem, &p) && c.judges(filepath.ToSlash(p.Path)) {
			return problem
		}
	}
	return c.judgeFiles(candidates)
}

// twinsAmong gives the files that by name are the plain text of another one.
func twinsAmong(known map[string]bool) map[string]*twin {
	twins := make(map[string]*twin)
	for path := range known {
		for plain, certain := range twinsOf(path) {
			if !known[plain] {
				continue
			}
			if other := twins[plain]; other == nil || certain && !other.certain || certain == other.certain && path < other.of {
				twins[plain] = &twin{path, certain}
			}
		}
	}
	return twins
}

// together runs steps at the same time, and gives the first error.
func (c *checker) together(steps ...func() error) error {
	errs := make([]error, len(steps))
	var group sync.WaitGroup
	for i, step := range steps {
		group.Go(func() { errs[i] = step() })
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) judge() *judge { return &judge{ctx: c.ctx, key: &c.keys, say: c.say} }

// judgeFiles reads files of the work tree. A file that git takes for what the index
// has may all the same differ from it, by a filter (git-crypt decrypts on the way)
// or a line end: if anything is found in it, what counts is the index.
func (c *checker) judgeFiles(candidates []*candidate) error {
	var next atomic.Int64
	var found, doubted sync.Map // by position
	j := c.judge()
	work := func() error {
		var buffer bytes.Buffer
		for c.ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= len(candidates) {
				return nil
			}
			one := candidates[i]
			findings, err := j.file(one, &buffer)
			switch {
			case errors.Is(err, fs.ErrNotExist): // gone meanwhile
			case err != nil:
				next.Store(int64(len(candidates)))
				return err
			case findings == nil:
			case one.object != "":
				doubted.Store(i, one)
			default:
				found.Store(i, findings)
			}
		}
		return c.ctx.Err()
	}
	workers := make([]func() error, 2*runtime.GOMAXPROCS(0))
	for i := range workers {
		workers[i] = work
	}
	if err := c.together(workers...); err != nil {
		return err
	}
	var objects []*candidate
	for i := range candidates {
		if findings, ok := found.Load(i); ok {
			c.add(findings.([]Finding)...)
		}
		if one, ok := doubted.Load(i); ok {
			objects = append(objects, one.(*candidate))
		}
	}
	return c.judgeObjects(objects, true)
}

// file judges a file of the work tree.
func (j *judge) file(one *candidate, buffer *bytes.Buffer) ([]Finding, error) {
	f, err := os.Open(one.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buffer.Reset()
	buffer.Grow(int(min(one.size, wholeBytes)) + bytes.MinRead)
	if _, err := buffer.ReadFrom(io.LimitReader(f, wholeBytes+1)); err != nil {
		return nil, err
	}
	return j.content(&one.version, buffer.Bytes(), f)
}

// judgeObjects reads what the index holds. Search says that the project key may be
// anywhere.
func (c *checker) judgeObjects(candidates []*candidate, search bool) error {
	if len(candidates) == 0 {
		return nil
	}
	objects := make([]string, len(candidates))
	for i, one := range candidates {
		objects[i] = one.object
	}
	sizes, err := c.repo.Sizes(c.ctx, objects)
	if err != nil {
		return err
	}
	var wanted []*candidate
	objects = objects[:0]
	absent := 0
	for i, one := range candidates {
		if one.size = sizes[i]; one.size == git.Absent {
			absent++
		} else if must(&one.version) || search && may(&one.version) {
			wanted = append(wanted, one)
			objects = append(objects, one.object)
		}
	}
	if absent > 0 {
		c.notes = append(c.notes, "some files of the index were not judged: this is a partial clone, and they are not in it")
	}
	j := c.judge()
	return c.blobs(objects, func(i int, content io.Reader) error {
		findings, err := j.judge(&wanted[i].version, content)
		c.add(findings...)
		return err
	})
}

// fewObjects are so few that one git reads them as quickly as several.
const fewObjects = 2000

// blobs calls visit with the content of each of the objects that are there, from
// several places at once.
func (c *checker) blobs(objects []string, visit func(i int, content io.Reader) error) error {
	size := max(fewObjects, (len(objects)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var steps []func() error
	for start := 0; start < len(objects); start += size {
		part := objects[start:min(start+size, len(objects))]
		steps = append(steps, func() error {
			return c.repo.Blobs(c.ctx, part, func(i int, size int64, content io.Reader) error {
				if size == git.Absent {
					return nil
				}
				return visit(start+i, content)
			})
		})
	}
	return c.together(steps...)
}

// readAllowances reads AllowFile from the work tree.
func (c *checker) readAllowances() error {
	path := filepath.Join(c.top, AllowFile)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &AllowError{Problem: "it is not a plain file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.parseAllowances(f)
}

// readStagedAllowances reads AllowFile from the index.
func (c *checker) readStagedAllowances(entries []git.Entry) error {
	at := slices.IndexFunc(entries, func(e git.Entry) bool { return e.Path == AllowFile && e.Mode.IsFile() && !e.Unmerged })
	if at < 0 {
		if _, err := os.Lstat(filepath.Join(c.top, AllowFile)); err == nil {
			c.notes = append(c.notes, AllowFile+" is not in the index, so it was not looked at")
		}
		return nil
	}
	return c.repo.Blobs(c.ctx, []string{entries[at].Object}, func(_ int, size int64, content io.Reader) error {
		if size == git.Absent {
			return &AllowError{Problem: "the repository does not have the version of the index"}
		}
		return c.parseAllowances(content)
	})
}

func (c *checker) parseAllowances(r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, maxAllowFile+1))
	if err == nil {
		c.allowances, err = ParseAllowances(text)
	}
	return err
}
