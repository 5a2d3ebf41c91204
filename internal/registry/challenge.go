package registry

import (
	"maps"
	"strings"
)

// A challenge says how a server wants to be given credentials (RFC 9110 section
// 11.6.1).
type challenge struct {
	scheme     string            // in lower case
	parameters map[string]string // names in lower case
}

// parametersWithoutScope are those that hold for other requests too.
func (c challenge) parametersWithoutScope() map[string]string {
	others := maps.Clone(c.parameters)
	delete(others, "scope")
	return others
}

// maxChallenges bounds how many are looked at.
const maxChallenges = 16

// parseChallenges reads the headers WWW-Authenticate. Each may hold several
// challenges, whose separator is that of their parameters. What is malformed is
// passed over.
func parseChallenges(headers []string) (challenges []challenge) {
	for _, header := range headers {
		s := scanner{header}
		var current *challenge
		for s.skip(" \t,"); s.rest != ""; s.skip(" \t,") {
			word := s.token()
			if word == "" {
				s.rest = s.rest[1:] // no token begins like that
				continue
			}
			s.skip(" \t")
			if value, ok := s.value(); ok && current != nil {
				name := strings.ToLower(word)
				if _, have := current.parameters[name]; !have {
					current.parameters[name] = value
				}
				continue
			} else if ok {
				continue // a parameter of nothing
			}
			if len(challenges) == maxChallenges {
				return challenges
			}
			challenges = append(challenges, challenge{strings.ToLower(word), make(map[string]string)})
			current = &challenges[len(challenges)-1]
			s.skipToken68()
		}
	}
	return challenges
}

// A scanner reads a header from its start.
type scanner struct{ rest string }

func (s *scanner) skip(characters string) { s.rest = strings.TrimLeft(s.rest, characters) }

// token reads a token (RFC 9110 section 5.6.2), "" if there is none.
func (s *scanner) token() string {
	end := strings.IndexFunc(s.rest, func(r rune) bool { return !isTokenCharacter(r) })
	if end < 0 {
		end = len(s.rest)
	}
	token := s.rest[:end]
	s.rest = s.rest[end:]
	return token
}

func isTokenCharacter(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// value reads = and a token or a quoted string (RFC 9110 section 5.6.4). A value
// that should stand in quotes and does not is read up to the next separator.
func (s *scanner) value() (value string, ok bool) {
	rest, ok := strings.CutPrefix(s.rest, "=")
	if !ok {
		return "", false
	}
	s.rest = rest
	s.skip(" \t")
	if !strings.HasPrefix(s.rest, `"`) {
		end := strings.IndexAny(s.rest, " \t,;")
		if end < 0 {
			end = len(s.rest)
		}
		value = s.rest[:end]
		s.rest = s.rest[end:]
		return value, true
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(s.rest):
			i++
			b.WriteByte(s.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	s.rest = ""
	return b.String(), true
}

// skipToken68 passes over what a scheme may have in place of parameters: Negotiate
// YII=.
func (s *scanner) skipToken68() {
	rest := strings.TrimLeft(s.rest, " \t")
	end := strings.IndexFunc(rest, func(r rune) bool { return !isTokenCharacter(r) && r != '/' })
	if end <= 0 {
		return
	}
	after := strings.TrimLeft(strings.TrimLeft(rest[end:], "="), " \t")
	if after == "" || after[0] == ',' {
		s.rest = after
	}
}
