package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// halyardOptions are all of "hal config provider docker-registry account add"
// (spinnaker/halyard, docs/commands.md), and three fields of its model and of
// clouddriver's that have no option.
var halyardOptions = []string{
	"ACCOUNT", "--address", "--cache-interval-seconds", "--cache-threads", "--client-timeout-millis", "--deployment", "--email",
	"--environment", "--insecure-registry", "--no-validate", "--paginate-size", "--password", "--password-command", "--password-file",
	"--read-permissions", "--repositories", "--repositories-regex", "--required-group-membership", "--sort-tags-by-date",
	"--track-digests", "--username", "--write-permissions", "dockerconfigFile", "skip", "catalogFile",
}

// devtronFields are those of Devtron's form (docs.devtron.io, "Container/OCI
// Registry").
var devtronFields = []string{
	"Amazon ECR, access key", "Amazon ECR, EC2 IAM role", "Docker Hub", "Azure", "Artifact Registry and GCR", "Quay", "Other",
	"Name", "URL", "Default", "Public or private", "Secure connection", "Secure connection, CA certificate", "Insecure connection",
	"Pull secret, injected", "Pull secret, by name", "dt-secrets", "docker login -u -p",
}

// TestComparisonOfAccounts: the tables have every option and field, each with an
// example that the script of examples runs in the section of that option, or that is
// in a file which the section uses.
func TestComparisonOfAccounts(t *testing.T) {
	document, err := os.ReadFile("../../docs/comparison.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("../../testdata/script/registries_options.txtar")
	if err != nil {
		t.Fatal(err)
	}
	commands, files, _ := strings.Cut(string(script), "\n-- ")
	sections := make(map[string]string)
	var open []string // options whose section goes on
	begun := false
	for line := range strings.Lines(commands) {
		if option, ok := strings.CutPrefix(line, "#: "); ok {
			if begun {
				open, begun = nil, false
			}
			open = append(open, strings.TrimSpace(option))
			continue
		}
		begun = len(open) > 0
		for _, option := range open {
			sections[option] += line
		}
	}
	example := regexp.MustCompile("^`([^`]+)`$")
	for heading, want := range map[string][]string{"| Halyard |": halyardOptions, "| Devtron |": devtronFields} {
		_, table, found := strings.Cut(string(document), "\n"+heading)
		if !found {
			t.Fatalf("there is no table %s", heading)
		}
		table, _, _ = strings.Cut(table, "\n\n")
		var got []string
		for _, row := range strings.Split(strings.TrimSpace(table), "\n")[2:] {
			cells := strings.Split(strings.Trim(row, "|"), "|")
			if len(cells) != 4 {
				t.Errorf("%d cells: %s", len(cells), row)
				continue
			}
			option := strings.TrimSpace(cells[0])
			got = append(got, option)
			match := example.FindStringSubmatch(strings.TrimSpace(cells[3]))
			if match == nil || strings.TrimSpace(cells[2]) == "" {
				t.Errorf("%s has no counterpart, or no example", option)
				continue
			}
			section := sections[option]
			switch {
			case !strings.Contains(section, "exec jet ") && !strings.Contains(section, "exits "):
				t.Errorf("%s: no section of the script runs anything", option)
			case strings.HasPrefix(match[1], "jet "):
				if !strings.Contains(section, match[1]) {
					t.Errorf("%s: its section does not run %q", option, match[1])
				}
			case !strings.Contains(section, "--config "):
				t.Errorf("%s: its section reads no file", option)
			case !slices.ContainsFunc(configs(section), func(name string) bool { return strings.Contains(fileOf(files, name), match[1]) }):
				t.Errorf("%s: no file that its section reads has %q", option, match[1])
			}
		}
		slices.Sort(got)
		want = slices.Clone(want)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s the rows are\n%q, want\n%q", heading, got, want)
		}
	}
}

// configs gives the files that commands name by --config.
func configs(section string) (names []string) {
	for _, match := range regexp.MustCompile(`--config (\S+)`).FindAllStringSubmatch(section, -1) {
		names = append(names, strings.TrimSuffix(match[1], ".encrypted"))
	}
	return names
}

// fileOf gives a file of an archive, from behind the first "-- ".
func fileOf(files, name string) string {
	_, text, _ := strings.Cut("\n-- "+files, "\n-- "+name+" --\n")
	text, _, _ = strings.Cut(text, "\n-- ")
	return text
}
