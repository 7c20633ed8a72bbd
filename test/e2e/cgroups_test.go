//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

// limitedCgroup makes a cgroup with a limit of memory. At the end of the test it is removed, with all that runs in it.
func limitedCgroup(t *testing.T, name string, bytes int) (dir string) {
	t.Helper()
	layout := trackedHierarchy(t)
	dir = filepath.Join(layout.Dir, name)
	limit := "memory.max"
	if layout.Version != cgroupfs.V2 {
		limit = "memory.limit_in_bytes"
	}
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, limit), fmt.Append(nil, bytes), 0)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { emptyCgroup(t, name) })
	return dir
}

// emptyCgroup kills what runs in a cgroup, and removes it from all hierarchies.
func emptyCgroup(t *testing.T, path string) {
	t.Helper()
	dir := filepath.Join(trackedHierarchy(t).Dir, path)
	eventually(t, func() bool {
		list, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		for _, text := range strings.Fields(string(list)) {
			if pid, err := strconv.Atoi(text); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
			}
		}
		removeCgroup(t, path)
		return errors.Is(err, fs.ErrNotExist)
	}, func() string { return dir + " is empty" })
}
