package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// version is set by the linker in releases: -X main.version=1.2.3.
var version string

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "Show the version.",
		UsageText: `jet version
jet version --json`,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "write one JSON object"}},
		Action: func(c *cli.Context) error {
			if err := wantPaths(c, 0); err != nil {
				return err
			}
			return p.printVersion(c.Bool("json"))
		},
	}
}

// ownVersion gives the version of this program, or "unknown".
func ownVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

func (p *program) printVersion(asJSON bool) error {
	v := ownVersion()
	platform := runtime.GOOS + "/" + runtime.GOARCH
	if asJSON {
		return json.NewEncoder(p.stdout).Encode(struct {
			Version  string `json:"version"`
			Go       string `json:"go"`
			Platform string `json:"platform"`
		}{v, runtime.Version(), platform})
	}
	_, err := fmt.Fprintf(p.stdout, "jet %s %s %s\n", v, runtime.Version(), platform)
	return err
}
