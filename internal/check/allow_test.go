package check

import (
	"errors"
	"strings"
	"testing"
)

func TestParseAllowances(t *testing.T) {
	all, err := ParseAllowances([]byte("\ufeff# comment\r\n\r\nplain-secrets testdata/**/*.env -- samples -- of tests\r\n\tkey-in-git\ta b.aes  --  rotated  \n"))
	want := []Allowance{
		{3, PlainSecrets, "testdata/**/*.env", "samples -- of tests"},
		{4, KeyInGit, "a b.aes", "rotated"},
	}
	if err != nil || len(all) != 2 || all[0] != want[0] || all[1] != want[1] {
		t.Errorf("got %+v, %v", all, err)
	}
	if all, err := ParseAllowances(nil); all != nil || err != nil {
		t.Errorf("nothing: got %v, %v", all, err)
	}
	for text, problem := range map[string]string{
		"plain-secrets .env":                    "line 1: a reason is missing",
		"plain-secrets .env --":                 "line 1: a reason is missing",
		"plain-secrets .env --  ":               "line 1: a reason is missing",
		"plain-secrets .env --why":              "line 1: a reason is missing",
		"plain-secrets -- why":                  "line 1: there is no path pattern",
		"plain-secrets":                         "line 1: there is no path pattern",
		"-- why":                                `line 1: there is no rule "--"`,
		"all-secrets .env -- why":               `line 1: there is no rule "all-secrets"`,
		"* .env -- why":                         `line 1: there is no rule "*"`,
		"stale-allowance .jetcheck -- why":      "line 1: stale-allowance cannot be allowed",
		"plain-secrets /.env -- why":            `line 1: the pattern begins with "/"`,
		"plain-secrets caf\xe9 -- why":          "line 1: it is not valid UTF-8",
		"# ok\nplain-secrets .env\nx y -- z":    "line 2: a reason is missing",
		strings.Repeat("#\n", maxAllowFile/2+1): "it is over ",
	} {
		all, err := ParseAllowances([]byte(text))
		var fault *AllowError
		if all != nil || !errors.As(err, &fault) || !strings.Contains(err.Error(), AllowFile+": "+problem) {
			t.Errorf("%.40q: got %v, %v, want %s", text, all, err, problem)
		}
	}
	if _, err := ParseAllowances([]byte("a\nb\n")); strings.Count(err.Error(), "there is no rule") != 2 {
		t.Errorf("not every fault is told: %v", err)
	}
}

func TestAllows(t *testing.T) {
	for pattern, paths := range map[string][2][]string{ // those it is about, and others
		".env":            {{".env"}, {"a/.env", "xenv", ".env/a", ".enva"}},
		"*.env":           {{"a.env", ".env"}, {"a/b.env", "env"}},
		"**/*.env":        {{"a.env", "a/b.env", "a/b/c.env"}, {"a.env/b"}},
		"a/**":            {{"a/b", "a/b/c"}, {"a", "ab", "b/a/c"}},
		"a/":              {{"a/b", "a/b/c"}, {"a", "ab/c"}},
		"a/**/b":          {{"a/b", "a/x/b", "a/x/y/b", "a/b/b"}, {"a/xb", "b", "a/b/c"}},
		"**/a/**/b":       {{"a/b", "x/a/y/b", "a/a/b/a/b"}, {"a/c", "b"}},
		"**":              {{"a", "a/b"}, nil},
		"?.env":           {{"a.env", "é.env", "\xe9.env", "*.env"}, {".env", "aa.env", "a/.env"}},
		"a?b":             {{"a\nb", "a b"}, {"ab", "a/b"}},
		"a*b*c":           {{"abc", "axxbxxc", "abcbc"}, {"ab", "acb", "a/b/c"}},
		"*":               {{"a", ".a"}, {"a/b"}},
		"a b/c":           {{"a b/c"}, {"a", "a b"}},
		"[ab].env":        {{"[ab].env"}, {"a.env"}},
		"a\\b":            {{"a\\b"}, {"ab"}},
		"***":             {{"a"}, {"a/b"}},
		"a/**/**/b/**/*c": {{"a/b/c", "a/x/b/y/zc"}, {"a/b"}},
	} {
		for i, all := range paths {
			for _, path := range all {
				if got := (Allowance{Pattern: pattern}).allows(path); got != (i == 0) {
					t.Errorf("%q is about %q: %v", pattern, path, got)
				}
			}
		}
	}
}

// FuzzAllowances: whatever is read has all that a line must have, can be written and
// read again, and a pattern without signs is about that path.
func FuzzAllowances(f *testing.F) {
	f.Add("plain-secrets testdata/**/*.env -- samples\n# comment\n", "testdata/a/b.env")
	f.Add("key-in-git a?b/*c*/ -- x\r\n", "a\xffb/c/d")
	f.Add("plain-secrets **/a/**/**/b*c?*d -- y", strings.Repeat("a/", 50)+"b")
	f.Fuzz(func(t *testing.T, text, path string) {
		all, err := ParseAllowances([]byte(text))
		var fault *AllowError
		if err != nil && !errors.As(err, &fault) {
			t.Errorf("got %v", err)
		}
		for _, a := range all {
			if _, known := RuleNamed(a.Rule); !known || a.Pattern == "" || a.Reason == "" || a.Line < 1 {
				t.Errorf("got %+v", a)
			}
			a.allows(path)
			if !strings.ContainsAny(a.Pattern, "*?") && !strings.HasSuffix(a.Pattern, "/") && !a.allows(a.Pattern) {
				t.Errorf("%q is not about itself", a.Pattern)
			}
			again, err := ParseAllowances([]byte(a.Rule + " " + a.Pattern + " -- " + a.Reason))
			if a.Line = 1; err != nil || len(again) != 1 || again[0] != a {
				t.Errorf("%+v is read again as %+v, %v", a, again, err)
			}
		}
		if !(Allowance{Pattern: "**"}).allows(path) {
			t.Errorf("** is not about %q", path)
		}
	})
}
