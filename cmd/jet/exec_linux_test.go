package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const testKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

// execModes are the two ways in which a command runs: in our place, and beside us.
var execModes = map[string][]string{
	"replaced":   {"exec", "--env-file", "app.env"},
	"supervised": {"exec", "--env-file", "app.env", "--dockercfg", "dockercfg"},
}

func execFolder(t *testing.T) string {
	return writeFiles(t, "codeship.aes", testKey, "app.env", "A=1\n", "dockercfg", `{"auths":{"quay.io":{"auth":"Y2k6cA=="}}}`)
}

// sealedFolder is the same with an env file that takes the key to read.
func sealedFolder(t *testing.T) string {
	dir := execFolder(t)
	seal(t, filepath.Join(dir, "app.env"), "A=1\n")
	return dir
}

// TestExecKeyboard types what interrupts, ends and suspends programs.
func TestExecKeyboard(t *testing.T) {
	for mode, words := range execModes {
		t.Run(mode+"/interrupt", func(t *testing.T) {
			s := sit(t, execFolder(t), nil, "jet", append(words, "--", "sh", "-c",
				`trap 'n=$((n+1)); echo "int $n"' INT; echo "at $DOCKER_CONFIG."; read line; read line; echo "$n once"; exit 3`)...)
			s.expect("at ")
			s.typed("\x03")
			s.expect("int 1")
			s.typed("a\nb\n") // a read that is interrupted may have ended
			s.expect("1 once")
			if got := s.status(); got != 3 {
				t.Errorf("exit status %d, want 3: %q", got, s.screen())
			}
			checkNothingLeft(t, s.cmd.Env)
			if strings.Contains(s.screen(), "int 2") {
				t.Errorf("the command was interrupted twice: %q", s.screen())
			}
		})
		t.Run(mode+"/killed by it", func(t *testing.T) {
			for typed, want := range map[string]int{"\x03": 130, "\x1c": 131} {
				s := sit(t, execFolder(t), nil, "jet", append(words, "--", "sh", "-c", `ulimit -c 0; echo ready; exec sleep 60`)...)
				s.expect("ready")
				s.typed(typed)
				if got := s.status(); got != want {
					t.Errorf("exit status %d, want %d: %q", got, want, s.screen())
				}
				checkNothingLeft(t, s.cmd.Env)
			}
		})
		t.Run(mode+"/suspend", func(t *testing.T) {
			command := `set -m; jet ` + strings.Join(words, " ") + ` -- sh -c 'echo ready; read line; echo "line $line"; exit 4'; echo "stopped $?"; read go; fg >/dev/null; echo "ended $?"`
			s := sit(t, execFolder(t), nil, "bash", "-c", command)
			s.expect("ready")
			s.typed("\x1a")
			s.expect("stopped 14") // 148 is 128 and SIGTSTP, 147 is SIGSTOP
			s.typed("go\n")
			s.typed("hello\n")
			s.expect("line hello")
			s.expect("ended 4")
			s.status()
			checkNothingLeft(t, s.cmd.Env)
		})
		t.Run(mode+"/stopped by others", func(t *testing.T) {
			command := `set -m; jet ` + strings.Join(words, " ") + ` -- sh -c 'kill -STOP $$; echo resumed; kill -TSTP $$; echo again; exit 5'; echo "stopped $?"; fg >/dev/null; echo "stopped $?"; fg >/dev/null; echo "ended $?"`
			s := sit(t, execFolder(t), nil, "bash", "-c", command)
			s.expect("stopped 147") // 128 and SIGSTOP
			s.expect("resumed")
			s.expect("stopped 14")
			s.expect("again")
			s.expect("ended 5")
			s.status()
			checkNothingLeft(t, s.cmd.Env)
		})
	}
}

// startPiped starts jet without a terminal, in a session of its own, and gives what
// the command says on its first line.
func startPiped(t *testing.T, dir string, environment []string, words ...string) (cmd *exec.Cmd, first string) {
	t.Helper()
	cmd = exec.Command("jet", words...)
	cmd.Dir = dir
	cmd.Env = append(quietEnvironment(t), environment...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	first, err = bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the command says %q, %v", first, err)
	}
	return cmd, strings.TrimSpace(first)
}

