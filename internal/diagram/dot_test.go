package diagram

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
)

func TestDOT(t *testing.T) {
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
	if err := WriteDOT(&out, s); err != nil {
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
