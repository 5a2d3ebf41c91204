package generators_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/generators"
)

func open(generators.Env) (generators.Source, error) { return nil, errors.New("not opened") }

func env(values map[string]string) generators.Env {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"login", "ecr", "a", "a1", "acme-vault", strings.Repeat("a", 64)} {
		if err := generators.CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"", "Login", "lOgin", "1a", "-a", "a-", "-", ".", "..", "a/b", "../a", `a\b`, "a.b", "a b", "a\n", "a\x00", "a:b", "a;b", "a=b",
		"a_b", "a*", "$a", "~", "ä", "aä", "\u212a", strings.Repeat("a", 65),
	} {
		if err := generators.CheckName(name); err == nil {
			t.Errorf("%q: got no error", name)
		}
	}
}

func TestNewRegistry(t *testing.T) {
	first := generators.Backend{Name: "login", Open: open, Variables: []generators.Variable{{Name: "A"}, {Name: "B"}}}
	second := generators.Backend{Name: "ecr", Open: open}
	registry, err := generators.NewRegistry(first, second)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, b := range registry.All() {
		names = append(names, b.Name)
	}
	if !slices.Equal(names, []string{"login", "ecr"}) {
		t.Errorf("All: got %q", names)
	}
	registry.All()[0].Name = "changed"
	if b, ok := registry.Lookup("login"); !ok || b.Name != "login" || len(b.Variables) != 2 {
		t.Errorf("Lookup: got %v, %v", b, ok)
	}
	for _, name := range []string{"", "log", "LOGIN", "gcr", "changed"} {
		if b, ok := registry.Lookup(name); ok {
			t.Errorf("Lookup %q: got %q", name, b.Name)
		}
	}

	for _, c := range []struct {
		problem  string
		backends []generators.Backend
	}{
		{"two backends", []generators.Backend{first, second, first}},
		{"name", []generators.Backend{{Name: "a/b", Open: open}}},
		{"name is empty", []generators.Backend{{Open: open}}},
		{"no Open", []generators.Backend{{Name: "a"}}},
		{"variable named", []generators.Backend{{Name: "a", Open: open, Variables: []generators.Variable{{}}}}},
		{"variable named", []generators.Backend{{Name: "a", Open: open, Variables: []generators.Variable{{Name: "A=B"}}}}},
		{"variable named", []generators.Backend{{Name: "a", Open: open, Variables: []generators.Variable{{Name: "A B"}}}}},
		{"describes A twice", []generators.Backend{{Name: "a", Open: open, Variables: []generators.Variable{{Name: "A"}, {Name: "B"}, {Name: "A"}}}}},
	} {
		if registry, err := generators.NewRegistry(c.backends...); registry != nil || err == nil || !strings.Contains(err.Error(), c.problem) {
			t.Errorf("got %v, %v, want an error with %q", registry, err, c.problem)
		}
	}
}

