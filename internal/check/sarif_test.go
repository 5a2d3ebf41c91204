package check_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/check"
)

// TestSARIF reads the output with a model of what the standard requires, and refuses
// whatever that does not know. Package oracle has the standard's own schema.
func TestSARIF(t *testing.T) {
	dir := repository(t, "a b/ü%.env", "A=1\n"+secretEnv, "x.encrypted", "plain", check.AllowFile, "plain-secrets none -- nothing\n", "ok/.env", secretEnv)
	git(t, dir, "commit", "-q", "-m", "start")
	put(t, dir, check.AllowFile, "plain-secrets ok/ -- a sample\nplain-secrets none -- nothing\n")
	report := run(t, check.Options{Dir: dir})
	var out bytes.Buffer
	if err := report.WriteSARIF(&out, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	type text struct {
		Text string `json:"text"`
	}
	var log struct {
		Schema  string `json:"$schema"`
		Version string `json:"version"`
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name           string `json:"name"`
					Version        string `json:"version"`
					InformationURI string `json:"informationUri"`
					Rules          []struct {
						ID                   string `json:"id"`
						ShortDescription     text   `json:"shortDescription"`
						HelpURI              string `json:"helpUri"`
						DefaultConfiguration struct {
							Level string `json:"level"`
						} `json:"defaultConfiguration"`
						Properties struct {
							Tags []string `json:"tags"`
						} `json:"properties"`
					} `json:"rules"`
				} `json:"driver"`
			} `json:"tool"`
			Invocations []struct {
				ExecutionSuccessful *bool `json:"executionSuccessful"`
				Notifications       []struct {
					Level          string `json:"level"`
					Message        text   `json:"message"`
					AssociatedRule *struct {
						ID    string `json:"id"`
						Index int    `json:"index"`
					} `json:"associatedRule"`
				} `json:"toolExecutionNotifications"`
			} `json:"invocations"`
			ColumnKind string `json:"columnKind"`
			Results    []struct {
				RuleID    string `json:"ruleId"`
				RuleIndex int    `json:"ruleIndex"`
				Level     string `json:"level"`
				Message   text   `json:"message"`
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct {
							URI       string `json:"uri"`
							URIBaseID string `json:"uriBaseId"`
						} `json:"artifactLocation"`
						Region struct {
							StartLine int `json:"startLine"`
						} `json:"region"`
					} `json:"physicalLocation"`
				} `json:"locations"`
				PartialFingerprints map[string]string `json:"partialFingerprints"`
			} `json:"results"`
		} `json:"runs"`
	}
	decoder := json.NewDecoder(&out)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.HasSuffix(log.Schema, "/sarif-schema-2.1.0.json") || len(log.Runs) != 1 {
		t.Fatalf("got %+v", log)
	}
	r := log.Runs[0]
	driver := r.Tool.Driver
	if driver.Name != "jet" || driver.Version != "1.2.3" || len(driver.Rules) != len(check.Rules()) || r.ColumnKind != "unicodeCodePoints" {
		t.Errorf("got %+v", driver)
	}
	for _, rule := range driver.Rules {
		if help, err := url.Parse(rule.HelpURI); rule.ID == "" || rule.ShortDescription.Text == "" || err != nil || !help.IsAbs() || help.Fragment != rule.ID {
			t.Errorf("got the rule %+v", rule)
		}
	}
	if len(r.Invocations) != 1 || r.Invocations[0].ExecutionSuccessful == nil || !*r.Invocations[0].ExecutionSuccessful || len(r.Invocations[0].Notifications) != 3 {
		t.Errorf("got the invocations %+v", r.Invocations)
	}
	for _, n := range r.Invocations[0].Notifications {
		if n.Level != "note" || n.Message.Text == "" || n.AssociatedRule == nil || driver.Rules[n.AssociatedRule.Index].ID != n.AssociatedRule.ID {
			t.Errorf("got the notification %+v", n)
		}
	}
	var got []string
	prints := make(map[string]bool)
	for _, result := range r.Results {
		if result.RuleIndex < 0 || driver.Rules[result.RuleIndex].ID != result.RuleID || result.Level != driver.Rules[result.RuleIndex].DefaultConfiguration.Level ||
			result.Message.Text == "" || len(result.Locations) != 1 || len(result.PartialFingerprints) != 1 {
			t.Errorf("got the result %+v", result)
		}
		for _, print := range result.PartialFingerprints {
			if prints[print] {
				t.Errorf("two results have the fingerprint %s", print)
			}
			prints[print] = true
		}
		place := result.Locations[0].PhysicalLocation
		address, err := url.Parse(place.ArtifactLocation.URI)
		if err != nil || address.IsAbs() || place.ArtifactLocation.URIBaseID != "%SRCROOT%" || place.Region.StartLine < 1 {
			t.Errorf("got the place %+v, %v", place, err)
		}
		got = append(got, result.RuleID+" "+address.Path)
	}
	if want := "stale-allowance .jetcheck, plain-secrets a b/ü%.env, not-encrypted x.encrypted"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if line := r.Results[1].Locations[0].PhysicalLocation.Region.StartLine; line != 2 {
		t.Errorf("the secret is found in line %d, want 2", line)
	}

	// Nothing found is a list, and not null, which would mean that nobody looked.
	out.Reset()
	if err := run(t, check.Options{Dir: repository(t, "README", "x")}).WriteSARIF(&out, ""); err != nil || !strings.Contains(out.String(), `"results": []`) {
		t.Errorf("got %v, %s", err, out.String())
	}
}
