package main

import (
	"fmt"
	"net/http/httptest"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dockercfg/jet/internal/fakeaws"
)

// startAWS is the command of scripts "fakeaws FILE": it starts what stands in for
// AWS, with a user ci of account 012345678901 who may assume the role push of account
// 210987654321, and writes the variables of that user. The region me-south-1 is not
// enabled there. FILE.profile has those for a profile ci with the same keys, and
// INSTANCE is the metadata of an instance of that account.
func startAWS(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fakeaws FILE")
	}
	fake := &fakeaws.AWS{Disabled: []string{"me-south-1"}}
	server := httptest.NewServer(fake)
	ts.Defer(server.Close)
	const user = "arn:aws:iam::012345678901:user/ci"
	actions := []string{fakeaws.Token, fakeaws.PublicToken, fakeaws.BearerToken, fakeaws.AssumeRole}
	key := fake.AddUser("aws", "012345678901", "ci", actions...)
	fake.AddRole(fakeaws.Role{Account: "210987654321", Name: "push", Actions: actions, Trusts: []string{user}})
	write := func(path, format string, values ...any) {
		ts.Check(os.WriteFile(path, fmt.Appendf(nil, format, values...), 0o600))
	}
	path := ts.MkAbs(args[0])
	keys := path + ".credentials"
	write(path, "AWS_REGION=eu-west-1\nAWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\nAWS_ENDPOINT_URL=%s\nAWS_EC2_METADATA_DISABLED=true\n", key.ID, key.Secret, server.URL)
	write(keys, "[ci]\naws_access_key_id=%s\naws_secret_access_key=%s\nregion=eu-west-1\n", key.ID, key.Secret)
	write(path+".profile", "AWS_PROFILE=ci\nAWS_SHARED_CREDENTIALS_FILE=%s\nAWS_CONFIG_FILE=%s-none\nAWS_ENDPOINT_URL=%s\nAWS_EC2_METADATA_DISABLED=true\n", keys, keys, server.URL)
	ts.Setenv("SECRET", key.Secret)
	ts.Setenv("KEY", key.ID)
	ts.Setenv("AWS", server.URL)
	metadata := httptest.NewServer(fake)
	ts.Defer(metadata.Close)
	fake.AddInstance("arn:aws:sts::012345678901:assumed-role/builder/i-1", false)
	ts.Setenv("INSTANCE", metadata.URL)
}
