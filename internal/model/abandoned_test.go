package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// A namespace that was made for a container which is in another one now, or has ended, is a dead one for whoever else is
// in it.
func TestAbandoned(t *testing.T) {
	const host, old, newer, third = 3, 30, 31, 32
	vpn, app, side := who("a", "vpn"), who("b", "app"), who("c", "side")
	again := who("d", "vpn") // made anew under the same name
	in := func(net uint64) []uint64 { return []uint64{1, 2, net, 4} }
	begin := []fact.Fact{hostIs(1, 2, host, 4)}
	then := func(facts ...fact.Fact) []fact.Fact { return append(append([]fact.Fact{}, begin...), facts...) }
	// As runc does: in the new container's cgroup. As podman does: from outside, mounted somewhere.
	inside := []fact.Fact{created(1, vpn), namespaceCreated(1.1, 9, "runc", &vpn, event.Net, old), started(2, vpn, 50, in(old)...), created(3, app), started(4, app, 60, in(old)...)}
	outside := []fact.Fact{created(1, vpn), namespaceCreated(1.1, 9, "podman", nil, event.Net, old), started(2, vpn, 50, in(old)...), created(3, app), started(4, app, 60, in(old)...)}
	restart := []fact.Fact{exited(10, vpn, 50), removed(10.1, vpn), created(11, vpn), namespaceCreated(11.1, 9, "runc", &vpn, event.Net, newer), started(12, vpn, 51, in(newer)...)}
	mounted := survey(20, fact.Namespace{Type: event.Net, ID: old, Processes: []int32{60}, PinnedBy: []string{"/run/netns/x"}})
	unmounted := survey(20, fact.Namespace{Type: event.Net, ID: old, Processes: []int32{60}, PinnedBy: []string{"an open file in PID 7 (x)"}})
	foundIn := func(seconds float64, c event.Container, pid int32, of *event.Container) fact.Fact {
		f := found(seconds, c, pid, in(old)...)
		if of != nil {
			f.Found.MadeFor = map[event.NamespaceType]event.Container{event.Net: *of}
		}
		return f
	}
	nameless := event.Container{ID: id("e"), Runtime: "docker"}
	stopped := event.Container{ID: id("e"), Name: "vpn", Runtime: "docker"}
	got := &Abandoned{By: "vpn", Since: at(12)}
	join := func(lists ...[]fact.Fact) []fact.Fact {
		all := append([]fact.Fact{}, begin...)
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}

	for _, test := range []struct {
		name  string
		facts []fact.Fact
		want  *Abandoned // of the net namespace of app
	}{
		{"both are in it", join(inside), nil},
		{"docker restart vpn", join(inside, restart), got},
		{"vpn is on its way", join(inside, restart[:4]), nil},
		{"vpn has ended", join(inside, restart[:2]), &Abandoned{By: "vpn", Since: at(10), Ended: true}},
		{"app is restarted, too", join(inside, restart, []fact.Fact{exited(20, app, 60), created(21, app), started(22, app, 61, in(newer)...)}), nil},
		{
			"vpn was made anew", join(inside, restart[:2], []fact.Fact{created(11, again), namespaceCreated(11.1, 9, "runc", &again, event.Net, newer), started(12, again, 51, in(newer)...)}),
			got,
		},
		{
			"another one is called vpn, of another engine",
			join(inside, restart[:2], []fact.Fact{started(12, event.Container{ID: id("d"), Name: "vpn", Runtime: "podman"}, 51, in(newer)...)}),
			&Abandoned{By: "vpn", Since: at(10), Ended: true},
		},
		{"it was made outside, and no survey has looked", join(outside, restart), nil},
		{"it was made outside, and is kept", join(outside, restart, []fact.Fact{mounted}), nil},
		{"it was made outside, and nothing keeps it but app", join(outside, restart, []fact.Fact{unmounted}), got},
		{"that survey was older", join(outside, []fact.Fact{survey(9, fact.Namespace{Type: event.Net, ID: old})}, restart), nil},
		{"the host's", then(created(1, vpn), started(2, vpn, 50, in(host)...), created(3, app), started(4, app, 60, in(host)...), exited(10, vpn, 50)), nil},
		{"found running, and nothing tells for whom", then(foundIn(1, vpn, 50, nil), foundIn(1, app, 60, nil), exited(10, vpn, 50)), nil},
		{"found running in it, with vpn", then(foundIn(1, app, 60, &vpn), foundIn(1, vpn, 50, &vpn)), nil},
		{"found running, and then it was left", join([]fact.Fact{foundIn(1, app, 60, &vpn), foundIn(1, vpn, 50, &vpn)}, restart), got},
		{"found running, and left already", then(foundIn(1, app, 60, &vpn), found(1, vpn, 50, in(newer)...)), &Abandoned{By: "vpn", Since: at(-99)}},
		{"found running, and vpn does not run", then(foundIn(1, app, 60, &stopped)), &Abandoned{By: "vpn", Ended: true}},
		{"found running in a sandbox that is no container", then(foundIn(1, app, 60, &nameless)), nil},
		{"found running in its own", then(foundIn(1, app, 60, &app)), nil},
		{"a survey is not needed where its file tells", join([]fact.Fact{foundIn(1, app, 60, &vpn), foundIn(1, vpn, 50, &vpn)}, restart, []fact.Fact{mounted}), got},
		{
			"the number is another namespace's by now",
			join(inside, []fact.Fact{exited(5, app, 60), exited(6, vpn, 50), freed(7, event.Net, old), created(8, side), namespaceCreated(8.1, 9, "runc", &side, event.Net, old),
				started(9, side, 70, in(old)...), created(9.1, app), started(9.5, app, 61, in(old)...), started(12, vpn, 51, in(third)...)}),
			nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := snapshotOf(test.facts...).container(t, "b")
			if diff := cmp.Diff(test.want, c.Namespaces[event.Net].Abandoned); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if c.Namespaces[event.IPC].Abandoned != nil || c.Namespaces[event.PID].Abandoned != nil {
				t.Errorf("others, too: %+v", c.Namespaces)
			}
			reported := 0
			for _, m := range c.History {
				if m.Kind == EntryAbandoned {
					reported++
					if m.Container.Name != "vpn" || len(m.Namespaces) != 1 || m.Namespaces[0].ID != old || !m.Time.Equal(at(12)) {
						t.Errorf("reported as %+v", m)
					}
				}
			}
			if reported > 1 {
				t.Errorf("reported %d times", reported)
			}
		})
	}
	history := snapshotOf(join(inside, restart)...).container(t, "b").History
	if last := history[len(history)-1]; last.Kind != EntryAbandoned {
		t.Errorf("the history of app ends with %+v", last)
	}
}
