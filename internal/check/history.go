package check

import (
	"fmt"
	"io"
	"slices"
	"sync"
)

// history looks for keys in all commits: files that are named as keys and hold one,
// and the project key in any file.
func (c *checker) history() error {
	key, search, err := c.keys.get(c.ctx)
	if err != nil {
		return err
	}
	limit := int64(maxKeyFile)
	if search {
		limit = searchBytes
	}
	h, err := c.repo.History(c.ctx, limit)
	if err != nil {
		return err
	}
	c.commits = h.Commits
	if h.Shallow {
		c.notes = append(c.notes, fmt.Sprintf("this is a shallow clone, of %d commits; \"git fetch --unshallow\" brings the older ones", h.Commits))
	}
	if h.Absent > 0 {
		c.notes = append(c.notes, fmt.Sprintf("this is a partial clone: %d objects of its history were not looked at", h.Absent))
	}
	var objects []string
	for _, blob := range h.Blobs {
		if blob.Size >= keyChars {
			objects = append(objects, blob.Object)
		}
	}
	// Under which names a content stands is asked for those few that matter.
	whole := make(map[string]string) // what a blob is that is nothing but a key
	inside := make(map[string]bool)  // blobs that have the project key in them
	var hits []string
	var lock sync.Mutex // of these three
	if err := c.blobs(objects, func(i int, content io.Reader) error {
		data, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		what := ""
		if found, ok := parseKey(data); ok {
			what, err = c.keys.whose(c.ctx, found)
		}
		holds := search && slices.ContainsFunc(keysIn(data), func(l likeness) bool { return l.key.Equal(key) })
		if what != "" || holds {
			lock.Lock()
			defer lock.Unlock()
			hits = append(hits, objects[i])
			whole[objects[i]], inside[objects[i]] = what, holds
		}
		return err
	}); err != nil {
		return err
	}
	introductions, err := c.repo.Introductions(c.ctx, hits)
	if err != nil {
		return err
	}
	for _, in := range introductions {
		switch {
		case !c.judges(in.Path):
		case whole[in.Object] != "" && isKeyName(in.Path):
			c.add(c.say.keyInCommit(in, whole[in.Object]))
		case inside[in.Object]:
			c.add(c.say.keyInCommit(in, "the project key in it"))
		}
	}
	return nil
}
