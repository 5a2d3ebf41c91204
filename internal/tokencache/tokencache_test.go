package tokencache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/filelock"
)

const canary = "canary-of-a-token"

// cloud is a source that counts how often it is asked.
type cloud struct {
	parts    []dockercfg.Secret
	untold   bool // whose the entries are
	asked    *atomic.Int64
	generate func(ctx context.Context, n int64) (generators.Result, error)
}

func (c *cloud) Identity() ([]dockercfg.Secret, bool) { return c.parts, !c.untold }

func (c *cloud) Generate(ctx context.Context) (generators.Result, error) {
	return c.generate(ctx, c.asked.Add(1))
}

// clock is one that tests set.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// setUp gives a cache in a new folder, a cloud whose tokens live for 12 hours, and
// their clock.
func setUp(t *testing.T) (*Cache, *cloud, *clock) {
	t.Helper()
	time := &clock{time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	key := crypto.GenerateKey()
	cache := &Cache{
		Folder: filepath.Join(t.TempDir(), "jet", "tokens"),
		Key:    func(context.Context) (crypto.Key, bool) { return key, true },
		now:    time.now,
	}
	source := &cloud{asked: new(atomic.Int64)}
	source.generate = func(_ context.Context, n int64) (generators.Result, error) {
		return generators.Result{Entries: []dockercfg.Entry{entryOf(n, time.at.Add(12*hour))}, Notices: []string{"a notice"}}, nil
	}
	return cache, source, time
}

const hour = time.Hour

func entryOf(n int64, expires time.Time) dockercfg.Entry {
	return dockercfg.Entry{
		Registry: "registry.test", Username: "AWS", Expires: expires,
		Password: dockercfg.NewSecret(fmt.Sprint(canary, n)),
	}
}

// again gives the cache as the next command has it.
func (c *Cache) again() *Cache { return &Cache{Folder: c.Folder, Key: c.Key, now: c.now} }

func request(pairs ...string) Request {
	values := make(map[string]string)
	b := generators.Backend{Name: "test"}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	for _, name := range []string{"A", "B", "C"} {
		b.Variables = append(b.Variables, generators.Variable{Name: name})
	}
	return Request{Backend: b, Env: func(name string) (string, bool) { v, ok := values[name]; return v, ok }}
}

// wantToken generates once, and wants the token of the nth time that the cloud was asked.
func wantToken(t *testing.T, c *Cache, source generators.Source, r Request, n int64, cached bool) *Source {
	t.Helper()
	s := c.Source(source, r)
	result, err := s.Generate(t.Context())
	if err != nil || len(result.Entries) != 1 || len(result.Notices) != 1 {
		t.Fatalf("got %v, %v", result, err)
	}
	if got, want := result.Entries[0].Password.Reveal(), fmt.Sprint(canary, n); got != want {
		t.Errorf("got the token %q, want %q", got, want)
	}
	if _, is := s.Made(); is != cached {
		t.Errorf("from the cache: %v, want %v", is, cached)
	}
	return s
}

func TestHalfOfLife(t *testing.T) {
	cache, source, clock := setUp(t)
	start := clock.at
	wantToken(t, cache, source, request(), 1, false)
	for _, step := range []struct {
		after time.Duration
		least time.Duration
		n     int64
	}{
		{0, 0, 1},
		{6*hour - time.Second, 0, 1},
		{6*hour - time.Second, 6 * hour, 1},
		{6*hour - time.Second, 6*hour + 2*time.Second, 2}, // which replaces it
	} {
		clock.at = start.Add(step.after)
		r := request()
		r.MinTTL = step.least
		wantToken(t, cache.again(), source, r, step.n, step.n == 1)
	}
	clock.at = clock.at.Add(6 * hour)
	wantToken(t, cache.again(), source, request(), 3, false)
}

// TestClock: by a clock that was wrong, or is, nothing is good.
func TestClock(t *testing.T) {
	cache, source, clock := setUp(t)
	wantToken(t, cache, source, request(), 1, false)
	clock.at = clock.at.Add(-time.Second)
	wantToken(t, cache.again(), source, request(), 2, false)
	clock.at = clock.at.Add(time.Hour)
	wantToken(t, cache.again(), source, request(), 2, true)
	clock.at = clock.at.AddDate(1, 0, 0)
	wantToken(t, cache.again(), source, request(), 3, false)
}

// TestLongLife: a token is not used for longer than a day.
func TestLongLife(t *testing.T) {
	cache, source, clock := setUp(t)
	source.generate = func(_ context.Context, n int64) (generators.Result, error) {
		return generators.Result{Entries: []dockercfg.Entry{entryOf(n, clock.at.AddDate(10, 0, 0))}, Notices: []string{""}}, nil
	}
	wantToken(t, cache, source, request(), 1, false)
	clock.at = clock.at.Add(maxAge - time.Second)
	wantToken(t, cache.again(), source, request(), 1, true)
	clock.at = clock.at.Add(time.Second)
	wantToken(t, cache.again(), source, request(), 2, false)
}

// TestNotKept: what does not tell when it dies, what is a part, what failed and what
// cannot be told whose it is.
func TestNotKept(t *testing.T) {
	long := func(n int64) dockercfg.Entry { return entryOf(n, time.Time{}) }
	failure := errors.New("refused")
	for name, change := range map[string]func(source *cloud, clock *clock){
		"long-lived": func(source *cloud, _ *clock) {
			source.generate = func(_ context.Context, n int64) (generators.Result, error) {
				return generators.Result{Entries: []dockercfg.Entry{long(n)}}, nil
			}
		},
		"one of two long-lived": func(source *cloud, clock *clock) {
			source.generate = func(_ context.Context, n int64) (generators.Result, error) {
				return generators.Result{Entries: []dockercfg.Entry{entryOf(n, clock.at.Add(hour)), long(n)}}, nil
			}
		},
		"partial": func(source *cloud, clock *clock) {
			source.generate = func(_ context.Context, n int64) (generators.Result, error) {
				return generators.Result{Entries: []dockercfg.Entry{entryOf(n, clock.at.Add(hour))}}, &generators.PartialError{Errors: []error{failure}}
			}
		},
		"failed": func(source *cloud, _ *clock) {
			source.generate = func(context.Context, int64) (generators.Result, error) { return generators.Result{}, failure }
		},
		"nothing": func(source *cloud, _ *clock) {
			source.generate = func(context.Context, int64) (generators.Result, error) { return generators.Result{}, nil }
		},
		"another identity meanwhile": func(source *cloud, clock *clock) {
			usual := source.generate
			source.generate = func(ctx context.Context, n int64) (generators.Result, error) {
				source.parts = append(source.parts, dockercfg.NewSecret("more"))
				return usual(ctx, n)
			}
		},
		"too big": func(source *cloud, clock *clock) {
			source.generate = func(_ context.Context, n int64) (generators.Result, error) {
				e := entryOf(n, clock.at.Add(hour))
				e.Password = dockercfg.NewSecret(strings.Repeat("x", maxFile))
				return generators.Result{Entries: []dockercfg.Entry{e}}, nil
			}
		},
		"untold": func(source *cloud, _ *clock) { source.untold = true },
	} {
		t.Run(name, func(t *testing.T) {
			cache, source, clock := setUp(t)
			change(source, clock)
			for range 2 {
				s := cache.Source(source, request())
				s.Generate(t.Context())
				if _, cached := s.Made(); cached {
					t.Error("it is from the cache")
				}
			}
			if n := source.asked.Load(); n != 2 {
				t.Errorf("asked %d times, want 2", n)
			}
			if n, err := Count(cache.Folder); n != 0 || err != nil || cache.Problem() != "" {
				t.Errorf("%d kept, %v, %q", n, err, cache.Problem())
			}
		})
	}
	cache, source, _ := setUp(t)
	if s := cache.Source(struct{ generators.Source }{source}, request()); s != nil {
		t.Error("a source that tells no identity has a cache")
	}
}

// TestKey: another key finds nothing, and without one nothing is kept; it is not asked
// for where nothing can be kept.
func TestKey(t *testing.T) {
	cache, source, _ := setUp(t)
	wantToken(t, cache, source, request(), 1, false)
	other := cache.again()
	other.Key = func(context.Context) (crypto.Key, bool) { return crypto.GenerateKey(), true }
	wantToken(t, other, source, request(), 2, false)
	none := cache.again()
	none.Key = func(context.Context) (crypto.Key, bool) { return crypto.Key{}, false }
	wantToken(t, none, source, request(), 3, false)
	wantToken(t, cache.again(), source, request(), 1, true)

	source.untold = true
	asked := cache.again()
	asked.Key = func(context.Context) (crypto.Key, bool) {
		t.Error("the key was looked for")
		return crypto.Key{}, false
	}
	wantToken(t, asked, source, request(), 4, false)
}

func TestFolder(t *testing.T) {
	cache, source, _ := setUp(t)
	wantToken(t, cache, source, request("A", "an-account-id"), 1, false)
	entries, err := os.ReadDir(cache.Folder)
	if err != nil || len(entries) != 2 {
		t.Fatalf("got %v, %v", entries, err)
	}
	for _, entry := range entries {
		path := filepath.Join(cache.Folder, entry.Name())
		info, err := os.Lstat(path)
		if err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
		text, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(text)+path, "an-account") || strings.Contains(string(text), canary) || strings.Contains(string(text), "registry.test") {
			t.Errorf("%s tells something (%v)", path, err)
		}
	}
	for path := cache.Folder; filepath.Base(path) != "jet"; path = filepath.Dir(path) {
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
}

// spoiled are ways to make a file of no use, from all that are in the folder.
var spoiled = map[string]func(t *testing.T, path, other string){
	"empty":        func(t *testing.T, path, _ string) { put(t, path, nil) },
	"cut short":    func(t *testing.T, path, _ string) { text := get(t, path); put(t, path, text[:len(text)-5]) },
	"header alone": func(t *testing.T, path, _ string) { put(t, path, []byte("jet:v1\n")) },
	"foreign":      func(t *testing.T, path, _ string) { put(t, path, []byte("hello")) },
	"too big":      func(t *testing.T, path, _ string) { put(t, path, make([]byte, maxFile+1)) },
	"swapped":      func(t *testing.T, path, other string) { put(t, path, get(t, other)) },
	"a bit":        func(t *testing.T, path, _ string) { text := get(t, path); text[len(text)/2] ^= 1; put(t, path, text) },
	"link": func(t *testing.T, path, other string) {
		os.Remove(path)
		if err := os.Symlink(other, path); err != nil {
			t.Skip("needs symbolic links: ", err)
		}
	},
}

func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestDamage: such a file is a miss with one warning, and is replaced.
func TestDamage(t *testing.T) {
	for name, spoil := range spoiled {
		t.Run(name, func(t *testing.T) {
			cache, source, _ := setUp(t)
			wantToken(t, cache, source, request("A", "other"), 1, false)
			other := tokens(t, cache.Folder)[0]
			wantToken(t, cache, source, request(), 2, false)
			all := tokens(t, cache.Folder)
			path := all[0]
			if path == other {
				path = all[1]
			}
			before := get(t, other)
			spoil(t, path, other)
			again := cache.again()
			wantToken(t, again, source, request(), 3, false)
			if problem := again.Problem(); !strings.Contains(problem, filepath.Base(path)) || strings.Contains(problem, "\n") {
				t.Errorf("the warning is %q", problem)
			}
			again = cache.again()
			wantToken(t, again, source, request(), 3, true)
			wantToken(t, again, source, request("A", "other"), 1, true)
			if string(get(t, other)) != string(before) || again.Problem() != "" {
				t.Errorf("the other file was changed, or there is a problem: %q", again.Problem())
			}
		})
	}
}

func tokens(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*"+fileEnd))
	if err != nil || len(found) == 0 {
		t.Fatalf("got %v, %v", found, err)
	}
	return found
}

// TestFolderOfOthers: nothing is kept in a folder that others can change or look into,
// nor behind a link.
func TestFolderOfOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs modes")
	}
	for name, prepare := range map[string]func(folder string) error{
		"open to others":         func(folder string) error { return os.Mkdir(folder, 0o755) },
		"a link":                 func(folder string) error { return os.Symlink(filepath.Dir(folder), folder) },
		"a file":                 func(folder string) error { return os.WriteFile(folder, nil, 0o600) },
		"above open for writing": func(folder string) error { return os.Chmod(filepath.Dir(folder), 0o777) },
	} {
		t.Run(name, func(t *testing.T) {
			cache, source, _ := setUp(t)
			err := os.MkdirAll(filepath.Dir(cache.Folder), 0o700)
			if err == nil {
				err = prepare(cache.Folder)
			}
			if err == nil {
				err = os.Chmod(cache.Folder, 0o755)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			wantToken(t, cache, source, request(), 1, false)
			wantToken(t, cache, source, request(), 2, false)
			if cache.Problem() == "" {
				t.Error("nobody is told")
			}
		})
	}
}

