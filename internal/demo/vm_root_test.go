//go:build root && !vm

package demo

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cpio unpacks the files of the virtual machine. It needs the right to make a console.
func TestGuestFiles(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	content := bytes.Repeat([]byte("nsviz"), 1001) // not a multiple of four
	if err := os.WriteFile(program, content, 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := guestFiles(program)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	if _, err := files.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	archive, err := io.ReadAll(files)
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("cpio", "-itv", "--quiet")
	list.Stdin = bytes.NewReader(archive)
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("cpio: %v\n%s", err, out)
	}
	for _, want := range []string{"drwxr-xr-x", " dev\n", "crw-------", "5,   1", " dev/console\n", "-rwxr-xr-x", "5005", " nsviz\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	unpack := exec.Command("cpio", "-i", "--to-stdout", "--quiet", "nsviz")
	unpack.Stdin = bytes.NewReader(archive)
	if out, err := unpack.Output(); err != nil || !bytes.Equal(out, content) {
		t.Errorf("unpacked %d bytes, %v", len(out), err)
	}
	if _, err := guestFiles(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no program: %v", err)
	}
}
