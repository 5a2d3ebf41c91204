// Bench runs jet and public tools side by side, as whole processes, and prints
// tables in Markdown: the figures, and the bars that jet has to reach.
//
//	go run ./bench            1 KiB and 100 MiB, in memory and on disk
//	go run ./bench -gib       1 GiB too; needs 6 GiB of memory
//
// The first tables are of a memory-backed folder, since the peers do not wait for
// the disk and jet does. It needs openssl, pass and gpg, for Amazon ECR the AWS CLI,
// and downloads age and docker-credential-pass through the Go proxy.
package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	gib := flag.Bool("gib", false, "measure 1 GiB too")
	memory := flag.String("memory", "/dev/shm", "a memory-backed folder")
	disk := flag.String("disk", os.TempDir(), "a folder on disk")
	runs := flag.Int("runs", 0, "runs of each command, in place of 200, 5, 3 and 50")
	jet := flag.String("jet", "", "the jet to measure, in place of one built from the checkout")
	flag.Parse()
	if err := bench(*memory, *disk, *jet, *runs, *gib); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// sizeBar is the most that the binary may have in MB: it has to fit into an image
// of 16 MB, beside the root certificates.
const sizeBar = 15

// A size is how long a plaintext is, and how often each command runs on it.
type size struct {
	name  string
	bytes int64
	runs  int
}

func bench(memory, disk, jet string, runs int, gib bool) error {
	bin, err := os.MkdirTemp("", "jet-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	tools, err := buildTools(bin, jet)
	if err != nil {
		return err
	}
	sizes := []size{{"1 KiB", 1 << 10, 200}, {"100 MiB", 100 << 20, 5}}
	if gib {
		sizes = append(sizes, size{"1 GiB", 1 << 30, 3})
	}
	if err := describe(tools); err != nil {
		return err
	}
	for _, s := range sizes {
		if runs > 0 {
			s.runs = runs
		}
		results, err := measure(tools, memory, s)
		if err != nil {
			return err
		}
		fmt.Printf("\n### %s, in memory, %d runs\n\n", s.name, s.runs)
		printResults(results)
		printBars(results, s)
	}
	helperRuns := 50
	if runs > 0 {
		helperRuns = runs
	}
	if err := benchHelper(bin, tools.jet, helperRuns); err != nil {
		return err
	}
	if err := benchCache(bin, tools.jet, helperRuns); err != nil {
		return err
	}
	if err := benchECR(bin, tools.jet, max(3, helperRuns/5)); err != nil {
		return err
	}
	for _, s := range sizes {
		s.runs = max(3, s.runs/10)
		results, err := measure(tools, disk, s)
		if err != nil {
			return err
		}
		fmt.Printf("\n### %s, on disk, %d runs; jet waits for the disk, the others do not\n\n", s.name, s.runs)
		printResults(results)
	}
	return nil
}

// tools are paths of programs, and the keys they use.
type tools struct {
	hello, jet, openssl         string
	age, smallAge               string
	jetKey, ageKey, recipient   string
	opensslKey, opensslIV, home string
}

const helloSource = `package main

import "fmt"

func main() { fmt.Println("hello, world") }
`

func buildTools(dir, jet string) (t tools, err error) {
	t = tools{
		hello: filepath.Join(dir, "hello"), jet: filepath.Join(dir, "jet"), age: filepath.Join(dir, "age"), smallAge: filepath.Join(dir, "age-small"),
		jetKey: filepath.Join(dir, "codeship.aes"), ageKey: filepath.Join(dir, "age.key"), home: dir,
		opensslKey: fmt.Sprintf("%x", random(32)), opensslIV: fmt.Sprintf("%x", random(16)),
	}
	if t.openssl, err = exec.LookPath("openssl"); err != nil {
		return t, err
	}
	source := filepath.Join(dir, "hello.go")
	if err := os.WriteFile(source, []byte(helloSource), 0o600); err != nil {
		return t, err
	}
	const age = "filippo.io/age/cmd/age"
	err = errors.Join(
		// age as its users have it from "go install", and as small as jet is built.
		goBuild(".", t.age, age),
		goBuild(".", t.smallAge, append(stripped, age)...),
		goBuild(".", filepath.Join(dir, "age-keygen"), age+"-keygen"),
		goBuild(".", t.hello, append(stripped, source)...),
	)
	if err != nil {
		return t, err
	}
	if jet != "" {
		t.jet, err = filepath.Abs(jet)
	} else {
		// The module of this program lies two folders below that of jet.
		err = goBuild(filepath.Join("..", ".."), t.jet, append(stripped, "-tags", "urfave_cli_no_docs,nethttpomithttp2", "./cmd/jet")...)
	}
	if err != nil {
		return t, err
	}
	if err := os.WriteFile(t.jetKey, fmt.Appendf(nil, "%s\n", base64.StdEncoding.EncodeToString(random(32))), 0o600); err != nil {
		return t, err
	}
	out, err := exec.Command(filepath.Join(dir, "age-keygen"), "-o", t.ageKey).CombinedOutput()
	if err != nil {
		return t, fmt.Errorf("age-keygen: %w\n%s", err, out)
	}
	_, recipient, _ := strings.Cut(string(out), "Public key: ")
	t.recipient = strings.TrimSpace(recipient)
	return t, nil
}

// stripped are the flags of a release; with them goBuild turns cgo off.
var stripped = []string{"-trimpath", "-ldflags", "-s -w -buildid="}

func goBuild(dir, out string, args ...string) error {
	cmd := exec.Command("go", append([]string{"build", "-o", out}, args...)...)
	cmd.Dir = dir
	cmd.Env = os.Environ()
	if args[0] == stripped[0] {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=0")
	}
	if message, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", strings.Join(args, " "), err, message)
	}
	return nil
}

