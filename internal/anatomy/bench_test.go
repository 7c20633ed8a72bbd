package anatomy

import (
	"os"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/model"
)

// BenchmarkGather gathers this process as a container, with all that is in its cgroup.
func BenchmarkGather(b *testing.B) {
	host, err := host.Open(host.Roots{})
	if err != nil {
		b.Fatal(err)
	}
	layout, err := host.Cgroups.Layout()
	if err != nil {
		b.Skip(err)
	}
	pid := int32(os.Getpid())
	cgroup, err := host.Cgroups.PathOf(pid, layout)
	if err != nil {
		b.Skip(err)
	}
	ids, err := host.NS.Of(pid)
	if err != nil {
		b.Fatal(err)
	}
	c := model.Container{ID: id, Label: "web", Named: true, State: model.Running, InitPID: pid, CgroupPath: cgroup}
	for t, number := range ids {
		c.Namespaces[t] = model.Membership{ID: number, Relation: model.RelationOwn}
	}
	s := &model.Snapshot{Containers: []model.Container{c}, Host: fact.Host{Namespaces: event.NamespaceIDs{event.Mnt: ids[event.Mnt]}}}
	processes := 0
	for b.Loop() {
		a, err := Gather(b.Context(), host, layout, s, &c, Extra{})
		if err != nil {
			b.Fatal(err)
		}
		processes = len(a.Processes)
	}
	b.ReportMetric(float64(processes), "processes")
}
