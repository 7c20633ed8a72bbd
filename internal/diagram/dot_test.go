package diagram

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

func TestDOT(t *testing.T) {
	at := func(id uint64, relation model.Relation) model.Membership {
		return model.Membership{ID: id, Relation: relation}
	}
	web := model.Container{ID: "1", Label: `web"\`, State: model.Running}
	web.Namespaces[event.Mnt] = at(10, model.RelationOwn)
	web.Namespaces[event.Net] = at(11, model.RelationShared)
	web.Namespaces[event.User] = at(1, model.RelationHost)
	web.Namespaces[event.UTS] = at(12, model.RelationUnknown)
	s := &model.Snapshot{
		Containers: []model.Container{web},
		Namespaces: []model.Namespace{
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
