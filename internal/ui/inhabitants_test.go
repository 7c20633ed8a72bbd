package ui

import (
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

func TestInhabitants(t *testing.T) {
	s := &model.Snapshot{VMs: []model.VM{{VM: fact.VM{PID: 7, Kind: "firecracker"}}, {VM: fact.VM{PID: 8, Kind: "qemu", Name: "box\x1b"}}}}
	for want, n := range map[string]model.Namespace{
		"processes in no container":               {Type: event.Net, ID: 1, Processes: []int32{9}},
		"firecracker, a virtual machine":          {Type: event.Net, ID: 2, Processes: []int32{7, 9}},
		`firecracker, box\x1b, a virtual machine`: {Type: event.Net, ID: 3, Processes: []int32{7, 8}},
		"web":                               {Type: event.Net, ID: 4, Processes: []int32{7}, Containers: []string{"web"}},
		story.HostSign + " the host":        {Type: event.Net, ID: 5, Processes: []int32{7}, Host: true},
		"kept by an open file in PID 9 (x)": {Type: event.Net, ID: 6, PinnedBy: []string{"an open file in PID 9 (x)"}},
		"nobody; gone, or something unseen keeps it": {Type: event.Net, ID: 7},
	} {
		got := ""
		for _, p := range inhabitants(&n, s) {
			got += foreign.Clean(p.text)
		}
		if got != want {
			t.Errorf("%d: %q, want %q", n.ID, got, want)
		}
	}
	s.Probes = []fact.Probe{{Name: fact.ProbeNamespacesFreed, Method: "fentry"}}
	if got := inhabitants(&model.Namespace{Type: event.Net, ID: 7}, s); got[0].text != "nobody; something unseen keeps it" {
		t.Errorf("where the kernel reports ends: %q", got[0].text)
	}
}
