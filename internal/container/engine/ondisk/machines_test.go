package ondisk

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container"
)

// leader adds a process in a PID namespace and a cgroup.
func (h *testHost) leader(pid, pidns int, cgroup string) {
	h.t.Helper()
	h.process(pid, "systemd", 0, fmt.Sprint(pid, "\t1"), "/sbin/init")
	dir := filepath.Join(h.proc, fmt.Sprint(pid))
	if err := os.WriteFile(filepath.Join(dir, "cgroup"), []byte("0::"+cgroup+"\n"), 0o644); err != nil {
		h.t.Fatal(err)
	}
	h.namespaces(pid, pidns, 200)
}

// A machine of systemd-machined has its name by the PID namespace of its leader, if that is the machine's still.
func TestMachines(t *testing.T) {
	h := newHost(t)
	h.namespaces(1, 100, 200)
	const dir = "/run/systemd/machines/"
	state := func(name, class, unit string, leader int) {
		h.write(dir+name, fmt.Sprintf("# This is private data. Do not parse.\nNAME=%s\nSCOPE=%s\nSERVICE=systemd-nspawn\nROOT=/srv/%[1]s\nLEADER=%[3]d\nCLASS=%[4]s\n", name, unit, leader, class))
	}
	state("my-box", "container", `machine-my\\x2dbox.scope`, 20)
	state("kept", "container", "kept.service", 30)
	state("gone", "container", "machine-gone.scope", 40)
	state("guest", "vm", "machine-guest.scope", 50)
	h.leader(20, 7, `/machine.slice/machine-my\x2dbox.scope/payload/init.scope`)
	h.leader(30, 8, "/system.slice/kept.service")
	h.leader(40, 9, "/system.slice/other.service")
	h.leader(50, 10, "/machine.slice/machine-guest.scope")
	s := h.source()
	s.scan()
	for _, want := range []container.Identity{
		{ID: "pid-7", Runtime: "nspawn", Name: "my-box"},
		{ID: "pid-8", Runtime: "nspawn", Name: "kept"},
	} {
		want.Source = container.SourceCommandLine
		got, _ := identify(t, s, want.ID)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for _, id := range []string{"pid-9", "pid-10", "pid-100"} {
		if got, ok := identify(t, s, id); ok {
			t.Errorf("%+v", got)
		}
	}
}
