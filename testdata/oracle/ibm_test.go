package oracle

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/IBM/go-sdk-core/v5/core"

	"github.com/dockercfg/jet/internal/fakeibm"
)

// TestIBMSDK has IBM's own library get a token of what stands in for IAM.
func TestIBMSDK(t *testing.T) {
	cloud := &fakeibm.Cloud{Keys: map[string]string{"right-key": "ServiceId-1"}}
	server := httptest.NewServer(cloud)
	defer server.Close()
	ask := func(key string) (*core.IamTokenServerResponse, error) {
		authenticator, err := core.NewIamAuthenticatorBuilder().SetApiKey(key).SetURL(server.URL).Build()
		if err != nil {
			t.Fatal(err)
		}
		return authenticator.RequestToken()
	}
	token, err := ask("right-key")
	if err != nil || token.ExpiresIn != 3600 || cloud.Opens("iambearer", token.AccessToken) != http.StatusOK {
		t.Errorf("got %v, %v", token, err)
	}
	if _, err := ask("wrong-key"); err == nil || !strings.Contains(err.Error(), "Provided API key could not be found") {
		t.Errorf("got %v", err)
	}
	if refusals := cloud.Refusals(); len(refusals) != 1 || refusals[0] != "BXNIM0415E" {
		t.Errorf("refusals: %q", refusals)
	}
}