// TestReadOnly: a folder that cannot be written is nobody's problem.
func TestReadOnly(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("needs modes that bind")
	}
	cache, source, _ := setUp(t)
	if err := os.MkdirAll(cache.Folder, 0o500); err != nil {
		t.Fatal(err)
	}
	wantToken(t, cache, source, request(), 1, false)
	if cache.Problem() != "" {
		t.Error(cache.Problem())
	}
}

// TestUnwritable: where a file cannot be written, or a lock not be had, the token is
// given all the same, with one warning.
func TestUnwritable(t *testing.T) {
	for _, end := range []string{fileEnd, lockEnd} {
		cache, source, _ := setUp(t)
		wantToken(t, cache, source, request(), 1, false)
		path := strings.TrimSuffix(tokens(t, cache.Folder)[0], fileEnd) + end
		if _, err := Clear(cache.Folder); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		again := cache.again()
		wantToken(t, again, source, request(), 2, false)
		if told := strings.Contains(again.Problem(), filepath.Base(path)); told != (end == fileEnd) {
			t.Errorf("%s: the warning is %q", end, again.Problem())
		}
		if end == lockEnd { // without a lock it is kept
			wantToken(t, cache.again(), source, request(), 2, true)
		} else {
			wantToken(t, cache.again(), source, request(), 3, false)
		}
	}
}

