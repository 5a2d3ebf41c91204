package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/check"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/sharedkey"
)

func (p *program) checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "Find keys and secrets in git, and encrypted files of no use.",
		ArgsUsage: "[PATH]…",
		UsageText: `jet check
jet check --staged                    # in a pre-commit hook
jet check --history                   # keys in old commits too
jet check --sarif >jet.sarif          # for a code scanning service`,
		Description: `Judges what git has in the index, and files of the work tree that it tracks or does not ignore; with --staged what the next commit changes, as it is in the index. All of the project, from whichever folder, or the PATHs alone. Without a key the rules that need none are applied. .jetcheck allows findings, with a reason; docs/check.md describes the rules.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "staged", Usage: "judge what the next commit changes"},
			&cli.BoolFlag{Name: "history", Usage: "look for keys in all commits too"},
			&cli.BoolFlag{Name: "no-key", Usage: "do not look for the project key"},
			&cli.BoolFlag{Name: "json", Usage: "write one JSON object"},
			&cli.BoolFlag{Name: "sarif", Usage: "write SARIF 2.1.0"},
			keyPathFlag(),
		},
		Action: p.check,
	}
}

func (p *program) check(c *cli.Context) error {
	if err := wantPaths(c, 0); err != nil {
		return err
	}
	for _, both := range [][2]string{{"staged", "history"}, {"json", "sarif"}, {"no-key", "key-path"}} {
		if c.IsSet(both[0]) && c.IsSet(both[1]) {
			return misuse("--%s and --%s exclude each other", both[0], both[1]).hint(usageOf(c.Command.HelpName, c.Command))
		}
	}
	options := check.Options{Paths: c.Args().Slice(), Staged: c.Bool("staged"), History: c.Bool("history")}
	if !c.Bool("no-key") {
		options.Key = func(ctx context.Context) (crypto.Key, error) {
			found, err := p.findKey(ctx, c.String("key-path"))
			if !c.IsSet("key-path") && isOutOfReach(err) {
				err = fmt.Errorf("%w: %w", check.ErrNoKey, err)
			}
			return found.Key, err
		}
	}
	report, err := check.Run(c.Context, options)
	if err != nil {
		return adviseCheck(err)
	}
	switch {
	case c.Bool("json"):
		encoder := json.NewEncoder(p.stdout)
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(report)
	case c.Bool("sarif"):
		err = report.WriteSARIF(p.stdout, ownVersion())
	default:
		err = p.printFindings(report)
	}
	if err != nil {
		return err
	}
	return p.verdict(report)
}

// isOutOfReach reports whether there is no key, or none that this person on this
// machine can open: who may not read the secrets can all the same make commits.
func isOutOfReach(err error) bool {
	var none *projectkey.NotFoundError
	var missing *sharedkey.MissingError
	var shared *sharedkey.Error
	if errors.As(err, &shared) {
		switch shared.Code {
		case sharedkey.CodeStranger, sharedkey.CodeNoIdentity, sharedkey.CodeAgent, sharedkey.CodeNobody:
			return true
		}
		return false
	}
	return errors.As(err, &none) || errors.As(err, &missing)
}

// adviseCheck tells what to do about a check that could not be made.
func adviseCheck(err error) error {
	var wrong *check.AllowError
	switch {
	case errors.Is(err, check.ErrNoRepository):
		return fail("%w", err).hint(`"git init" makes one; "jet check" without --staged and --history judges the files as they are`)
	case errors.As(err, &wrong):
		return fail("%w", renamed{strings.ReplaceAll(err.Error(), "\n", "; "), err}).
			hint(`a line is RULE PATH-PATTERN -- reason, as in "plain-secrets testdata/*.env -- samples"; the rules are ` + ruleNames())
	}
	return err
}

func ruleNames() string {
	var names []string
	for _, rule := range check.Rules() {
		if rule.Name != check.StaleAllowance {
			names = append(names, rule.Name)
		}
	}
	return strings.Join(names, ", ")
}

// printFindings writes what was found for people, grouped by file.
func (p *program) printFindings(r *check.Report) error {
	var b strings.Builder
	said := make(map[string]bool) // of one file
	for i, f := range r.Findings {
		if i == 0 || r.Findings[i-1].Path != f.Path {
			clear(said)
			fmt.Fprintln(&b, shownPath(r.Typed(f.Path)))
		}
		line := ""
		if f.Line > 0 {
			line = fmt.Sprintf(", line %d", f.Line)
		}
		fmt.Fprintf(&b, "  %s%s: %s\n", f.Rule, line, printable(f.Message))
		for _, hint := range f.Hints {
			if !said[hint] {
				said[hint] = true
				fmt.Fprintf(&b, "    %s\n", printable(hint))
			}
		}
	}
	_, err := io.WriteString(p.stdout, b.String())
	return err
}

// shownPath writes a path for people, quoted if it would not show as it is.
func shownPath(path string) string {
	if quoted := strconv.Quote(path); strings.Contains(quoted, `\`) {
		return quoted
	}
	return path
}

// verdict tells what was not judged, and sums up.
func (p *program) verdict(r *check.Report) error {
	for i := 0; i < len(r.Skipped); {
		why := r.Skipped[i].Why
		var names []string
		for ; i < len(r.Skipped) && r.Skipped[i].Why == why; i++ {
			names = append(names, r.Skipped[i].Rule)
		}
		p.note("skipped %s: %s", strings.Join(names, ", "), why)
	}
	for _, note := range r.Notes {
		p.note("%s", note)
	}
	if n := len(r.Allowed); n > 0 {
		p.note("%s allowed by %s", count(n, "finding"), check.AllowFile)
	}
	judged := count(r.Files, "file")
	if r.Commits > 0 {
		judged += " and " + count(r.Commits, "commit")
	}
	if len(r.Findings) == 0 {
		p.note("nothing found in %s", judged)
		return nil
	}
	files := 0
	for i, f := range r.Findings {
		if i == 0 || r.Findings[i-1].Path != f.Path {
			files++
		}
	}
	return fail("%s in %s of %s", count(len(r.Findings), "finding"), count(files, "file"), judged).
		hint(fmt.Sprintf("a line in %s allows one that is meant so: %q", check.AllowFile, r.Findings[0].Rule+" PATH-PATTERN -- reason"))
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
