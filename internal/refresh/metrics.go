package refresh

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A page is one of metrics, in the text format of Prometheus (version 0.0.4,
// prometheus.io/docs/instrumenting/exposition_formats).
type page struct{ bytes.Buffer }

// family begins a metric.
func (p *page) family(name, kind, help string) {
	fmt.Fprintf(p, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// sample adds a value. Labels are names and values in turn.
func (p *page) sample(name string, value float64, labels ...string) {
	p.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		p.WriteByte("{,"[min(i, 1)])
		p.WriteString(labels[i])
		p.WriteString(`="`)
		p.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD")))
		p.WriteByte('"')
	}
	if len(labels) > 0 {
		p.WriteByte('}')
	}
	p.WriteByte(' ')
	if value == math.Trunc(value) && math.Abs(value) < 1<<53 {
		p.WriteString(strconv.FormatInt(int64(value), 10))
	} else {
		p.WriteString(strconv.FormatFloat(value, 'g', -1, 64))
	}
	p.WriteByte('\n')
}

// seconds is a time as Prometheus has it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// metrics gives the page of now.
func (r *Refresher) metrics(version string) []byte {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	now := r.wall()
	var p page
	p.family("jet_build_info", "gauge", "The program that runs; always 1.")
	p.sample("jet_build_info", 1, "version", version, "goversion", runtime.Version())
	p.family("jet_refresh_healthy", "gauge", "Whether /health answers 200.")
	p.sample("jet_refresh_healthy", truth(r.problems(now) == nil))
	p.family("jet_refresh_ready", "gauge", "Whether /ready answers 200.")
	p.sample("jet_refresh_ready", truth(r.ready))
	p.family("jet_refresh_config_reloads_total", "counter", "Changed configurations that were applied.")
	p.sample("jet_refresh_config_reloads_total", float64(r.config.reloads))
	p.family("jet_refresh_config_failures_total", "counter", "Changed configurations that could not be used.")
	p.sample("jet_refresh_config_failures_total", float64(r.config.failures))
	p.family("jet_refresh_config_usable", "gauge", "Whether the configuration as it is now is the one that is followed.")
	p.sample("jet_refresh_config_usable", truth(r.config.broken.IsZero()))
	p.family("go_goroutines", "gauge", "Goroutines that exist.")
	p.sample("go_goroutines", float64(runtime.NumGoroutine()))

	ofAccounts := func(name, kind, help string, value func(*account) (float64, bool)) {
		p.family(name, kind, help)
		for _, a := range r.accounts {
			if v, ok := value(a); ok {
				p.sample(name, v, "account", a.Name, "registry", a.Registry)
			}
		}
	}
	ofAccounts("jet_refresh_attempts_total", "counter", "Times that a credential was asked for.",
		func(a *account) (float64, bool) { return float64(a.attempts), true })
	ofAccounts("jet_refresh_failures_total", "counter", "Times that this failed.",
		func(a *account) (float64, bool) { return float64(a.failures), true })
	ofAccounts("jet_refresh_last_success_timestamp_seconds", "gauge", "When a credential came last.",
		func(a *account) (float64, bool) { return seconds(a.came), a.serial != 0 })
	ofAccounts("jet_refresh_credential_age_seconds", "gauge", "How long ago that was.",
		func(a *account) (float64, bool) { return now.Sub(a.came).Seconds(), a.serial != 0 })
	ofAccounts("jet_refresh_credential_expiry_timestamp_seconds", "gauge", "When the credential expires; there is no such line if it never does.",
		func(a *account) (float64, bool) { return seconds(a.expires), !a.expires.IsZero() })

	ofOutputs := func(name, kind, help string, value func(*output) (float64, bool)) {
		p.family(name, kind, help)
		for _, o := range r.outputs {
			if v, ok := value(o); ok {
				p.sample(name, v, "output", o.Name)
			}
		}
	}
	ofOutputs("jet_refresh_output_writes_total", "counter", "Times that an output was written, or found to be as it should.",
		func(o *output) (float64, bool) { return float64(o.writes), true })
	ofOutputs("jet_refresh_output_failures_total", "counter", "Times that this failed.",
		func(o *output) (float64, bool) { return float64(o.failures), true })
	ofOutputs("jet_refresh_output_expiry_timestamp_seconds", "gauge", "When the first of the credentials expires that the output holds.",
		func(o *output) (float64, bool) {
			var first time.Time
			for _, h := range o.holds {
				if !h.expires.IsZero() && (first.IsZero() || h.expires.Before(first)) {
					first = h.expires
				}
			}
			return seconds(first), !first.IsZero()
		})
	return p.Bytes()
}