// TestPrints: no secret shows under any verb.
func TestPrints(t *testing.T) {
	cache, source, _ := setUp(t)
	wantToken(t, cache, source, request("A", "an-account-id"), 1, false)
	s := wantToken(t, cache, source, request("A", "an-account-id"), 1, true)
	names := cache.keys.names.Reveal()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{s, *cache.keys, s.taken, cache.keys} {
			text := fmt.Sprintf(verb, value)
			for _, secret := range []string{canary, names, fmt.Sprintf("%x", names), fmt.Sprint([]byte(names)), "an-account-id"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of a %T shows %q", verb, value, secret)
				}
			}
		}
	}
}

func TestRefuse(t *testing.T) {
	cache, source, clock := setUp(t)
	s := wantToken(t, cache, source, request(), 1, false)
	if s.Refuse() {
		t.Error("what is new was refused")
	}
	clock.at = clock.at.Add(time.Minute)
	s = wantToken(t, cache.again(), source, request(), 1, true)
	if !s.Refuse() || s.Refuse() {
		t.Error("refused never, or twice")
	}
	result, err := s.Generate(t.Context())
	if err != nil || result.Entries[0].Password.Reveal() != canary+"2" {
		t.Errorf("got %v, %v", result, err)
	}
	wantToken(t, cache.again(), source, request(), 2, true)
}

