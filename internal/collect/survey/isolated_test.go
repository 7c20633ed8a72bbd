package survey

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
)

// program adds a process that runs a file, with its parent and its PIDs in each of its PID namespaces.
func (m *madeUp) program(pid, ppid int, comm, file string, nspid []int, ids map[event.NamespaceType]uint64) {
	m.t.Helper()
	all := map[event.NamespaceType]uint64{event.Mnt: 10, event.PID: 11, event.User: 12, event.Net: 20}
	for typ, id := range ids {
		all[typ] = id
	}
	if pid == 1 { // which is there already
		delete(all, event.Mnt)
		delete(all, event.Net)
	}
	m.process(pid, comm, all)
	m.link(fmt.Sprintf("%d/exe", pid), "/usr/bin/"+file)
	m.write(fmt.Sprintf("%d/stat", pid), fmt.Sprintf("%d (%s) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n", pid, comm, ppid, 100*pid))
	status := fmt.Sprintf("Name:\t%s\nState:\tS (sleeping)\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t%d", comm, pid, pid, ppid, pid)
	for _, n := range nspid {
		status += fmt.Sprintf("\t%d", n)
	}
	m.write(fmt.Sprintf("%d/status", pid), status+"\n")
}

// isolatedNow makes a survey and returns what the kernel isolates in it, as "PID comm parent program".
func (m *madeUp) isolatedNow() []string {
	m.t.Helper()
	result, err := m.run(m.t.Context(), Begun{Changed: m.changed})
	if err != nil {
		m.t.Fatal(err)
	}
	var list []string
	for i := range result.Isolated {
		f := &result.Isolated[i]
		list = append(list, fmt.Sprintf("%d %s of %s program %s", f.PID, f.Comm, orNone(f.Parent), orNone(f.Program)))
	}
	return list
}

func orNone(p container.ProcessName) string {
	if p.PID == 0 {
		return "-"
	}
	return p.String()
}

func TestIsolated(t *testing.T) {
	own := func(typ event.NamespaceType, id uint64) map[event.NamespaceType]uint64 {
		return map[event.NamespaceType]uint64{typ: id}
	}
	host := event.NamespaceIDs{event.Mnt: 10, event.PID: 11, event.User: 12, event.Net: 20}
	for _, test := range []struct {
		name  string
		setup func(m *madeUp)
		want  []string
	}{
		{"nothing but the host's", func(m *madeUp) { m.program(50, 1, "sh", "dash", nil, nil) }, nil},
		{"unshare, which waits outside", func(m *madeUp) {
			m.program(50, 1, "unshare", "unshare", nil, own(event.User, 30))
			m.program(51, 50, "sleep", "sleep", []int{1}, map[event.NamespaceType]uint64{event.User: 30, event.PID: 31})
		}, []string{"51 sleep of unshare-50 program -"}},
		{"bubblewrap, which stays with its child", func(m *madeUp) {
			m.program(50, 1, "bwrap", "bwrap", nil, nil)
			m.program(51, 50, "bwrap", "bwrap", []int{1}, own(event.PID, 31))
			m.program(52, 51, "app", "app", []int{2}, own(event.PID, 31))
		}, []string{"52 app of bwrap-50 program -"}},
		{"a browser", func(m *madeUp) {
			m.program(50, 1, "chrome", "chrome", nil, nil)
			m.program(51, 50, "zygote", "chrome", nil, nil)
			m.program(52, 51, "zygote", "chrome", []int{1}, own(event.PID, 31))
			m.program(53, 52, "renderer", "chrome", []int{2}, own(event.PID, 31))
		}, []string{"52 zygote of zygote-51 program chrome-50"}},
		{"a shell in a shell", func(m *madeUp) {
			m.program(50, 1, "bash", "bash", nil, nil)
			m.program(51, 50, "bash", "bash", nil, own(event.User, 30))
		}, []string{"51 bash of bash-50 program -"}},
		{"one in another, after it", func(m *madeUp) {
			m.program(50, 1, "unshare", "unshare", nil, nil)
			m.program(60, 50, "sh", "dash", []int{1}, own(event.PID, 31))
			m.program(55, 60, "sleep", "sleep", []int{2, 1}, own(event.PID, 32)) // PIDs begin again some day
		}, []string{"60 sh of unshare-50 program -", "55 sleep of sh-60 program -"}},
		{"a service", func(m *madeUp) {
			m.program(50, 1, "db", "db", nil, map[event.NamespaceType]uint64{event.Mnt: 30, event.Net: 31})
		}, []string{"50 db of init-1 program -"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := makeUp(t)
			m.program(1, 0, "init", "init", nil, nil)
			m.Host = host
			test.setup(m)
			if diff := cmp.Diff(test.want, m.isolatedNow()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestIsolatedAgain: what has not changed is left out, until all is read again.
func TestIsolatedAgain(t *testing.T) {
	m := makeUp(t)
	m.program(1, 0, "init", "init", nil, nil)
	m.Host = event.NamespaceIDs{event.Mnt: 10, event.PID: 11, event.User: 12, event.Net: 20}
	m.program(50, 1, "unshare", "unshare", nil, nil)
	m.program(51, 50, "sleep", "sleep", []int{1}, map[event.NamespaceType]uint64{event.PID: 31})
	want := []string{"51 sleep of unshare-50 program -"}
	if got := m.isolatedNow(); !slices.Equal(got, want) {
		t.Fatalf("first: %q", got)
	}
	m.changed = map[int32]bool{}
	if got := m.isolatedNow(); len(got) != 0 {
		t.Errorf("again: %q", got)
	}
	m.changed = nil
	if got := m.isolatedNow(); !slices.Equal(got, want) {
		t.Errorf("all: %q", got)
	}
}
