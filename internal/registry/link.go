package registry

import (
	"net/url"
	"strings"
)

// nextPage gives the address of the page that follows the one at an address, nil if
// that was the last (OCI distribution specification, "Listing tags"; RFC 8288). It may
// be on another host, where nobody should follow it.
func nextPage(page *url.URL, headers []string) *url.URL {
	for _, header := range headers {
		s := scanner{header}
		for s.skip(" \t,"); s.rest != ""; s.skip(" \t,") {
			target, ok := s.target()
			if !ok {
				break
			}
			next := false
			for s.skip(" \t"); strings.HasPrefix(s.rest, ";"); s.skip(" \t") {
				s.skip("; \t")
				name := strings.ToLower(s.token())
				s.skip(" \t")
				value, _ := s.value()
				for relation := range strings.FieldsSeq(value) {
					next = next || name == "rel" && strings.EqualFold(relation, "next")
				}
			}
			if !next {
				// What is malformed ends here too.
				if !strings.HasPrefix(s.rest, ",") {
					break
				}
				continue
			}
			if u, err := page.Parse(target); err == nil {
				return u
			}
		}
	}
	return nil
}

// target reads <address>.
func (s *scanner) target() (string, bool) {
	rest, ok := strings.CutPrefix(s.rest, "<")
	if !ok {
		return "", false
	}
	target, rest, ok := strings.Cut(rest, ">")
	s.rest = rest
	return target, ok
}
