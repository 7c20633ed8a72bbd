package ui

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// userKey is that of the host's user namespace.
var userKey = namespaceKey(&model.Namespace{Type: event.User, ID: hostNamespaces()[event.User]})

func inTree(a Arrangement, cursor string) State {
	st := on(Namespaces, cursor)
	st.Arrange = a
	return st
}

// sceneTrees has namespaces in each other: a rootless engine with a container in it, and some of which the parent or the owner is unknown.
func sceneTrees() *model.Snapshot {
	s := scene()
	host := hostNamespaces()
	for i := range s.Namespaces {
		if n := &s.Namespaces[i]; n.Type == event.PID && !n.Host {
			n.Parent = host[event.PID]
		}
	}
	const outer, inner = 4026532501, 4026532502
	more := []model.Namespace{
		{Type: event.Mnt, ID: 4026532511, Owner: outer, Processes: []int32{5001}}, {Type: event.PID, ID: 4026532512, Parent: host[event.PID], Owner: outer, Processes: []int32{5001}},
		{Type: event.PID, ID: 4026532513, Parent: 4026532512, Owner: inner, Containers: []string{"inner"}, Processes: []int32{5002}},
		{Type: event.PID, ID: 4026532514, Parent: 4026539999, Processes: []int32{5003}},
		{Type: event.Net, ID: 4026532515, Owner: inner, Containers: []string{"inner"}, Processes: []int32{5002}},
		{Type: event.User, ID: outer, Parent: host[event.User], Owner: host[event.User], Processes: []int32{5001}},
		{Type: event.User, ID: inner, Parent: outer, Owner: outer, Containers: []string{"inner"}, Processes: []int32{5002}},
	}
	var all []model.Namespace
	for _, t := range event.NamespaceTypes() {
		for _, list := range [][]model.Namespace{s.Namespaces, more} {
			for _, n := range list {
				if n.Type == t {
					all = append(all, n)
				}
			}
		}
	}
	s.Namespaces = all
	return s
}

// tree writes the names of the rows as they are drawn.
func tree(s *model.Snapshot, st State, only string) (lines []string) {
	sc := screen{s: s, live: s, state: st, w: 120, h: 60}
	for _, r := range namespaceRowsOf(s, st) {
		l := typeHeading(r)
		if r.namespace != nil {
			l = sc.namespaceBranch(r)
		}
		if strings.Contains(l.String(), only) {
			lines = append(lines, l.String())
		}
	}
	return lines
}

func TestNamespaceTrees(t *testing.T) {
	s := sceneTrees()
	users := func(st State) State { st.Filter[namespaceRows] = "type=user"; return st }
	pids := func(st State) State { st.Filter[namespaceRows] = "type=pid"; return st }
	folded := users(inTree(ByOwner, ""))
	folded.Folded = map[string]bool{userKey: true}
	found := users(inTree(ByParent, ""))
	found.Search = "4026532502"
	for _, tt := range []struct {
		name string
		st   State
		want []string
	}{
		{"user namespaces by parent", users(inTree(ByParent, "")), []string{
			"▾ user · 3 · users and their rights", "└ ▾ 4026531839", "  └ ▾ 4026532501", "    └ 4026532502",
		}},
		{"pid namespaces by parent", pids(inTree(ByParent, "")), []string{
			"▾ pid · 6 · process numbers", "├ ▾ 4026531835", "│ ├ 4026532181", "│ ├ 4026532281", "│ └ ▾ 4026532512", "│   └ 4026532513", "└ ? 4026532514",
		}},
		{"by owner", users(inTree(ByOwner, "")), []string{"▾ user 4026531839", "└ ▾ user 4026532501", "  └ user 4026532502"}},
		{"folded", folded, []string{"▹ user 4026531839 +2"}},
		{"found, the parent is left out", found, []string{"▾ user · 1 · users and their rights", "└ … 4026532502"}},
	} {
		if diff := cmp.Diff(tt.want, tree(s, tt.st, "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if diff := cmp.Diff([]string{"? pid 4026532514"}, tree(s, inTree(ByOwner, ""), "4026532514")); diff != "" {
		t.Errorf("of an unknown owner (-want +got):\n%s", diff)
	}
}

// No arrangement leaves a namespace out.
func TestNamespaceTreesAreComplete(t *testing.T) {
	for _, s := range []*model.Snapshot{sceneTrees(), scene(), sceneUnseen()} {
		for a := range arrangementCount {
			seen := map[string]bool{}
			for _, key := range inTree(a, "").keys(s) {
				seen[key] = true
			}
			for i := range s.Namespaces {
				if !seen[namespaceKey(&s.Namespaces[i])] {
					t.Errorf("%s lacks %s", a.words(), namespaceKey(&s.Namespaces[i]))
				}
			}
		}
	}
}

// On a namespace with others below it, ← → and space fold and unfold, and Enter opens its page; on a type, Enter folds.
func TestNamespaceTreeFolds(t *testing.T) {
	s := sceneTrees()
	for _, fold := range []Key{{Name: KeyLeft}, letters(" ")[0]} {
		at := inTree(ByParent, userKey)
		all := len(at.keys(s))
		st := press(at, s, fold)
		if !st.Folded[userKey] || len(st.keys(s)) != all-2 || st.Frozen != nil {
			t.Errorf("%v folds %v, %d of %d rows stay", fold, st.Folded, len(st.keys(s)), all)
		}
		if st = press(st, s, Key{Name: KeyRight}); len(st.keys(s)) != all {
			t.Errorf("→ leaves %d of %d rows", len(st.keys(s)), all)
		}
	}
	if st := press(inTree(ByParent, userKey), s, Key{Name: KeyEnter}); st.Open != userKey {
		t.Errorf("enter opens %q", st.Open)
	}
	if st := press(inTree(ByParent, headingKey+"type net"), s, Key{Name: KeyEnter}); !st.Folded[headingKey+"type net"] {
		t.Errorf("enter folds %v", st.Folded)
	}
	if st := press(inTree(ByParent, "net:4026532182"), s, letters(" ")...); st.Frozen == nil || st.Folded != nil {
		t.Error("space on a namespace without others below it does not freeze")
	}
	if st := press(on(Namespaces, userKey), s, letters("ttt")...); st.Arrange != AsTable {
		t.Errorf("t leads to %s", st.Arrange.words())
	}
}
