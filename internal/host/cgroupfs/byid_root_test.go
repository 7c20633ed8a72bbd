//go:build root

package cgroupfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// TestPathByID looks up existing cgroups, with short and long paths, and a removed one.
func TestPathByID(t *testing.T) {
	layout, err := New(pseudofs.DefaultProc, "").Layout()
	if err != nil {
		t.Fatal(err)
	}
	layouts := []Layout{layout}
	for _, other := range layout.Others {
		layouts = append(layouts, other)
	}
	for _, l := range layouts {
		dir, err := os.MkdirTemp(l.Dir, "nsviz-test-id-") //nolint:usetesting // a cgroup is no temporary folder
		if err != nil {
			t.Fatal(err)
		}
		paths := []string{strings.TrimPrefix(dir, l.Dir)}
		for range 10 { // more than an event holds
			paths = append(paths, paths[len(paths)-1]+"/"+strings.Repeat("x", 200))
			if err := os.Mkdir(filepath.Join(l.Dir, paths[len(paths)-1]), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		ids := make([]uint64, len(paths))
		for i, path := range paths {
			if ids[i], err = l.ID(path); err != nil {
				t.Fatal(err)
			}
			if got, err := l.PathByID(ids[i]); got != path || err != nil {
				t.Errorf("hierarchy %d, cgroup %d: %q, %v; want %q", l.HierarchyID, ids[i], got, err, path)
			}
		}
		for i := len(paths) - 1; i >= 0; i-- {
			if err := os.Remove(filepath.Join(l.Dir, paths[i])); err != nil {
				t.Fatal(err)
			}
			if got, err := l.PathByID(ids[i]); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("hierarchy %d, removed cgroup %d: %q, %v", l.HierarchyID, ids[i], got, err)
			}
		}
		if id, err := l.ID("/"); err != nil {
			t.Error(err)
		} else if got, err := l.PathByID(id); got != "/" || err != nil {
			t.Errorf("hierarchy %d: the root is %q, %v", l.HierarchyID, got, err)
		}
	}
}
