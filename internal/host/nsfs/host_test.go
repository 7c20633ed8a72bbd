package nsfs

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestHostNamespaces(t *testing.T) {
	boot := Initial()
	boot[event.Mnt], boot[event.Net] = 4026531841, 4026531840
	init := boot // on some systems init has a mount namespace of its own
	init[event.Mnt] = 4026532300
	container := event.NamespaceIDs{
		4026532401, 4026532402, 4026532403, 4026532404, 4026532405, boot[event.User], 4026532406, boot[event.Time],
	}
	sharesPID := container
	sharesPID[event.PID] = boot[event.PID]
	old := boot // a kernel without time namespaces
	old[event.Time] = 0
	constants, oldConstants := Initial(), Initial()
	oldConstants[event.Time] = 0
	oldContainer := container
	oldContainer[event.Time] = 0

	for name, test := range map[string]struct {
		pid1, pid2, self event.NamespaceIDs
		want             event.NamespaceIDs
		from             string
		foreign          bool // the procfs has other PIDs than the host
	}{
		"ordinary host":                          {pid1: boot, pid2: boot, self: boot, want: boot, from: FromInit},
		"init left the kernel's mount namespace": {pid1: init, pid2: boot, self: init, want: init, from: FromInit},
		"init unreadable":                        {pid2: boot, self: boot, want: boot, from: FromKthreadd},
		"container with the host's procfs":       {pid1: boot, pid2: boot, self: container, want: boot, from: FromInit},
		"nothing readable but self":              {self: boot, want: boot, from: FromSelf},
		"the same without time namespaces":       {self: old, want: old, from: FromSelf},
		"container, pid 1 and 2 are its own":     {pid1: container, pid2: container, self: container, want: constants, from: FromConstants, foreign: true},
		"container without time namespaces":      {self: oldContainer, want: oldConstants, from: FromConstants, foreign: true},
		"container in the host's PID namespace":  {self: sharesPID, want: constants, from: FromConstants},
		"nothing readable at all":                {},
	} {
		t.Run(name, func(t *testing.T) {
			r, proc := openHost(t, "v2")
			hosttest.WriteNamespaces(t, filepath.Join(proc, "1"), test.pid1)
			hosttest.WriteNamespaces(t, filepath.Join(proc, "2"), test.pid2)
			hosttest.WriteNamespaces(t, filepath.Join(proc, "self"), test.self)
			got, from, err := r.OfHost()
			if got != test.want || from != test.from {
				t.Errorf("got %v from %q,\nwant %v from %q", got, from, test.want, test.from)
			}
			if (err != nil) != test.want.IsZero() {
				t.Errorf("error %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "run nsviz as root") {
				t.Errorf("%q does not help", err)
			}
			if host, err := r.HostPIDs(); host == test.foreign || err != nil {
				t.Errorf("it counts as the host does: %v, %v", host, err)
			}
		})
	}
}

func TestHostNamespacesWithoutPIDs1And2(t *testing.T) {
	r, proc := openHost(t, "v1")
	ids := Initial()
	ids[event.Net] = 4026531840
	hosttest.WriteNamespaces(t, filepath.Join(proc, "self"), ids)
	if got, from, err := r.OfHost(); got != ids || from != FromSelf || err != nil {
		t.Errorf("got %v, %q, %v", got, from, err)
	}
}

// TestLiveHostNamespaces compares the constants with the kernel's, wherever the test runs.
func TestLiveHostNamespaces(t *testing.T) {
	ids, from, err := New(pseudofs.DefaultProc).OfHost()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(from, ids)
	for kind, want := range Initial() {
		// An init may have left the namespaces that it was started in, except the PID namespace.
		moved := from == FromInit && event.NamespaceType(kind) != event.PID
		if want != 0 && ids[kind] != 0 && ids[kind] != want && !moved {
			t.Errorf("%s is %d by %s, the constant is %d", event.NamespaceType(kind), ids[kind], from, want)
		}
	}
}
