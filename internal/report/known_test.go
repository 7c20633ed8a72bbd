package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func TestNewKnown(t *testing.T) {
	limit := func(v float64) *fact.Limit { return &fact.Limit{Value: &v} }
	c := ended(killedBy(4242, "runc", 0))
	c.Created, c.EngineReport = at(-61), says(137, false)
	c.Memory.UsageBytes = new(uint64(5))
	c.Limits = fact.CgroupLimits{Memory: limit(64), CPU: limit(1), PIDs: limit(2)}
	c.Namespaces[event.Net] = model.Membership{ID: 7, Relation: model.RelationOwn}
	c.Namespaces[event.User] = model.Membership{ID: 1, Relation: model.RelationHost}
	c.Namespaces[event.PID] = model.Membership{ID: 8}
	c.History = []model.Entry{{Kind: model.EntryFound}, {Kind: model.EntryEngineEvent, LeftOut: 1234}}
	in := func(seconds float64, kind event.Type, of *event.Container) model.Entry {
		return model.Entry{Time: at(seconds), Kind: model.EntryKind(kind), Container: of}
	}
	other := func(name string) *event.Container { return &event.Container{ID: name, Name: name} }
	s := &model.Snapshot{
		Time: at(5), Containers: []model.Container{c},
		Namespaces: []model.Namespace{{Type: event.Net, ID: 7, Created: at(1)}}, // younger
		Freed: []model.Namespace{
			{Type: event.Net, ID: 7, Owner: 1, Created: at(-60.5), Creator: runc(8, web), Freed: at(0.5), FreedVia: event.ViaKernel, History: []model.Entry{
				in(-65, event.ContainerStarted, other("before")), in(-62, event.ContainerExited, other("before")),
				in(-60, event.ContainerStarted, web), in(-50, event.ContainerStarted, other("side")), in(-40, event.ContainerExited, other("side")),
				in(-30, event.ContainerStarted, db), in(0, event.ContainerExited, web), in(3, event.ContainerStarted, other("after")),
			}},
			{Type: event.Net, ID: 7, Created: at(-80), Freed: at(-70)}, // older
		},
	}
	k := NewKnown(&c, s)
	want := map[event.NamespaceType]KnownNamespace{
		event.Net: {
			ID: 7, Owner: 1, SharedWithHost: new(false), SharedWith: []string{"db", "side"}, Created: at(-60.5), Creator: runc(8, web),
			Freed: at(0.5), FreedVia: event.ViaKernel,
		},
		event.User: {ID: 1, SharedWithHost: new(true)},
		event.PID:  {ID: 8},
	}
	if diff := cmp.Diff(want, k.Namespaces); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
	a := WhyContainer(&c, s)
	if diff := cmp.Diff(a, ContainerAnswer{
		Container: k.Container, State: k.State, PID: k.PID, Comm: k.Comm, Started: k.Started, Sentence: k.Sentence, Text: k.Text, OOMKills: k.OOMKills,
		End: k.End, History: k.History,
	}); diff != "" {
		t.Errorf("why and inspect differ:\n%s", diff)
	}
	unknown := strings.Join(k.Unknown, "\n")
	for _, says := range []string{"were gone with it", "its mnt, ipc, uts, cgroup, time namespace", "1,234 entries"} {
		if !strings.Contains(unknown, says) {
			t.Errorf("nothing of %q in\n%s", says, unknown)
		}
	}
	if len(k.Unknown) != 3 || !k.AsOf.Equal(at(5)) {
		t.Errorf("unknown:\n%s", unknown)
	}

	little := model.Container{ID: webID, Label: "web", State: model.Exited}
	for _, says := range []string{"when its own program started", "how it was started", "its namespaces", "how much memory", "its limits", "how many processes the OOM killer took from it before", "how it ended", "what its engine reports"} {
		if !strings.Contains(strings.Join(NewKnown(&little, s).Unknown, "\n"), says) {
			t.Errorf("of one of which nothing is known it is not said: %s", says)
		}
	}
	little.State = model.Running
	if says := NewKnown(&little, s).Unknown[0]; !strings.Contains(says, "`sudo nsviz inspect` reads while it lives") {
		t.Errorf("of one that lives: %s", says)
	}
}
