package merge

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/dockercfg/kubernetes"
)

// registries merges dockercfgs: the credentials of one side are put into the file
// of the other. That is theirs into ours, unless they changed something else in
// the file too. Merged is false if both did that.
func (p *pair) registries() (Result, bool) {
	into := ours
	switch was, our, their := remainder(p.texts[0]), remainder(p.texts[1]), remainder(p.texts[2]); {
	case our == nil || their == nil:
		return Result{}, false
	case bytes.Equal(our, their), bytes.Equal(was, their):
	case bytes.Equal(was, our):
		into = theirs
	default:
		return Result{}, false
	}
	var entries [3]map[string]dockercfg.Entry // by registry
	for i, text := range p.texts {
		entries[i] = make(map[string]dockercfg.Entry)
		if file, err := kubernetes.Parse(text); err == nil { // else it is a base of another kind
			for _, entry := range file.Entries() {
				entries[i][entry.Registry] = entry
			}
		}
	}
	return p.all(func(favoured side) ([]byte, bool) {
		target, err := kubernetes.Parse(p.texts[into.of()])
		if err != nil {
			return nil, false
		}
		for _, registry := range slices.Sorted(maps.Keys(p.take)) {
			from := p.from(registry, favoured)
			if from == into {
				continue
			}
			if entry, ok := entries[from.of()][registry]; !ok {
				target.Remove(registry)
			} else if target.Set(entry) != nil {
				return nil, false
			}
		}
		text, err := target.Encode()
		return text, err == nil && p.merged(text, favoured)
	})
}

// remainder gives what a dockercfg holds beside credentials; nil if it cannot be
// told.
func remainder(text []byte) []byte {
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte(`{"auths":{}}`)
	}
	file, err := kubernetes.Parse(text)
	if err != nil {
		return nil
	}
	for _, entry := range file.Entries() {
		file.Remove(entry.Registry)
	}
	rest, err := file.Encode()
	if err != nil {
		return nil
	}
	var compact bytes.Buffer
	if json.Compact(&compact, bytes.TrimPrefix(rest, []byte(byteOrderMark))) == nil {
		rest = compact.Bytes()
	}
	return rest
}
