package oracle

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sharingProject is a project with a shared key, whose folder is also the home of
// who works there, and the programs that are needed.
type sharingProject struct {
	project
	keygen string // ssh-keygen
}

func newSharingProject(t *testing.T) sharingProject {
	t.Helper()
	build(t, filepath.Join("..", ".."), "./cmd/jet-age") // beside jet, where jet looks for it
	p := sharingProject{newProject(t), find(t, "ssh-keygen", "openssh-client")}
	write(t, filepath.Join(p.dir, "env"), "A=1\n")
	p.run(t, "encrypt", "env", "env.encrypted")
	return p
}

func (p sharingProject) path(name string) string { return filepath.Join(p.dir, name) }

// ages gives the programs age and age-keygen that there are: of Debian, and of
// the module.
func ages(t *testing.T) map[string][2]string {
	t.Helper()
	return map[string][2]string{
		"age of Debian": {find(t, "age", "age"), find(t, "age-keygen", "age")},
		"age of today":  {build(t, ".", "filippo.io/age/cmd/age"), build(t, ".", "filippo.io/age/cmd/age-keygen")},
	}
}

// key makes a key of a kind, and gives its path and the public one.
func (p sharingProject) key(t *testing.T, keygen, kind string) (private, public string) {
	t.Helper()
	private = p.path(strings.ReplaceAll(kind, " ", "-"))
	switch kind {
	case "age", "age post-quantum":
		args := []string{"-o", private}
		if kind != "age" {
			args = append(args, "-pq")
		}
		mustRun(t, p.dir, nil, keygen, args...)
		return private, strings.TrimSpace(mustRun(t, p.dir, nil, keygen, "-y", private))
	case "ed25519":
		mustRun(t, p.dir, nil, p.keygen, "-q", "-t", "ed25519", "-N", "", "-f", private)
	case "rsa":
		mustRun(t, p.dir, nil, p.keygen, "-q", "-t", "rsa", "-b", "3072", "-N", "", "-f", private)
	case "rsa in PEM":
		mustRun(t, p.dir, nil, p.keygen, "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", private)
	}
	return private, private + ".pub"
}

// TestSharedKeyBetweenJetAndAge: age opens what jet writes, and jet what age
// writes, with keys of age-keygen and ssh-keygen.
func TestSharedKeyBetweenJetAndAge(t *testing.T) {
	for name, programs := range ages(t) {
		age, keygen := programs[0], programs[1]
		kinds := []string{"age", "ed25519", "rsa", "rsa in PEM"}
		if name == "age of today" {
			kinds = append(kinds, "age post-quantum")
		}
		for _, kind := range kinds {
			t.Run(name+", "+kind, func(t *testing.T) {
				p := newSharingProject(t)
				private, public := p.key(t, keygen, kind)
				key, err := os.ReadFile(p.path("codeship.aes"))
				if err != nil {
					t.Fatal(err)
				}
				to := []string{"key", "share", "--to", public}
				if kind != "age post-quantum" {
					_, other := p.key(t, keygen, map[bool]string{true: "ed25519", false: "age"}[kind == "age"])
					to = append(to, "--to", other)
				}
				p.run(t, to...)
				if got := mustRun(t, p.dir, nil, age, "-d", "-i", private, "codeship.aes.age"); got != string(key) {
					t.Errorf("age gets %q", got)
				}
				// age takes the list of recipients as it is.
				if err := os.Remove(p.path("codeship.aes.age")); err != nil {
					t.Fatal(err)
				}
				for _, form := range [][]string{{"--armor"}, nil} {
					mustRun(t, p.dir, nil, age, slices.Concat([]string{"-e", "-R", "codeship.aes.recipients", "-o", "codeship.aes.age"}, form, []string{"codeship.aes"})...)
					os.Rename(p.path("codeship.aes"), p.path("away"))
					if got := mustRun(t, p.dir, []string{"JET_IDENTITY_PATH=" + private}, p.jet, "decrypt", "env.encrypted", "-"); got != "A=1\n" {
						t.Errorf("jet gets %q", got)
					}
					os.Rename(p.path("away"), p.path("codeship.aes"))
					os.Remove(p.path("codeship.aes.age"))
				}
			})
		}
	}
}

