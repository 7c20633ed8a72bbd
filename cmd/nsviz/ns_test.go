package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/isolation"
)

func TestNsDot(t *testing.T) {
	at := func(id uint64, relation isolation.Relation) isolation.Membership {
		return isolation.Membership{ID: id, Relation: relation}
	}
	web := isolation.Container{ID: "1", Label: `web"\`, State: isolation.Running}
	web.Namespaces[event.Mnt] = at(10, isolation.RelationOwn)
	web.Namespaces[event.Net] = at(11, isolation.RelationShared)
	web.Namespaces[event.User] = at(1, isolation.RelationHost)
	web.Namespaces[event.UTS] = at(12, isolation.RelationUnknown)
	s := &isolation.Snapshot{
		Containers: []isolation.Container{web},
		Namespaces: []isolation.Namespace{
			{Type: event.Mnt, ID: 10, Containers: []string{"web"}, Processes: []int32{7}},
			{Type: event.Net, ID: 11, Containers: []string{"web", "db"}, Processes: []int32{7}},
			{Type: event.Net, ID: 2, Host: true, Processes: []int32{1}},
			{Type: event.Net, ID: 13, PinnedBy: []string{"/run/netns/x"}},
			{Type: event.UTS, ID: 12, Containers: []string{"web"}, Processes: []int32{7}},
			{Type: event.User, ID: 1, Host: true, Containers: []string{"web"}, Processes: []int32{1}},
		},
	}
	var out bytes.Buffer
	if err := nsDot(&out, s); err != nil {
		t.Fatal(err)
	}
	want := `graph namespaces {
  rankdir=LR;
  node [fontname="sans-serif"];
  "c 1" [shape=box,label="web\"\\\nits own: mnt"];
  "c 1" -- "net 11";
  "c 1" -- "uts 12";
  "c 1" -- "user 1";
  "net 11" [shape=ellipse,label="net\n11"];
  "net 13" [shape=ellipse,label="net\n13\nkept by /run/netns/x",style=dashed];
  "uts 12" [shape=ellipse,label="uts\n12"];
  "user 1" [shape=ellipse,label="user\n1",style=filled,fillcolor=lightgrey];
}
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What nsviz may not see is not told as not being there.
func TestNsOfUnseen(t *testing.T) {
	s := &isolation.Snapshot{Namespaces: []isolation.Namespace{
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
		if err := nsTree(&out, s); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.tree, out.String()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.unseen, diff)
		}
		for _, n := range nsJSON(s) {
			if n.ProcessesIncomplete != tt.incomplete {
				t.Errorf("%+v: %+v", tt.unseen, n)
			}
		}
	}
}
