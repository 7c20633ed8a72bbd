package hostfs

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// openHost unpacks testdata/hosts/NAME.txt, in which "-- path --" lines head the files, and opens
// the host that it makes. Where a file says @CGROUP@ it gets the root of the cgroup file systems.
func openHost(t testing.TB, name string) (*FS, Roots) {
	t.Helper()
	archive, err := os.ReadFile(filepath.Join("testdata", "hosts", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	roots := Roots{Proc: filepath.Join(dir, "proc"), Cgroup: filepath.Join(dir, "cgroup")}
	archive = bytes.ReplaceAll(archive, []byte("@CGROUP@"), []byte(roots.Cgroup))
	var path string
	var content []byte
	flush := func() {
		if path != "" {
			writeFile(t, filepath.Join(dir, path), string(content))
		}
	}
	for line := range bytes.Lines(archive) {
		header, found := strings.CutPrefix(string(line), "-- ")
		if header, ends := strings.CutSuffix(header, " --\n"); found && ends {
			flush()
			path, content = header, nil
			continue
		}
		content = append(content, line...)
	}
	flush()
	f, err := Open(roots)
	if err != nil {
		t.Fatal(err)
	}
	return f, roots
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeNamespaces makes the links below ns in a process's directory; an id of 0 gets none.
func writeNamespaces(t testing.TB, pidDir string, ids event.NamespaceIDs) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(pidDir, "ns"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, kind := range event.NamespaceTypes() {
		if ids[kind] == 0 {
			continue
		}
		if err := os.Symlink(fmt.Sprintf("%s:[%d]", kind, ids[kind]), filepath.Join(pidDir, "ns", kind.String())); err != nil {
			t.Fatal(err)
		}
	}
}

// inode asks stat(1) for an id.
func inode(t testing.TB, path string) uint64 {
	t.Helper()
	out, err := exec.Command("stat", "-c", "%i", path).Output()
	if err != nil {
		t.Fatalf("stat %s: %v", path, err)
	}
	id, err := strconv.ParseUint(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// liveFS opens the machine that the test runs on.
func liveFS(t testing.TB) *FS {
	t.Helper()
	f, err := Open(Roots{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
