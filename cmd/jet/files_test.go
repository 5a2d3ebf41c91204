package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dockercfg/jet/internal/encryptedfile"
	"github.com/dockercfg/jet/internal/outfile"
)

// TestInputEnds: reading a file ends when the context is done.
func TestInputEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	in, err := new(program).openInput(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	b := make([]byte, 10)
	if _, err := in.Read(b); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := in.Read(b); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// TestInputHead: looking at the beginning takes nothing away.
func TestInputHead(t *testing.T) {
	for _, size := range []int{0, 1, encryptedfile.HeadBytes - 1, encryptedfile.HeadBytes, encryptedfile.HeadBytes + 1, 100_000} {
		text := strings.Repeat("0123456789", size/10+1)[:size]
		for name, stdin := range map[string]io.Reader{
			"stream":   struct{ io.Reader }{strings.NewReader(text)},
			"seekable": strings.NewReader(text),
		} {
			in, err := (&program{stdin: stdin}).openInput(t.Context(), "-")
			if err != nil {
				t.Fatal(err)
			}
			head, err := in.head()
			if want := text[:min(size, encryptedfile.HeadBytes)]; err != nil || string(head) != want {
				t.Errorf("%s of %d: the head has %d bytes (%v), want %d", name, size, len(head), err, len(want))
			}
			if all, err := io.ReadAll(in); err != nil || string(all) != text {
				t.Errorf("%s of %d: %d bytes are left (%v)", name, size, len(all), err)
			}
		}
	}
}

// TestInputErrors names the file once, and wraps the cause.
func TestInputErrors(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]error{
		filepath.Join(dir, "missing"): fs.ErrNotExist,
		dir:                           syscall.EISDIR,
	} {
		_, err := new(program).openInput(t.Context(), path)
		if !errors.Is(err, want) || strings.Count(err.Error(), filepath.Base(path)) != 1 {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

// TestWriteInterrupted: what was interrupted at its end does not appear.
func TestWriteInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	err := new(program).write(ctx, filepath.Join(dir, "out"), outfile.Private, func(w io.Writer, _ bool) error {
		cancel()
		_, err := w.Write([]byte("x"))
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it left %v (%v)", left, err)
	}
}
