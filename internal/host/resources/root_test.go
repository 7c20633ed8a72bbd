//go:build root

package resources

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// TestRootCgroup makes a cgroup with a limit, has the OOM killer act in it, and removes it.
func TestRootCgroup(t *testing.T) {
	const limit = 16 << 20
	cgroups := cgroupfs.New(pseudofs.DefaultProc, "")
	layout, err := cgroups.Layout()
	if err != nil {
		t.Fatal(err)
	}
	if !layout.Whole || !layout.HasMemory {
		t.Fatalf("needs the host's memory hierarchy: %+v", layout)
	}
	name := fmt.Sprintf("/nsviz resources:%d", os.Getpid())
	outer := layout.Dir + name
	leaf := outer + "/inner"
	for _, dir := range []string{outer, leaf} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.Remove(dir) }()
		if dir == outer && layout.Controller == "" {
			if err := os.WriteFile(dir+"/cgroup.subtree_control", []byte("+memory"), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := map[bool][2]string{
		true: {"memory.max", "memory.swap.max"}, false: {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes"},
	}[layout.Controller == ""]
	if err := os.WriteFile(filepath.Join(leaf, file[0]), []byte(strconv.Itoa(limit)), 0); err != nil {
		t.Fatal(err)
	}
	swap := map[bool]string{true: "0", false: strconv.Itoa(limit)}[layout.Controller == ""]
	_ = os.WriteFile(filepath.Join(leaf, file[1]), []byte(swap), 0) // missing without swap accounting

	// The shell waits until it is in the cgroup; then tail keeps an endless line in memory.
	cmd := exec.Command("sh", "-c", "read line; exec tail /dev/zero")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := int32(cmd.Process.Pid)
	if err := os.WriteFile(leaf+"/cgroup.procs", []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
		t.Error(err)
	}
	path, err := cgroups.PathOf(pid, layout)
	if err != nil || path != name+"/inner" {
		t.Errorf("the process is in %q, %v", path, err)
	}
	if id, err := layout.ID(path); err != nil || id != hosttest.Inode(t, leaf) {
		t.Errorf("its id is %d, %v", id, err)
	}
	own, err := layout.Procs(path)
	tree, treeErr := layout.TreeProcs(name)
	if want := []int32{pid}; err != nil || treeErr != nil || !slices.Equal(own, want) || !slices.Equal(tree, want) {
		t.Errorf("processes %v, %v; with those below %v, %v", own, err, tree, treeErr)
	}
	watch, err := In(layout).Watch(path)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	checkWatch(t, watch, layout, path, 0)
	before, err := In(layout).Memory(path)
	if err != nil || before.LimitBytes == nil || *before.LimitBytes != limit || before.Unlimited || before.UsageBytes == nil ||
		before.OOMKills == nil || *before.OOMKills != 0 {
		t.Errorf("before: %+v, %v", before, err)
	}
	if above, err := In(layout).Memory(name); err != nil || !above.Unlimited || above.LimitBytes != nil {
		t.Errorf("without a limit: %+v, %v", above, err)
	}

	if err := stdin.Close(); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("it was to be killed, but: %v", err)
	}
	if after, err := In(layout).Memory(path); err != nil || after.OOMKills == nil || *after.OOMKills != 1 {
		t.Errorf("after: %+v, %v", after, err)
	}

	checkWatch(t, watch, layout, path, 1)
	pinned, err := pseudofs.OpenDir(leaf)
	if err != nil {
		t.Fatal(err)
	}
	defer pinned.Close()
	if err := os.Remove(leaf); err != nil {
		t.Fatal(err)
	}
	if _, err := pinned.Read("cgroup.procs", nil); !pseudofs.IsGone(err) {
		t.Errorf("a pinned cgroup that is gone: %v", err)
	}
	for what, read := range map[string]func() error{
		"Memory":    func() error { _, err := In(layout).Memory(path); return err },
		"Procs":     func() error { _, err := layout.Procs(path); return err },
		"TreeProcs": func() error { _, err := layout.TreeProcs(path); return err },
		"ID":        func() error { _, err := layout.ID(path); return err },
		"Watch":     func() error { _, err := In(layout).Watch(path); return err },
		"Charge":    func() error { return watch.Charge(&Memory{}) },
		"Limit":     func() error { return watch.Limit(&Memory{}) },
	} {
		if err := read(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of a cgroup that is gone: %v", what, err)
		}
	}
	// Open files belong to the old cgroup even if another one has its name.
	if err := os.Mkdir(leaf, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := watch.Charge(&Memory{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with another cgroup in its place: %v", err)
	}
}

// checkWatch compares what open files return with a fresh reading.
func checkWatch(t *testing.T, w *Watch, layout cgroupfs.Layout, path string, kills uint64) {
	t.Helper()
	var m Memory
	if err := errors.Join(w.Charge(&m), w.Limit(&m)); err != nil {
		t.Error(err)
	}
	anew, err := In(layout).Memory(path)
	if err != nil || m.OOMKills == nil || *m.OOMKills != kills || *m.LimitBytes != *anew.LimitBytes || m.UsageBytes == nil || !w.Complete() {
		t.Errorf("%+v, anew %+v, %v", m, anew, err)
	}
}
