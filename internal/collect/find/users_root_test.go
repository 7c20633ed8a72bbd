//go:build root

package find

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host"
)

// inUserNamespace starts a process in a user and a mount namespace of this user's, until the test ends.
func inUserNamespace(t *testing.T) int32 {
	t.Helper()
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
	}
	input, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = input.Close()
		_ = cmd.Wait()
	})
	return int32(cmd.Process.Pid)
}

// A user's files are believed about processes in user namespaces of that user's alone.
func TestUsersInitsMustBeTheUsers(t *testing.T) {
	self := uint32(os.Getuid())
	pid := inUserNamespace(t)
	fs, err := host.Open(host.Roots{})
	if err != nil {
		t.Fatal(err)
	}
	own, err := fs.NS.Of(int32(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		pid   int32
		user  uint32
		known bool
		found bool
	}{
		"of the user":             {pid, self, false, true},
		"of another user":         {pid, self + 1, false, false},
		"in the host's namespace": {int32(os.Getpid()), self, false, false},
		"known already":           {pid, self, true, false},
		"in a user's slice":       {pid, self, true, false},
		"another one's PID 1":     {pid, self, false, false},
	} {
		o, loop := newFinderTest(t)
		o.cfg.Proc, o.cfg.NS, o.cfg.Mounts, o.cfg.OwnMnt = fs.Proc, fs.NS, fs.Mounts, own[event.Mnt]
		o.cfg.Layout, err = fs.Cgroups.Layout()
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case name == "in a user's slice":
			loop.inSlices = map[string]bool{outsideID: true}
		case name == "another one's PID 1":
			loop.cgroupless = []container.Cgroupless{{Ref: &container.Ref{ID: strings.Repeat("1", 64), User: test.user}, State: container.State{Init: pid}}}
			loop.state = container.State{Init: pid}
		case test.known:
			loop.cgroupless = []container.Cgroupless{{Ref: &container.Ref{ID: outsideID, User: test.user}, State: container.State{Init: pid}}}
			loop.state = container.State{Init: pid}
		}
		o.cfg.UsersInits = func(_ context.Context, known func(uint32, string) bool) []UsersInit {
			if known(test.user, outsideID) {
				return nil
			}
			return []UsersInit{{Init: engine.Init{PID: test.pid, Runtime: "podman"}, ID: outsideID, User: test.user}}
		}
		if err := o.newPass(nil).admitUsers(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := loop.found; (got.InitPID == test.pid) != test.found || test.found && (got.Ref.User != self || got.SharedCgroup == "" || got.Unheld != nil || got.Ref.ID != outsideID) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
