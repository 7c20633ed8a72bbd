package rootfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestWritten(t *testing.T) {
	proc, _ := hosttest.Unpack(t, "v2")
	r := New(pseudofs.Proc(proc))
	upper := filepath.Join(proc, "1", "root", "upper") // the fixture's host root
	hosttest.WriteFile(t, filepath.Join(upper, "a"), "12345")
	hosttest.WriteFile(t, filepath.Join(upper, "d", "e", "b"), "123")
	outside := t.TempDir()
	hosttest.WriteFile(t, filepath.Join(outside, "secret"), strings.Repeat("x", 1000))
	for _, err := range []error{
		os.Link(filepath.Join(upper, "a"), filepath.Join(upper, "d", "again")), // counted once
		os.Symlink(outside, filepath.Join(upper, "d", "link")),                 // not followed
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := r.Written(t.Context(), "/upper", 100)
	if want := (Written{Bytes: 8, Files: 4}); got != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, err := r.Written(t.Context(), "/upper", 3); err != nil || got.Stopped == "" || got.Files > 3 {
		t.Errorf("of three entries: %+v, %v", got, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := r.Written(ended, "/upper", 100); err != nil || got.Stopped == "" || got.Files > 0 {
		t.Errorf("in no time: %+v, %v", got, err)
	}
	deep := upper + strings.Repeat("/d", maxDepth+5)
	hosttest.WriteFile(t, filepath.Join(deep, "x"), "1")
	if got, err := r.Written(t.Context(), "/upper", 10000); err != nil || got.Stopped == "" || got.Files != 4 {
		t.Errorf("very deep: %+v, %v", got, err)
	}
	for _, dir := range []string{"/gone", "relative"} {
		if got, err := r.Written(t.Context(), dir, 100); err == nil {
			t.Errorf("%s: %+v", dir, got)
		}
	}
	if _, err := r.Written(t.Context(), "/gone", 100); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
}
