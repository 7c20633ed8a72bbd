package hosttest

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
)

// DockerScope is the cgroup of the container in the host v2.
const DockerScope = "/system.slice/docker-5c7ea0a9b3f1d0aa51ed2f2ee1c4f75a4ac8e0a2b7f6a1b6ddf52a0f0a3f9d11.scope"

//go:embed hosts/*.txt
var hosts embed.FS

// Unpack unpacks hosts/NAME.txt, in which "-- path --" lines head the files, and returns where the host that it makes
// has its procfs and its cgroup file systems. Where a file says @CGROUP@ it gets the latter.
func Unpack(t testing.TB, name string) (proc, cgroup string) {
	t.Helper()
	archive, err := hosts.ReadFile("hosts/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	proc, cgroup = filepath.Join(dir, "proc"), filepath.Join(dir, "cgroup")
	archive = bytes.ReplaceAll(archive, []byte("@CGROUP@"), []byte(cgroup))
	var path string
	var content []byte
	flush := func() {
		if path != "" {
			WriteFile(t, filepath.Join(dir, path), string(content))
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
	return proc, cgroup
}

// WriteFile writes a file, and makes the folders above it.
func WriteFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// SetFile writes to a file that is there, as one of the kernel's.
func SetFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0); err != nil {
		t.Fatal(err)
	}
}

// WriteNamespaces makes the links below ns in a process's directory; an id of 0 gets none.
func WriteNamespaces(t testing.TB, pidDir string, ids event.NamespaceIDs) {
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

// Inode asks stat(1) for an id.
func Inode(t testing.TB, path string) uint64 {
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

// OpenDescriptors counts the files that this process has open.
func OpenDescriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// ManyMounts returns the mountinfo of a host with n overlay mounts and a namespace mount after each.
func ManyMounts(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "%d 28 0:%d / /var/lib/docker/overlay2/%064x/merged rw,relatime shared:%d - overlay overlay "+
			"rw,lowerdir=/var/lib/docker/overlay2/l/AAAAAAAAAAAAAAAAAAAAAAAAAA:/var/lib/docker/overlay2/l/BBBBBBBBBBBBBBBBBBBBBBBBBB\n",
			2*i+40, i+40, i, i)
		fmt.Fprintf(&text, "%d 41 0:4 net:[%d] /run/docker/netns/%012x rw shared:%d - nsfs nsfs rw\n", 2*i+41, 4026532000+i, i, i)
	}
	return text.String()
}

// Link makes a symbolic link as those of procfs are.
func Link(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(text, path); err != nil {
		t.Fatal(err)
	}
}

// Block puts in the place of a file one that does not answer until the test ends, or [Answer] lets it.
func Block(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Answer waits until a reader is blocked at a file of [Block], and lets it go on.
func Answer(t testing.TB, path string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
		if err == nil {
			_ = f.Close() // nothing was written to it
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody waits at %s: %v", path, err)
		}
	}
}
