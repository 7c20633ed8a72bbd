package report

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func TestParseCgroupName(t *testing.T) {
	for name, want := range map[string]string{
		"cgroup:/": "/", "cgroup:/a/b/": "/a/b", "cgroup://a": "/a", "cgroup:/a/../b": "/b",
		"cgroup:": "", "cgroup:a": "", "cgroup:[4026531835]": "", "cgroup:4026531835": "", "/a": "", "a": "", "": "",
	} {
		if got, ok := ParseCgroupName(name); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", name, got, ok, want)
		}
	}
}

func TestIsName(t *testing.T) {
	for name, want := range map[string]bool{
		"cgroup:/a": true, "cgroup:a": true, "cgroup:": true, "net:[1]": true, "net:": true, "web": false, "cgroup": false, "web:1": false, "": false,
	} {
		if got := IsName(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}

func TestParseNamespaceName(t *testing.T) {
	for _, name := range []string{"net", "net:", "net:[7", "net:7]", "net:[7]]", "net:0", "net:-7", "web:7", "net:[]", "net:x", ":7", "net:99999999999999999999"} {
		if n, ok := ParseNamespaceName(name); ok {
			t.Errorf("%s is %s", name, n)
		}
	}
}

func TestFind(t *testing.T) {
	one := func(id, label string, state model.ContainerState) model.Container {
		return model.Container{ID: id, Label: label, Named: true, State: state}
	}
	s := &model.Snapshot{Containers: []model.Container{
		one(webID, "web", model.Running), one(dbID, "db", model.Running),
		one(strings.Repeat("b1", 32), "web", model.Exited), one(strings.Repeat("b2", 32), "job", model.Exited),
		one(strings.Repeat("b3", 32), "job", model.Exited), one(strings.Repeat("c0", 32), "a1", model.Exited),
	}}
	for i, names := range map[int][]string{0: {"db", "site", "b3b3"}, 2: {"site"}, 3: {"older"}, 4: {"older"}} { // before they were renamed
		for _, name := range names {
			s.Containers[i].FormerNames = append(s.Containers[i].FormerNames, fact.FormerName{Name: name})
		}
	}
	for name, want := range map[string]int{
		"web": 0, "/web": 0, "db": 1, "job": 3, webID: 0, webID[:12]: 0, "b1": 2, "a1": 5, "a1a": 0, "b3b": 4, "site": 0, "/site": 0, "older": 3, "b3b3": 0, "c": 5,
	} {
		got, err := Find(s, name)
		if err != nil || got != &s.Containers[want] {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "/", "we", "d1", "A1", "webb", webID + "0"} {
		var missing *NotFoundError
		if got, err := Find(s, name); !errors.As(err, &missing) {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
	// If no container with a name is live, the name finds the latest one that had it, even if that never started.
	at := func(minutes int) time.Time { return end.Add(time.Duration(minutes) * time.Minute) }
	older := one(strings.Repeat("c1", 32), "task", model.Exited)
	older.Exited = at(10)
	for what, test := range map[string]struct {
		never fact.NeverStarted
		later bool
	}{
		"made later": {fact.NeverStarted{Made: at(11)}, true}, "tried later": {fact.NeverStarted{Tried: at(11)}, true},
		"failed later": {fact.NeverStarted{Made: at(1), Tried: at(2), Failed: at(11)}, true},
		"before":       {fact.NeverStarted{Made: at(1), Failed: at(9), Removed: at(9)}, false}, "unknown": {fact.NeverStarted{}, false},
	} {
		never := one(strings.Repeat("c2", 32), "task", model.Created)
		never.NeverStarted = &test.never
		for _, list := range [][]model.Container{{older, never}, {never, older}} {
			got, err := Find(&model.Snapshot{Containers: list}, "task")
			if err != nil || (got.State == model.Created) != test.later {
				t.Errorf("%s: %+v, %v", what, got, err)
			}
		}
		live := one(strings.Repeat("c3", 32), "task", model.Running)
		if got, err := Find(&model.Snapshot{Containers: []model.Container{older, never, live}}, "task"); err != nil || !got.Live() {
			t.Errorf("%s: %+v, %v, want the live one", what, got, err)
		}
	}
	boxes := &model.Snapshot{Quiet: []model.Container{one("pid-1", "bwrap-42 (sleep)", model.Running), one("pid-2", "bwrap-4 (sh)", model.Running)}}
	for i := range boxes.Quiet {
		boxes.Quiet[i].Kind = event.KindSandbox
	}
	for name, want := range map[string]string{"bwrap-4": "pid-2", "bwrap-42": "pid-1", "bwrap-42 (sleep)": "pid-1"} {
		if got, err := Find(boxes, name); err != nil || got.ID != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	_, err := Find(s, "a")
	var ambiguous *AmbiguousError
	if !errors.As(err, &ambiguous) ||
		err.Error() != `"a" is the beginning of several ids: a1a1a1a1a1a1 (web), a2a2a2a2a2a2 (db); give more of it, or a name` {
		t.Errorf("a: %v", err)
	}
	for i := range 20 {
		s.Containers = append(s.Containers, one(fmt.Sprintf("f%063x", i), "x", model.Exited))
	}
	if _, err := Find(s, "f"); !strings.Contains(err.Error(), "and 12 more") {
		t.Errorf("f: %v", err)
	}
}

// in returns memberships of a PID and a user namespace.
func in(pid uint64, its model.Relation, user uint64, their model.Relation) (list [event.NamespaceTypeCount]model.Membership) {
	list[event.PID] = model.Membership{ID: pid, Relation: its}
	list[event.User] = model.Membership{ID: user, Relation: their}
	return list
}

func noNamespaces(int32) (event.NamespaceIDs, error) { return event.NamespaceIDs{}, fs.ErrNotExist }

func TestFindByPID(t *testing.T) {
	s := &model.Snapshot{Containers: []model.Container{
		{ID: "42aa", Label: "web", State: model.Running, InitPID: 4000, CgroupPath: "/docker/42aa"},
		{ID: "42bb", Label: "db", State: model.Running, InitPID: 42, CgroupPath: "/docker/42bb"},
		{ID: "77cc", Label: "9", State: model.Running, InitPID: 7, CgroupPath: "/docker/77cc"},
		{ID: "88dd", Label: "x\x1b", State: model.Running, InitPID: 8, CgroupPath: "/docker/88dd"},
		{ID: "88ee", Label: "y", State: model.Running, CgroupPath: "/docker/88ee"},
	}, Quiet: []model.Container{
		{ID: "pid-50", Label: "bwrap-6", State: model.Running, InitPID: 61, Namespaces: in(50, model.RelationOwn, 2, model.RelationHost)},
		{ID: "user-51", Label: "unshare-6", State: model.Running, InitPID: 63, Namespaces: in(1, model.RelationHost, 51, model.RelationOwn)},
	}}
	namespaces := map[int32]event.NamespaceIDs{
		1: {event.PID: 1, event.User: 2}, 61: {event.PID: 50, event.User: 2}, 62: {event.PID: 50, event.User: 2}, 64: {event.PID: 1, event.User: 51},
	}
	namespacesOf := func(pid int32) (event.NamespaceIDs, error) {
		if ids, ok := namespaces[pid]; ok {
			return ids, nil
		}
		return event.NamespaceIDs{}, fs.ErrNotExist
	}
	cgroups := map[int32]string{4000: "/docker/42aa", 4001: "/docker/42aa/below", 7: "/docker/77cc", 9: "/docker/42aa", 61: "/", 62: "/", 64: "/", 42: "/docker/42bb", 100: "/docker/42aaa", 1: "/"}
	cgroupOf := func(pid int32) (string, error) {
		if path, ok := cgroups[pid]; ok {
			return path, nil
		}
		return "", fs.ErrNotExist
	}
	for name, want := range map[string]string{
		"web": "42aa", "/web": "42aa", "42bb": "42bb", "42a": "42aa", // by name and id
		"4000": "42aa", "4001": "42aa", "7": "77cc", // by PID; 7 begins its own id, too
		"9":  "77cc",                                    // a name goes before a PID
		"61": "pid-50", "62": "pid-50", "64": "user-51", // without a cgroup of its own
	} {
		if c, err := FindByPID(s, name, cgroupOf, namespacesOf); err != nil || c.ID != want {
			t.Errorf("%s: %+v, %v, want %s", name, c, err, want)
		}
	}
	for name, says := range map[string]string{
		"nope": "nothing is known of a container", "wbe": `"wbe" (did you mean "web"?)`, "": "nothing is known", "5000": "nothing is known", "1": "process 1 is in no container",
		"100": "process 100 is in no container", "-7": "nothing is known", "99999999999": "nothing is known",
		"42": "42 is a process of 42bb (db), and ids of other containers begin so", "88": `88dd (x\x1b), 88ee (y)`,
	} {
		c, err := FindByPID(s, name, cgroupOf, namespacesOf)
		if c != nil || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %+v, %v, want %q", name, c, err, says)
		}
	}
}
