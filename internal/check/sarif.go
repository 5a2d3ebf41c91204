package check

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
)

// WriteSARIF writes the findings in SARIF 2.1.0, an OASIS standard that code
// scanning services read
// (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html), as one run of
// jet in this version. What is allowed is left out: not every service knows the
// standard's way of saying so.
func (r *Report) WriteSARIF(w io.Writer, version string) error {
	driver := sarifDriver{
		Name: "jet", Version: version, InformationURI: "https://github.com/dockercfg/jet",
	}
	for _, rule := range rules {
		driver.Rules = append(driver.Rules, sarifRule{
			ID:                   rule.Name,
			ShortDescription:     sarifText{rule.Summary},
			HelpURI:              "https://github.com/dockercfg/jet/blob/main/docs/check.md#" + rule.Name,
			DefaultConfiguration: sarifLevel{string(rule.Severity)},
			Properties:           sarifTags{Tags: []string{"security"}},
		})
	}
	run := sarifRun{
		Tool:       sarifTool{driver},
		ColumnKind: "unicodeCodePoints",
		Results:    []sarifResult{}, // null would be "not computed"
	}
	for _, f := range r.Findings {
		location := sarifPhysical{Artifact: sarifArtifact{uri(f.Path), "%SRCROOT%"}}
		// A service that shows findings in the source needs a line.
		location.Region.StartLine = max(f.Line, 1)
		run.Results = append(run.Results, sarifResult{
			RuleID: f.Rule, RuleIndex: weight(f.Rule), Level: string(f.Severity),
			Message:             sarifText{strings.Join(append([]string{f.Message}, f.Hints...), "\n")},
			Locations:           []sarifLocation{{location}},
			PartialFingerprints: map[string]string{"jetCheck/v1": fingerprint(f)},
		})
	}
	invocation := sarifInvocation{ExecutionSuccessful: true}
	for _, s := range r.Skipped {
		invocation.Notifications = append(invocation.Notifications, sarifNotification{
			Level: "note", Message: sarifText{"skipped " + s.Rule + ": " + s.Why},
			Rule: &sarifReference{ID: s.Rule, Index: weight(s.Rule)},
		})
	}
	for _, note := range r.Notes {
		invocation.Notifications = append(invocation.Notifications, sarifNotification{Level: "note", Message: sarifText{note}})
	}
	run.Invocations = []sarifInvocation{invocation}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{run},
	})
}

// fingerprint is the same for the same finding in another check, whatever line it
// has moved to.
func fingerprint(f Finding) string {
	sum := sha256.Sum256([]byte(f.Rule + "\x00" + f.Path + "\x00" + f.Commit))
	return hex.EncodeToString(sum[:16])
}

// uri writes a path as a relative reference (RFC 3986), byte for byte.
func uri(path string) string {
	var b strings.Builder
	for i := range len(path) {
		switch c := path[i]; {
		case class(c) != 'o', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	return b.String()
}

// The parts of SARIF that are written, by the names of the standard.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		ColumnKind  string            `json:"columnKind"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string     `json:"id"`
		ShortDescription     sarifText  `json:"shortDescription"`
		HelpURI              string     `json:"helpUri"`
		DefaultConfiguration sarifLevel `json:"defaultConfiguration"`
		Properties           sarifTags  `json:"properties"`
	}
	sarifTags struct {
		Tags []string `json:"tags"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID              string            `json:"ruleId"`
		RuleIndex           int               `json:"ruleIndex"`
		Level               string            `json:"level"`
		Message             sarifText         `json:"message"`
		Locations           []sarifLocation   `json:"locations"`
		PartialFingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   struct {
			StartLine int `json:"startLine"`
		} `json:"region"`
	}
	sarifArtifact struct {
		URI       string `json:"uri"`
		URIBaseID string `json:"uriBaseId"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string          `json:"level"`
		Message sarifText       `json:"message"`
		Rule    *sarifReference `json:"associatedRule,omitempty"`
	}
	sarifReference struct {
		ID    string `json:"id"`
		Index int    `json:"index"`
	}
)
