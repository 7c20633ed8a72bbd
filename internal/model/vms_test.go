package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func TestVMs(t *testing.T) {
	web, db := who("a", "web"), who("b", "db")
	// mnt, pid, net
	in := func(ids ...uint64) (list event.NamespaceIDs) {
		copy(list[:], ids)
		return list
	}
	machines := func(seconds float64, list ...fact.VM) fact.Fact {
		return fact.Fact{Time: at(seconds), Namespaces: &fact.Survey{VMs: list}}
	}
	host := hostIs(1, 2, 3)
	qemu := fact.VM{PID: 9, Kind: "qemu", Name: "lesson", Started: at(1), VCPUs: new(2), MemoryBytes: new(uint64(64)), NamespaceIDs: in(1, 2, 3)}
	onHost := VM{
		VM: qemu,
		Namespaces: [event.NamespaceTypeCount]Membership{
			{ID: 1, Relation: RelationHost}, {ID: 2, Relation: RelationHost}, {ID: 3, Relation: RelationHost},
		},
	}
	tests := []struct {
		name  string
		facts []fact.Fact
		want  []VM
	}{
		{"none", []fact.Fact{host, survey(1)}, nil},
		{"on the host", []fact.Fact{host, machines(2, qemu)}, []VM{onHost}},
		{"gone by the next survey", []fact.Fact{host, machines(2, qemu), survey(5)}, nil},
		{
			"in a container, as Kata's, in a namespace that two containers share, and one of its own",
			[]fact.Fact{
				host, started(1, web, 5, 10, 11, 12), started(2, db, 6, 20, 21, 12),
				machines(3, fact.VM{PID: 9, Kind: "qemu", Manager: "kata", ContainerID: id("a"), NamespaceIDs: in(10, 30, 12)}),
			},
			[]VM{{
				VM: fact.VM{PID: 9, Kind: "qemu", Manager: "kata", ContainerID: id("a"), NamespaceIDs: in(10, 30, 12)}, Container: "web",
				Namespaces: [event.NamespaceTypeCount]Membership{
					{ID: 10, Relation: RelationShared, SharedWith: OthersNamed("web")},
					{ID: 30, Relation: RelationOwn},
					{ID: 12, Relation: RelationShared, SharedWith: OthersNamed("db", "web"), Group: 1},
				},
			}},
		},
		{
			"two together, in a container that nobody knows",
			[]fact.Fact{host, machines(3,
				fact.VM{PID: 8, Kind: "gvisor", ContainerID: id("c"), NamespaceIDs: in(0, 0, 40)},
				fact.VM{PID: 9, Kind: "gvisor", NamespaceIDs: in(0, 0, 40)})},
			[]VM{
				{VM: fact.VM{PID: 8, Kind: "gvisor", ContainerID: id("c"), NamespaceIDs: in(0, 0, 40)}, Container: event.ShortID(id("c")), Namespaces: [event.NamespaceTypeCount]Membership{2: {ID: 40, Relation: RelationShared}}},
				{VM: fact.VM{PID: 9, Kind: "gvisor", NamespaceIDs: in(0, 0, 40)}, Namespaces: [event.NamespaceTypeCount]Membership{2: {ID: 40, Relation: RelationShared}}},
			},
		},
		{
			"on a host whose namespaces are unknown",
			[]fact.Fact{machines(1, fact.VM{PID: 9, Kind: "firecracker", NamespaceIDs: in(1)})},
			[]VM{{VM: fact.VM{PID: 9, Kind: "firecracker", NamespaceIDs: in(1)}, Namespaces: [event.NamespaceTypeCount]Membership{{ID: 1}}}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := New(DefaultLimits())
			for _, f := range test.facts {
				m.Apply(f)
			}
			if diff := cmp.Diff(test.want, m.Snapshot().VMs); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
