package main

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dockercfg/jet/internal/fakegoogle"
)

// google FOLDER starts a stand-in for Google's token servers, until the end of the
// script. The folder gets what people have of Google: key.json, the same on one line in
// credentials.env with all variables of the original generator, deleted.env with a
// key that was deleted, and user.json, a login of gcloud. GOOGLE is the host.
func google(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: google FOLDER")
	}
	server := fakegoogle.NewServer()
	ts.Defer(server.Close)
	server.Token = func() string { return "ya29.c.canary-token-Zq8v" }
	server.Attached = "vm@jet-sample.iam.gserviceaccount.com"
	const account = "puller@jet-sample.iam.gserviceaccount.com"
	key, deleted := server.NewKey(account), server.NewOtherKey(account)
	server.Delete(deleted)
	variables := func(k *fakegoogle.Key) string {
		return "GOOGLE_AUTH_JSON=" + k.Line() + "\nGOOGLE_AUTH_EMAIL=" + account + "\nGOOGLE_PROJECT_ID=jet-sample\nGOOGLE_LOCATION=europe-west1\n"
	}
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o700))
	for name, text := range map[string]string{
		"key.json":        key.JSON(),
		"credentials.env": variables(key),
		"deleted.env":     variables(deleted),
		"user.json":       server.NewUser("dev@corp.example").JSON(server),
	} {
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+"/"+name), []byte(text), 0o600))
	}
	ts.Setenv("GOOGLE", server.MetadataHost())
}
