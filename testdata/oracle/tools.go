//go:build tools

package oracle

// Modules that the tests use without importing them: the vectors are read from
// their folder, the programs are built with go build.
import (
	_ "filippo.io/age/cmd/age"
	_ "filippo.io/age/cmd/age-keygen"
	_ "github.com/awslabs/amazon-ecr-credential-helper/ecr-login/cli/docker-credential-ecr-login"
	_ "github.com/c2sp/wycheproof"
	_ "github.com/docker/distribution/contrib/token-server"
	_ "github.com/docker/docker-credential-helpers/pass/cmd"
	_ "github.com/google/go-containerregistry/cmd/crane"
	_ "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	_ "github.com/regclient/regclient/cmd/regctl"
	_ "github.com/urfave/cli/v2"
)
