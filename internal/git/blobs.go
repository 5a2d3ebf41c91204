package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"github.com/dockercfg/jet/internal/process"
)

// Absent is the size of an object that the repository does not have, as in a
// partial clone.
const Absent = -1

// Sizes gives the sizes of blobs in bytes, Absent for one that is not there.
func (r *Repository) Sizes(ctx context.Context, objects []string) ([]int64, error) {
	sizes := make([]int64, 0, len(objects))
	err := r.catFile(ctx, lines(objects), func(answers *bufio.Reader) error {
		for range objects {
			a, err := readAnswer(answers)
			if err != nil {
				return err
			}
			sizes = append(sizes, a.size)
		}
		return nil
	}, "--batch-check")
	if err != nil && ctx.Err() == nil && r.isPartial(ctx) {
		return r.sizesAtHand(ctx, objects)
	}
	return sizes, err
}

// isPartial reports whether this is a partial clone, in which git fetches what is
// asked for and not there, or gives up if it may not.
func (r *Repository) isPartial(ctx context.Context) bool {
	_, err := r.output(ctx, "config", "--get-regexp", `^remote\..*\.promisor$`)
	return err == nil
}

// sizesAtHand is Sizes for a partial clone: git names what it has.
func (r *Repository) sizesAtHand(ctx context.Context, objects []string) ([]int64, error) {
	known := make(map[string]int64)
	err := r.catFile(ctx, nil, func(answers *bufio.Reader) error {
		return eachLine(answers, func(line []byte) error {
			a, err := parseAnswer(string(line))
			known[a.object] = a.size
			return err
		})
	}, "--batch-check", "--batch-all-objects", "--unordered")
	sizes := make([]int64, len(objects))
	for i, object := range objects {
		size, here := known[object]
		if sizes[i] = size; !here {
			sizes[i] = Absent
		}
	}
	return sizes, err
}

// Blobs calls visit for each of the blobs, in their order, with the size of its
// content in bytes and the content, which visit need not read; for one that is not
// there with Absent and nil. An error of visit's ends it, and is given back.
func (r *Repository) Blobs(ctx context.Context, objects []string, visit func(i int, size int64, content io.Reader) error) error {
	return r.catFile(ctx, lines(objects), func(answers *bufio.Reader) error {
		for i := range objects {
			a, err := readAnswer(answers)
			switch {
			case err != nil:
				return err
			case a.size == Absent:
				if err := visit(i, Absent, nil); err != nil {
					return err
				}
				continue
			}
			content := &io.LimitedReader{R: answers, N: a.size}
			if err := visit(i, a.size, content); err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, content); err != nil {
				return err
			}
			if _, err := answers.Discard(1); err != nil { // the line end after it
				return err
			}
		}
		return nil
	}, "--batch")
}

// An answer is the line with which git cat-file begins what it says of an object.
type answer struct {
	object string
	kind   string // "blob", "tree", …; "" if it is not there
	size   int64
}

func readAnswer(answers *bufio.Reader) (answer, error) {
	line, err := answers.ReadString('\n')
	if err != nil {
		return answer{}, err
	}
	return parseAnswer(line)
}

func parseAnswer(line string) (answer, error) {
	fields := strings.Fields(line) // OBJECT TYPE SIZE, or OBJECT missing
	switch len(fields) {
	case 2:
		return answer{object: fields[0], size: Absent}, nil
	case 3:
		size, err := strconv.ParseInt(fields[2], 10, 64)
		return answer{fields[0], fields[1], size}, err
	}
	return answer{}, errOutput
}

func lines(texts []string) io.Reader {
	var b strings.Builder
	for _, text := range texts {
		b.WriteString(text)
		b.WriteByte('\n')
	}
	return strings.NewReader(b.String())
}

// catFile asks git about the objects that questions names, a line each.
func (r *Repository) catFile(ctx context.Context, questions io.Reader, read func(answers *bufio.Reader) error, modes ...string) error {
	return r.stream(ctx, questions, read, append([]string{"cat-file", "--buffer"}, modes...)...)
}

// stream runs git with this standard input, and read on what it prints. Reading
// that ends with an error ends git.
func (r *Repository) stream(ctx context.Context, stdin io.Reader, read func(*bufio.Reader) error, args ...string) error {
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := r.command(running, args...)
	cmd.Stdin = stdin
	said := process.Bounded{Limit: 1 << 10}
	cmd.Stderr = &said
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return failure(ctx, args, err)
	}
	problem := read(bufio.NewReaderSize(stdout, 64<<10))
	early := errors.Is(problem, io.EOF) || errors.Is(problem, io.ErrUnexpectedEOF)
	if problem != nil && !early {
		cancel()
	}
	ended := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case problem != nil && !early:
		return problem
	case ended != nil && !errors.Is(ended, exec.ErrWaitDelay):
		line, _, _ := strings.Cut(strings.TrimSpace(string(said.Bytes())), "\n")
		return fmt.Errorf("git %s: %w: %q", args[0], ended, line)
	case early:
		return failure(ctx, args, errOutput)
	}
	return nil
}
