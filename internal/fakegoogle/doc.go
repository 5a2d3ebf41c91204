// Package fakegoogle stands in for the servers of Google that give out access tokens:
// the OAuth token endpoint, the Security Token Service, the IAM Service Account
// Credentials API and a metadata server. It is for tests.
//
// It accepts what Google accepts and refuses the rest, with Google's words. Signatures
// are verified by code that knows nothing of what makes them in jet; requests that
// are signed for Amazon go to the stand-in for that. The sources of what is checked:
//
//   - assertions: developers.google.com/identity/protocols/oauth2/service-account
//   - token exchange: cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
//   - impersonation: cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
//   - metadata: cloud.google.com/compute/docs/access/authenticate-workloads
//
// The same assertion is accepted any number of times while it is valid: it holds no
// number to be used once (jti), and a client that got no answer has to send it again.
package fakegoogle
