//go:build root

package procfs

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
	"github.com/nsviz/nsviz/test/lsns"
)

func TestRootAllNamespacesAgreeWithLsns(t *testing.T) {
	child := hosttest.Start(t, &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS |
			unix.CLONE_NEWUSER | unix.CLONE_NEWCGROUP,
	}, "cat")
	r := New(pseudofs.DefaultProc)
	for process, err := range r.Processes(cgroupfs.Layout{}) {
		if err != nil {
			t.Errorf("PID %d: %v", process.PID, err)
		}
		if process.PID == child.PID && (len(process.NSPID) != 2 || process.NSPID[0] != child.PID || process.NSPID[1] != 1) {
			t.Errorf("the child calls itself %v", process.NSPID)
		}
	}
	// Every row of lsns is a namespace and one process in it; those that vanished meanwhile are left out.
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
		ids, err := r.ns.Of(pid)
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
	own, err := r.ns.Of(child.PID)
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
	for process, err := range New(pseudofs.DefaultProc).Processes(cgroupfs.Layout{}) {
		if err == nil && process.PPID == child.PID {
			inner = process.PID
		}
	}
	proc := "/proc/" + strconv.Itoa(int(inner)) + "/root/proc"
	if p, err := pseudofs.OpenProc(proc); err == nil || !strings.Contains(err.Error(), "this process is not in it") {
		t.Errorf("%v, %v", p, err)
	}
	// Its PID 1 is not the host's init, and it has no kthreadd.
	if ids, from, err := nsfs.New(pseudofs.Proc(proc)).OfHost(); err == nil {
		t.Errorf("takes %v by %s for the host's", ids, from)
	}
}
