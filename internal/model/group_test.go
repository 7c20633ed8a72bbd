package model

import (
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// A container keeps its kind and its group through all of its life, and what does not name them does not take them away.
func TestKindAndGroupOfAContainer(t *testing.T) {
	cart := &event.Group{Kind: event.GroupPod, Name: "cart", Namespace: "shop", Member: "app"}
	named := who("a", "web")
	named.Kind, named.Group = event.KindContainer, cart
	bare := event.Container{ID: named.ID}
	m := New(DefaultLimits())
	check := func(when string, want *event.Group) {
		t.Helper()
		c := m.Full().container(t, "a")
		if c.Kind != event.KindContainer || !c.Group.Equal(want) || c.Identity().Group != c.Group {
			t.Errorf("%s: %q in %+v, want %+v", when, c.Kind, c.Group, want)
		}
	}
	m.Apply(madeByEngine(1, named))
	check("made", cart)
	for _, f := range []fact.Fact{created(2, bare), started(3, bare, 50), {Time: at(4), Identity: &bare}, exited(5, bare, 50), created(6, bare), removed(7, bare)} {
		m.Apply(f)
		check("at "+f.Time.String(), cart)
	}
	other := &event.Group{Kind: event.GroupCompose, Name: "shop"}
	m.Apply(fact.Fact{Time: at(8), Identity: &event.Container{ID: bare.ID, Group: other}})
	check("moved", other)
}

// A sandbox that never started is still known as one.
func TestKindOfWhatNeverStarted(t *testing.T) {
	sandbox := who("a", "infra")
	sandbox.Kind, sandbox.Group = event.KindPod, &event.Group{Kind: event.GroupPod, Name: "cart"}
	c := modelOf(DefaultLimits(), created(1, sandbox), removed(2, sandbox)).Full().container(t, "a")
	if c.State != Created || !c.IsSandbox() || c.Group.Path() != "cart" {
		t.Errorf("%s %q in %+v", c.State, c.Kind, c.Group)
	}
}