// describe prints what was measured, on what, and how large the binary is.
func describe(t tools) error {
	info, err := os.Stat(t.jet)
	if err != nil {
		return err
	}
	version, err := exec.Command(t.openssl, "version").Output()
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d processors, %s/%s; %s; age %s\n\n", runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH,
		strings.TrimSpace(string(version)), ageVersion())
	fmt.Printf("| what | measured | bar | |\n|---|---|---|---|\n")
	printBar("size of the binary, MB", float64(info.Size())/1e6, sizeBar)
	return nil
}

func ageVersion() string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "filippo.io/age").Output()
	if err != nil {
		return "of unknown version"
	}
	return strings.TrimSpace(string(out))
}

// A job is a command that makes one file of another.
type job struct {
	name    string
	in, out string // names in the work folder; none for hello
	args    []string

	// These are for helpers.
	dir   string
	env   []string // in place of the usual
	stdin string
	want  string // part of what it prints
}

func (t tools) jobs(dir string) []job {
	path := func(name string) string { return filepath.Join(dir, name) }
	jobs := []job{{name: "Go hello", args: []string{t.hello}}}
	add := func(name, in, out string, args ...string) {
		jobs = append(jobs, job{name: name, in: path(in), out: path(out), args: args})
	}
	jet := func(name, in, out string, args ...string) {
		add(name, in, out, slices.Concat([]string{t.jet}, args, []string{"--key-path", t.jetKey, path(in), path(out)})...)
	}
	jet("jet encrypt jet:v1", "plain", "jet1", "encrypt", "--format", "jet:v1")
	add("age", "plain", "age", t.age, "-r", t.recipient, "-o", path("age"), path("plain"))
	add("age without cgo", "plain", "age-small", t.smallAge, "-r", t.recipient, "-o", path("age-small"), path("plain"))
	add("age -a", "plain", "agea", t.age, "-a", "-r", t.recipient, "-o", path("agea"), path("plain"))
	jet("jet encrypt codeship:v2", "plain", "jet2", "encrypt", "--format", "codeship:v2")
	cfb := func(args ...string) []string {
		return append([]string{t.openssl, "enc", "-aes-256-cfb", "-K", t.opensslKey, "-iv", t.opensslIV}, args...)
	}
	add("openssl cfb", "plain", "cfb", cfb("-in", path("plain"), "-out", path("cfb"))...)
	add("openssl cfb -base64", "plain", "cfb64", cfb("-base64", "-in", path("plain"), "-out", path("cfb64"))...)

	jet("jet decrypt jet:v1", "jet1", "back", "decrypt")
	add("age -d", "age", "back", t.age, "-d", "-i", t.ageKey, "-o", path("back"), path("age"))
	add("age -d without cgo", "age-small", "back", t.smallAge, "-d", "-i", t.ageKey, "-o", path("back"), path("age-small"))
	add("age -d, armored", "agea", "back", t.age, "-d", "-i", t.ageKey, "-o", path("back"), path("agea"))
	jet("jet decrypt codeship:v2", "jet2", "back", "decrypt")
	add("openssl cfb -d", "cfb", "back", cfb("-d", "-in", path("cfb"), "-out", path("back"))...)
	add("openssl cfb -base64 -d", "cfb64", "back", cfb("-d", "-base64", "-in", path("cfb64"), "-out", path("back"))...)
	return jobs
}

