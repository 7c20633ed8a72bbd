package report

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func TestNamespacesOfAGroup(t *testing.T) {
	in := func(mnt, net uint64) (m [event.NamespaceTypeCount]model.Membership) {
		m[event.Mnt].ID, m[event.Net].ID = mnt, net
		return m
	}
	shop := &event.Group{Kind: event.GroupCompose, Name: "shop"}
	s := &model.Snapshot{
		Containers: []model.Container{
			{ID: "a", Label: "web", Group: shop, Namespaces: in(2, 9)}, {ID: "b", Label: "db", Group: shop, Namespaces: in(3, 0)},
			{ID: "c", Label: "other", Namespaces: in(4, 9)}, {ID: "4242ff", Label: "d", Namespaces: in(0, 9)}, {ID: "e", Label: "43", Namespaces: in(3, 0)},
		},
		Namespaces: []model.Namespace{
			{Type: event.Mnt, ID: 1, Host: true, Processes: []int32{1, 4242}}, {Type: event.Mnt, ID: 2, Processes: []int32{42, 43}}, {Type: event.Mnt, ID: 3},
			{Type: event.Mnt, ID: 4}, {Type: event.Net, ID: 9, Processes: []int32{42, 43}},
		},
	}
	for name, want := range map[string][]uint64{
		"shop": {2, 3, 9}, "other": {4, 9}, "42": {2, 9}, // a process
		"4242": {1}, "4242f": {9}, "43": {3}, // a process and not the id, the id, the name and not the process
	} {
		only, err := NamespacesOf(s, name)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for _, n := range Namespaces(only) {
			got = append(got, n.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := NamespacesOf(s, "nope"); err == nil || len(s.Namespaces) != 5 {
		t.Errorf("%v, %d namespaces are left", err, len(s.Namespaces))
	}
}

// What nsviz may not see is not told as not being there.
func TestNsOfUnseen(t *testing.T) {
	s := &model.Snapshot{Namespaces: []model.Namespace{
		{Type: event.PID, ID: 1, Host: true, Processes: []int32{7}},
		{Type: event.PID, ID: 2, Parent: 1, Processes: []int32{8, 9}},
		{Type: event.Net, ID: 3, PinnedBy: []string{"/run/netns/x"}},
	}}
	const seen = `mnt
pid
  1  the host's, 1 process: 7
    2  2 processes from 8 on
net
  3  no process, kept by /run/netns/x
ipc
uts
user
cgroup
time
`
	const blind = `mnt
pid
  1  the host's, at least 1 process: 7
    2  at least 2 processes from 8 on
net
  3  processes unknown, kept by /run/netns/x
ipc
uts
user
cgroup
time
`
	for _, tt := range []struct {
		unseen     *fact.Unseen
		tree       string
		incomplete bool
	}{
		{nil, seen, false},
		{&fact.Unseen{}, seen, false},
		{&fact.Unseen{Untraced: true}, seen, false}, // all are its own user's
		{&fact.Unseen{Processes: 1}, seen, true},
		{&fact.Unseen{Processes: 51, Untraced: true}, blind, true},
		{&fact.Unseen{Hidden: true}, blind, true},
	} {
		s.Unseen = tt.unseen
		var out bytes.Buffer
		if err := WriteNamespaces(&out, s); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.tree, out.String()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.unseen, diff)
		}
		for _, n := range Namespaces(s) {
			if n.ProcessesIncomplete != tt.incomplete {
				t.Errorf("%+v: %+v", tt.unseen, n)
			}
		}
	}
}
