package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"os/user"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/accounts"
	"github.com/dockercfg/jet/internal/kubernetes"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/refresh"
)

// skuidConfig is where ecr-token-refresh has its configuration, unless told otherwise.
const skuidConfig = "/opt/config/ecr-token-refresh/config.yaml"

func (p *program) refreshCommand() *cli.Command {
	return &cli.Command{
		Name:  "refresh",
		Usage: "Keep credentials alive, in files and Kubernetes Secrets.",
		UsageText: `jet refresh --config registries.yaml
jet refresh --config registries.yaml --once
jet refresh --config /opt/config/ecr-token-refresh/config.yaml`,
		Description: `Until it is stopped it asks for a new credential at half of the life that the old one really has, and again and again if that fails, and writes it to the outputs that the file names. Also takes config.yaml of ecr-token-refresh as it is; without --config that is looked for in ` + skuidConfig + `. A file that changes is read again, and so it is on SIGHUP; one that is broken changes nothing. Whatever fails, what was written before stays. /health, /ready and /metrics tell about it over HTTP; logs are on stderr, as JSON unless that is a terminal. SIGTERM ends it with exit code 0.`,
		Flags: []cli.Flag{
			accountsFlag("take registries and outputs from `FILE`, encrypted or not"),
			&cli.BoolFlag{Name: "once", Usage: "ask and write once, and end; the exit code is 0 only if everything was written"},
			&cli.StringFlag{Name: "listen", Usage: `answer /health, /ready and /metrics at ` + "`ADDRESS`" + ` (:3277), "" for nowhere`, Value: refresh.DefaultAddress},
			keyPathFlag(), requireFlag(),
		},
		Action: p.refresh,
	}
}

func (p *program) refresh(c *cli.Context) error {
	if err := wantPaths(c, 0); err != nil {
		return err
	}
	once, address := c.Bool("once"), c.String("listen")
	if once && c.IsSet("listen") {
		return misuse("--listen is for a process that stays, and with --once it ends")
	}
	if _, _, err := net.SplitHostPort(address); err != nil && address != "" {
		return misuse("--listen: %q is not an address", address).hint(`an address is HOST:PORT or, on all interfaces, :PORT`)
	}
	config, err := p.refreshConfig(c)
	if err != nil {
		return err
	}
	r, err := p.newReader(c)
	if err != nil {
		return err
	}
	log := newLog(p.stderr, p.stderr)
	if !once {
		direct := log
		queue := newLogQueue(p.stderr, func(lines int64) { direct.Warn("lines of this log are lost: it was not taken off", "lines", lines) })
		defer queue.end()
		log = newLog(p.stderr, queue)
	}
	f := &refresher{program: p, reader: r, config: config, log: log}
	// What the rest of jet tells people goes into the log too.
	quiet := &program{stdin: p.stdin, stdout: p.stdout, stderr: &logLines{log: log}, lookupEnv: p.lookupEnv, signals: p.signals}
	f.program, r.program = quiet, quiet
	// A process that sleeps for hours gives back what it needed for seconds.
	f.Refresher = refresh.New(refresh.Options{Log: log, Rest: debug.FreeOSMemory})
	data, err := p.readWhole(c.Context, config, accountsKind)
	if err != nil {
		return err
	}
	plan, err := f.plan(c.Context, data)
	if err != nil {
		return err
	}
	if err := f.Apply(plan); err != nil {
		return fail("%s: %w", display(config, "stdin"), err)
	}
	if once {
		return f.once(c.Context)
	}
	return f.run(c.Context, data, address)
}

// refreshConfig gives the name of the file.
func (p *program) refreshConfig(c *cli.Context) (string, error) {
	name := c.String("config")
	switch {
	case name == "-" && !c.Bool("once"):
		return "", misuse("--config: stdin cannot be read again when it changes").hint("add --once, or name a file")
	case name != "":
		return name, nil
	case c.IsSet("config"):
		return "", misuse("--config: the name is empty")
	case exists(skuidConfig):
		return skuidConfig, nil
	}
	return "", misuse("jet refresh needs --config FILE").
		hint(`"jet refresh --config registries.yaml"; without it, ` + skuidConfig + ` is taken if it is there`)
}

