// Package tokencache keeps the short-lived tokens of registries for the next command
// of the same user, so that not each of them asks the cloud.
//
// A token is used again for half of its life, by whoever is the same identity and asks
// for the same registries. Each has a file in a folder that is closed to everybody
// else. The name of a file is a keyed hash of all that decides whose the token is; its
// content is encrypted and authenticated, and says which name it is for, so that
// neither tells anything without the key, and files cannot be swapped.
//
// The cache is never in the way: whatever goes wrong with it makes a miss. Commands
// that want the same token at once wait for the first one, which asks.
package tokencache

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/privatedir"
)

const (
	// maxAge is how long a token is used at most, whatever its life is.
	maxAge = 24 * time.Hour
	// maxFile bounds a file of the cache, in bytes.
	maxFile = 256 << 10
	// maxTidied bounds how many files are looked at for those that are old.
	maxTidied = 1000
	// maxWait is how long the lock of another command is waited for, unless half of
	// the time that is left is less.
	maxWait = 15 * time.Second

	fileEnd, lockEnd = ".token", ".lock" // of names
)

// Cache is a folder and how to get at its key. It is safe for concurrent use.
type Cache struct {
	Folder string
	// Key gives the key, if there is one. It is asked for once, when the first token
	// that might be kept is wanted.
	Key func(context.Context) (crypto.Key, bool)

	now func() time.Time // nil: time.Now

	mutex   sync.Mutex
	keys    *keys // nil: not looked up yet
	problem string
}

// Problem says in a sentence what is wrong with the cache, for people; "" for nothing.
func (c *Cache) Problem() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.problem
}

// keys are what is derived from that of the cache.
type keys struct {
	there bool // else there is no cache
	names dockercfg.Secret
	files crypto.Key
}

// Source gives a source that takes from the cache what is there, and asks this one for
// the rest. It is nil for a source whose entries are not for a cache.
func (c *Cache) Source(s generators.Source, r Request) *Source {
	if next, ok := s.(generators.Identified); ok {
		return &Source{cache: c, next: next, request: r}
	}
	return nil
}

// Source is a source with a cache. It is safe for concurrent use.
type Source struct {
	cache   *Cache
	next    generators.Identified
	request Request

	mutex sync.Mutex
	made  time.Time // of what Generate gave; zero if that is new
	taken entry     // where it is from, if it is not
}

var _ generators.Source = (*Source)(nil)

// Made tells when the entries that Generate gave last were made, and whether they come
// from the cache.
func (s *Source) Made() (at time.Time, cached bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.made, !s.made.IsZero()
}

// Refuse says that the entries that Generate gave last are no good, and reports whether
// they came from the cache. They are then gone from there: to Generate once more gives
// others.
func (s *Source) Refuse() (cached bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.made.IsZero() {
		return false
	}
	// Somebody else may have put others there meanwhile.
	if kept := s.taken.read(); kept != nil && kept.Made.Equal(s.made) {
		os.Remove(s.taken.path(fileEnd))
	}
	s.made = time.Time{}
	return true
}

// Generate gives the entries that are in the cache and good, else those of the source.
// Its errors are those of the source, or of the context.
func (s *Source) Generate(ctx context.Context) (generators.Result, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.made = time.Time{}
	c := s.cache
	parts, ok := s.next.Identity()
	if !ok {
		return s.next.Generate(ctx)
	}
	k := c.lookUp(ctx)
	if !k.there {
		return s.next.Generate(ctx)
	}
	e := entry{cache: c, keys: k, name: s.request.name(k.names, parts)}
	if kept := e.read(); s.usable(kept) {
		return s.take(e, kept), nil
	}
	if err := privatedir.Keep(c.Folder); err != nil {
		c.complain(notKept, err)
		return s.next.Generate(ctx)
	}
	lock, err := acquireWithin(ctx, e.path(lockEnd), patience(ctx))
	if err := ctx.Err(); err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", s.request.Backend.Name, context.Cause(ctx))
	}
	if err == nil {
		defer lock.Close()
		if kept := e.read(); s.usable(kept) { // who had the lock has asked
			return s.take(e, kept), nil
		}
	}
	result, err := s.next.Generate(ctx)
	if err != nil || !lasts(result.Entries) {
		return result, err
	}
	// What is kept must be of the identity that it is kept for.
	if now, ok := s.next.Identity(); ok && slices.Equal(now, parts) {
		if err := e.write(result); err != nil {
			c.complain(notKept, err)
		}
		c.tidy()
	}
	return result, nil
}

// usable reports whether a token that was kept will do.
func (s *Source) usable(kept *record) bool {
	return kept != nil && kept.good(s.cache.time(), s.request.MinTTL)
}

func (s *Source) take(e entry, kept *record) generators.Result {
	s.made, s.taken = kept.Made, e
	return kept.result()
}

// lasts reports whether every entry tells when it dies: others are never kept.
func lasts(entries []dockercfg.Entry) bool {
	return len(entries) > 0 && !slices.ContainsFunc(entries, func(e dockercfg.Entry) bool { return e.Expires.IsZero() })
}

// patience is how long the lock is waited for: half of the time that is left, so that
// the other half is there to do without.
func patience(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(maxWait, time.Until(deadline)/2)
	}
	return maxWait
}

func (c *Cache) time() time.Time {
	if c.now != nil {
		return c.now()
	}
	return time.Now()
}

// lookUp gives the keys.
func (c *Cache) lookUp(ctx context.Context) keys {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.keys == nil {
		k, err := c.derive(ctx)
		if ctx.Err() != nil {
			return keys{}
		}
		k.there = k.there && err == nil
		c.keys = &k
	}
	return *c.keys
}

func (c *Cache) derive(ctx context.Context) (k keys, err error) {
	key, ok := c.Key(ctx)
	if !ok {
		return k, nil
	}
	names, err := key.Derive("token cache: names of files")
	if err != nil {
		return k, err
	}
	k.names = dockercfg.NewSecret(string(names))
	files, err := key.Derive("token cache: files")
	if err != nil {
		return k, err
	}
	k.files, err = crypto.ParseKey(base64.StdEncoding.AppendEncode(nil, files))
	k.there = true
	return k, err
}

// complain keeps the first problem. A folder that cannot be written is somebody's
// intention, and none.
func (c *Cache) complain(format string, err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.problem == "" && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) {
		c.problem = fmt.Sprintf(format, err)
	}
}

const notKept = "tokens are not kept for the next time: %v"
