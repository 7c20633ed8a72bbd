//go:build root

package probes

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// flags are the options of unshare(1) and nsenter(1).
func flags() map[event.NamespaceType]string {
	return map[event.NamespaceType]string{
		event.Mnt: "-m", event.PID: "-p", event.Net: "-n", event.IPC: "-i", event.UTS: "-u", event.User: "-U",
		event.CgroupNS: "-C", event.Time: "-T",
	}
}

func namespaceEvents(typ event.Type, pid int32) func(event.Event) bool {
	return func(e event.Event) bool { return e.Type == typ && e.PID == pid }
}

// childrensLink returns the link in /proc of the namespace that a process has unshared: those of pid and time
// are for its children.
func childrensLink(kind event.NamespaceType) string {
	if kind == event.PID || kind == event.Time {
		return kind.String() + "_for_children"
	}
	return kind.String()
}

func unshare(t *testing.T, w *watch) {
	ownUser := namespaceID(t, "self", "user")
	for kind, flag := range flags() {
		t.Run(kind.String(), func(t *testing.T) {
			w := w.in(t)
			// -f, since a pid namespace has no name before its first process is there. The shell prints which
			// it is in; on some kernels its exec has put it into a new time namespace.
			script := "readlink /proc/self/ns/" + childrensLink(kind) + "; read end"
			p := start(t, exec.Command("unshare", flag, "-f", "sh", "-c", script))
			id := inodeOf(t, p.line())
			found := w.await("creations", 1, namespaceEvents(event.NamespaceCreated, p.pid))
			if len(found) != 1 {
				t.Fatalf("%d namespaces, want one: %+v", len(found), found)
			}
			got := *found[0].Namespace
			if took := got.TookMS; took == nil || *took <= 0 || *took > 1000*patience.Seconds() {
				t.Errorf("it took %v", took)
			}
			got.TookMS = nil
			want := event.Namespace{Type: kind, ID: id, Owner: ownUser, Via: event.ViaUnshare}
			if kind == event.PID {
				want.Parent = namespaceID(t, "self", "pid")
			}
			if kind == event.User {
				want.Parent = ownUser
			}
			if got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if comm := found[0].Comm; comm != "unshare" {
				t.Errorf("made by %q", comm)
			}
			p.release()
			if status := p.wait(); status.ExitStatus() != 0 {
				t.Errorf("unshare ended with %v", status)
			}
		})
	}
}

func nsenter(t *testing.T, w *watch) {
	home := start(t, exec.Command("unshare", "-m", "-p", "-n", "-i", "-u", "-U", "-r", "-C", "-T", "-f", "sh", "-c",
		`read self rest </proc/self/stat; echo $self; read end`))
	target := home.line()
	created := w.await("creations", event.NamespaceTypeCount, namespaceEvents(event.NamespaceCreated, home.pid))
	owner := namespaceID(t, target, "user")
	for _, e := range created {
		if e.Namespace.Type != event.User && e.Namespace.Owner != owner {
			t.Errorf("%s is owned by %d, want the new user namespace %d", e.Namespace.Type, e.Namespace.Owner, owner)
		}
	}
	for kind, flag := range flags() {
		t.Run(kind.String(), func(t *testing.T) {
			w := w.in(t)
			want := namespaceID(t, target, kind.String())
			p := start(t, exec.Command("nsenter", "-t", target, flag, "sh", "-c", "echo in; read end"))
			p.line()
			found := w.await("entries", 1, namespaceEvents(event.NamespaceJoined, p.pid))
			if len(found) != 1 {
				t.Fatalf("%d namespaces, want one: %+v", len(found), found)
			}
			if got := found[0].Namespace; got.Type != kind || got.ID != want || got.Via != event.ViaSetns {
				t.Errorf("got %+v, want %s %d", got, kind, want)
			}
			if uid := found[0].UID; uid == nil || *uid != uint32(os.Getuid()) {
				t.Errorf("by user %v", uid)
			}
			p.release()
			p.wait()
		})
	}
	home.release()
	home.wait()
}

func clone(t *testing.T, w *watch) {
	kinds := map[event.NamespaceType]uintptr{
		event.Mnt: unix.CLONE_NEWNS, event.PID: unix.CLONE_NEWPID, event.Net: unix.CLONE_NEWNET, event.IPC: unix.CLONE_NEWIPC,
		event.UTS: unix.CLONE_NEWUTS, event.User: unix.CLONE_NEWUSER, event.CgroupNS: unix.CLONE_NEWCGROUP,
	}
	check := func(t *testing.T, flags uintptr, want ...event.NamespaceType) {
		w := w.in(t)
		cmd := exec.Command("cat")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
		p := start(t, cmd)
		found := w.await("creations", len(want), func(e event.Event) bool {
			return e.Type == event.NamespaceCreated && e.Namespace.ChildPID == p.pid
		})
		if len(found) != len(want) {
			t.Fatalf("%d namespaces, want %d: %+v", len(found), len(want), found)
		}
		child := strconv.Itoa(int(p.pid))
		for i, kind := range want {
			e, id := found[i], namespaceID(t, child, kind.String())
			if e.Namespace.Type != kind || e.Namespace.ID != id || e.Namespace.Via != event.ViaClone {
				t.Errorf("%+v, want %s %d", e.Namespace, kind, id)
			}
			if e.PID != int32(os.Getpid()) {
				t.Errorf("made by %d, want this process, %d", e.PID, os.Getpid())
			}
		}
		_ = p.in.Close()
		p.wait()
	}
	all := uintptr(0)
	for kind, flag := range kinds {
		all |= flag
		t.Run(kind.String(), func(t *testing.T) { check(t, flag, kind) })
	}
	t.Run("all at once", func(t *testing.T) {
		check(t, all, event.Mnt, event.PID, event.Net, event.IPC, event.UTS, event.User, event.CgroupNS)
	})
}

