package report

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/isolation"
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
	one := func(id, label string, state isolation.ContainerState) isolation.Container {
		return isolation.Container{ID: id, Label: label, Named: true, State: state}
	}
	s := &isolation.Snapshot{Containers: []isolation.Container{
		one(webID, "web", isolation.Running), one(dbID, "db", isolation.Running),
		one(strings.Repeat("b1", 32), "web", isolation.Exited), one(strings.Repeat("b2", 32), "job", isolation.Exited),
		one(strings.Repeat("b3", 32), "job", isolation.Exited), one(strings.Repeat("c0", 32), "a1", isolation.Exited),
	}}
	for name, want := range map[string]int{
		"web": 0, "/web": 0, "db": 1, "job": 3, webID: 0, webID[:12]: 0, "b1": 2, "a1": 5, "a1a": 0, "b3b": 4, "c": 5,
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
	// A name goes to the latest of those that had it and are not live, whether or not it has ever started.
	at := func(minutes int) time.Time { return end.Add(time.Duration(minutes) * time.Minute) }
	older := one(strings.Repeat("c1", 32), "task", isolation.Exited)
	older.Exited = at(10)
	for what, test := range map[string]struct {
		never fact.NeverStarted
		later bool
	}{
		"made later": {fact.NeverStarted{Made: at(11)}, true}, "tried later": {fact.NeverStarted{Tried: at(11)}, true},
		"failed later": {fact.NeverStarted{Made: at(1), Tried: at(2), Failed: at(11)}, true},
		"before":       {fact.NeverStarted{Made: at(1), Failed: at(9), Removed: at(9)}, false}, "unknown": {fact.NeverStarted{}, false},
	} {
		never := one(strings.Repeat("c2", 32), "task", isolation.Created)
		never.NeverStarted = &test.never
		for _, list := range [][]isolation.Container{{older, never}, {never, older}} {
			got, err := Find(&isolation.Snapshot{Containers: list}, "task")
			if err != nil || (got.State == isolation.Created) != test.later {
				t.Errorf("%s: %+v, %v", what, got, err)
			}
		}
		live := one(strings.Repeat("c3", 32), "task", isolation.Running)
		if got, err := Find(&isolation.Snapshot{Containers: []isolation.Container{older, never, live}}, "task"); err != nil || !got.Live() {
			t.Errorf("%s: %+v, %v, want the live one", what, got, err)
		}
	}
	_, err := Find(s, "a")
	var ambiguous *AmbiguousError
	if !errors.As(err, &ambiguous) ||
		err.Error() != `"a" is the beginning of several ids: a1a1a1a1a1a1 (web), a2a2a2a2a2a2 (db); give more of it, or a name` {
		t.Errorf("a: %v", err)
	}
	for i := range 20 {
		s.Containers = append(s.Containers, one(fmt.Sprintf("f%063x", i), "x", isolation.Exited))
	}
	if _, err := Find(s, "f"); !strings.Contains(err.Error(), "and 12 more") {
		t.Errorf("f: %v", err)
	}
}