// TestExecSignals sends signals to jet alone, without a terminal: they are the
// command's.
func TestExecSignals(t *testing.T) {
	for mode, words := range execModes {
		for signal, name := range map[syscall.Signal]string{
			syscall.SIGINT: "INT", syscall.SIGTERM: "TERM", syscall.SIGHUP: "HUP", syscall.SIGQUIT: "QUIT",
			syscall.SIGUSR1: "USR1", syscall.SIGUSR2: "USR2",
		} {
			t.Run(mode+"/"+name, func(t *testing.T) {
				t.Parallel()
				cmd, _ := startPiped(t, execFolder(t), nil, append(words, "--", "sh", "-c",
					`trap 'exit 9' `+name+`; echo "at $DOCKER_CONFIG"; while :; do sleep 0.01; done`)...)
				cmd.Process.Signal(signal)
				if got := statusOf(t, cmd.Wait()); got != 9 {
					t.Errorf("exit status %d, want 9", got)
				}
				checkNothingLeft(t, cmd.Env)
			})
		}
		t.Run(mode+"/not caught", func(t *testing.T) {
			t.Parallel()
			cmd, _ := startPiped(t, execFolder(t), nil, append(words, "--", "sh", "-c", `echo ready; exec sleep 60`)...)
			cmd.Process.Signal(syscall.SIGTERM)
			if got := statusOf(t, cmd.Wait()); got != 128+int(syscall.SIGTERM) {
				t.Errorf("exit status %d, want %d", got, 128+int(syscall.SIGTERM))
			}
		})
		// nohup: what was ignored before is ignored in the command.
		t.Run(mode+"/ignored", func(t *testing.T) {
			t.Parallel()
			// The key takes jet past the moment from which it listens for signals.
			script := `trap '' HUP INT; cd "$1" && shift && JET_KEY_COMMAND='sleep 0.1; cat codeship.aes' jet "$@" -- \
				sh -c 'for s in HUP INT; do kill -$s $$; done; test $PPID = '$$' || kill -HUP $PPID; grep SigIgn /proc/$$/status; echo alive'`
			out, err := exec.Command("sh", append([]string{"-c", script, "sh", sealedFolder(t)}, words...)...).CombinedOutput()
			// Signals of the C library may be ignored by whoever runs the tests; HUP and INT are the last two bits.
			if err != nil || !strings.Contains(string(out), "alive") || !strings.Contains(string(out), "0003\n") {
				t.Errorf("got %q, %v", out, err)
			}
		})
	}
}

// TestExecKilled kills jet: the command dies, and what it left behind is named and
// removed by the next one.
func TestExecKilled(t *testing.T) {
	dir := execFolder(t)
	cmd, first := startPiped(t, dir, nil, append(execModes["supervised"], "--", "sh", "-c", `echo "$$ $DOCKER_CONFIG"; exec sleep 60`)...)
	child, folder, _ := strings.Cut(first, " ")
	cmd.Process.Kill()
	cmd.Wait()
	waitGone(t, filepath.Join("/proc", child, "exe")) // a zombie has none
	if data, err := os.ReadFile(filepath.Join(folder, "config.json")); err != nil || !strings.Contains(string(data), "quay.io") {
		t.Fatalf("the folder of the killed run holds %q, %v", data, err)
	}
	next := exec.Command("jet", append(execModes["supervised"], "--", "true")...)
	next.Dir, next.Env = dir, cmd.Env
	out, err := next.CombinedOutput()
	if want := "jet: removed \"" + folder + "\", which a killed run had left behind\n"; err != nil || !strings.Contains(string(out), want) {
		t.Errorf("the next run says %q, %v, want %q", out, err, want)
	}
	if _, err := os.Lstat(folder); err == nil {
		t.Errorf("%s is still there", folder)
	}
}

// TestExecFiles: files that the command has open without jet are open with it, and
// no others.
func TestExecFiles(t *testing.T) {
	dir := execFolder(t)
	run := func(words ...string) string {
		out, err := exec.Command("sh", append([]string{"-c", `cd "$1" && shift && printf hello >file && "$@" sh -c 'cat <&7; ls /proc/$$/fd' 7<file`, "sh", dir}, words...)...).CombinedOutput()
		if err != nil {
			t.Errorf("%q: %v: %s", words, err, out)
		}
		return string(out)
	}
	want := run("env")
	for mode, words := range execModes {
		if got := run(append([]string{"jet"}, append(words, "--")...)...); got != want || !strings.HasPrefix(got, "hello0\n") {
			t.Errorf("%s: got %q, want %q", mode, got, want)
		}
	}
}

// TestExecIsGone: where there is nothing to tidy up, the command takes the place of jet.
func TestExecIsGone(t *testing.T) {
	cmd, first := startPiped(t, execFolder(t), nil, append(execModes["replaced"], "--", "sh", "-c", `echo $$; exec sleep 60`)...)
	if first != strconv.Itoa(cmd.Process.Pid) {
		t.Errorf("the command has process ID %s, and jet had %d", first, cmd.Process.Pid)
	}
}
