package oracle

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/dockercfg/jet/internal/fakeaws"
)

// TestRefreshMetrics has Prometheus' own parser, and its own rules for good metrics,
// read what jet refresh says of three registries, of which one fails.
func TestRefreshMetrics(t *testing.T) {
	dir := t.TempDir()
	fake := &fakeaws.AWS{Disabled: []string{"eu-west-3"}}
	server := httptest.NewServer(fake)
	defer server.Close()
	key := fake.AddUser("aws", "012345678901", "ci", fakeaws.Token)
	const config = `registries:
  - {name: one, address: 012345678901.dkr.ecr.eu-west-1.amazonaws.com, backend: ecr}
  - {name: other, address: 012345678901.dkr.ecr.eu-west-3.amazonaws.com, backend: ecr}
  - {name: plain, address: quay.io, username: ci, passwordFile: quay.password}
outputs:
  - {passwordFile: 'odd "name" with \ in it', registry: one}
  - {dockercfg: config.json}
`
	for name, text := range map[string]string{"registries.yaml": config, "quay.password": "s3cret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(jet(t), "refresh", "--config", "registries.yaml", "--listen", "127.0.0.1:0")
	cmd.Dir = dir
	cmd.Env = []string{"AWS_ACCESS_KEY_ID=" + key.ID, "AWS_SECRET_ACCESS_KEY=" + key.Secret, "AWS_ENDPOINT_URL=" + server.URL, "AWS_EC2_METADATA_DISABLED=true"}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	address := ""
	for lines := bufio.NewScanner(stderr); address == "" && lines.Scan(); {
		var event struct{ Address string }
		json.Unmarshal(lines.Bytes(), &event)
		address = event.Address
	}
	go io.Copy(io.Discard, stderr)
	var page []byte
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get("http://" + address + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		page, err = io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(page))
		if err != nil {
			t.Fatalf("%v in\n%s", err, page)
		}
		value := func(family, account string) float64 {
			for _, m := range families[family].GetMetric() {
				for _, l := range m.GetLabel() {
					if l.GetValue() == account {
						return m.GetCounter().GetValue() + m.GetGauge().GetValue()
					}
				}
			}
			return -1
		}
		got := fmt.Sprint(
			value("jet_refresh_failures_total", "one"), value("jet_refresh_failures_total", "other") > 0, value("jet_refresh_failures_total", "plain"),
			value("jet_refresh_output_writes_total", `odd "name" with \ in it`), value("jet_refresh_output_writes_total", "config.json") > 0,
			value("jet_refresh_credential_expiry_timestamp_seconds", "one") > float64(time.Now().Add(11*time.Hour).Unix()),
			value("jet_refresh_credential_expiry_timestamp_seconds", "plain"),
		)
		if got == "0 true 0 1 true true -1" {
			break
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("got %s in\n%s", got, page)
		}
	}
	problems, err := promlint.New(bytes.NewReader(page)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}
