package model

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// madeUp is a fact of a container that was found, whose name nsviz has made up.
func madeUp(seconds float64, c event.Container) fact.Fact {
	return fact.Fact{Time: at(seconds), Found: &fact.Found{Container: c, Unnamed: true}}
}

func TestRename(t *testing.T) {
	web, shop := who("a", "web"), who("a", "shop")
	running := []fact.Fact{created(1, web), started(2, web, 50)}
	for _, test := range []struct {
		name   string
		facts  []fact.Fact
		label  string
		former []fact.FormerName
		last   string // of the history
	}{
		{"never", running, "web", nil, "2 container_started"},
		{"named late", []fact.Fact{created(1, who("a", "")), started(2, who("a", ""), 50), named(3, web)}, "web", nil, "2 container_started"},
		{"renamed", append(running, named(3, shop)), "shop", []fact.FormerName{{Name: "web", Until: at(3)}}, "3 renamed from web to shop"},
		{"after a name that nsviz made up", []fact.Fact{madeUp(2, web), named(3, shop)}, "shop", nil, "2 found"},
		{
			"twice after that", []fact.Fact{madeUp(2, who("a", "web")), named(3, shop), named(4, web)}, "web",
			[]fact.FormerName{{Name: "shop", Until: at(4)}}, "4 renamed from shop to web",
		},
		{"reported twice", append(running, named(3, shop), named(4, shop)), "shop", []fact.FormerName{{Name: "web", Until: at(3)}}, "3 renamed from web to shop"},
		{"and back", append(running, named(3, shop), named(4, web)), "web", []fact.FormerName{{Name: "shop", Until: at(4)}}, "4 renamed from shop to web"},
		{
			"twice", append(running, named(3, shop), named(4, who("a", "site"))), "site",
			[]fact.FormerName{{Name: "web", Until: at(3)}, {Name: "shop", Until: at(4)}}, "4 renamed from shop to site",
		},
		{
			"before it started", []fact.Fact{madeByEngine(1, web), named(2, shop), created(3, shop), started(4, shop, 50)}, "shop",
			[]fact.FormerName{{Name: "web", Until: at(2)}}, "4 container_started",
		},
		{
			"after its end", append(running, exited(3, web, 50), named(4, shop)), "shop", []fact.FormerName{{Name: "web", Until: at(4)}},
			"4 renamed from web to shop",
		},
		{"to the name of another one", append(running, created(2, who("b", "shop")), named(3, shop)), "shop (" + event.ShortID(id("a")) + ")", []fact.FormerName{{Name: "web", Until: at(3)}}, "3 renamed from web to shop"},
	} {
		c := modelOf(DefaultLimits(), test.facts...).Full().container(t, "a")
		if diff := cmp.Diff(test.former, c.FormerNames); diff != "" || c.Label != test.label {
			t.Errorf("%s: %s; -want +got:\n%s", test.name, c.Label, diff)
		}
		last := c.History[len(c.History)-1]
		line := fmt.Sprintf("%v %s", last.Time.Sub(t0).Seconds(), last.Kind)
		if r := last.Renamed; r != nil {
			line += " from " + r.From + " to " + r.To
		}
		if line != test.last {
			t.Errorf("%s: the history ends with %s, want %s", test.name, line, test.last)
		}
	}
	// However often it is renamed, the latest names are kept, and snapshots do not change.
	m := modelOf(DefaultLimits(), running...)
	var before *Snapshot
	for i := range 100 {
		before = m.Snapshot()
		m.Apply(named(float64(3+i), who("a", fmt.Sprint("name-", i))))
	}
	c := m.Snapshot().container(t, "a")
	if n := len(c.FormerNames); n != maxFormerNames || c.FormerNames[n-1].Name != "name-98" {
		t.Errorf("%+v", c.FormerNames)
	}
	if old := before.container(t, "a"); old.Label != "name-98" || old.FormerNames[maxFormerNames-1].Name != "name-97" {
		t.Errorf("the snapshot before has changed: %s, %+v", old.Label, old.FormerNames)
	}
}
