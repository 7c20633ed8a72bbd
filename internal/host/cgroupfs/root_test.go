//go:build root

package cgroupfs

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// The tests in this file change the machine while they run: they make cgroups. Run them as root: `go test -tags root`.

// TestRootThreadedCgroup has a cgroup whose cgroup.procs the kernel refuses to list.
func TestRootThreadedCgroup(t *testing.T) {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	_, unified := cgroupMounts(mountinfo, DefaultRoot)
	if len(unified) == 0 {
		t.Fatal("needs a unified hierarchy")
	}
	layout := Layout{Dir: unified[0].dir, Root: unified[0].root}
	name := fmt.Sprintf("/nsviz-cgroupfs-threaded-%d", os.Getpid())
	for _, path := range []string{name, name + "/threads"} {
		if err := os.Mkdir(layout.Dir+path, 0o755); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.Remove(layout.Dir + path) }()
	}
	if err := os.WriteFile(layout.Dir+name+"/threads/cgroup.type", []byte("threaded"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(layout.Dir + name + "/threads/cgroup.procs"); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Fatalf("the kernel says %v", err)
	}
	for _, path := range []string{name, name + "/threads"} {
		if pids, err := layout.TreeProcs(path); len(pids) > 0 || err != nil {
			t.Errorf("%s: %v, %v", path, pids, err)
		}
	}
}