// TestTidy: what is old goes, with the locks that nobody has.
func TestTidy(t *testing.T) {
	cache, source, clock := setUp(t)
	wantToken(t, cache, source, request("A", "old"), 1, false)
	wantToken(t, cache, source, request("A", "held"), 2, false)
	locks, err := filepath.Glob(filepath.Join(cache.Folder, "*"+lockEnd))
	if err != nil || len(locks) != 2 {
		t.Fatalf("got %v, %v", locks, err)
	}
	held, err := acquire(locks[0])
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(cache.Folder)
	if err != nil {
		t.Fatal(err)
	}
	old := clock.at.Add(-maxAge - time.Second)
	for _, entry := range entries {
		if err := os.Chtimes(filepath.Join(cache.Folder, entry.Name()), old, old); err != nil {
			t.Fatal(err)
		}
	}
	half := filepath.Join(cache.Folder, "."+filepath.Base(tokens(t, cache.Folder)[0])+".jet-ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	put(t, half, nil)
	if err := os.Chtimes(half, old, old); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(cache.Folder, "somebody's")
	put(t, foreign, nil)
	if err := os.Chtimes(foreign, old, old); err != nil {
		t.Fatal(err)
	}
	wantToken(t, cache.again(), source, request(), 3, false)
	left, err := os.ReadDir(cache.Folder)
	if err != nil || len(left) != 4 { // the new token, its lock, that which is held, what is somebody else's
		t.Errorf("left: %v, %v", left, err)
	}
	held.Close()
	if n, err := Clear(cache.Folder); n != 1 || err != nil {
		t.Errorf("cleared %d, %v", n, err)
	}
	if left, err = os.ReadDir(cache.Folder); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
	if n, err := Clear(filepath.Join(cache.Folder, "none")); n != 0 || err != nil {
		t.Errorf("no folder: cleared %d, %v", n, err)
	}
}

// TestAtOnce: of ten that want the same the first one asks.
func TestAtOnce(t *testing.T) {
	cache, source, _ := setUp(t)
	usual := source.generate
	source.generate = func(ctx context.Context, n int64) (generators.Result, error) {
		time.Sleep(50 * time.Millisecond)
		return usual(ctx, n)
	}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			result, err := cache.again().Source(source, request()).Generate(t.Context())
			if err != nil || result.Entries[0].Password.Reveal() != canary+"1" {
				t.Errorf("got %v, %v", result, err)
			}
		})
	}
	all.Wait()
	if n := source.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// TestPatience: who has the lock for long is not waited for, and a context that ends
