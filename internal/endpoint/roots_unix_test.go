//go:build !darwin && !windows

package endpoint

import (
	"os"
	"path/filepath"
	"testing"
)

func TestQuickPool(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", filepath.Join(t.TempDir(), "ca.pem"))
	if quickPool() != nil {
		t.Error("SSL_CERT_FILE is passed over")
	}
	t.Setenv("SSL_CERT_FILE", "")
	t.Setenv("SSL_CERT_DIR", "")
	if _, err := os.Stat(bundles[0]); err == nil && quickPool() == nil {
		t.Errorf("%s is passed over", bundles[0])
	}
}
