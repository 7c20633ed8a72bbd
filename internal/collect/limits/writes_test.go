package limits

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

func TestWritersOfOneLimit(t *testing.T) {
	memoryOf := func(path string, pid int32) cgroupfs.Write {
		return cgroupfs.Write{Path: path, Changes: cgroupfs.MemoryLimit, PID: pid}
	}
	pidsOf := func(path string, pid int32) cgroupfs.Write {
		return cgroupfs.Write{Path: path, Changes: cgroupfs.PIDsLimit, PID: pid}
	}
	type batch struct {
		writes []cgroupfs.Write
		set    string // the memory limit of /a is set to that while limits are read, just before these writes show
	}
	for _, test := range []struct {
		name    string
		batches []batch // what is written, and what shows after that
		want    []string
		left    int
	}{
		{"one", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 80)}}}, []string{"/a kubelet/80 memory 100"}, 0},
		{
			"one, of both limits", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 80), pidsOf("/a", 80), memoryOf("/a", 80)}}},
			[]string{"/a kubelet/80 memory 100 pids 10"}, 0,
		},
		{
			"two of the same limit", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 80), memoryOf("/a", 81)}}},
			[]string{"/a or kubelet/80 or sh/81 memory 100"}, 0,
		},
		{
			"two of two limits", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 80), pidsOf("/a", 81)}}},
			[]string{"/a kubelet/80 memory 100", "/a sh/81 pids 10"}, 0,
		},
		{
			"two of two cgroups", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 80), memoryOf("/b", 81)}}},
			[]string{"/a kubelet/80 memory 100", "/b sh/81 memory 100"}, 0,
		},
		{
			"the second shows while the limit of the first is read",
			[]batch{{writes: []cgroupfs.Write{memoryOf("/a", 80)}}, {writes: []cgroupfs.Write{memoryOf("/a", 81)}, set: "200"}},
			[]string{"/a or kubelet/80 or sh/81 memory 200"}, 0,
		},
		{
			"another limit shows meanwhile",
			[]batch{{writes: []cgroupfs.Write{memoryOf("/a", 80)}}, {writes: []cgroupfs.Write{pidsOf("/a", 81), memoryOf("/b", 81)}}},
			[]string{"/a kubelet/80 memory 100"}, 2,
		},
		{
			"one that has ended, and another", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 999), memoryOf("/a", 81)}}},
			[]string{"/a or /999 or sh/81 memory 100"}, 0,
		},
		{"one that has ended", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 999)}}}, []string{"/a /999 memory 100"}, 0},
		{
			"moves have each their author", []batch{{writes: []cgroupfs.Write{
				{Path: "/a", Changes: cgroupfs.Membership, PID: 80}, {Path: "/a", Changes: cgroupfs.Membership, PID: 81},
			}}},
			[]string{"/a kubelet/80 moved", "/a sh/81 moved"}, 0,
		},
		{
			"without end",
			[]batch{
				{writes: []cgroupfs.Write{memoryOf("/a", 80)}}, {writes: []cgroupfs.Write{memoryOf("/a", 80)}, set: "200"},
				{writes: []cgroupfs.Write{memoryOf("/a", 80)}, set: "300"}, {writes: []cgroupfs.Write{memoryOf("/a", 80)}, set: "400"},
				{writes: []cgroupfs.Write{memoryOf("/a", 81)}, set: "500"},
			},
			[]string{"/a or kubelet/80 or sh/81 memory 400"}, 1,
		},
		{"gone", []batch{{writes: []cgroupfs.Write{memoryOf("/c", 80)}}}, nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFollowTest(t)
			more := test.batches[1:]
			left, lost, err := f.handle(t.Context(), test.batches[0].writes, func() ([]cgroupfs.Write, bool, error) {
				if len(more) == 0 {
					return nil, false, nil
				}
				next := more[0]
				more = more[1:]
				if next.set != "" {
					f.set("/a", "memory.max", next.set)
				}
				return next.writes, false, nil
			})
			if diff := cmp.Diff(test.want, f.all()); diff != "" || lost || err != nil || len(left) != test.left {
				t.Errorf("%v is left, lost: %t, %v; -want +got:\n%s", left, lost, err, diff)
			}
		})
	}
}

