package rotate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/filelock"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/rotate/journal"
)

// A Session is the right to rotate a project: there is one at a time.
type Session struct {
	Journal *journal.Journal // of a rotation that is not finished; nil for none

	place   journal.Place
	lock    io.Closer
	notices []string // for people
}

// ErrRunning: another process rotates the project right now.
var ErrRunning = errors.New("another jet is changing the key of this project right now")

// lockPatience is how long a lock is waited for: a process that was killed just when
// it started another one still has it for a moment.
const lockPatience = time.Second

// Begin takes the lock of a project and reads its journal. The caller closes the Session.
func Begin(ctx context.Context, place journal.Place) (*Session, error) {
	lock, err := acquire(place.File)
	for began := time.Now(); err == filelock.ErrInUse && time.Since(began) < lockPatience && ctx.Err() == nil; {
		time.Sleep(lockPatience / 50)
		lock, err = acquire(place.File)
	}
	if err == filelock.ErrInUse {
		err = ErrRunning
	}
	if err != nil {
		return nil, err
	}
	j, err := journal.Load(place)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Session{Journal: j, place: place, lock: lock}, nil
}

// Close gives up the lock.
func (s *Session) Close() error { return s.lock.Close() }

// A Result is what a rotation did.
type Result struct {
	Notices []string // for people
	Keys    Moved
}

// UnfinishedError says that a rotation stopped after its point of no return: some
// files have the new key, and Resume goes on.
type UnfinishedError struct {
	Replaced, Total int // files
	Errs            []error
}

func (e *UnfinishedError) Error() string {
	if e.Replaced == e.Total {
		return fmt.Sprintf("all files have the new key, and the keys themselves are not in their places: %v", errors.Join(e.Errs...))
	}
	return fmt.Sprintf("%d of %d files have the new key, and the others still the old one: %v", e.Replaced, e.Total, errors.Join(e.Errs...))
}

func (e *UnfinishedError) Unwrap() []error { return e.Errs }

// Run does what a plan says. After an error nothing is changed, unless it is an
// *UnfinishedError. The context ends a rotation only before its point of no return.
func (s *Session) Run(ctx context.Context, p *Plan) (*Result, error) {
	s.Journal = s.begin(p)
	err := s.prepare(ctx, p)
	if err != nil {
		return nil, errors.Join(err, s.undo())
	}
	return s.finish(context.WithoutCancel(ctx), p)
}

// begin makes the journal of a plan.
func (s *Session) begin(p *Plan) *journal.Journal {
	j := journal.New(s.place)
	j.ID = rand.Text()
	j.Root = j.Short(p.Root)
	j.Old = journal.Key{Fingerprint: p.Old.Fingerprint(), Path: j.Short(p.Old.Path), Shared: p.Old.Shared}
	j.New = journal.Key{Fingerprint: p.New.Fingerprint(), Path: j.Short(p.New.Path), Generated: p.New.Generated}
	j.KeepKeys = p.keepsKeys()
	j.Paths, j.Exclude, j.Unsigned = slashes(p.Paths), slashes(p.Exclude), slashes(p.Unsigned)
	if p.Format != 0 {
		j.Format = p.Format.String()
	}
	return j
}

func slashes(paths []string) (all []string) {
	for _, path := range paths {
		all = append(all, filepath.ToSlash(path))
	}
	return all
}

// prepare writes all new files, and looks whether the old ones are as they were.
// At its end the journal says that there is no way back.
func (s *Session) prepare(ctx context.Context, p *Plan) error {
	if err := s.prepareKeys(ctx, p); err != nil {
		return err
	}
	if err := s.prepareShared(ctx, p); err != nil {
		return err
	}
	files, j := p.all(), s.Journal
	for _, f := range files {
		j.Files = append(j.Files, journal.File{Path: filepath.ToSlash(f.Path), Old: hex.EncodeToString(f.sum[:]), Key: f.shared})
	}
	if err := j.Save(); err != nil {
		return err
	}
	if err := s.writeKeys(p); err != nil {
		return err
	}
	for _, path := range p.Leftovers {
		if err := remove(p.full(path)); err != nil {
			return err
		}
	}
	if err := parallel(ctx, len(files), func(i int) error {
		sum, err := p.stage(ctx, files[i], j.ID)
		j.Files[i].New = hex.EncodeToString(sum[:])
		return named(files[i], err)
	}); err != nil {
		return err
	}
	if err := parallelBy(ctx, syncers, len(files), func(i int) error {
		return named(files[i], outfile.Sync(stagedPath(p.full(files[i].Path), j.ID)))
	}); err != nil {
		return err
	}
	if err := p.syncFolders(); err != nil {
		return err
	}
	if err := parallel(ctx, len(files), func(i int) error {
		sum, err := sumOfFile(ctx, p.full(files[i].Path))
		if err == nil && sum != files[i].sum {
			err = ErrChanged
		}
		return named(files[i], err)
	}); err != nil {
		return err
	}
	j.Phase = journal.Swapping
	return j.Save()
}

