package check

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// AllowFile is the name of the file at the top of a project that says which
// findings are known and accepted, a line each:
//
//	RULE PATH-PATTERN -- reason
//
// Empty lines and lines that begin with "#" mean nothing. The pattern counts from
// the top and may hold blanks. In it "?" stands for one character, "*" for any
// within one part of the path, and "**" for any number of whole parts; one that
// ends in "/" means all that is below.
const AllowFile = ".jetcheck"

// maxAllowFile bounds AllowFile, in bytes.
const maxAllowFile = 1 << 20

// An Allowance is one line of AllowFile.
type Allowance struct {
	Line    int    `json:"line"` // from 1
	Rule    string `json:"rule"`
	Pattern string `json:"pattern"`
	Reason  string `json:"reason"`
}

// An AllowError says what is wrong with a line of AllowFile.
type AllowError struct {
	Line    int // from 1; 0 if it is about all of it
	Problem string
}

func (e *AllowError) Error() string {
	if e.Line == 0 {
		return AllowFile + ": " + e.Problem
	}
	return fmt.Sprintf("%s: line %d: %s", AllowFile, e.Line, e.Problem)
}

// ParseAllowances reads the text of AllowFile. The error joins an *AllowError for
// each line that is wrong: what is not understood must not look as if it were.
func ParseAllowances(text []byte) ([]Allowance, error) {
	if len(text) > maxAllowFile {
		return nil, &AllowError{Problem: fmt.Sprintf("it is over %d bytes long", maxAllowFile)}
	}
	var all []Allowance
	var errs []error
	number := 0
	for raw := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		number++
		line := strings.TrimSpace(string(raw))
		if line == "" || line[0] == '#' {
			continue
		}
		a, problem := parseAllowance(line)
		if a.Line = number; problem != "" {
			errs = append(errs, &AllowError{number, problem})
			continue
		}
		all = append(all, a)
	}
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

func parseAllowance(line string) (a Allowance, problem string) {
	line = strings.ReplaceAll(line, "\t", " ")
	head, reason, found := strings.Cut(line+" ", " -- ") // a path with that in it is written with "?"
	rule, pattern, _ := strings.Cut(head, " ")
	a = Allowance{Rule: rule, Pattern: strings.TrimSpace(pattern), Reason: strings.TrimSpace(reason)}
	_, known := RuleNamed(rule)
	switch {
	case !utf8.ValidString(line):
		return a, "it is not valid UTF-8"
	case !known:
		return a, fmt.Sprintf("there is no rule %q", rule)
	case rule == StaleAllowance:
		return a, rule + " cannot be allowed: remove the line that it is about"
	case a.Pattern == "":
		return a, "there is no path pattern"
	case !found || a.Reason == "":
		return a, `a reason is missing: "RULE PATH-PATTERN -- reason"`
	case strings.HasPrefix(a.Pattern, "/"):
		return a, `the pattern begins with "/", and counts from the top of the project without it`
	}
	return a, ""
}

// allows reports whether the line is about a path.
func (a Allowance) allows(path string) bool {
	pattern := a.Pattern
	if strings.HasSuffix(pattern, "/") {
		pattern += "**"
	}
	return matchParts(strings.Split(pattern, "/"), strings.Split(path, "/"))
}

// matchParts matches the parts of a path, in which a pattern "**" stands for any
// number of parts, though at the end for at least one: "a/**" is what is in a.
func matchParts(pattern, path []string) bool {
	// The last "**" alone may have to take in more: an earlier one can always stay
	// as short as it was.
	p, s, star, mark := 0, 0, -1, 0
	for s < len(path) {
		switch {
		case p < len(pattern) && pattern[p] == "**":
			star, mark = p, s
			p++
			if p == len(pattern) {
				return true
			}
		case p < len(pattern) && matchPart(pattern[p], path[s]):
			p++
			s++
		case star >= 0:
			mark++
			p, s = star+1, mark
		default:
			return false
		}
	}
	return p == len(pattern)
}

// matchPart matches one part of a path.
func matchPart(pattern, part string) bool {
	star, mark := -1, 0
	p, s := 0, 0
	for s < len(part) {
		_, size := utf8.DecodeRuneInString(part[s:]) // 1 for a byte that is none
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, s
			p++
		case p < len(pattern) && pattern[p] == '?':
			p++
			s += size
		case p < len(pattern) && pattern[p] == part[s]:
			p++
			s++
		case star >= 0:
			mark++
			p, s = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