// setnsOfSeveral joins three namespaces by one call with a pidfd.
func setnsOfSeveral(t *testing.T, w *watch) {
	home := start(t, exec.Command("unshare", "-u", "-i", "-n", "sh", "-c", "echo in; read end"))
	home.line()
	p := startHelper(t, fmt.Sprintf("setns %d", home.pid))
	p.release()
	p.line()
	found := w.await("entries", 3, namespaceEvents(event.NamespaceJoined, p.pid))
	target := strconv.Itoa(int(home.pid))
	want := []event.NamespaceType{event.Net, event.IPC, event.UTS}
	if len(found) != len(want) {
		t.Fatalf("%d namespaces, want three: %+v", len(found), found)
	}
	for i, kind := range want {
		if e := found[i]; e.Namespace.Type != kind || e.Namespace.ID != namespaceID(t, target, kind.String()) {
			t.Errorf("%+v, want %s", e.Namespace, kind)
		}
		if !found[i].Time.Equal(found[0].Time) {
			t.Error("one call, several times")
		}
	}
	for _, p := range []*process{p, home} {
		p.release()
		p.wait()
	}
}

// unshareRefused: a failed call is no event.
func unshareRefused(t *testing.T, w *watch) {
	p := startHelper(t, "unshare-refused")
	p.release()
	p.line()
	w.catchUp()
	if found := w.seen(func(e event.Event) bool { return e.PID == p.pid }); len(found) > 0 {
		t.Errorf("events of a call that failed: %+v", found)
	}
	p.release()
	p.wait()
}

// namespaceFreed: namespaces that a process makes and leaves are freed, in this order. If no hook reports the end of
// a namespace, the probes do not either.
func namespaceFreed(t *testing.T, w *watch) {
	for _, kind := range event.NamespaceTypes() {
		t.Run(kind.String(), func(t *testing.T) {
			w := w.in(t)
			p := start(t, exec.Command("unshare", strings.Fields(flags()[kind]+" -f true")...))
			p.wait()
			created := w.await("creations", 1, namespaceEvents(event.NamespaceCreated, p.pid))[0]
			for _, s := range w.streams {
				if !s.reportsEnds() {
					continue
				}
				freed := w.of(s).await("ends", 1, func(e event.Event) bool {
					return e.Type == event.NamespaceFreed && e.Namespace.ID == created.Namespace.ID && !e.Time.Before(created.Time)
				})[0]
				if freed.Namespace.Via != event.ViaKernel || freed.PID != 0 {
					t.Errorf("from %s on: %+v by %d", s.way, freed.Namespace, freed.PID)
				}
			}
		})
	}
	w.catchUp()
	for _, s := range w.streams {
		if ends := s.seen(func(e event.Event) bool { return e.Type == event.NamespaceFreed }); !s.reportsEnds() && len(ends) > 0 {
			t.Errorf("from %s on: no hook tells of ends, and still: %+v", s.way, ends)
		}
	}
}

func (s *stream) reportsEnds() bool {
	return slices.ContainsFunc(s.Choices(), func(c Choice) bool { return c.Name == fact.ProbeNamespacesFreed && c.Method != fact.MethodNone })
}

// cgroupRemoved: events of a cgroup's creation and removal name the process and the cgroup.
func cgroupRemoved(t *testing.T, w *watch) {
	home := makeCgroup(t, "home")
	p := start(t, exec.Command("sh", "-c", "mkdir $0 && rmdir $0", home.dir+"/gone"))
	p.wait()
	w.catchUp()
	found := w.seen(func(e event.Event) bool { return e.Cgroup != nil && e.Cgroup.Path == home.path+"/gone" })
	if len(found) != 2 || found[0].Type != event.CgroupCreated || found[1].Type != event.CgroupRemoved || found[0].Cgroup.ID != found[1].Cgroup.ID {
		t.Fatalf("reported: %+v", found)
	}
	for i, comm := range []string{"mkdir", "rmdir"} {
		if found[i].Comm != comm {
			t.Errorf("%s by %q, want %s", found[i].Type, found[i].Comm, comm)
		}
	}
}
