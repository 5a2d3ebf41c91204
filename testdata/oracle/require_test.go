package oracle

import (
	"os"
	"testing"
)

// missing skips a test for want of a part. JET_REQUIRE_REAL=1, which .ci/run sets,
// makes that a failure, because there every part is installed.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("JET_REQUIRE_REAL") == "1" {
		t.Fatalf("JET_REQUIRE_REAL is set, and "+format, args...)
	}
	t.Skipf(format, args...)
}
