package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

func TestInspectionsAreBounded(t *testing.T) {
	first, second := &report.Dissection{}, &report.Dissection{}
	at := func(s int) time.Time { return sceneTime.Add(time.Duration(s) * time.Second) }
	list := Inspection{ID: "a", InitPID: 1, Time: at(0), Dissection: first}.add(nil)
	list = Inspection{ID: "b", InitPID: 2, Time: at(1), Dissection: second}.add(list)
	if list[0].ID != "b" || list[1].ID != "a" || len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	// A failure keeps what was read before, with its time; another run of the container has nothing of the first.
	list = Inspection{ID: "a", InitPID: 1, Time: at(2), Problem: "no"}.add(list)
	if in := list[0]; len(list) != 2 || in.Dissection != first || !in.Time.Equal(at(0)) || in.Problem != "no" {
		t.Errorf("%+v", list)
	}
	list = Inspection{ID: "a", InitPID: 9, Time: at(3), Problem: "no"}.add(list)
	if in := list[0]; len(list) != 3 || in.Dissection != nil {
		t.Errorf("%+v", list)
	}
	for i := range 2 * maxInspections {
		list = Inspection{ID: fmt.Sprint(i)}.add(list)
	}
	if len(list) != maxInspections || list[0].ID != fmt.Sprint(2*maxInspections-1) {
		t.Errorf("%d kept, the latest %q", len(list), list[0].ID)
	}
}

func TestInspectionNote(t *testing.T) {
	s := scene()
	live, ended := &model.Container{State: model.Running}, &model.Container{State: model.Exited}
	read := &Inspection{Time: sceneTime.Add(-2 * time.Second), Dissection: &report.Dissection{}}
	failed := &Inspection{Time: sceneTime, Problem: "permission denied"}
	both := &Inspection{Time: sceneTime, Dissection: &report.Dissection{}, Problem: "permission denied"}
	later := &Inspection{Time: sceneTime.Add(time.Minute), Dissection: &report.Dissection{}}
	for _, tt := range []struct {
		name string
		c    *model.Container
		in   *Inspection
		st   State
		want string
	}{
		{"read", live, read, State{Inspects: true}, "those of 12:26:13."},
		{"read, then ended", ended, read, State{Inspects: true}, "It has ended: its processes, files and privileges are those of 12:26:13"},
		{"failed", live, failed, State{Inspects: true}, "could not read its processes, files and privileges: permission denied."},
		{"failed later", live, both, State{Inspects: true}, "those of 12:26:15; since then nsviz could not read them: permission denied."},
		{"stepped back", live, later, State{Inspects: true}, "those of 12:27:15, which is later than what else is shown"},
		{"a replay", live, nil, State{Replay: true}, "A recording does not have its processes"},
		{"not yet", live, nil, State{Inspects: true}, "is reading"},
		{"never", ended, nil, State{Inspects: true}, "It has ended, and nsviz had not read"},
		{"frozen", live, nil, State{Inspects: true, Frozen: s}, "when the screen was frozen"},
		{"nobody reads", live, nil, State{}, ""},
	} {
		got := inspectionNote(tt.c, tt.in, s, tt.st).String()
		if !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Only the page of a live container is read for.
func TestInspected(t *testing.T) {
	s, ended := scene(), sceneKilled()
	open := press(on(Containers, hogID), s, Key{Name: KeyEnter})
	change := func(f func(*State)) State {
		st := open
		f(&st)
		return st
	}
	for name, tt := range map[string]struct {
		st   State
		s    *model.Snapshot
		want bool
	}{
		"the page":        {open, s, true},
		"the list":        {on(Containers, hogID), s, false},
		"ended":           {open, ended, false},
		"help over it":    {change(func(st *State) { st.Help = true }), s, false},
		"frozen":          {change(func(st *State) { st.Frozen = s }), s, false},
		"a replay":        {change(func(st *State) { st.Replay = true }), s, false},
		"a page of kills": {press(on(Kills, ""), s, Key{Name: KeyEnter}), s, false},
		"gone":            {change(func(st *State) { st.Open = "gone" }), s, false},
	} {
		if c := tt.st.inspected(tt.s); (c != nil) != tt.want {
			t.Errorf("%s: %v", name, c)
		}
	}
}