// A write names its cgroup and those of its writers. Of a cgroup that the loop does not know it is reported after what happened
// before it.
func TestCgroupsOfAWrite(t *testing.T) {
	f := newFollowTest(t)
	path := "/docker/" + containerID
	f.set(path, "memory.max", "100")
	write := func(pids ...int32) {
		t.Helper()
		var list []cgroupfs.Write
		for _, pid := range pids {
			list = append(list, cgroupfs.Write{Path: path, Changes: cgroupfs.MemoryLimit, PID: pid})
		}
		if _, _, err := f.handle(t.Context(), list, func() ([]cgroupfs.Write, bool, error) { return nil, false, nil }); err != nil {
			t.Fatal(err)
		}
	}
	write(82)
	f.known, f.cfg.HostPIDs = false, false
	clear(f.recent)
	write(80, 82)
	write(999)
	want := []string{
		path + " init/82 in /docker/0123 memory 100",
		"sync", path + " or kubelet/0 or init/0 in /docker/0123 memory 100",
		"sync", path + " memory 100",
	}
	if diff := cmp.Diff(want, f.all()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNoMoreThanSomeWritersAreNamed(t *testing.T) {
	f := newFollowTest(t)
	var pids []int32
	for pid := range int32(2 * maxWriters) {
		pids = append(pids, 1000+pid)
	}
	if n := len(f.writersOf(pids)); n != maxWriters {
		t.Errorf("%d are named, want %d", n, maxWriters)
	}
}

// A write to the freezer is reported with what came of it, and one that lets a cgroup go on with those below that stay frozen.
func TestWritesToFreezers(t *testing.T) {
	freeze := func(path string, pid int32) cgroupfs.Write {
		return cgroupfs.Write{Path: path, Changes: cgroupfs.Freezer, PID: pid}
	}
	for _, test := range []struct {
		name   string
		frozen []string // the cgroups whose files say so
		writes []cgroupfs.Write
		want   []string
	}{
		{"frozen", []string{"/a"}, []cgroupfs.Write{freeze("/a", 80)}, []string{"/a kubelet/80 frozen"}},
		{"thawed", nil, []cgroupfs.Write{freeze("/a", 80)}, []string{"/a kubelet/80 thawed"}},
		{"frozen and thawed at once", nil, []cgroupfs.Write{freeze("/a", 80), freeze("/a", 81)}, []string{"/a or kubelet/80 or sh/81 thawed"}},
		{"one below stays", []string{"/a/in"}, []cgroupfs.Write{freeze("/a", 80)}, []string{"/a kubelet/80 thawed but for /a/in"}},
		{
			"with a limit", []string{"/a"}, []cgroupfs.Write{freeze("/a", 80), {Path: "/a", Changes: cgroupfs.PIDsLimit, PID: 81}},
			[]string{"/a kubelet/80 frozen", "/a sh/81 pids 10"},
		},
		{"gone", nil, []cgroupfs.Write{freeze("/c", 80)}, nil},
	} {
		f := newFollowTest(t)
		for _, path := range []string{"/a", "/a/in", "/b"} {
			f.set(path, "cgroup.events", "frozen 0")
			f.set(path, "cgroup.freeze", "0")
		}
		for _, path := range test.frozen {
			f.set(path, "cgroup.freeze", "1")
		}
		_, lost, err := f.handle(t.Context(), test.writes, func() ([]cgroupfs.Write, bool, error) { return nil, false, nil })
		if diff := cmp.Diff(test.want, f.all()); diff != "" || lost || err != nil {
			t.Errorf("%s: lost: %t, %v; -want +got:\n%s", test.name, lost, err, diff)
		}
	}
}