// newLog makes a log for stderr, for people on a terminal, else for programs.
func newLog(stderr, to io.Writer) *slog.Logger {
	if _, ok := terminalOf(stderr); ok {
		return slog.New(slog.NewTextHandler(to, nil))
	}
	return slog.New(slog.NewJSONHandler(to, nil))
}

// logLines makes an event of each line that is written, the first time that it is.
type logLines struct {
	log   *slog.Logger
	mutex sync.Mutex
	rest  []byte
	seen  map[string]bool
	since time.Time // of the first that is in seen
}

// maxSeen is how many lines are told in an hour, whatever a program prints, and maxLine
// how long one is in bytes.
const (
	maxSeen    = 1000
	forgetSeen = time.Hour
	maxLine    = 4 << 10
)

func (l *logLines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found && len(line) < maxLine {
			return len(p), nil
		}
		l.rest = rest
		l.tell(string(line))
	}
}

func (l *logLines) tell(line string) {
	if line == "" || l.seen[line] {
		return
	}
	switch full := len(l.seen) >= maxSeen; {
	case l.seen == nil || full && time.Since(l.since) >= forgetSeen:
		l.seen, l.since = make(map[string]bool), time.Now()
	case full:
		return
	}
	if l.seen[line] = true; len(l.seen) == maxSeen {
		l.log.Warn("programs print much, and no more of it is told for up to an hour")
	}
	level := slog.LevelInfo
	line = strings.TrimPrefix(line, "jet: ")
	if text, ok := strings.CutPrefix(line, "warning: "); ok {
		line, level = text, slog.LevelWarn
	}
	l.log.Log(context.Background(), level, line)
}

// A refresher is one and the file that its plans come from.
type refresher struct {
	*refresh.Refresher
	program *program
	reader  *reader
	config  string // the name of the file
	log     *slog.Logger
	tidied  map[string]bool // paths of outputs

	cluster   *kubernetes.Client // nil before there is a Secret to write
	namespace string             // of the pod
}

// once asks and writes once. The log has the errors.
func (f *refresher) once(ctx context.Context) error {
	errs := f.Once(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(errs) > 0 {
		return fail("%d of the registries and outputs of %s could not be refreshed, as the log above says; the others are written", len(errs), display(f.config, "stdin"))
	}
	return nil
}

// run keeps the credentials alive until the context is done.
func (f *refresher) run(ctx context.Context, data []byte, address string) error {
	f.program.signals.listen()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var parts sync.WaitGroup
	defer parts.Wait()
	if address != "" {
		listener, err := refresh.Listen(address)
		if err != nil {
			return fail("--listen %s: %w", address, err).
				hint("--listen 127.0.0.1:PORT answers elsewhere; a jet refresh or an ecr-token-refresh may run already; --listen= answers nowhere")
		}
		parts.Go(func() {
			if err := refresh.Serve(ctx, listener, f.Handler(ownVersion())); err != nil {
				cancel(fmt.Errorf("--listen %s: %w", address, err))
			}
		})
		f.log.Info("listening", "address", listener.Addr().String())
	}
	// Who reads the log may go away, which must not kill the process. The signal is
	// caught and not ignored, so that commands for passwords have it as usual.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)
	hangups := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		signal.Notify(hangups, syscall.SIGHUP)
		defer signal.Stop(hangups)
	}
	asked := make(chan struct{}, 1)
	parts.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				select {
				case asked <- struct{}{}:
				default:
				}
			}
		}
	})
	parts.Go(func() {
		f.Follow(ctx, refresh.Config{
			Read: func() ([]byte, error) { return f.program.readWhole(ctx, f.config, accountsKind) },
			Plan: f.plan,
		}, data, asked)
	})
	f.log.Info("started", "version", ownVersion(), "config", f.config)
	f.Run(ctx)
	f.log.Info("stopped")
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// plan makes a plan of what is in the file.
func (f *refresher) plan(ctx context.Context, data []byte) (refresh.Plan, error) {
	r := *f.reader
	file, err := r.accountsIn(ctx, f.config, data)
	if errors.Is(err, crypto.ErrWrongKey) { // it may be another one by now
		r.forgetKey()
		file, err = r.accountsIn(ctx, f.config, data)
	}
	if err != nil {
		return refresh.Plan{}, err
	}
	if len(file.Outputs) == 0 {
		return refresh.Plan{}, fail("%s has no outputs, so there is nothing to refresh", file.shown()).
			hint("outputs: says where credentials go, such as - {passwordFile: /run/passwords/ecr, registry: NAME}")
	}
	// How many ask at the same time is for the Refresher to say, who knows which of
	// them hang.
	file.slots = make(chan struct{}, len(file.Accounts))
	for _, notice := range file.Notices {
		f.program.warn("%s: %s", file.shown(), notice)
	}
	plan := refresh.Plan{Interval: file.Interval}
	var names []string
	for _, a := range file.Accounts {
		names = append(names, a.Name)
		plan.Accounts = append(plan.Accounts, refresh.Account{
			Name: a.Name, Registry: a.Address, Version: versionOf(a), Source: file.source(a), Timeout: a.Timeout,
		})
	}
	var paths []string // of outputs that are files
	for _, o := range file.Outputs {
		registries := o.Registries
		if registries == nil {
			registries = names
		}
		if o.KubernetesSecret != "" {
			outputs, err := f.secrets(o, registries)
			if err != nil {
				return plan, fmt.Errorf("%s: line %d: %w", file.shown(), o.Line, err)
			}
			plan.Outputs = append(plan.Outputs, outputs...)
			continue
		}
		output, err := f.file(file, o, registries)
		if err != nil {
			return plan, fmt.Errorf("%s: line %d: %w", file.shown(), o.Line, err)
		}
		plan.Outputs = append(plan.Outputs, output)
		paths = append(paths, output.Name)
	}
	f.tidy(paths)
	return plan, nil
}

