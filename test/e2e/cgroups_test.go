//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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

// emptyCgroup kills what runs in a cgroup and below, and removes all of that from all hierarchies.
func emptyCgroup(t *testing.T, path string) {
	t.Helper()
	layout := trackedHierarchy(t)
	top := filepath.Join(layout.Dir, path)
	eventually(t, func() bool {
		var dirs []string // those above first
		_ = filepath.WalkDir(top, func(dir string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				dirs = append(dirs, dir)
			}
			return nil // it may be gone meanwhile
		})
		for _, dir := range slices.Backward(dirs) {
			list, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			if err != nil {
				continue // so may this
			}
			for text := range strings.FieldsSeq(string(list)) {
				if pid, err := strconv.Atoi(text); err == nil {
					_ = syscall.Kill(pid, syscall.SIGKILL) // and this
				}
			}
			removeCgroup(t, strings.TrimPrefix(dir, layout.Dir))
		}
		_, err := os.Stat(top)
		return errors.Is(err, fs.ErrNotExist)
	}, func() string { return top + " is empty" })
}