// decrypts says whether the job makes the plaintext again.
func (j job) decrypts() bool { return filepath.Base(j.out) == "back" }

// A result is what the runs of a job took.
type result struct {
	job
	wall, cpu []time.Duration
	peakKiB   int64 // 0 if the runs were too short to see it
}

// measure runs the jobs on files of a size.
func measure(t tools, folder string, s size) ([]*result, error) {
	dir, err := os.MkdirTemp(folder, "jet-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := writePlain(filepath.Join(dir, "plain"), s.bytes); err != nil {
		return nil, err
	}
	if s.bytes < 1<<20 {
		return measureInTurn(t.home, t.jobs(dir), s.runs)
	}
	return measureLarge(t.home, t.jobs(dir), s.runs)
}

// measureInTurn runs every job once to warm up, and then all in turn.
func measureInTurn(home string, jobs []job, runs int) ([]*result, error) {
	results := newResults(jobs)
	for range runs + 1 {
		for _, r := range results {
			if err := r.run(home); err != nil {
				return nil, err
			}
		}
	}
	for _, r := range results {
		r.settle()
	}
	return results, nil
}

func newResults(jobs []job) (results []*result) {
	for _, j := range jobs {
		results = append(results, &result{job: j})
	}
	return results
}

// settle drops the first run, which was to warm up, and sorts the others.
func (r *result) settle() {
	r.wall, r.cpu = r.wall[1:], r.cpu[1:]
	slices.Sort(r.wall)
	slices.Sort(r.cpu)
}

// measureLarge does the same, and keeps no more files than the next job needs: what
// a decryption reads is made anew by the encryption before it.
func measureLarge(home string, jobs []job, runs int) ([]*result, error) {
	results := newResults(jobs)
	for range runs + 1 {
		for _, r := range results {
			if r.decrypts() {
				continue
			}
			if err := r.run(home); err != nil {
				return nil, err
			}
			for _, back := range results {
				if r.out != "" && back.in == r.out {
					if err := back.run(home); err != nil {
						return nil, err
					}
					os.Remove(back.out)
				}
			}
			if r.out != "" {
				os.Remove(r.out)
			}
		}
	}
	for _, r := range results {
		r.settle()
	}
	return results, nil
}

