package check

import (
	"fmt"
	"io"
	"slices"

	"github.com/dockercfg/jet/internal/git"
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
	if err := c.repo.Blobs(c.ctx, objects, func(i int, size int64, content io.Reader) error {
		if size == git.Absent {
			return nil
		}
		data, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		object := objects[i]
		if found, ok := parseKey(data); ok {
			whole[object], err = c.keys.whose(c.ctx, found)
		}
		if search && slices.ContainsFunc(keysIn(data), func(l likeness) bool { return l.key.Equal(key) }) {
			inside[object] = true
		}
		if whole[object] != "" || inside[object] {
			hits = append(hits, object)
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