// syncers is how many files are put on disk at once: most of that is waiting.
const syncers = 16

// syncFolders makes the names in all folders with files of the plan last.
func (p *Plan) syncFolders() error {
	var folders []string
	for _, f := range p.all() {
		folders = append(folders, filepath.Dir(p.full(f.Path)))
	}
	slices.Sort(folders)
	for _, folder := range slices.Compact(folders) {
		if err := outfile.SyncFolder(filepath.Join(folder, "x")); err != nil {
			return err
		}
	}
	return nil
}

// named says which file an error is about, if it does not say so itself.
func named(f *File, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	return Problem{Path: f.Path, Err: err}
}

// undo takes back what prepare did.
func (s *Session) undo() error {
	if err := errors.Join(s.removeStaged(), s.removeKeys()); err != nil {
		return err // the journal stays, since there is something left
	}
	j := s.Journal
	s.Journal = nil
	return j.Remove()
}

// removeStaged removes the new files, none of which is in place.
func (s *Session) removeStaged() error {
	var problems []error
	for _, f := range s.Journal.Files {
		problems = append(problems, remove(stagedPath(s.full(f), s.Journal.ID)))
	}
	return errors.Join(problems...)
}

// full gives the path of a file of the journal.
func (s *Session) full(f journal.File) string {
	return filepath.Join(s.Journal.Path(s.Journal.Root), filepath.FromSlash(f.Path))
}

// finish puts all files into place, and then the keys.
func (s *Session) finish(ctx context.Context, p *Plan) (*Result, error) {
	result := &Result{Notices: s.notices}
	var failed []error
	files := p.all()
	for i, f := range files {
		inPlace, err := s.swap(ctx, p, f, s.Journal.Files[i])
		if err != nil {
			failed = append(failed, named(f, err))
		}
		if inPlace {
			result.Notices = append(result.Notices, fmt.Sprintf("%q could only be written in place", f.Path))
		}
	}
	replaced := len(files) - len(failed)
	if err := p.syncFolders(); err != nil {
		failed = append(failed, err)
	}
	if failed == nil {
		var err error
		var notices []string
		if result.Keys, notices, err = s.moveKeys(p); err != nil {
			failed = append(failed, err)
		}
		result.Notices = append(result.Notices, notices...)
	}
	if failed != nil {
		return nil, &UnfinishedError{Replaced: replaced, Total: len(files), Errs: failed}
	}
	j := s.Journal
	s.Journal = nil
	return result, j.Remove()
}

// swap puts one new file into place, if the old one is still what it was made of.
func (s *Session) swap(ctx context.Context, p *Plan, f *File, recorded journal.File) (inPlace bool, err error) {
	path := p.full(f.Path)
	stagedAs := stagedPath(path, s.Journal.ID)
	sum, err := sumOfFile(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		// Somebody removed the file, and nothing is to come back.
		return false, remove(stagedAs)
	}
	if err != nil {
		return false, err
	}
	switch hex.EncodeToString(sum[:]) {
	case recorded.New: // it is in place
		return false, remove(stagedAs)
	case recorded.Old:
		if sum, err := sumOfFile(ctx, stagedAs); err == nil && hex.EncodeToString(sum[:]) == recorded.New {
			return outfile.Replace(stagedAs, path)
		}
	}
	// The new file is lost, or the old one was changed: once more, from what is there.
	if err := remove(stagedAs); err != nil {
		return false, err
	}
	if err := p.redo(ctx, f); err != nil || f.To == 0 && f.Values == 0 && !f.shared {
		return false, err
	}
	if _, err := p.stage(ctx, f, s.Journal.ID); err != nil {
		return false, err
	}
	return outfile.Replace(stagedAs, path)
}

// remove removes a file that need not be there: where nothing can be removed, that
// is found out by looking.
func remove(path string) error {
	err := os.Remove(path)
	if err == nil || !exists(path) {
		return nil
	}
	return err
}

