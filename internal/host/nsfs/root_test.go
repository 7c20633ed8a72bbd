//go:build root

package nsfs

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// The tests in this file change the machine while they run: they make namespaces and a mount. They need root and -tags root.

func TestRootRelations(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	self, err := r.Of(int32(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	child := hosttest.Start(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET}, "cat")
	ids, err := r.Of(child.PID)
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[event.NamespaceType][2]uint64{
		event.Net:  {ids[event.User], 0},
		event.PID:  {ids[event.User], self[event.PID]},
		event.User: {self[event.User], self[event.User]},
		event.UTS:  {self[event.User], 0}, // it is the host's
	} {
		list, err := r.Relations(child.PID, kind, nothing)
		if err != nil || list[0] != (Relation{Type: kind, ID: ids[kind], Owner: want[0], Parent: want[1]}) {
			t.Errorf("%s: %+v, %v, want %v", kind, list, err, want)
		}
	}
}

// TestRootOutermostOwner: what is in a user namespace in another one is the outer one's maker's.
func TestRootOutermostOwner(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	self, err := r.Of(int32(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "unshare", "--user", "--map-root-user",
		"unshare", "--user", "--map-user=7", "sh", "-c", "echo ready; read line")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = in.Close()
		_ = cmd.Wait()
	}()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if uid, err := r.OutermostOwnerUID(int32(cmd.Process.Pid), self[event.User]); err != nil || uid != 1000 {
		t.Errorf("made by user %d, %v", uid, err)
	}
	if uid, err := r.OutermostOwnerUID(int32(os.Getpid()), self[event.User]); err == nil {
		t.Errorf("a process in the host's is in one of user %d", uid)
	}
}

func TestRootNamespaceMounts(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	ids, err := r.Of(int32(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	point := filepath.Join(t.TempDir(), "net of\ta \\container")
	hosttest.WriteFile(t, point, "")
	if err := unix.Mount("/proc/self/ns/net", point, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	mounts, err := r.Mounts()
	if err != nil || !slices.Contains(mounts, Mount{Type: event.Net, ID: ids[event.Net], Point: point}) {
		t.Errorf("%v, %v", mounts, err)
	}
}

// The names that `ip netns` gives are those in use, from when it has given them until it takes them back.
func TestRootNames(t *testing.T) {
	names, err := New(pseudofs.DefaultProc).OpenNames()
	if err != nil {
		t.Fatal(err)
	}
	defer names.Close()
	name := fmt.Sprintf("nsviz-test-%d", os.Getpid())
	id, remove := hosttest.NameNet(t, name)
	for range 2 {
		if got := names.Of(id); got != name {
			t.Errorf("%q, want %q", got, name)
		}
	}
	if got := names.Of(id + 1<<32); got != "" {
		t.Errorf("a number that no namespace has: %q", got)
	}
	remove()
	if got := names.Of(id); got != "" {
		t.Errorf("deleted: %q", got)
	}
}
