package container

import (
	"fmt"
	"testing"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

var (
	ofUser   = "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope"
	ofSystem = "/machine.slice/libpod-" + idA + ".scope"
)

// A user's own engine names the containers in the user's slice, and no others: it may say what it likes.
func TestUsersEngineNamesOnlyTheUsersContainers(t *testing.T) {
	for _, test := range []struct {
		path  string
		uid   uint32
		named bool
	}{
		{ofUser, 1000, true},
		{ofUser, 100, false},
		{ofUser, 1001, false},
		{ofSystem, 1000, false},
		{ofSystem, 0, true},
		{ofUser, 0, true},
	} {
		d := NewDirectory(2)
		d.Put(Identity{ID: idA, Runtime: runtime.Podman, Name: "web", User: test.uid})
		tracker := NewTracker(d, nil)
		e := created(0, root, test.path)
		tracker.Attribute(&e)
		if named := e.Cgroup.Container.Name == "web"; named != test.named || tracker.IsOf(idA, 1000) != (test.path == ofUser) {
			t.Errorf("by uid %d in %s: named %v", test.uid, test.path, named)
		}
		e = removed(1, root, test.path)
		tracker.Attribute(&e)
		if tracker.IsOf(idA, 1000) != (test.path == ofUser) {
			t.Errorf("%s is another's after it was removed", test.path)
		}
	}
}

// What a user's engine makes up takes no room from the names of the host's engines, and replaces none.
func TestUsersIdentitiesReplaceNoOthers(t *testing.T) {
	d := NewDirectory(2)
	d.Put(Identity{ID: idA, Name: "web"})
	if d.Put(Identity{ID: idA, Name: "forged", User: 1000}) {
		t.Error("a forged name is news")
	}
	for n := range 10 {
		d.Put(Identity{ID: fmt.Sprintf("%064x", n), Name: "x", User: 1000})
	}
	if id, _ := d.Get(idA); id.Name != "web" {
		t.Errorf("it is called %q", id.Name)
	}
	id := fmt.Sprintf("%064x", 9)
	if got, _ := d.Get(id); got.User != 1000 {
		t.Errorf("%+v", got)
	}
	if !d.Put(Identity{ID: id, Name: "y", Kind: event.KindPod}) {
		t.Error("the name by the host's engine is no news")
	}
	if got, _ := d.Get(id); got.User != 0 || got.Name != "y" {
		t.Errorf("%+v", got)
	}
}
