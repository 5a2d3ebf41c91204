package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/encryptedfile"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/projectkey"
)

// An input is a file that is read. Reading it ends when the context is done.
type input struct {
	io.Reader
	name  string // for people
	ctx   context.Context
	file  io.Closer // nil for stdin
	start *bufio.Reader
}

// openInput opens the file of that name, "-" for stdin.
func (p *program) openInput(ctx context.Context, name string) (*input, error) {
	in := &input{Reader: p.stdin, name: display(name, "stdin"), ctx: ctx}
	if name != "-" {
		file, err := open(ctx, name)
		if err == nil {
			var info fs.FileInfo
			if info, err = file.Stat(); err == nil && info.IsDir() {
				err = syscall.EISDIR
			}
			if err != nil {
				file.Close()
			}
		}
		if err != nil {
			return nil, in.failure(err)
		}
		in.Reader, in.file = file, file
	}
	if _, err := in.Seek(0, io.SeekCurrent); err != nil {
		in.stream()
	}
	return in, nil
}

// open opens a file for reading. A pipe with a name opens when somebody writes to
// it, and until then the context may end.
func open(ctx context.Context, name string) (*os.File, error) {
	if info, err := os.Stat(name); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return os.Open(name)
	}
	type opened struct {
		file *os.File
		err  error
	}
	result := make(chan opened, 1)
	go func() {
		file, err := os.Open(name)
		result <- opened{file, err}
	}()
	select {
	case r := <-result:
		return r.file, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// stream readies an input that may block without end: an interrupt ends a read
// that waits for a terminal or a pipe. Nothing is read before it is asked for, so
// that a passphrase can be typed on the same terminal first.
func (in *input) stream() {
	reader, writer := io.Pipe()
	in.start = bufio.NewReaderSize(&streamed{reader: reader, writer: writer, source: in.Reader, ctx: in.ctx}, encryptedfile.HeadBytes)
	in.Reader = in.start
}

type streamed struct {
	reader *io.PipeReader
	writer *io.PipeWriter
	source io.Reader
	ctx    context.Context
	begin  sync.Once
}

func (s *streamed) Read(b []byte) (int, error) {
	s.begin.Do(func() {
		go func() {
			_, err := io.Copy(s.writer, s.source)
			s.writer.CloseWithError(err)
		}()
		context.AfterFunc(s.ctx, func() { s.writer.CloseWithError(s.ctx.Err()) })
	})
	return s.reader.Read(b)
}

func (in *input) Read(b []byte) (int, error) {
	if err := in.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := in.Reader.Read(b)
	return n, in.failure(err)
}

// failure names the input in an error of the system.
func (in *input) failure(err error) error {
	if plain := cause(err); plain != err || errors.Is(err, syscall.EISDIR) {
		return fmt.Errorf("read %s: %w", in.name, plain)
	}
	return err
}

// Seek fails for an input that is a stream.
func (in *input) Seek(offset int64, whence int) (int64, error) {
	if s, ok := in.Reader.(io.Seeker); ok {
		return s.Seek(offset, whence)
	}
	return 0, errors.ErrUnsupported
}

// head gives the first bytes, which stay to be read.
func (in *input) head() ([]byte, error) {
	if in.start != nil {
		head, err := in.start.Peek(encryptedfile.HeadBytes)
		if err == io.EOF {
			err = nil
		}
		return head, in.failure(err)
	}
	start, err := in.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	head, err := io.ReadAll(io.LimitReader(in, encryptedfile.HeadBytes))
	if err == nil {
		_, err = in.Seek(start, io.SeekStart)
	}
	return head, err
}

// keyOf gives the key that the input was encrypted with, where there is more than one.
func (in *input) keyOf(found projectkey.Found) (crypto.Key, error) {
	if found.Rotation == nil {
		return found.Key, nil
	}
	head, err := in.head()
	return found.For(head), err
}

func (in *input) Close() error {
	if in.file == nil {
		return nil
	}
	return in.file.Close()
}

// write makes the output of that name with what fill writes, "-" for stdout. A
// file appears when it is complete, or not at all. Hidden tells fill that nobody
// sees what it writes before it returned nil.
func (p *program) write(ctx context.Context, name string, class outfile.Class, fill func(w io.Writer, hidden bool) error) error {
	if name == "-" {
		return fill(p.stdout, false)
	}
	file, err := outfile.Create(name, class)
	if err != nil {
		return adviseOutput(err, name)
	}
	defer file.Close()
	if !file.Hidden() {
		p.signals.listen() // it has a name already, which an interrupt must take away
	}
	if err := fill(file, file.Hidden()); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p.signals.shield()
	if err := file.Commit(); err != nil {
		return adviseOutput(err, name)
	}
	if file.InPlace() {
		p.warn("%q could only be written in place, which is not atomic: a crash while it was written would have damaged it", name)
	}
	return nil
}

func adviseOutput(err error, name string) error {
	if dir := filepath.Dir(name); errors.Is(err, fs.ErrNotExist) && !exists(dir) {
		return fail("%w", err).hint("mkdir -p " + shellWord(dir))
	}
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// distinct refuses an input and an output that are the same file.
func distinct(in, out string) error {
	if in == "-" || out == "-" {
		return nil
	}
	same, err := outfile.SameFile(in, out)
	if err == nil && same {
		err = misuse("input and output are the same file: %q", out).hint("name another output; it is replaced if it exists")
	}
	return err
}

func spool() (crypto.Spool, error) { return outfile.OpenSpool() }

// cause takes off what the os package says about names.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// display is how a file is called in messages.
func display(name, standard string) string {
	if name == "-" {
		return standard
	}
	return fmt.Sprintf("%q", name)
}
