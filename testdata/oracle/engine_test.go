package oracle

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// startEngine runs a Docker engine of its own, without a network but that of the
// machine, and gives the value of DOCKER_HOST. The variables are for the engine.
func startEngine(t *testing.T, variables ...string) string {
	t.Helper()
	program := find(t, "dockerd", "docker.io")
	find(t, "runc", "runc")
	if os.Getuid() != 0 {
		missing(t, "dockerd needs root")
	}
	// Not t.TempDir: what is mounted below must be unmounted before it is removed.
	dir, err := os.MkdirTemp("", "jet-engine-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unmountBelow(t, dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	host := "unix://" + filepath.Join(dir, "socket")
	cmd := exec.Command(program, "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs",
		"--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"),
		"--pidfile", filepath.Join(dir, "pid"), "--config-file", filepath.Join(dir, "none.json"), "-H", host)
	write(t, filepath.Join(dir, "none.json"), "{}")
	cmd.Env = append(os.Environ(), variables...)
	startServer(t, dir, cmd)
	docker := find(t, "docker", "docker.io")
	waitFor(t, "dockerd", func() bool {
		_, err := run(t, dir, []string{"DOCKER_HOST=" + host}, docker, "version")
		return err == nil
	})
	return host
}

// unmountBelow unmounts what an engine leaves mounted, the deepest first.
func unmountBelow(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	var points []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			points = append(points, fields[4])
		}
	}
	slices.Sort(points)
	for _, point := range slices.Backward(points) {
		if err := syscall.Unmount(point, 0); err != nil {
			t.Errorf("unmount %s: %v", point, err)
		}
	}
}