func TestSelect(t *testing.T) {
	registry, err := generators.NewRegistry(
		generators.Backend{Name: "one", Open: open, Variables: []generators.Variable{
			{Name: "ONE_USER", Required: true, Selects: true}, {Name: "ONE_PASSWORD", Selects: true}, {Name: "ONE_REGISTRY", Required: true, Default: "x"},
		}},
		generators.Backend{Name: "none", Open: open, Variables: []generators.Variable{{Name: "NONE", Required: true}}},
		generators.Backend{Name: "two", Open: open, Variables: []generators.Variable{{Name: "TWO", Selects: true}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set  map[string]string
		want []string
	}{
		{nil, nil},
		{map[string]string{"ONE_REGISTRY": "x", "NONE": "x", "OTHER": "x"}, nil},
		{map[string]string{"ONE_USER": "", "ONE_PASSWORD": "", "TWO": ""}, nil},
		{map[string]string{"ONE_USER": " "}, []string{"one by ONE_USER"}},
		{map[string]string{"ONE_USER": "", "ONE_PASSWORD": "x"}, []string{"one by ONE_PASSWORD"}},
		{map[string]string{"ONE_USER": "x", "ONE_PASSWORD": "x"}, []string{"one by ONE_USER"}},
		{map[string]string{"TWO": "x", "ONE_PASSWORD": "x"}, []string{"one by ONE_PASSWORD", "two by TWO"}},
		{map[string]string{"two": "x"}, nil},
	} {
		var got []string
		for _, s := range registry.Select(env(c.set)) {
			got = append(got, s.Backend.Name+" by "+s.Variable)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: got %q, want %q", c.set, got, c.want)
		}
	}
}

func TestEnvValue(t *testing.T) {
	variable := generators.Variable{Name: "A", Default: "default"}
	for want, set := range map[string]map[string]string{"x": {"A": "x"}, " ": {"A": " "}, "default": {"A": ""}} {
		if got := env(set).Value(variable); got != want {
			t.Errorf("%v: got %q, want %q", set, got, want)
		}
	}
	if got := env(nil).Value(variable); got != "default" {
		t.Errorf("not set: got %q", got)
	}
}

func TestAliases(t *testing.T) {
	variable := generators.Variable{Name: "A", Aliases: []string{"B", "C"}, Default: "default", Selects: true}
	registry, err := generators.NewRegistry(generators.Backend{Name: "one", Open: open, Variables: []generators.Variable{variable}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set      map[string]string
		value    string
		isSet    bool
		selected bool
	}{
		{map[string]string{"A": "a", "B": "b", "C": "c"}, "a", true, true},
		{map[string]string{"A": "", "B": "b", "C": "c"}, "b", true, false},
		{map[string]string{"B": "", "C": "c"}, "c", true, false},
		{map[string]string{"A": "", "B": "", "C": ""}, "default", false, false},
		{nil, "default", false, false},
	} {
		if got := env(c.set).Value(variable); got != c.value {
			t.Errorf("%v: Value: got %q, want %q", c.set, got, c.value)
		}
		if got := env(c.set).IsSet(variable); got != c.isSet {
			t.Errorf("%v: IsSet: got %v", c.set, got)
		}
		if got := registry.Select(env(c.set)) != nil; got != c.selected {
			t.Errorf("%v: Select: got %v", c.set, got)
		}
	}
}

func TestAnyName(t *testing.T) {
	variable := generators.Variable{Name: "A", Aliases: []string{"B", "C"}, Selects: true, AnyName: true}
	registry, err := generators.NewRegistry(generators.Backend{Name: "one", Open: open, Variables: []generators.Variable{variable}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set  map[string]string
		want string
	}{{map[string]string{"A": "a", "B": "b"}, "A"}, {map[string]string{"A": "", "C": "c"}, "C"}, {map[string]string{"B": ""}, ""}, {nil, ""}} {
		got := ""
		for _, s := range registry.Select(env(c.set)) {
			got = s.Variable
		}
		if got != c.want {
			t.Errorf("%v: selected by %q, want %q", c.set, got, c.want)
		}
	}
}

func TestOddValue(t *testing.T) {
	for value, want := range map[string]string{
		"a": "", "": "", "a b": "", `"`: "", `a"`: "", `"a`: "", `"a'`: "", " ": "white space", " a": "white space", "a\u00a0": "white space",
		`"a"`: "quotes", "'a'": "quotes", `""`: "quotes",
	} {
		got := generators.OddValue("KEY", value)
		if want == "" && got != "" || !strings.Contains(got, want) || got != "" && !strings.HasPrefix(got, "KEY ") {
			t.Errorf("%q: got %q", value, got)
		}
	}
}

func TestPresence(t *testing.T) {
	variable := generators.Variable{Name: "A", Presence: true, Selects: true}
	registry, err := generators.NewRegistry(generators.Backend{Name: "one", Open: open, Variables: []generators.Variable{variable}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set  map[string]string
		want bool
	}{{nil, false}, {map[string]string{"A": ""}, true}, {map[string]string{"A": "false"}, true}} {
		if got := env(c.set).IsSet(variable); got != c.want {
			t.Errorf("%v: IsSet: got %v", c.set, got)
		}
		if got := registry.Select(env(c.set)) != nil; got != c.want {
			t.Errorf("%v: Select: got %v", c.set, got)
		}
	}
	variable.Aliases = []string{"B"}
	if _, err := generators.NewRegistry(generators.Backend{Name: "one", Open: open, Variables: []generators.Variable{variable}}); err == nil {
		t.Error("a presence with aliases: got no error")
	}
}

func TestCheckSet(t *testing.T) {
	a, b := generators.Variable{Name: "A", Aliases: []string{"ALSO_A"}}, generators.Variable{Name: "B"}
	if err := generators.CheckSet("x", env(map[string]string{"ALSO_A": "1", "B": "2"}), a, b); err != nil {
		t.Errorf("got %v", err)
	}
	err := generators.CheckSet("x", env(map[string]string{"A": "", "B": "2"}), b, a)
	if missing, ok := errors.AsType[*generators.MissingVariablesError](err); !ok || !slices.Equal(missing.Names, []string{"A"}) {
		t.Errorf("got %v", err)
	}
}

func TestCheckVariables(t *testing.T) {
	variables := []generators.Variable{{Name: "B", Required: true}, {Name: "C"}, {Name: "A", Required: true}}
	for _, c := range []struct {
		set  map[string]string
		want string
	}{
		{map[string]string{"A": "x", "B": "x"}, ""},
		{map[string]string{"A": " ", "B": " "}, ""},
		{map[string]string{"A": "x", "B": ""}, "login: these variables are not set: B"},
		{map[string]string{"C": "x"}, "login: these variables are not set: B, A"},
		{nil, "login: these variables are not set: B, A"},
	} {
		err := generators.CheckVariables("login", variables, env(c.set))
		if c.want == "" {
			if err != nil {
				t.Errorf("%v: got %v", c.set, err)
			}
			continue
		}
		if missing, ok := errors.AsType[*generators.MissingVariablesError](err); !ok || missing.Backend != "login" || err.Error() != c.want {
			t.Errorf("%v: got %v, want %q", c.set, err, c.want)
		}
	}
}

func TestPartialError(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	err := error(&generators.PartialError{Errors: []error{one, two}})
	if !errors.Is(err, one) || !errors.Is(err, two) || err.Error() != "one\ntwo" {
		t.Errorf("got %v", err)
	}
}