// typed runs a command on a terminal of expect's, and types a line at each question,
// a moment after it is asked: programs turn the echo off after that.
func typed(t *testing.T, dir string, env []string, answers []string, command ...string) (string, error) {
	t.Helper()
	var script strings.Builder
	script.WriteString("set timeout 60\nset stty_init -onlcr\nlog_user 1\nspawn -noecho")
	for _, word := range command {
		script.WriteString(" {" + word + "}")
	}
	script.WriteString("\n")
	for _, answer := range answers {
		script.WriteString("expect {\n-re {: $} {}\ntimeout {exit 99}\neof {}\n}\nsleep 0.2\nsend -- {" + answer + "}\nsend \"\\r\"\n")
	}
	script.WriteString("expect {\neof {}\ntimeout {exit 98}\n}\nset status [wait]\nexit [lindex $status 3]\n")
	return run(t, dir, env, find(t, "expect", "expect"), "-c", script.String())
}

// TestPassphrasesOfOpenSSH: keys of ssh-keygen that have a passphrase, in the forms
// that it writes.
func TestPassphrasesOfOpenSSH(t *testing.T) {
	const passphrase = "correct horse"
	for name, args := range map[string][]string{
		"ed25519":    {"-t", "ed25519"},
		"rsa":        {"-t", "rsa", "-b", "2048"},
		"rsa in PEM": {"-t", "rsa", "-b", "2048", "-m", "PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newSharingProject(t)
			private := p.path("id")
			mustRun(t, p.dir, nil, p.keygen, slices.Concat([]string{"-q", "-N", passphrase, "-f", private}, args)...)
			p.run(t, "key", "share", "--to", private+".pub")
			os.Remove(p.path("codeship.aes"))
			env := []string{"JET_IDENTITY_PATH=" + private}
			out, err := typed(t, p.dir, env, []string{passphrase}, p.jet, "decrypt", "env.encrypted", "-")
			if err != nil || !strings.Contains(out, "Passphrase for "+private) || !strings.HasSuffix(out, "A=1\n") || strings.Contains(out, passphrase) {
				t.Errorf("got %v: %q", err, out)
			}
			out, err = typed(t, p.dir, env, []string{"wrong"}, p.jet, "decrypt", "env.encrypted", "-")
			if err == nil || !strings.Contains(out, `wrong passphrase for "`+private+`"`) {
				t.Errorf("wrong passphrase: got %v: %q", err, out)
			}
			out, err = run(t, p.dir, env, find(t, "setsid", "util-linux"), "--wait", p.jet, "decrypt", "env.encrypted", "-")
			if err == nil || !strings.Contains(out, "there is no terminal on which to ask") {
				t.Errorf("no terminal: got %v: %q", err, out)
			}
			// One that says nothing of itself, and whose public key is lost.
			if name == "rsa in PEM" {
				os.Remove(private + ".pub")
				out, err = typed(t, p.dir, env, nil, p.jet, "decrypt", "env.encrypted", "-")
				if err == nil || !strings.Contains(out, "does not say which key it is") {
					t.Errorf("without the public key: got %v: %q", err, out)
				}
			}
		})
	}
}

// TestPassphraseBetweenJetAndAge: a passphrase on the key itself.
func TestPassphraseBetweenJetAndAge(t *testing.T) {
	const passphrase = "correct horse"
	for name, programs := range ages(t) {
		t.Run(name, func(t *testing.T) {
			age := programs[0]
			p := newSharingProject(t)
			key, err := os.ReadFile(p.path("codeship.aes"))
			if err != nil {
				t.Fatal(err)
			}
			if out, err := typed(t, p.dir, nil, []string{passphrase, passphrase}, p.jet, "key", "protect"); err != nil {
				t.Fatalf("protect: %v: %s", err, out)
			}
			if _, err := os.Stat(p.path("codeship.aes")); err == nil {
				t.Error("codeship.aes is still there")
			}
			if out, err := typed(t, p.dir, nil, []string{passphrase}, age, "-d", "-o", "got", "codeship.aes.age"); err != nil {
				t.Fatalf("age -d: %v: %s", err, out)
			}
			if got, err := os.ReadFile(p.path("got")); err != nil || string(got) != string(key) {
				t.Errorf("age gets %q, %v", got, err)
			}
			if out, err := typed(t, p.dir, nil, []string{passphrase, passphrase}, age, "-p", "-a", "-o", "codeship.aes.age", "got"); err != nil {
				t.Fatalf("age -p: %v: %s", err, out)
			}
			out, err := typed(t, p.dir, nil, []string{passphrase}, p.jet, "decrypt", "env.encrypted", "-")
			if err != nil || !strings.HasSuffix(out, "A=1\n") {
				t.Errorf("decrypt: %v: %q", err, out)
			}
			if out, err := typed(t, p.dir, nil, []string{passphrase}, p.jet, "key", "unprotect"); err != nil {
				t.Errorf("unprotect: %v: %s", err, out)
			}
			p.run(t, "decrypt", "env.encrypted", "-")
		})
	}
}

