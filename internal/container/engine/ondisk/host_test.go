package ondisk

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// testHost is a host with files and processes of its own.
type testHost struct {
	t    *testing.T
	dir  string // its root
	proc string
}

// newHost returns a host with nothing but a PID 1.
func newHost(t *testing.T) *testHost {
	t.Helper()
	base := t.TempDir()
	h := &testHost{t, filepath.Join(base, "root"), filepath.Join(base, "proc")}
	h.process(1, "init", 0, "1", "init")
	return h
}

// runtimesHost returns a host with what is in testdata/host: files of real containers.
func runtimesHost(t *testing.T) *testHost {
	t.Helper()
	h := newHost(t)
	files := os.DirFS("testdata/host")
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		h.write(path, string(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// write writes a file that its owner alone can write.
func (h *testHost) write(path, content string) {
	h.t.Helper()
	path = h.mkdir(path)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// mkdir makes the folders above a path of the host, and returns the path outside of it.
func (h *testHost) mkdir(path string) string {
	h.t.Helper()
	path = filepath.Join(h.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// process adds a process. nspid are its PIDs in its PID namespaces.
func (h *testHost) process(pid int, comm string, uid uint32, nspid string, args ...string) {
	h.t.Helper()
	dir := filepath.Join(h.proc, fmt.Sprint(pid))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		h.t.Fatal(err)
	}
	for name, content := range map[string]string{
		"comm":    comm + "\n",
		"cmdline": strings.Join(args, "\x00") + "\x00",
		"cgroup":  "0::/\n",
		"status":  fmt.Sprintf("Name:\t%s\nTgid:\t%d\nPPid:\t1\nUid:\t%d\t%[3]d\t%[3]d\t%[3]d\nNSpid:\t%s\n", comm, pid, uid, nspid),
		"stat":    fmt.Sprintf("%d (%s) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n", pid, comm, 1000+pid),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			h.t.Fatal(err)
		}
	}
	h.link(h.dir, filepath.Join(dir, "root"))
}

// child makes a process the child of another one.
func (h *testHost) child(pid, parent int) {
	h.t.Helper()
	stat := fmt.Sprintf("%d (app) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n", pid, parent, 1000+pid)
	if err := os.WriteFile(filepath.Join(h.proc, fmt.Sprint(pid), "stat"), []byte(stat), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// link makes a symbolic link.
func (h *testHost) link(to, path string) {
	h.t.Helper()
	if err := os.Symlink(to, path); err != nil {
		h.t.Fatal(err)
	}
}

// source returns a source of the host, whose root is the user who runs the test.
func (h *testHost) source() *Source {
	return newSource(Config{Proc: pseudofs.Proc(h.proc)}, uint32(os.Getuid()))
}
