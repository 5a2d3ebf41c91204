package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/rotate"
	"github.com/dockercfg/jet/internal/rotate/journal"
	"github.com/dockercfg/jet/internal/sharedkey"
	"github.com/dockercfg/jet/internal/worktree"
)

func (p *program) rotateCommand() *cli.Command {
	return &cli.Command{
		Name:      "rotate",
		Usage:     "Give all encrypted files a new key.",
		ArgsUsage: "[PATH…]",
		UsageText: `jet rotate --dry-run
jet rotate
jet rotate --new-key-path new.aes
jet rotate --new-key-path staging.aes staging/`,
		Description: `Every encrypted file of the work tree (of the current folder, where there is none), ignored ones too, and every value under encrypted_environment and encrypted_args in services files: all or nothing. What the old key does not open stops it before anything is changed, unless the new key opens it already or --exclude names it. Symbolic links are not followed, and other repositories within are left alone.

A file without a header counts if its name speaks of encryption, a services file refers to it, or it opens to text; --unsigned vouches for others. Files keep their format, and those without a check get codeship:v2; values in services files stay as they are.

At the end the old key is in codeship.aes.old and the new one where the old one was; with PATHs both stay where they are if other files need the old one. If it is interrupted, the same command or --resume goes on, and until then every command tries both keys; --abort takes it back as long as no file was replaced.

Lists on stdout, for each file, the secrets that were in it: git history keeps the old files, so who had the old key can still read them.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "new-key-path", Usage: "read the new key from `FILE`; without it a new key is made"},
			&cli.StringSliceFlag{Name: "exclude", Usage: "leave the file or folder `PATH` alone; may be repeated"},
			&cli.StringSliceFlag{Name: "unsigned", Usage: "take `FILE` for encrypted, though it has no header and opens to no text; may be repeated"},
			&cli.BoolFlag{Name: "dry-run", Usage: "decrypt all and list what would be done, and change nothing"},
			&cli.BoolFlag{Name: "resume", Usage: "finish a rotation that was interrupted"},
			&cli.BoolFlag{Name: "abort", Usage: "take back a rotation that was interrupted before it replaced any file"},
			&cli.BoolFlag{Name: "json", Usage: "write one JSON object"},
			keyPathFlag(), trustKeyFlag(), formatFlag(), requireFlag(),
		},
		Action: p.rotate,
	}
}

// A rotation is one call of the command.
type rotation struct {
	*program
	c        *cli.Context
	root     string           // the folder of the project
	found    projectkey.Found // the key that is looked up; zero if there is none
	required crypto.Format
}

func (p *program) rotate(c *cli.Context) error {
	if err := checkRotateFlags(c); err != nil {
		return err
	}
	required, err := p.requiredFormat(c)
	if err != nil {
		return err
	}
	physical, top, err := worktree.Top("")
	if err != nil {
		return err
	}
	if top == "" {
		top = physical
	}
	r := &rotation{program: p, c: c, root: top, required: required}
	switch {
	case c.Bool("resume"):
		return r.resume()
	case c.Bool("abort"):
		return r.abort()
	}
	return r.start()
}

// checkRotateFlags refuses flags that do not go together.
func checkRotateFlags(c *cli.Context) error {
	line := c.Command.HelpName
	for _, path := range c.Args().Slice() {
		if path == "" {
			return misuse("%s: a PATH is empty", line).hint(usageOf(line, c.Command))
		}
	}
	var modes []string
	for _, mode := range []string{"dry-run", "resume", "abort"} {
		if c.Bool(mode) {
			modes = append(modes, "--"+mode)
		}
	}
	if len(modes) > 1 {
		return misuse("%s exclude each other", strings.Join(modes, " and "))
	}
	if c.Bool("resume") || c.Bool("abort") {
		if c.Args().Present() {
			return misuse("%s is about the rotation that was interrupted, and takes no PATH", modes[0])
		}
		for _, flag := range []string{"exclude", "unsigned", "format"} {
			if c.IsSet(flag) {
				return misuse("%s goes on as the rotation was begun, and takes no --%s", modes[0], flag)
			}
		}
	}
	if c.Args().Present() && c.String("new-key-path") == "" {
		return misuse("%s PATH needs --new-key-path: other files keep the old key, so the new one needs a place of its own", line).
			hint(`"jet generate --key-path FILE" makes a key`)
	}
	return nil
}

// start begins a rotation, or goes on with one that was interrupted.
func (r *rotation) start() error {
	if err := r.lookUp(); err != nil {
		return err
	}
	if r.c.Bool("dry-run") {
		r.warnOfKey()
		request, err := r.request()
		if err != nil {
			return err
		}
		plan, err := r.plan(request)
		if err != nil {
			return r.stopped(err)
		}
		return r.tell(plan, nil)
	}
	s, err := r.begin()
	if err != nil {
		return err
	}
	defer s.Close()
	if s.Journal != nil {
		if err := r.isSame(s.Journal); err != nil {
			return err
		}
		r.note("going on with the change of key that was interrupted")
		return r.goOn(s)
	}
	r.warnOfKey()
	// A key that somebody else put there could bring a list of recipients with it,
	// who would get the new one.
	if _, err := r.writingKey(r.c.Context, r.found, "", r.c.String("trust-key")); err != nil {
		return err
	}
	request, err := r.request()
	if err != nil {
		return err
	}
	plan, err := r.plan(request)
	if err != nil {
		return r.stopped(err)
	}
	r.signals.listen() // there is something to tidy up from here on
	result, err := r.run(s, plan)
	if err != nil {
		return r.stopped(err)
	}
	return r.tell(plan, result)
}

// plan decrypts all files.
func (r *rotation) plan(request rotate.Request) (*rotate.Plan, error) {
	defer r.waiting("decrypting", "all files with the old key")()
	return rotate.NewPlan(r.c.Context, request)
}

// run encrypts all files.
func (r *rotation) run(s *rotate.Session, plan *rotate.Plan) (*rotate.Result, error) {
	if plan.Shared == nil { // else a passphrase may be asked for
		defer r.waiting("encrypting", "all files with the new key")()
	}
	return s.Run(r.c.Context, plan)
}

// waiting tells a person at a terminal what takes so long, until it is called.
func (r *rotation) waiting(what, on string) (end func()) {
	progress := r.newProgress(what)
	progress.begin(on)
	return progress.end
}

// lookUp looks the key up, as findKey does, but leaves the warnings to warnOfKey.
func (r *rotation) lookUp() error {
	lookup := projectkey.Lookup{KeyPath: r.c.String("key-path"), LookupEnv: r.lookupEnv, Stderr: r.stderr, Ask: r.askPassphrase}
	var err error
	if r.found, err = lookup.Find(r.c.Context); err != nil {
		return adviseKey(err)
	}
	return nil
}

// warnOfKey is for a rotation that begins: one that goes on need not be told that
// it is not finished.
func (r *rotation) warnOfKey() {
	for _, warning := range r.found.Warnings {
		r.warn("%s", warning)
	}
}

// begin takes the lock.
func (r *rotation) begin() (*rotate.Session, error) {
	place, err := journal.PlaceOf("", r.found.Path)
	if err != nil {
		return nil, err
	}
	s, err := rotate.Begin(r.c.Context, place)
	switch {
	case errors.Is(err, rotate.ErrRunning):
		return nil, fail("%w", err).hint("run it again when that one is done")
	case errors.Is(err, journal.ErrDamaged):
		return nil, fail("%w", err).hint(fmt.Sprintf(
			"\"rm %s\", then \"jet rotate --key-path OLD --new-key-path NEW\" with both keys: files that have the new key already stay as they are",
			shellWord(place.File)))
	}
	return s, err
}

// isSame refuses to go on with another rotation than the one that is asked for.
func (r *rotation) isSame(j *journal.Journal) error {
	path := r.c.String("new-key-path")
	if path != "" {
		found, err := projectkey.Lookup{}.ReadFile(r.c.Context, path)
		if err == nil && found.Key.Fingerprint() == j.New.Fingerprint {
			return nil
		}
	}
	if path != "" || r.c.Args().Present() || r.c.IsSet("exclude") || r.c.IsSet("unsigned") || r.c.IsSet("format") {
		return fail("a change of the project key to %s was interrupted", j.New.Fingerprint).
			hint(`"jet rotate --resume" finishes it, "jet rotate --abort" takes it back as long as no file was replaced`)
	}
	return nil
}

// request reads the command line.
func (r *rotation) request() (request rotate.Request, err error) {
	request = rotate.Request{Root: r.root, Require: r.required, Old: rotate.Key{Key: r.found.Key}}
	if request.Format, err = r.wantedFormat(r.c); err != nil {
		return request, err
	}
	if request.Format != 0 && request.Format.Strength() < r.required.Strength() {
		return request, fail("%w: files would be written as %v, and at least %v is required", crypto.ErrWeakFormat, request.Format, r.required).
			hint("--format " + r.required.String() + " writes a format that is strong enough")
	}
	for _, named := range []struct {
		paths  []string
		follow bool
		to     *[]string
	}{
		{r.c.Args().Slice(), true, &request.Paths},
		{r.c.StringSlice("exclude"), false, &request.Exclude},
		{r.c.StringSlice("unsigned"), true, &request.Unsigned},
	} {
		for _, path := range named.paths {
			inside, err := r.inside(path, named.follow)
			if err != nil {
				return request, err
			}
			*named.to = append(*named.to, inside)
		}
	}
	if request.Old.Path, err = plainFile(r.found.Path); err != nil {
		return request, err
	}
	if request.Shared, err = r.shared(); err != nil {
		return request, err
	}
	if request.Old.Shared = r.found.Shared; request.Old.Shared && (request.Shared == nil || request.Shared.Path != request.Old.Path) {
		request.Old.Path = "" // a file of age that is not the project's is for the user to change
		request.Old.Shared = false
	}
	request.New, err = r.newKey(request.Old)
	return request, err
}

// shared gives the files in which the old key is shared, nil for none.
func (r *rotation) shared() (*rotate.Shared, error) {
	s, err := loadShared(r.found)
	if err != nil || s.file == nil {
		return nil, err
	}
	beside := filepath.Join(filepath.Dir(s.path), projectkey.FileName)
	if !r.found.Shared && filepath.Clean(r.found.Path) != beside && (!s.listed || s.list.Check(r.found.Key) != nil) {
		return nil, nil // what is shared is another key
	}
	switch {
	case s.hasPassphrase() && !r.found.Shared:
		r.warn("%q has the key with a passphrase, and keeps the old one", s.path)
		r.hint("\"rm %s\", then \"jet key protect\" puts a passphrase on the new one", shellWord(s.path))
		return nil, nil
	case s.hasPassphrase():
	case !s.listed:
		return nil, fail("%q does not say for whom it is, and there is no %q that does", s.path, s.listPath).
			hint("name everybody: jet key share --replace --to FILE --to FILE…")
	default:
		if err := adviseList(s.list.Check(r.found.Key), s); err != nil {
			return nil, err
		}
		// Somebody who was taken out has the old key still, and may have put an older
		// list back: only people can tell.
		for _, recipient := range s.list.Recipients {
			r.note("the new key is shared with %s", describe(recipient))
		}
	}
	return r.sharedBy(s)
}

// sharedBy tells how to encrypt the key for those who share it.
func (r *rotation) sharedBy(s *sharedFile) (shared *rotate.Shared, err error) {
	shared = new(rotate.Shared)
	if shared.Path, err = plainFile(s.path); err != nil {
		return nil, err
	}
	if s.listed {
		if shared.ListPath, err = plainFile(s.listPath); err != nil {
			return nil, err
		}
	}
	passphrase := ""
	shared.Seal = func(ctx context.Context, key crypto.Key) (file, list []byte, err error) {
		if s.hasPassphrase() {
			if passphrase == "" {
				if passphrase, err = r.newPassphrase(ctx, s.path); err != nil {
					return nil, nil, err
				}
			}
			file, err = sharedkey.Protect(ctx, key.Encode(), passphrase)
		} else if list, err = s.list.Encode(key); err == nil {
			file, err = sharedkey.Seal(ctx, key.Encode(), s.list.Recipients)
		}
		if err != nil {
			err = adviseKey(fmt.Errorf("%q: %w", s.path, err))
		}
		return file, list, err
	}
	return shared, nil
}

// inside gives a path from the folder of the project.
func (r *rotation) inside(path string, follow bool) (string, error) {
	full, err := filepath.Abs(path)
	if err == nil {
		if follow {
			full, err = filepath.EvalSymlinks(full)
		} else if _, err = os.Lstat(full); err == nil {
			var dir string
			dir, err = filepath.EvalSymlinks(filepath.Dir(full))
			full = filepath.Join(dir, filepath.Base(full))
		}
	}
	if err != nil {
		return "", fail("%q: %w", path, cause(err))
	}
	inside, err := filepath.Rel(r.root, full)
	if err != nil || !filepath.IsLocal(inside) {
		return "", fail("%q is not in the project, which is %q", path, r.root).hint("in a folder of the other project: jet rotate")
	}
	return inside, nil
}

// plainFile gives the file that a path leads to; "" for none, or for a pipe, which
// keeps nothing.
func plainFile(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return "", err
	}
	if path, err = filepath.Abs(path); err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	return path, err
}

// newKey reads the new key, or makes one.
func (r *rotation) newKey(old rotate.Key) (rotate.Key, error) {
	path := r.c.String("new-key-path")
	if path == "" {
		switch path = old.Path; {
		case path == "":
			path = filepath.Join(r.root, projectkey.FileName)
		case old.Shared:
			path = filepath.Join(filepath.Dir(path), projectkey.FileName)
		}
		path += ".new"
		if exists(path) {
			return rotate.Key{}, fail("a new key would be written to %q: %w", path, fs.ErrExist).
				hint("--new-key-path " + shellWord(path) + " takes the key that is there")
		}
		return rotate.Key{Key: crypto.GenerateKey(), Path: path, Generated: true}, nil
	}
	found, err := projectkey.Lookup{}.ReadFile(r.c.Context, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return rotate.Key{}, fail("the new %w", err).
			hint("\"jet generate --key-path " + shellWord(path) + "\" makes it; without --new-key-path jet rotate makes one itself")
	case err != nil:
		return rotate.Key{}, fail("the new %w", err)
	case found.Key.Equal(r.found.Key):
		return rotate.Key{}, fail("the new key %q is the old one, %s", path, found.Key.Fingerprint()).
			hint("without --new-key-path jet rotate makes a new one")
	}
	full, err := plainFile(path)
	if err == nil && full == "" {
		err = fail("the new key %q is no file, and would be gone after this", path).hint("without --new-key-path jet rotate makes a new one, in a file")
	}
	return rotate.Key{Key: found.Key, Path: full}, err
}

// unfinished finds the rotation that was interrupted.
func (r *rotation) unfinished() (*rotate.Session, error) {
	missing := r.lookUp()
	if missing != nil { // both keys may still stand where the journal says
		r.found = projectkey.Found{Path: r.c.String("key-path")}
	}
	s, err := r.begin()
	if err == nil && s.Journal == nil {
		s.Close()
		err = fail("there is no change of the key that was interrupted").hint(`"jet rotate" begins one`)
		if missing != nil {
			err = missing
		}
	}
	return s, err
}

func (r *rotation) resume() error {
	s, err := r.unfinished()
	if err != nil {
		return err
	}
	defer s.Close()
	return r.goOn(s)
}

// goOn finishes a rotation that was interrupted.
func (r *rotation) goOn(s *rotate.Session) error {
	var given []crypto.Key
	if r.found.Origin != "" {
		given = append(given, r.found.Key)
	}
	if path := r.c.String("new-key-path"); path != "" {
		found, err := projectkey.Lookup{}.ReadFile(r.c.Context, path)
		if err != nil {
			return fail("the new %w", err)
		}
		given = append(given, found.Key)
	}
	old, new, err := s.Keys(r.c.Context, given...)
	if missing := (*rotate.MissingKeyError)(nil); errors.As(err, &missing) {
		flag := "--key-path FILE"
		if missing.IsNew {
			flag = "--new-key-path FILE"
		}
		return fail("%w", err).hint(`"jet rotate --resume ` + flag + `" reads it from elsewhere`)
	}
	if err != nil {
		return err
	}
	var shared *rotate.Shared
	if files, err := loadShared(projectkey.Found{Path: old.Path}); err == nil && files.file != nil && (files.listed || files.hasPassphrase()) {
		// Its list has the seal of one key or the other.
		if files.hasPassphrase() || files.list.Check(old.Key) == nil || files.list.Check(new.Key) == nil {
			if shared, err = r.sharedBy(files); err != nil {
				return err
			}
		}
	}
	r.signals.listen()
	plan, result, err := s.Resume(r.c.Context, old, new, shared, r.required)
	if err != nil {
		return r.stopped(err)
	}
	return r.tell(plan, result)
}

func (r *rotation) abort() error {
	s, err := r.unfinished()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Abort(); err != nil {
		return fail("the change of key cannot be taken back: %w", err).hint(`"jet rotate --resume" finishes it; then "git restore" and the old key bring old versions back`)
	}
	r.note("the change of key is taken back, and all files are as they were")
	return nil
}

// mostProblems is how many files that stop a rotation are listed.
const mostProblems = 20

// stopped says why a rotation was not done.
func (r *rotation) stopped(err error) error {
	var problems rotate.Problems
	if errors.As(err, &problems) {
		return r.problems(problems)
	}
	if unfinished := (*rotate.UnfinishedError)(nil); errors.As(err, &unfinished) {
		return fail("%w", err).hint(`"jet rotate --resume" goes on when the cause is gone; until then every command tries both keys`)
	}
	if ctx := r.c.Context; ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		r.note("all files are as they were")
		return err
	}
	f := fail("nothing was changed: %w", err)
	var key *rotate.KeyError
	switch {
	case errors.Is(err, rotate.ErrChanged):
		f.hint("run the same command again when nothing writes to the file any more")
	case errors.As(err, &key) && errors.Is(err, projectkey.ErrTracked):
		f.hint("\"git rm --cached -- " + shellWord(r.shown(key.Path)) + "\" ends that; what git has in its history stays there")
	case errors.As(err, &key) && errors.Is(err, fs.ErrExist):
		f.hint("move it away: it is where the new key would stand for a while")
	case errors.Is(err, syscall.ENOSPC):
		f.hint("each new file stands beside the old one for a while, so as much space is needed as all encrypted files take")
	case errors.Is(err, fs.ErrPermission):
		f.hint("whoever may write to the folder of the file can rotate it; --exclude PATH leaves it alone")
	}
	return f
}

func (r *rotation) problems(problems rotate.Problems) error {
	all := failures{fail("nothing was changed, because of %s", count(len(problems), "problem"))}
	for i, problem := range problems {
		if i == mostProblems {
			all = append(all, fmt.Errorf("and %d more", len(problems)-i))
			break
		}
		all = append(all, r.problem(problem))
	}
	all[0].(*failure).hint("--exclude PATH leaves a file or folder alone; it may be repeated")
	return all
}

func (r *rotation) problem(problem rotate.Problem) error {
	problem.Path = r.shown(problem.Path)
	if errors.Is(problem, rotate.ErrUncertain) || errors.Is(problem, rotate.ErrAmbiguous) {
		return fail("%w", problem).hint("--unsigned " + shellWord(problem.Path) + " if you are sure that the old key is the right one")
	}
	return problem
}

// shown gives a path as one types it in the current folder.
func (r *rotation) shown(path string) string {
	here, err := os.Getwd()
	if err == nil {
		here, err = filepath.EvalSymlinks(here)
	}
	if err != nil {
		return path
	}
	full := path
	if !filepath.IsAbs(path) {
		full = filepath.Join(r.root, path)
	}
	if rel, err := filepath.Rel(here, full); err == nil {
		return rel
	}
	return full
}

// A rotated is a file in the report of a rotation.
type rotated struct {
	File        string   `json:"file"`
	From        string   `json:"from,omitempty"` // the format; "" for values of a services file, or if it was forgotten over an interruption
	To          string   `json:"to,omitempty"`
	Values      int      `json:"values,omitempty"` // how many values of a services file
	Kind        string   `json:"kind"`             // of what is in it
	Names       []string `json:"names"`            // of the secrets in it
	HiddenNames int      `json:"hidden_names,omitempty"`
}

// A rotationReport is what --json writes. It holds no values.
type rotationReport struct {
	DryRun    bool        `json:"dry_run"`
	Files     []rotated   `json:"files"`               // that have the new key now
	Done      []string    `json:"done,omitempty"`      // that had it before
	Remaining []remaining `json:"remaining,omitempty"` // that need the old key
	Foreign   []string    `json:"foreign,omitempty"`   // of other keys
	Doubtful  []string    `json:"doubtful,omitempty"`  // that may be unsigned files
	Nested    []string    `json:"nested,omitempty"`    // repositories that were not looked into
	OldKey    reportedKey `json:"old_key"`
	NewKey    reportedKey `json:"new_key"`
}

type remaining struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

type reportedKey struct {
	Fingerprint string `json:"fingerprint"`
	Path        string `json:"path,omitempty"` // where it is now; "" if it is in no file
}

// tell says what was done, or, without a result, what would be.
func (r *rotation) tell(plan *rotate.Plan, result *rotate.Result) error {
	report := rotationReport{
		DryRun: result == nil,
		Files:  []rotated{},
		OldKey: reportedKey{plan.Old.Fingerprint(), plan.Old.Path},
		NewKey: reportedKey{plan.New.Fingerprint(), plan.New.Path},
	}
	for _, f := range plan.Files {
		one := rotated{File: r.shown(f.Path), Values: f.Values, Kind: f.Kind.String(), Names: append([]string{}, f.Names...), HiddenNames: f.Hidden}
		if f.Values == 0 {
			one.To = f.To.String()
			if f.From != 0 {
				one.From = f.From.String()
			}
		}
		report.Files = append(report.Files, one)
	}
	for _, left := range plan.Remaining {
		report.Remaining = append(report.Remaining, remaining{r.shown(left.Path), string(left.Reason)})
	}
	report.Done, report.Foreign, report.Doubtful, report.Nested = r.allShown(plan.Done), r.allShown(plan.Foreign), r.allShown(plan.Doubtful), r.allShown(plan.Nested)
	if result == nil {
		if plan.New.Generated {
			report.NewKey = reportedKey{}
		}
	} else {
		report.OldKey.Path, report.NewKey.Path = result.Keys.Old, result.Keys.New
		for _, notice := range result.Notices {
			r.note("%s", notice)
		}
	}
	r.tellLeft(report)
	r.summarise(report, result)
	if r.c.Bool("json") {
		encoder := json.NewEncoder(r.stdout)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(report)
	}
	if result == nil {
		return r.printPlan(report)
	}
	return r.printSecrets(report)
}

func (r *rotation) allShown(paths []string) (all []string) {
	for _, path := range paths {
		all = append(all, r.shown(path))
	}
	return all
}

// tellLeft warns of what is left alone and may be missed later.
func (r *rotation) tellLeft(report rotationReport) {
	for _, left := range report.Remaining {
		r.warn("%q still needs the old key: it is %s", left.File, left.Reason)
	}
	r.tellSome("of another key, and left alone", report.Foreign)
	r.tellSome("base64 that opens to no text, so probably not encrypted, and left alone (--unsigned takes it)", report.Doubtful)
	r.tellSome("a repository of its own, and not looked into", report.Nested)
	if n := len(report.Done); n > 0 {
		r.note("%s with the new key already", count(n, "file"))
	}
}

// mostTold is how many files that nobody need worry about are named.
const mostTold = 5

func (r *rotation) tellSome(what string, files []string) {
	for i, file := range files {
		if i == mostTold {
			r.note("and %d more like it", len(files)-i)
			return
		}
		r.note("%q is %s", file, what)
	}
}

// summarise says how many files, and where the keys are.
func (r *rotation) summarise(report rotationReport, result *rotate.Result) {
	files, values := 0, 0
	for _, f := range report.Files {
		if f.Values == 0 {
			files++
		}
		values += f.Values
	}
	what := count(files, "file")
	if values > 0 {
		what += " and " + count(values, "value") + " in services files"
	}
	if result == nil {
		r.note("a new key is for %s; nothing was changed", what)
		return
	}
	r.note("the key of %s is now %s, in %q", what, report.NewKey.Fingerprint, r.shown(result.Keys.New))
	if result.Keys.Shared != "" {
		r.note("%q has it for those who share it", r.shown(result.Keys.Shared))
	}
	switch {
	case result.Keys.Stay:
		r.note("both keys are where they were, since other files need the old one")
	case result.Keys.Old != "":
		r.note("the old key is kept in %q, for what git has in its history", r.shown(result.Keys.Old))
	default:
		r.warn("the old key comes from %s, and has to be replaced there by the one in %q", r.found.Origin, r.shown(result.Keys.New))
	}
	if len(report.Files) > 0 {
		r.note("commit the changed files, and give the new key to colleagues and CI by the way the old one went")
	}
}

// printPlan lists what would be done.
func (r *rotation) printPlan(report rotationReport) error {
	w := tabwriter.NewWriter(r.stdout, 0, 0, 2, ' ', 0)
	for _, f := range report.Files {
		change := f.From + " -> " + f.To
		switch {
		case f.Values > 0:
			change = count(f.Values, "value")
		case f.From == f.To:
			change = f.From
		}
		fmt.Fprintf(w, "%s\t%s\n", printable(f.File), change)
	}
	return w.Flush()
}

// printSecrets lists the names of what somebody with the old key may know.
func (r *rotation) printSecrets(report rotationReport) error {
	if len(report.Files) == 0 {
		return nil
	}
	r.note("git history keeps the old files, so whoever had the old key can read these secrets; issue them anew:")
	for _, f := range report.Files {
		names := f.Names
		if f.HiddenNames > 0 {
			names = append(names, fmt.Sprintf("%d that may be pieces of a secret", f.HiddenNames))
		}
		text := strings.Join(names, ", ")
		if text == "" {
			text = "all of it (" + f.Kind + ")"
		}
		if _, err := fmt.Fprintf(r.stdout, "%s: %s\n", printable(f.File), printable(text)); err != nil {
			return err
		}
	}
	return nil
}
