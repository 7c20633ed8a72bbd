package ui

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// The failed starts come first, the latest of them at the top, then all others, slowest first. One that nsviz did not see is not listed.
func TestStartsAreSlowestFirst(t *testing.T) {
	s := sceneStarts()
	names := func(st State) (out []string) {
		for _, key := range st.keys(s) {
			out = append(out, startWith(s, key).Label)
		}
		return out
	}
	for _, tt := range []struct {
		st   State
		want string
	}{
		{on(Starts, ""), "tiny typo 999999999999 hog web sidecar quick"},
		{State{Tab: Starts, Search: "typ"}, "typo"},
		{State{Tab: Starts, Filter: [rowKindCount]string{workloadRows: "runtime=docker && name!=typo"}}, "tiny hog web sidecar"},
		{State{Tab: Starts, Filter: [rowKindCount]string{workloadRows: "name=typo || name=quick"}}, "typo quick"},
	} {
		if diff := cmp.Diff(strings.Fields(tt.want), names(tt.st)); diff != "" {
			t.Errorf("search %q, filter %q (-want +got):\n%s", tt.st.Search, tt.st.Filter, diff)
		}
	}
}

// Enter on a start leads to its steps, and from there to its container, if that ever ran.
func TestStartLeadsToItsContainer(t *testing.T) {
	s := sceneStarts()
	enter := Key{Name: KeyEnter}
	st := press(on(Starts, hogID), s, enter, enter)
	if st.Tab != Containers || st.Open != hogID {
		t.Errorf("enter leads to %q of %s", st.Open, views[st.Tab].title())
	}
	failed := press(on(Starts, containerKey(&s.FailedStarts[0])), s, enter)
	if got := press(failed, s, enter); got.Tab != Starts || got.Open != failed.Open {
		t.Errorf("a failed start leads to %q of %s", got.Open, views[got.Tab].title())
	}
}

// The page of a start names each kind of step that nsviz has not seen.
func TestUnseenSteps(t *testing.T) {
	phases := func(names ...string) (out []event.Phase) {
		for _, name := range names {
			out = append(out, event.Phase{Name: name})
		}
		return out
	}
	for _, tt := range []struct {
		phases []event.Phase
		want   string
	}{
		{phases("create", "cgroup", "namespace_net", "clone", "network", "mounts", "pivot_root", "exec"), ""},
		{phases("create", "cgroup", "joined_pid", "clone", "network", "mounts_last", "mounts", "chroot", "exec"), ""},
		{phases("cgroup", "namespaces", "clone", "mounts", "pivot_root", "exec"), "the request to the engine, the network"},
		{phases("cgroup", "exec"), "the request to the engine, the making of namespaces, the clone of PID 1, the network, mounts, the change of the root"},
	} {
		if got := strings.Join(unseenSteps(tt.phases), ", "); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.phases, got, tt.want)
		}
	}
}

// The bars of the list are as long as the starts took, to one scale.
func TestStartBarsHaveOneScale(t *testing.T) {
	s := sceneStarts()
	sc := screen{s: s, live: s, state: on(Starts, ""), w: 120, h: 36}
	list := listedStarts(s, sc.state)
	columns := startColumns(sc, list)
	width := map[string]int{}
	for i, c := range list {
		width[c.Label] = columns[len(columns)-1].cell(i).width()
	}
	if hog, web := width["hog"], width["web"]; hog < 50 || web < hog*388/565-1 || web > hog*388/565+1 || width["quick"] > 3 {
		t.Errorf("%v", width)
	}
	var none model.Snapshot
	if rows := (startsView{}).rows(screen{s: &none, live: &none, w: 80, h: 24}, 20); len(rows) == 0 {
		t.Error("an empty list says nothing")
	}
}