// tidy removes what a process that was killed has left beside outputs that this one
// has not written yet.
func (f *refresher) tidy(paths []string) {
	paths = slices.DeleteFunc(paths, func(path string) bool { return f.tidied[path] })
	if f.tidied == nil {
		f.tidied = make(map[string]bool, len(paths))
	}
	for _, path := range paths {
		f.tidied[path] = true
	}
	outfile.Tidy(paths...) // what cannot be removed does not matter to anybody here
}

// versionOf is another text for an account of which anything is different.
func versionOf(a accounts.Account) string {
	secret := a.Password.Reveal()
	a.Line = 0
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v %q", a, secret))
	return hex.EncodeToString(sum[:])
}

// file makes an output that is a file.
func (f *refresher) file(of *accountsFile, o accounts.Output, registries []string) (refresh.Output, error) {
	attributes := outfile.Attributes{Mode: o.Mode, UID: -1, GID: -1}
	var err error
	if o.Owner != "" {
		if attributes.UID, err = idOf(o.Owner, "owner", userID); err != nil {
			return refresh.Output{}, err
		}
	}
	if o.Group != "" {
		if attributes.GID, err = idOf(o.Group, "group", groupID); err != nil {
			return refresh.Output{}, err
		}
	}
	path := o.PasswordFile + o.Dockercfg // one of them is empty
	if !of.Skuid {                       // which takes a path as it is
		path = of.path(path)
	}
	if same, err := outfile.SameFile(path, f.config); err == nil && same {
		return refresh.Output{}, fail("the output %q is the configuration itself", path)
	}
	if err := guardKey(path, of.reader.key); err != nil {
		return refresh.Output{}, err
	}
	file := func() refresh.File { return refresh.File{Path: path, Attributes: attributes, Log: f.log} }
	output := refresh.Output{
		Name: path, Accounts: registries,
		Version: fmt.Sprintf("%v %v", o.PasswordFile != "", attributes),
		Target:  &refresh.DockercfgFile{File: file()},
	}
	if o.PasswordFile != "" {
		output.Target = &refresh.PasswordFile{File: file()}
	}
	return output, nil
}

func userID(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func groupID(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}

// idOf gives the number of an owner or a group that is given by number or name.
func idOf(name, kind string, lookup func(string) (string, error)) (int, error) {
	id, err := strconv.ParseUint(name, 10, 31)
	if err == nil {
		return int(id), nil
	}
	text, err := lookup(name)
	if err == nil {
		id, err = strconv.ParseUint(text, 10, 31)
	}
	if err != nil {
		return 0, fail("%s: %q is not known here", kind, name).hint("a number works wherever the file is read; in a container there are often no names")
	}
	return int(id), nil
}
