package pseudofs

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/hosttest"
)

func TestReadFileOfAnySize(t *testing.T) {
	dir := t.TempDir()
	for _, size := range []int{0, 1, 63, 64, 65, SmallFile - 1, SmallFile, SmallFile + 1, 1 << 20} {
		want := bytes.Repeat([]byte("0123456789abcdef\n"), size/17+1)[:size]
		path := filepath.Join(dir, "file")
		hosttest.WriteFile(t, path, string(want))
		for _, buf := range [][]byte{nil, make([]byte, 64)} {
			got, err := ReadFile(path, buf)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes by a buffer of %d: got %d, %v", size, len(buf), len(got), err)
			}
		}
	}
}

func TestReadFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "endless")
	hosttest.WriteFile(t, path, "")
	if err := os.Truncate(path, maxFileSize+1); err != nil { // a hole, no disk space
		t.Fatal(err)
	}
	if _, err := ReadFile(path, nil); !errors.Is(err, errTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestGoneInAllItsWords(t *testing.T) {
	for _, errno := range []error{unix.ENOENT, unix.ESRCH, unix.ENODEV} {
		if err := PathError("read", "/proc/1/stat", errno); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v becomes %v", errno, err)
		}
	}
	if err := PathError("read", "/proc/1/stat", unix.EACCES); !errors.Is(err, fs.ErrPermission) || IsGone(err) {
		t.Errorf("EACCES becomes %v", err)
	}
}
