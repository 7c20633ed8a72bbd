//go:build root

package pipeline_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/model"
)

// TestEnteredByUser has a user, who may do so, enter one namespace of a container, and then run programs in several.
func TestEnteredByUser(t *testing.T) {
	id := fmt.Sprintf("%sentered-%d", runtime.DemoPrefix, os.Getpid())
	dir := makeCgroup(t, id)
	w := watch(t)
	p := start(t, "sh", "-c", "read line; exec unshare --mount --uts --net sh -c 'echo up; read line || :'")
	join(t, dir, p.pid)
	p.release()
	p.line()
	w.await(t, "the container", func() bool { c := w.container(id); return c != nil && c.State == model.Running }, nil)
	const may = "+sys_admin,+sys_chroot,+sys_ptrace"
	enters := func(options ...string) (pid int32) {
		args := append([]string{"--reuid", "1000", "--regid", "1000", "--clear-groups", "--inh-caps", may, "--ambient-caps", may, "nsenter"}, options...)
		cmd := exec.Command("setpriv", append(args, "--target", strconv.Itoa(int(p.pid)), "sh", "-c", "sh -c true; exit 0")...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return int32(cmd.Process.Pid)
	}
	joiner := enters("--net")
	first := enters("--net", "--mount")
	second := enters("--mount", "--uts")
	entries := func() []event.Event {
		return w.all(func(e *event.Event) bool {
			return e.Type == event.ContainerEntered && e.Entered.Container.Label() == id
		})
	}
	w.await(t, "the entries", func() bool { return len(entries()) == 2 }, nil)
	if joins := w.all(func(e *event.Event) bool { return e.Type == event.NamespaceJoined && e.PID == joiner }); len(joins) != 1 ||
		joins[0].Namespace.Of.Label() != id || joins[0].Namespace.Host || joins[0].UID == nil || *joins[0].UID != 1000 {
		t.Errorf("joins: %+v", joins)
	}
	of := func(t event.NamespaceType) uint64 { return w.container(id).Namespaces[t].ID }
	for i, want := range []struct {
		pid        int32
		namespaces event.NamespaceIDs
	}{
		{first, event.NamespaceIDs{event.Mnt: of(event.Mnt), event.Net: of(event.Net)}}, {second, event.NamespaceIDs{event.Mnt: of(event.Mnt), event.UTS: of(event.UTS)}},
	} {
		e := entries()[i]
		got := new(*e.Entered)
		got.Container = nil
		if diff := cmp.Diff(&event.Entered{
			CommandLine: "sh -c sh -c true; exit 0", Namespaces: want.namespaces, By: &event.Process{PID: want.pid, Comm: "nsenter", UID: new(uint32(1000))},
		}, got); diff != "" || e.PID != want.pid || e.Comm != "sh" || e.UID == nil || *e.UID != 1000 || e.Container != nil {
			t.Errorf("%+v (-want +got):\n%s", e, diff)
		}
	}
	var kinds []string
	for _, m := range w.container(id).History {
		if m.Kind == model.EntryKind(event.NamespaceJoined) || m.Kind == model.EntryKind(event.ContainerEntered) {
			kinds = append(kinds, fmt.Sprint(m.Kind, " ", m.Times(), " by ", m.By.Comm, " of ", *m.By.UID))
		}
	}
	if diff := cmp.Diff([]string{"namespace_joined 1 by nsenter of 1000", "container_entered 2 by nsenter of 1000"}, kinds); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	p.end()
}

// TestNamedNamespaceEntered has a program run in a net namespace that has no container, only a name.
func TestNamedNamespaceEntered(t *testing.T) {
	w := watch(t)
	name := fmt.Sprintf("nsviz-test-named-%d", os.Getpid())
	hosttest.NameNet(t, name)
	cmd := exec.Command("nsenter", "--net=/run/netns/"+name, "true")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", cmd.Args, err, out)
	}
	pid := int32(cmd.Process.Pid)
	w.await(t, "the join", func() bool {
		return len(w.all(func(e *event.Event) bool {
			return e.Type == event.NamespaceJoined && e.PID == pid && e.Comm == "nsenter" && e.Namespace.Type == event.Net && e.Namespace.Name == name && e.Namespace.Of == nil
		})) == 1
	}, nil)
}
