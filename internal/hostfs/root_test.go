//go:build root

package hostfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
	"github.com/nsviz/nsviz/test/lsns"
)

// The tests in this file change the machine for as long as they run: they make namespaces, a mount
// and cgroups. `go test -tags root` as root runs them.

func TestRootAllNamespacesAgreeWithLsns(t *testing.T) {
	child := hosttest.Start(t, &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS |
			unix.CLONE_NEWUSER | unix.CLONE_NEWCGROUP,
	}, "cat")
	f := liveFS(t)
	for process, err := range f.Processes(Layout{}) {
		if err != nil {
			t.Errorf("PID %d: %v", process.PID, err)
		}
		if process.PID == child.PID && (len(process.NSPID) != 2 || process.NSPID[0] != child.PID || process.NSPID[1] != 1) {
			t.Errorf("the child calls itself %v", process.NSPID)
		}
	}
	// Every row of lsns is a namespace and one process in it; what vanished meanwhile is left out.
	out := lsns.Output(t, "-n", "-o", "NS,TYPE,PID")
	compared, seen := 0, event.NamespaceIDs{}
	for line := range strings.Lines(string(out)) {
		var id uint64
		var name string
		var pid int32
		if _, err := fmt.Sscan(line, &id, &name, &pid); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		kind, err := event.ParseNamespaceType(name)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := f.NS.Of(pid)
		if errors.Is(err, fs.ErrNotExist) || pid == 0 {
			continue
		}
		if err != nil || ids[kind] != id && ids[kind] != 0 { // 0: it is a zombie by now
			t.Errorf("%s of PID %d is %d, %v; lsns says %d", kind, pid, ids[kind], err, id)
		}
		if pid == child.PID {
			seen[kind] = id
		}
		compared++
	}
	own, err := f.NS.Of(child.PID)
	if err != nil {
		t.Fatal(err)
	}
	seen[event.Time] = own[event.Time] // the child shares it
	if own != seen {
		t.Errorf("the child is in %v, lsns says %v", own, seen)
	}
	t.Logf("%d namespaces compared", compared)
}

// TestRootForeignProcfs opens the procfs of a PID namespace that this process is not in.
func TestRootForeignProcfs(t *testing.T) {
	child := hosttest.Start(t, nil, "unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", "echo $$; exec cat >/dev/null")
	if line := child.Line(t); line != "1" {
		t.Fatalf("%q", line)
	}
	var inner int32
	for process, err := range liveFS(t).Processes(Layout{}) {
		if err == nil && process.PPID == child.PID {
			inner = process.PID
		}
	}
	proc := "/proc/" + strconv.Itoa(int(inner)) + "/root/proc"
	if f, err := Open(Roots{Proc: proc}); err == nil || !strings.Contains(err.Error(), "this process is not in it") {
		t.Errorf("%v, %v", f, err)
	}
	// Its PID 1 is not the host's init, and it has no kthreadd.
	if ids, from, err := nsfs.New(pseudofs.Proc(proc)).OfHost(); err == nil {
		t.Errorf("takes %v by %s for the host's", ids, from)
	}
}

// TestRootCgroup makes a cgroup with a limit, has the OOM killer act in it, and removes it.
func TestRootCgroup(t *testing.T) {
	const limit = 16 << 20
	f := liveFS(t)
	layout, err := f.Cgroups()
	if err != nil {
		t.Fatal(err)
	}
	if !layout.Whole || !layout.HasMemory {
		t.Fatalf("needs the host's memory hierarchy: %+v", layout)
	}
	name := fmt.Sprintf("/nsviz hostfs:%d", os.Getpid())
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
	_ = os.WriteFile(filepath.Join(leaf, file[1]), []byte(swap), 0) // not there without swap accounting

	// The shell waits until it is in the cgroup; then tail keeps a line without end in memory.
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
	path, err := f.CgroupPath(pid, layout)
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
	watch, err := layout.Watch(path)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	checkWatch(t, watch, layout, path, 0)
	before, err := layout.Memory(path)
	if err != nil || before.LimitBytes == nil || *before.LimitBytes != limit || before.Unlimited || before.UsageBytes == nil ||
		before.OOMKills == nil || *before.OOMKills != 0 {
		t.Errorf("before: %+v, %v", before, err)
	}
	if above, err := layout.Memory(name); err != nil || !above.Unlimited || above.LimitBytes != nil {
		t.Errorf("without a limit: %+v, %v", above, err)
	}

	if err := stdin.Close(); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("it was to be killed, but: %v", err)
	}
	if after, err := layout.Memory(path); err != nil || after.OOMKills == nil || *after.OOMKills != 1 {
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
		"Memory":    func() error { _, err := layout.Memory(path); return err },
		"Procs":     func() error { _, err := layout.Procs(path); return err },
		"TreeProcs": func() error { _, err := layout.TreeProcs(path); return err },
		"ID":        func() error { _, err := layout.ID(path); return err },
		"Watch":     func() error { _, err := layout.Watch(path); return err },
		"Charge":    func() error { return watch.Charge(&Memory{}) },
		"Limit":     func() error { return watch.Limit(&Memory{}) },
	} {
		if err := read(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of a cgroup that is gone: %v", what, err)
		}
	}
	// What is open stays the old one's when there is another one of the same name.
	if err := os.Mkdir(leaf, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := watch.Charge(&Memory{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with another cgroup in its place: %v", err)
	}
}

// checkWatch compares what is read of open files with what is read anew.
func checkWatch(t *testing.T, w *Watch, layout Layout, path string, kills uint64) {
	t.Helper()
	var m Memory
	if err := errors.Join(w.Charge(&m), w.Limit(&m)); err != nil {
		t.Error(err)
	}
	anew, err := layout.Memory(path)
	if err != nil || m.OOMKills == nil || *m.OOMKills != kills || *m.LimitBytes != *anew.LimitBytes || m.UsageBytes == nil || !w.Complete() {
		t.Errorf("%+v, anew %+v, %v", m, anew, err)
	}
}

// TestRootThreadedCgroup has a cgroup whose cgroup.procs the kernel refuses to list.
func TestRootThreadedCgroup(t *testing.T) {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	_, unified := cgroupMounts(mountinfo, DefaultCgroup)
	if len(unified) == 0 {
		t.Fatal("needs a unified hierarchy")
	}
	layout := Layout{Dir: unified[0].dir, Root: unified[0].root}
	name := fmt.Sprintf("/nsviz-hostfs-threaded-%d", os.Getpid())
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
