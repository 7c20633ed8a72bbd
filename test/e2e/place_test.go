//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// openDir makes a folder that every user may read, with nsviz in it. The build folder and those of the testing package may be
// closed to other users.
func openDir(t *testing.T) (dir, nsviz string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "nsviz-test-") //nolint:usetesting // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	nsviz = filepath.Join(dir, "nsviz")
	copyFile(t, binary(), nsviz, 0o755)
	return dir, nsviz
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, dir, name string, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// asNobody runs a command as a user with no rights.
func asNobody(command ...string) []string {
	return append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"}, command...)
}

// withoutCapabilities runs a command as root without capabilities.
func withoutCapabilities(command ...string) []string {
	return append([]string{"setpriv", "--bounding-set=-all", "--"}, command...)
}

// withHidden runs a command with empty folders in place of some.
func withHidden(folders []string, command ...string) []string {
	var script strings.Builder
	for _, folder := range folders {
		fmt.Fprintf(&script, "mount -t tmpfs none %s && ", folder)
	}
	return append([]string{"unshare", "--mount", "--", "sh", "-c", script.String() + `exec "$0" "$@"`}, command...)
}

// withTypes runs a command with a file in place of the kernel's type information.
func withTypes(file string, command ...string) []string {
	return append([]string{"unshare", "--mount", "--", "sh", "-c",
		`mount --bind "` + file + `" /sys/kernel/btf/vmlinux && exec "$0" "$@"`}, command...)
}

// sentence returns the message of nsviz on stderr without its log, which must be at most one line from nsviz.
func sentence(t *testing.T, stderr string) string {
	t.Helper()
	var said []string
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "time=") {
			said = append(said, line)
		}
	}
	switch {
	case len(said) == 0:
		return ""
	case len(said) > 1 || !strings.HasPrefix(said[0], "nsviz: "):
		t.Errorf("want one sentence from nsviz, got:\n%s", stderr)
	}
	return strings.TrimSpace(strings.TrimPrefix(said[0], "nsviz: "))
}