// ends the waiting.
func TestPatience(t *testing.T) {
	cache, source, _ := setUp(t)
	wantToken(t, cache, source, request(), 1, false)
	lock := strings.TrimSuffix(tokens(t, cache.Folder)[0], fileEnd) + lockEnd
	if _, err := Clear(cache.Folder); err != nil {
		t.Fatal(err)
	}
	held, err := acquire(lock)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	result, err := cache.again().Source(source, request()).Generate(ctx)
	if err != nil || result.Entries[0].Password.Reveal() != canary+"2" {
		t.Errorf("got %v, %v", result, err)
	}
	if _, err := Clear(cache.Folder); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(30*time.Millisecond, cancel)
	if _, err := cache.again().Source(source, request()).Generate(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := source.asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

// TestDeadHolder: the lock of a killed process blocks nobody.
func TestDeadHolder(t *testing.T) {
	if path := os.Getenv("TOKENCACHE_TEST_LOCK"); path != "" {
		if _, err := acquire(path); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("locked")
		time.Sleep(time.Minute)
	}
	path := filepath.Join(t.TempDir(), "x"+lockEnd)
	cmd := exec.Command(os.Args[0], "-test.run=^TestDeadHolder$")
	cmd.Env = append(os.Environ(), "TOKENCACHE_TEST_LOCK="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 100)
	n, err := out.Read(answer)
	if err != nil || string(answer[:n]) != "locked\n" {
		t.Fatalf("the other process says %q, %v", answer[:n], err)
	}
	if _, err := acquire(path); !errors.Is(err, filelock.ErrInUse) {
		t.Errorf("got %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	file, err := acquireWithin(t.Context(), path, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
}

// TestNames: whatever decides whose a token is makes another name, also where texts
// only move from one place to another.
func TestNames(t *testing.T) {
	key, other := dockercfg.NewSecret("0123456789abcdef0123456789abcdef"), dockercfg.NewSecret("0123456789abcdef0123456789abcdeg")
	secrets := func(texts ...string) (all []dockercfg.Secret) {
		for _, text := range texts {
			all = append(all, dockercfg.NewSecret(text))
		}
		return all
	}
	with := func(r Request, registries ...string) Request { r.Registries = registries; return r }
	named := func(r Request, name string) Request { r.Backend.Name = name; return r }
	seen := make(map[string]int)
	for i, c := range []struct {
		r     Request
		parts []dockercfg.Secret
	}{
		{request(), nil},
		{named(request(), "tes"), nil},
		{request("A", ""), nil},
		{request("A", "x"), nil},
		{request("B", "x"), nil},
		{request("A", "x", "B", "x"), nil},
		{request("A", "xB"), nil},
		{request("A", "x", "B", ""), nil},
		{request("A", "X"), nil},
		{request("A", "x "), nil},
		{request("A", "x\x00"), nil},
		{request("A", "\xff"), nil},
		{request("A", "\xfe"), nil},
		{request("A", "\ufffd"), nil},
		{with(request(), "a.test"), nil},
		{with(request(), "a.test", "b.test"), nil},
		{with(request(), "a.testb.test"), nil},
		{with(request("A", "x"), "a.test"), nil},
		{request(), secrets("a.test")},
		{request(), secrets("a", "b")},
		{request(), secrets("ab")},
		{request(), secrets("b", "a")},
		{request(), secrets("")},
		{request(), secrets("", "")},
	} {
		name := c.r.name(key, c.parts)
		if j, twice := seen[name]; twice {
			t.Errorf("cases %d and %d have one name", i, j)
		}
		seen[name] = i
		if len(name) != 64 || c.r.name(key, c.parts) != name || c.r.name(other, c.parts) == name {
			t.Errorf("case %d: the name is %q, and not that at all times for this key alone", i, name)
		}
	}
	if with(request(), "b.test", "a.test").name(key, nil) != with(request(), "a.test", "b.test").name(key, nil) {
		t.Error("the order of registries makes a difference")
	}
}

// TestRecord: entries come back as they were, to the byte.
func TestRecord(t *testing.T) {
	want := dockercfg.Entry{
		Registry: "registry.test", Username: "u\xff", Password: dockercfg.NewSecret("p\xfe:\u2028<&>"),
		IdentityToken: dockercfg.NewSecret("i"), RegistryToken: dockercfg.NewSecret("r"), Email: "e",
		Expires: time.Date(2026, 11, 24, 12, 0, 0, 123, time.UTC),
	}
	for i := range reflect.TypeFor[dockercfg.Entry]().NumField() {
		if reflect.ValueOf(want).Field(i).IsZero() {
			t.Errorf("field %d is not set: this test does not know it", i)
		}
	}
	text, err := newRecord("name", time.Now(), generators.Result{Entries: []dockercfg.Entry{want}}).encode()
	if err != nil {
		t.Fatal(err)
	}
	r, err := parseRecord(text, "name")
	if err != nil || r.result().Entries[0] != want {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := parseRecord(text, "other"); err == nil {
		t.Error("it was taken for that of another file")
	}
}

// FuzzRecord: what is in a file never makes anything panic, and what is taken from one
// can be written again.
func FuzzRecord(f *testing.F) {
	name := strings.Repeat("ab", 32)
	good := newRecord(name, time.Now(), generators.Result{Entries: []dockercfg.Entry{entryOf(1, time.Now().Add(hour))}, Notices: []string{"n"}})
	text, err := good.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":1,"name":"` + name + `","entries":[{"registry":"x","expires":"9999-12-31T23:59:59Z"}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseRecord(text, name)
		if err != nil {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error shows a token: %v", err)
			}
			return
		}
		r.good(time.Now(), hour)
		result := r.result()
		if !lasts(result.Entries) {
			t.Error("it has an entry that lasts for ever")
		}
		again, err := newRecord(name, r.Made, result).encode()
		if err == nil {
			_, err = parseRecord(again, name)
		}
		if err != nil {
			t.Errorf("it cannot be written and read again: %v", err)
		}
	})
}

// FuzzFile is the same for a file.
func FuzzFile(f *testing.F) {
	key := crypto.GenerateKey()
	cache := &Cache{Key: func(context.Context) (crypto.Key, bool) { return key, true }}
	e := entry{cache: cache, keys: cache.lookUp(f.Context()), name: strings.Repeat("ab", 32)}
	f.Add([]byte("jet:v1\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := e.open(text); err == nil {
			t.Error("something opened that nobody has encrypted")
		}
	})
}
