package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// A recipe is what a Containerfile says: an image from scratch, of copied files.
type recipe struct {
	copies     []file // in order, each a layer
	labels     map[string]string
	user       string // UID:GID; "" for root
	entrypoint []string
}

// A file of the context and its place in the image.
type file struct{ from, to string }

// parse reads the few instructions that our Containerfiles need, and refuses all
// others: an engine builds the same files, and must not do more than we do.
func parse(text string) (*recipe, error) {
	r := &recipe{labels: make(map[string]string)}
	text = strings.ReplaceAll(text, "\\\n", " ")
	scratch := false
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		instruction, rest, _ := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		var err error
		switch words := strings.Fields(rest); {
		case instruction == "FROM" && rest == "scratch" && !scratch:
			scratch = true
		case !scratch:
			err = fmt.Errorf("FROM scratch has to come first")
		case instruction == "ARG" && (rest == "TARGETARCH" || rest == "VERSION"):
		case instruction == "COPY" && len(words) == 2 && words[1][0] == '/':
			r.copies = append(r.copies, file{words[0], words[1]})
		case instruction == "LABEL":
			err = r.addLabels(rest)
		case instruction == "USER" && isUser(rest) && r.user == "":
			r.user = rest
		case instruction == "ENTRYPOINT":
			err = json.Unmarshal([]byte(rest), &r.entrypoint)
		default:
			err = fmt.Errorf("%s %s: only FROM scratch, ARG, COPY, LABEL, USER and ENTRYPOINT in their plain forms are known", instruction, rest)
		}
		if err != nil {
			return nil, fmt.Errorf("instruction %d: %w", i+1, err)
		}
	}
	if len(r.copies) == 0 || len(r.entrypoint) == 0 {
		return nil, fmt.Errorf("COPY or ENTRYPOINT is missing")
	}
	return r, nil
}

// isUser reports whether a text is UID:GID. Names would need a file, which an image
// from scratch does not have, and Kubernetes cannot tell that they are not root.
func isUser(text string) bool {
	uid, gid, found := strings.Cut(text, ":")
	for _, id := range []string{uid, gid} {
		if _, err := strconv.ParseUint(id, 10, 31); err != nil {
			return false
		}
	}
	return found
}

// addLabels reads NAME="VALUE" words.
func (r *recipe) addLabels(text string) error {
	for text != "" {
		name, rest, found := strings.Cut(text, "=")
		if !found {
			return fmt.Errorf("LABEL: %q is not NAME=\"VALUE\"", text)
		}
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return fmt.Errorf("LABEL %s: its value has to stand in quotes", name)
		}
		if r.labels[name], err = strconv.Unquote(quoted); err != nil {
			return err
		}
		text = strings.TrimSpace(rest[len(quoted):])
	}
	return nil
}

// expand gives the recipe for an architecture and a version.
func (r *recipe) expand(architecture, version string) *recipe {
	expand := strings.NewReplacer("${TARGETARCH}", architecture, "${VERSION}", version).Replace
	e := &recipe{labels: make(map[string]string), user: r.user, entrypoint: r.entrypoint}
	for _, c := range r.copies {
		e.copies = append(e.copies, file{expand(c.from), c.to})
	}
	for name, value := range r.labels {
		e.labels[name] = expand(value)
	}
	return e
}