// run runs the job once, over no file, and checks the length of what it made.
func (r *result) run(home string) error {
	if r.out != "" {
		if err := os.Remove(r.out); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	cmd := exec.Command(r.args[0], r.args[1:]...)
	cmd.Dir, cmd.Env = r.dir, []string{"HOME=" + home}
	if r.env != nil {
		cmd.Env = r.env
	}
	var stdout, stderr strings.Builder
	cmd.Stderr = &stderr
	if r.want != "" {
		cmd.Stdin, cmd.Stdout = strings.NewReader(r.stdin), &stdout
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan int64)
	stop := make(chan struct{})
	go func() { ended <- watchPeak(cmd.Process.Pid, stop) }()
	err := cmd.Wait()
	wall := time.Since(began)
	close(stop)
	if peak := <-ended; wall > 50*time.Millisecond {
		r.peakKiB = max(r.peakKiB, peak)
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(r.args, " "), err, &stderr)
	}
	if !strings.Contains(stdout.String(), r.want) {
		return fmt.Errorf("%s: another answer than was wanted", strings.Join(r.args, " "))
	}
	if r.decrypts() {
		plain, err := os.Stat(filepath.Join(filepath.Dir(r.out), "plain"))
		if err != nil {
			return err
		}
		if back, err := os.Stat(r.out); err != nil || back.Size() != plain.Size() {
			return fmt.Errorf("%s: the plaintext has another length than before: %v", r.name, err)
		}
	}
	r.wall = append(r.wall, wall)
	r.cpu = append(r.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	return nil
}

// watchPeak gives the largest resident size of a process in KiB, as Linux keeps it.
// (The maximum in rusage would not do: it counts this program too, which the
// child shares its memory with before it becomes another program.)
func watchPeak(pid int, stop <-chan struct{}) (peak int64) {
	// A short run is over before the first look, and undisturbed by it.
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	status := fmt.Sprintf("/proc/%d/status", pid)
	for {
		select {
		case <-stop:
			return peak
		case <-ticker.C:
		}
		text, err := os.ReadFile(status)
		if err != nil {
			continue
		}
		if _, after, found := strings.Cut(string(text), "VmHWM:"); found {
			var kib int64
			fmt.Sscan(after, &kib)
			peak = max(peak, kib)
		}
	}
}

func median(sorted []time.Duration) float64 {
	return float64(sorted[len(sorted)/2].Microseconds()) / 1000
}

func printResults(results []*result) {
	fmt.Printf("| command | median ms | least ms | user+sys ms | peak MiB |\n|---|---|---|---|---|\n")
	for _, r := range results {
		peak := ""
		if r.peakKiB > 0 {
			peak = fmt.Sprintf("%.1f", float64(r.peakKiB)/1024)
		}
		fmt.Printf("| %s | %.2f | %.2f | %.2f | %s |\n", r.name, median(r.wall), median(r.wall[:1]), median(r.cpu), peak)
	}
}

// bars are ratios of medians that jet has to reach. Those of small files are for jet
// with every cloud backend linked, which is work at each start.
var bars = []struct {
	small     bool
	job, peer string
	largest   float64
}{
	{true, "jet encrypt jet:v1", "Go hello", 3.8},
	{true, "jet encrypt jet:v1", "age", 1.25},
	{true, "jet encrypt jet:v1", "openssl cfb -base64", 1.25},
	{true, "jet decrypt jet:v1", "Go hello", 3.8},
	{true, "jet decrypt jet:v1", "age -d", 1.25},
	{true, "jet decrypt jet:v1", "openssl cfb -base64 -d", 1.25},
	{true, "jet encrypt codeship:v2", "Go hello", 3.8},
	{true, "jet encrypt codeship:v2", "age", 1.25},
	{true, "jet encrypt codeship:v2", "openssl cfb -base64", 1.25},
	{true, "jet decrypt codeship:v2", "Go hello", 3.8},
	{true, "jet decrypt codeship:v2", "age -d", 1.25},
	{true, "jet decrypt codeship:v2", "openssl cfb -base64 -d", 1.25},
	{false, "jet encrypt jet:v1", "age -a", 0.35},
	{false, "jet encrypt jet:v1", "age", 1.3},
	{false, "jet decrypt jet:v1", "age -d, armored", 0.35},
	{false, "jet decrypt jet:v1", "age -d", 1.3},
	{false, "jet encrypt codeship:v2", "openssl cfb -base64", 1.1},
	{false, "jet decrypt codeship:v2", "openssl cfb -base64 -d", 0.45},
}

const largestPeakMiB = 16

func printBars(results []*result, s size) {
	byName := make(map[string]*result)
	for _, r := range results {
		byName[r.name] = r
	}
	small := s.bytes < 1<<20
	fmt.Printf("\n| %s | measured | bar | |\n|---|---|---|---|\n", s.name)
	for _, b := range bars {
		if b.small == small {
			printBar(b.job+" / "+b.peer, median(byName[b.job].wall)/median(byName[b.peer].wall), b.largest)
		}
	}
	if !small {
		for _, r := range results {
			if strings.HasPrefix(r.name, "jet") {
				printBar(r.name+", peak MiB", float64(r.peakKiB)/1024, largestPeakMiB)
			}
		}
	}
}

func printBar(what string, measured, bar float64) {
	verdict := "held"
	if measured > bar {
		verdict = "**missed**"
	}
	fmt.Printf("| %s | %.2f | %.2f | %s |\n", what, measured, bar, verdict)
}

func writePlain(path string, n int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, rand.Reader, n)
	return errors.Join(err, f.Sync(), f.Close())
}

func random(n int) []byte {
	p := make([]byte, n)
	rand.Read(p)
	return p
}