// redo finds out anew what has to be done with a file. It has neither a format to
// be written in nor values if there is nothing to do, since it has the new key, or
// is not encrypted any more.
func (p *Plan) redo(ctx context.Context, f *File) error {
	if f.shared {
		if p.Shared == nil {
			return ErrChanged
		}
		return p.sealShared(ctx, f)
	}
	path := f.Path
	*f = File{Path: path}
	c := p.look(path)
	if c == nil {
		return nil
	}
	c.finding.Doubtful = false
	if err := p.examine(ctx, c); err != nil {
		return err
	}
	if c.problem != nil {
		return c.problem.Err
	}
	if c.file != nil {
		*f = *c.file
	}
	return nil
}

func sumOfFile(ctx context.Context, path string) (digest, error) {
	file, err := os.Open(path)
	if err != nil {
		return digest{}, err
	}
	defer file.Close()
	h := sha256.New()
	_, err = io.Copy(h, reader{ctx, file})
	return sumOf(h), err
}

// Abort takes back a rotation that did not reach its point of no return.
func (s *Session) Abort() error {
	if s.Journal.Phase != journal.Preparing {
		return fmt.Errorf("all new files were ready, and of %d files some may have the new key already", len(s.Journal.Files))
	}
	return s.undo()
}

// Resume finishes a rotation that was interrupted, with the keys of its journal.
// One that did not reach its point of no return begins again.
func (s *Session) Resume(ctx context.Context, old, new Key, shared *Shared, required crypto.Format) (*Plan, *Result, error) {
	j := s.Journal
	r := Request{
		Root:  j.Path(j.Root),
		Paths: systems(j.Paths), Exclude: systems(j.Exclude), Unsigned: systems(j.Unsigned),
		Old: old, New: new, Shared: shared, Require: required,
	}
	if j.Format != "" {
		var err error
		if r.Format, err = crypto.ParseFormat(j.Format); err != nil {
			return nil, nil, err
		}
	}
	if j.Phase == journal.Preparing {
		// What is there may be half of it. Only the new key is kept.
		if err := errors.Join(s.removeStaged(), s.removeCopies()); err != nil {
			return nil, nil, err
		}
		p, err := NewPlan(ctx, r)
		if err != nil {
			return nil, nil, err
		}
		result, err := s.Run(ctx, p)
		return p, result, err
	}
	if err := s.addLate(ctx, r); err != nil {
		return nil, nil, err
	}
	p := newPlan(r)
	for _, f := range j.Files { // those of the key are the last
		file := &File{Path: filepath.FromSlash(f.Path), shared: f.Key}
		if f.Key {
			p.shared = append(p.shared, file)
		} else {
			p.Files = append(p.Files, file) // what else is known of it is told in the end
		}
	}
	result, err := s.finish(context.WithoutCancel(ctx), p)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range p.Files {
		p.describe(ctx, f)
	}
	return p, result, nil
}

// addLate adds files to the journal that came after it was written, and have the
// old key: from another branch, say. They are no reason to stop.
func (s *Session) addLate(ctx context.Context, r Request) error {
	late, err := NewPlan(ctx, r)
	if err != nil {
		return ctx.Err()
	}
	j := s.Journal
	known := make(map[string]bool, len(j.Files))
	files, keys := []journal.File{}, []journal.File{}
	for _, f := range j.Files {
		known[f.Path] = true
		if f.Key {
			keys = append(keys, f)
		} else {
			files = append(files, f)
		}
	}
	for _, f := range late.Files {
		if path := filepath.ToSlash(f.Path); !known[path] {
			files = append(files, journal.File{Path: path, Old: hex.EncodeToString(f.sum[:])})
		}
	}
	if len(files)+len(keys) == len(j.Files) {
		return nil
	}
	j.Files = append(files, keys...)
	return j.Save()
}

func systems(paths []string) (all []string) {
	for _, path := range paths {
		all = append(all, filepath.FromSlash(path))
	}
	return all
}

// describe fills in what a file is, from the new one in place. What cannot be read
// is left out.
func (p *Plan) describe(ctx context.Context, f *File) {
	if f.Kind != 0 || f.Names != nil || f.Values > 0 {
		return
	}
	path := p.full(f.Path)
	if read, err := p.decrypt(ctx, path, p.New.Key); err == nil {
		f.To = read.format
		f.name(read.plain)
		return
	}
	data, err := readServices(path)
	if err != nil {
		return
	}
	p.nameValues(f, data)
}
