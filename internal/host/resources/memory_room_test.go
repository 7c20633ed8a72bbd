package resources

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
)

// All levels with a limit count; memory that the kernel can drop does not.
func TestMemoryRooms(t *testing.T) {
	for name, tt := range map[string]struct {
		layout cgroupfs.Layout
		files  map[string]string
		want   []fact.MemoryRoom
	}{
		"v2": {cgroupfs.Layout{Whole: true}, map[string]string{
			"a/b/c/memory.max": "max\n", "a/b/c/memory.current": "50\n", // no limit of its own
			"a/b/memory.max": "100\n", "a/b/memory.current": "90\n", "a/b/memory.stat": "anon 60\ninactive_file 30\n",
			"a/memory.max": "80\n", "a/memory.current": "95\n",
		}, []fact.MemoryRoom{{Cgroup: "/a/b", LimitBytes: 100, WorkingSetBytes: 60}, {Cgroup: "/a", LimitBytes: 80, WorkingSetBytes: 95}}},
		"v1": {cgroupfs.Layout{Controller: "memory", Whole: true}, map[string]string{
			"a/b/c/memory.limit_in_bytes": "200\n", "a/b/c/memory.usage_in_bytes": "70\n",
			"a/b/c/memory.stat":         "inactive_file 69\nhierarchical_memory_limit 100\ntotal_inactive_file 10\n",
			"a/b/memory.limit_in_bytes": "100\n", "a/b/memory.usage_in_bytes": "75\n",
			"a/memory.limit_in_bytes": "9223372036854771712\n", "memory.limit_in_bytes": "9223372036854771712\n",
		}, []fact.MemoryRoom{{Cgroup: "/a/b/c", LimitBytes: 200, WorkingSetBytes: 60}, {Cgroup: "/a/b", LimitBytes: 100, WorkingSetBytes: 75}}},
		"v1, apart from those above": {cgroupfs.Layout{Controller: "memory", Whole: true}, map[string]string{
			"a/b/c/memory.limit_in_bytes": "200\n", "a/b/c/memory.usage_in_bytes": "70\n", "a/b/c/memory.use_hierarchy": "0\n",
			"a/b/memory.limit_in_bytes": "100\n", "a/b/memory.usage_in_bytes": "75\n",
		}, []fact.MemoryRoom{{Cgroup: "/a/b/c", LimitBytes: 200, WorkingSetBytes: 70}}},
		"v1, limited from out of sight": {cgroupfs.Layout{Controller: "memory", Root: "/a"}, map[string]string{
			"b/c/memory.limit_in_bytes": "200\n", "b/c/memory.usage_in_bytes": "70\n", "b/c/memory.stat": "hierarchical_memory_limit 90\n",
			"b/memory.limit_in_bytes": "9223372036854771712\n", "memory.usage_in_bytes": "80\n",
		}, []fact.MemoryRoom{{Cgroup: "/a/b/c", LimitBytes: 200, WorkingSetBytes: 70}, {Cgroup: "", LimitBytes: 90, WorkingSetBytes: 80}}},
		"no limit": {cgroupfs.Layout{Whole: true}, map[string]string{"a/b/c/memory.max": "max\n"}, nil},
		// The controller is not enabled here.
		"no files": {cgroupfs.Layout{Whole: true}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := tt.layout
			l.Dir, l.HasMemory = t.TempDir(), true
			if l.Root == "" {
				l.Root = "/"
			}
			if err := os.MkdirAll(filepath.Join(l.Dir, strings.TrimPrefix("/a/b/c", l.Root)), 0o700); err != nil {
				t.Fatal(err)
			}
			for path, text := range tt.files {
				hosttest.WriteFile(t, filepath.Join(l.Dir, path), text)
			}
			got, err := In(l).MemoryRooms("/a/b/c")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMemoryRoomsUnknown(t *testing.T) {
	l := cgroupfs.Layout{Dir: t.TempDir(), Root: "/", Whole: true}
	if _, err := In(l).MemoryRooms("/"); !errors.Is(err, ErrNoMemory) {
		t.Errorf("without the controller: %v", err)
	}
	l.HasMemory = true
	if _, err := In(l).MemoryRooms("/gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of one that is gone: %v", err)
	}
	hosttest.WriteFile(t, filepath.Join(l.Dir, "odd", "memory.max"), "odd\n")
	if got, err := In(l).MemoryRooms("/odd"); err == nil {
		t.Errorf("from nonsense: %+v", got)
	}
}