// TestAgentOnly: a private key that only ssh-agent has is of no use to age, and jet
// says that.
func TestAgentOnly(t *testing.T) {
	p := newSharingProject(t)
	private, public := p.key(t, "", "ed25519")
	p.run(t, "key", "share", "--to", public)
	os.Remove(p.path("codeship.aes"))
	short, err := os.MkdirTemp("", "jet-agent-") // the names of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	socket := filepath.Join(short, "s")
	agent := exec.Command(find(t, "ssh-agent", "openssh-client"), "-D", "-a", socket)
	startServer(t, t.TempDir(), agent)
	env := []string{"SSH_AUTH_SOCK=" + socket}
	waitFor(t, "ssh-agent", func() bool {
		_, err := os.Stat(socket)
		return err == nil
	})
	mustRun(t, p.dir, env, find(t, "ssh-add", "openssh-client"), "-q", private)
	os.Remove(private)
	os.Remove(public)
	out, err := run(t, p.dir, env, p.jet, "decrypt", "env.encrypted", "-")
	if err == nil || !strings.Contains(out, "in your SSH agent, which can only sign with it") || !strings.Contains(out, "hint: an SSH agent signs and cannot decrypt") {
		t.Errorf("got %v: %s", err, out)
	}
}

// TestKeyInRealStores: the key in pass and in the secret service.
func TestKeyInRealStores(t *testing.T) {
	for _, test := range []struct {
		name  string
		start func(t *testing.T) keychain
	}{
		{"pass of Debian", func(t *testing.T) keychain { return startPass(t, "") }},
		{"pass of today", func(t *testing.T) keychain { return startPass(t, newestPass(t)) }},
		{"secretservice", startSecretService},
	} {
		t.Run(test.name, func(t *testing.T) {
			chain := test.start(t)
			p := newSharingProject(t)
			env := slices.Concat([]string{"XDG_CONFIG_HOME=" + p.path(".config")}, chain.env)
			jet := func(args ...string) string {
				t.Helper()
				return mustRun(t, p.dir, env, p.jet, args...)
			}
			key, err := os.ReadFile(p.path("codeship.aes"))
			if err != nil {
				t.Fatal(err)
			}
			if out := jet("key", "store", "--store", chain.name()); strings.Contains(out, string(key[:20])) {
				t.Errorf("it shows the key: %s", out)
			}
			os.Rename(p.path("codeship.aes"), p.path("away"))
			for range 2 {
				if got := jet("decrypt", "env.encrypted", "-"); got != "A=1\n" {
					t.Errorf("got %q", got)
				}
			}
			// Docker's list has the half; jet's own list of credentials does not.
			users := chain.list(t)
			found := 0
			for server, user := range users {
				if strings.Contains(server, "project-key.jet.invalid") && user == "project-key" {
					found++
				}
			}
			if found != 1 || len(users) != 1 {
				t.Errorf("the store lists %v", users)
			}
			if out, err := run(t, p.dir, slices.Concat(env, []string{"JET_CREDENTIAL_STORE=" + chain.name(), "DOCKER_CONFIG=" + t.TempDir()}), helper(t), "list"); err != nil || strings.Contains(out, "jet.invalid") {
				t.Errorf("the helper lists %s (%v)", out, err)
			}
			if out, err := run(t, p.dir, env, p.jet, "key", "forget"); err == nil || !strings.Contains(out, "has the only copy") {
				t.Errorf("forget: %v: %s", err, out)
			}
			os.Rename(p.path("away"), p.path("codeship.aes"))
			jet("key", "forget")
			if users := chain.list(t); len(users) != 0 {
				t.Errorf("the store still lists %v", users)
			}
		})
	}
}
