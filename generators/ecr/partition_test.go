package ecr

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestParseRegistry(t *testing.T) {
	for host, want := range map[string]registry{
		"012345678901.dkr.ecr.eu-west-1.amazonaws.com":                {"012345678901", "eu-west-1", false, false},
		"012345678901.dkr.ecr-fips.us-gov-west-1.amazonaws.com":       {"012345678901", "us-gov-west-1", true, false},
		"012345678901.dkr-ecr.eu-west-1.on.aws":                       {"012345678901", "eu-west-1", false, true},
		"012345678901.dkr-ecr-fips.us-east-1.on.aws":                  {"012345678901", "us-east-1", true, true},
		"012345678901.dkr.ecr.cn-north-1.amazonaws.com.cn":            {"012345678901", "cn-north-1", false, false},
		"012345678901.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn": {"012345678901", "cn-north-1", false, true},
		"012345678901.dkr.ecr.eusc-de-east-1.amazonaws.eu":            {"012345678901", "eusc-de-east-1", false, false},
		"012345678901.dkr.ecr.us-iso-east-1.c2s.ic.gov":               {"012345678901", "us-iso-east-1", false, false},
		"012345678901.dkr.ecr.us-isob-east-1.sc2s.sgov.gov":           {"012345678901", "us-isob-east-1", false, false},
		"012345678901.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk":          {"012345678901", "eu-isoe-west-1", false, false},
		"012345678901.dkr.ecr.us-isof-south-1.csp.hci.ic.gov":         {"012345678901", "us-isof-south-1", false, false},
		"012345678901.dkr.ecr.ap-southeast-12.amazonaws.com":          {"012345678901", "ap-southeast-12", false, false},
		"":                                {},
		"012345678901":                    {},
		"public.ecr.aws":                  {},
		"dkr.ecr.eu-west-1.amazonaws.com": {},
		"012345678901.dkr.ecr.eu-west-1.amazonaws.com.evil.example":                 {},
		"012345678901.dkr.ecr.eu-west-1.amazonaws.com.":                             {},
		"012345678901.dkr.ecr.eu-west-1.amazonaws.com:443":                          {},
		"012345678901.dkr.ecr.eu-west-1.amazonaws.com/x":                            {},
		"x.012345678901.dkr.ecr.eu-west-1.amazonaws.com":                            {},
		"x012345678901.dkr.ecr.eu-west-1.amazonaws.com":                             {},
		"12345678901.dkr.ecr.eu-west-1.amazonaws.com":                               {},
		"0123456789012.dkr.ecr.eu-west-1.amazonaws.com":                             {},
		"01234567890a.dkr.ecr.eu-west-1.amazonaws.com":                              {},
		"\u0660\u0661\u0662345678901.dkr.ecr.eu-west-1.amazonaws.com":               {},
		"012345678901.dkr.ecr.eu-west-1.evil.example":                               {},
		"012345678901.dkr.ecr.eu-west-1.amazonaws.com.cn":                           {},
		"012345678901.dkr.ecr.cn-north-1.amazonaws.com":                             {},
		"012345678901.dkr.ecr.eu-west-1.on.aws":                                     {},
		"012345678901.dkr-ecr.eu-west-1.amazonaws.com":                              {},
		"012345678901.dkr-ecr.us-iso-east-1.":                                       {},
		"012345678901.dkr.ecr.evil.example.eu-west-1.amazonaws.com":                 {},
		"012345678901.dkr.ecr.evil.amazonaws.com":                                   {},
		"012345678901.dkr.ecr..amazonaws.com":                                       {},
		"012345678901.dkr.ecr.eu-west-1-amazonaws.com":                              {},
		"012345678901.dkr.ecr.eu-west-1.xamazonaws.com":                             {},
		"012345678901.dkr.ecr-fipsx.eu-west-1.amazonaws.com":                        {},
		"012345678901xdkr.ecr.eu-west-1.amazonaws.com":                              {},
		"012345678901.DKR.ecr.eu-west-1.amazonaws.com":                              {},
		"012345678901.dkr.ecr." + strings.Repeat("e", 40) + "-west-1.amazonaws.com": {},
	} {
		got, ok := parseRegistry(host)
		if ok != (want != registry{}) || ok && got != want {
			t.Errorf("%s: got %+v, %v", host, got, ok)
		}
	}
}

// FuzzRegistry looks for names that are taken for one of AWS and do not end as AWS's do.
func FuzzRegistry(f *testing.F) {
	f.Add("012345678901.dkr.ecr.eu-west-1.amazonaws.com")
	f.Add("012345678901.dkr-ecr-fips.us-east-1.on.aws")
	f.Add("012345678901.dkr.ecr.eu-west-1.amazonaws.com.evil.example")
	f.Fuzz(func(t *testing.T, host string) {
		r, ok := parseRegistry(host)
		if !ok {
			return
		}
		p := partitionOf(r.region)
		if r.host() != host || !isAccount(r.account) || !strings.HasSuffix(host, "."+p.dns) && !strings.HasSuffix(host, "."+p.dualHost) || strings.ContainsAny(host, "/:@ ") {
			t.Errorf("%q is taken for %+v", host, r)
		}
	})
}

// FuzzAuthorization reads answers: none makes a panic, and none a token that is not
// whole.
func FuzzAuthorization(f *testing.F) {
	good := base64.StdEncoding.EncodeToString([]byte("AWS:password"))
	f.Add(false, `[{"authorizationToken":"`+good+`","expiresAt":4102444800.5,"proxyEndpoint":"https://012345678901.dkr.ecr.eu-west-1.amazonaws.com"}]`)
	f.Add(true, `{"authorizationToken":"`+good+`","expiresAt":4102444800}`)
	f.Add(false, `[{}]`)
	f.Add(true, `null`)
	f.Fuzz(func(t *testing.T, public bool, text string) {
		region := "eu-west-1"
		if public {
			region = publicRegion
		}
		k, err := readAuthorization(target{public: public, region: region}, json.RawMessage(text))
		if err != nil {
			return
		}
		if k.username == "" || strings.Contains(k.username, ":") || k.password.Reveal() == "" || time.Until(k.expires) <= 0 || (k.registry == "") != public {
			t.Errorf("%q makes %+v", text, k)
		}
	})
}
