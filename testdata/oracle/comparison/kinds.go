package main

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/dockercfg/jet/internal/envfile/envfiletest"
)

// A kind of env files has one thing that tools may trip over.
type kind struct {
	name string
	make func(r *rand.Rand) envfiletest.File
}

type group struct {
	title  string
	dotenv bool
	kinds  []kind
}

func words(r *rand.Rand) string {
	all := []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "hotel", "india", "juliet", "kilo"}
	return all[r.IntN(len(all))] + strconv.Itoa(r.IntN(1000))
}

// A line is one variable as it is written, and what it means.
type line struct{ name, written, value string }

func one(name, value string) line { return line{name, name + "=" + value, value} }

// lines makes a file of the lines that special gives, between plain variables.
func lines(special func(r *rand.Rand) []line) func(r *rand.Rand) envfiletest.File {
	return func(r *rand.Rand) envfiletest.File {
		all := append([]line{one("FIRST", words(r))}, special(r)...)
		all = append(all, one("LAST", words(r)))
		f := envfiletest.File{Values: make(map[string]string)}
		for _, l := range all {
			f.Text = append(f.Text, l.written+"\n"...)
			if l.name != "" {
				f.Values[l.name] = l.value
			}
		}
		return f
	}
}

// value makes a file with one special value.
func value(special func(r *rand.Rand) string) func(r *rand.Rand) envfiletest.File {
	return lines(func(r *rand.Rand) []line { return []line{one("SPECIAL", special(r))} })
}

// text changes the text of a file with plain values.
func text(change func(text string) string) func(r *rand.Rand) envfiletest.File {
	plain := lines(func(r *rand.Rand) []line { return []line{one("SECOND", words(r))} })
	return func(r *rand.Rand) envfiletest.File {
		f := plain(r)
		f.Text = []byte(change(string(f.Text)))
		return f
	}
}

var groups = []group{{
	title: "Files in Docker's syntax (`docker run --env-file`): a value is everything behind the first `=`.",
	kinds: []kind{
		{"plain words", value(words)},
		{"comments and empty lines", lines(func(r *rand.Rand) []line {
			return []line{{written: "# " + words(r)}, {}, one("SPECIAL", words(r)), {}, {}, {written: "#" + words(r) + "=" + words(r)}}
		})},
		{"comments behind blanks", lines(func(r *rand.Rand) []line { return []line{{written: "  # " + words(r)}} })},
		{"`=` in values, as in base64", value(func(r *rand.Rand) string { return words(r) + "=" + words(r) + "==" })},
		{"empty values", value(func(*rand.Rand) string { return "" })},
		{"blanks within values", value(func(r *rand.Rand) string { return words(r) + " " + words(r) + "\t" + words(r) })},
		{"blanks around values", value(func(r *rand.Rand) string { return "  " + words(r) + " " })},
		{"quotes within values", value(func(r *rand.Rand) string { return words(r) + `"` + words(r) + `'` + words(r) })},
		{"values in quotes", value(func(r *rand.Rand) string { return `"` + words(r) + `"` })},
		{"` #` in values", value(func(r *rand.Rand) string { return words(r) + " #" + words(r) })},
		{"`$` in values", value(func(r *rand.Rand) string { return words(r) + "$" + words(r) + "${FIRST}" })},
		{"`$(…)` in values", value(func(r *rand.Rand) string { return "$(echo " + words(r) + ")" })},
		{"backslashes", value(func(r *rand.Rand) string { return `C:\` + words(r) + `\new\table` })},
		{"JSON on one line", value(func(r *rand.Rand) string {
			return `{"type": "service_account", "private_key": "-----BEGIN KEY-----\n` + words(r) + `\n-----END KEY-----\n"}`
		})},
		{"not ASCII", value(func(r *rand.Rand) string { return "Zoë 密码 " + words(r) + " 🔑" })},
		{"control characters", value(func(r *rand.Rand) string { return "\x1b[1m" + words(r) + "\x7f" })},
		{"a name twice", lines(func(r *rand.Rand) []line { return []line{one("SPECIAL", words(r)), one("SPECIAL", words(r))} })},
		{"a bare name", lines(func(*rand.Rand) []line { return []line{{written: "HOSTNAME_OF_OTHERS"}} })},
		{"names with `-` and `.`", lines(func(r *rand.Rand) []line { return []line{one("my-key", words(r)), one("my.key", words(r))} })},
		{"CRLF line ends", text(func(t string) string { return strings.ReplaceAll(t, "\n", "\r\n") })},
		{"no line end at the end", text(func(t string) string { return strings.TrimSuffix(t, "\n") })},
		{"a byte-order mark", text(func(t string) string { return "\ufeff" + t })},
		{"all of these at random", func(r *rand.Rand) envfiletest.File { return envfiletest.Generate(r, "N", nil) }},
	},
}, {
	title:  "Files in dotenv syntax, which jet reads with `--env-syntax dotenv`.",
	dotenv: true,
	kinds: []kind{
		{"single quotes", lines(func(r *rand.Rand) []line {
			v := words(r) + " # " + words(r)
			return []line{{"SPECIAL", "SPECIAL='" + v + "'", v}}
		})},
		{"double quotes and `\\n`", lines(func(r *rand.Rand) []line {
			a, b := words(r), words(r)
			return []line{{"SPECIAL", `SPECIAL="` + a + `\n` + b + `"`, a + "\n" + b}}
		})},
		{"several lines", lines(func(r *rand.Rand) []line {
			v := "-----BEGIN KEY-----\n" + words(r) + "\n-----END KEY-----"
			return []line{{"SPECIAL", `SPECIAL="` + v + `"`, v}}
		})},
		{"`export`", lines(func(r *rand.Rand) []line {
			v := words(r)
			return []line{{"SPECIAL", "export SPECIAL=" + v, v}}
		})},
		{"a comment behind the value", lines(func(r *rand.Rand) []line {
			v := words(r)
			return []line{{"SPECIAL", "SPECIAL=" + v + " # " + words(r), v}}
		})},
	},
}}
