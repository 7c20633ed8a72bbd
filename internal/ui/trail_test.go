package ui

import (
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/model"
)

// Enter goes one level down, Esc one level up, and the status line says where that is.
func TestTrail(t *testing.T) {
	s, machines := scene(), sceneVMs()
	enter, esc := Key{Name: KeyEnter}, Key{Name: KeyEsc}
	for _, tt := range []struct {
		name string
		s    *model.Snapshot
		from State
		keys []Key
		want string
	}{
		{"a list", s, on(Containers, hogID), nil, ""},
		{"a container", s, on(Containers, hogID), []Key{enter}, "Workloads › hog"},
		{"its kill", s, on(Containers, hogID), []Key{enter, enter}, "Workloads › hog › 12th OOM kill"},
		{"the container of that is the page above", s, on(Containers, hogID), []Key{enter, enter, enter}, "Workloads › hog"},
		{"up from the kill", s, on(Containers, hogID), []Key{enter, enter, esc}, "Workloads › hog"},
		{"up to the list", s, on(Containers, hogID), []Key{enter, enter, esc, esc}, ""},
		{"no kill", s, on(Containers, agentID), []Key{enter, enter}, "Workloads › agent"},
		{"an event leads into the kills", s, on(Events, ""), []Key{enter}, "Events › 12th OOM kill"},
		{"and on to the container", s, on(Events, ""), []Key{enter, enter}, "Events › 12th OOM kill › hog"},
		{"and back", s, on(Events, ""), []Key{enter, enter, esc, esc}, ""},
		{"a container that is a machine", machines, on(Containers, machines.Containers[4].ID), []Key{enter, enter}, "Workloads › pod › qemu"},
		{"and back to it", machines, on(Containers, machines.Containers[4].ID), []Key{enter, enter, enter}, "Workloads › pod"},
		{"a machine in a container", machines, on(Containers, vmKey(&machines.VMs[2])), []Key{enter, enter}, "Workloads › qemu › pod"},
		{"another view is another trail", s, on(Containers, hogID), []Key{enter, enter, {Name: KeyTab}, {Name: KeyTab}, enter}, "Events › 12th OOM kill"},
		{"a search begins in the list", s, on(Containers, hogID), append([]Key{enter}, letters("/")...), ""},
		{"a namespace", s, on(Namespaces, "net:4026532390"), []Key{enter}, "Namespaces › net 4026532390"},
	} {
		st := press(tt.from, tt.s, tt.keys...)
		got := ""
		if st.Open != "" {
			got = st.trail(tt.s).String()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if status := Render(tt.s, st, 120, 36).Text(); tt.want != "" && !strings.Contains(status, "── "+tt.want+" ─") {
			t.Errorf("%s: the screen does not say where it is:\n%s", tt.name, status)
		}
		if st.Open == "" && st.Below != nil {
			t.Errorf("%s: a list is below %v", tt.name, st.Below)
		}
	}
}

// Going back finds the page scrolled as it was.
func TestTrailKeepsTheScroll(t *testing.T) {
	s := scene()
	st := on(Containers, hogID)
	st.Width, st.Height = 80, 24
	st = press(st, s, Key{Name: KeyEnter}, Key{Name: KeyPageDown})
	at := st.Scroll
	if st = press(st, s, Key{Name: KeyEnter}); at == 0 || st.Scroll != 0 {
		t.Fatalf("scrolled by %d, then by %d", at, st.Scroll)
	}
	if st = press(st, s, Key{Name: KeyEsc}); st.Scroll != at || st.Open != hogID {
		t.Errorf("scrolled by %d in %q, want %d", st.Scroll, st.Open, at)
	}
}

// States share no memory that changes: two ways from one page do not meet.
func TestTrailIsNotShared(t *testing.T) {
	s := scene()
	st := press(on(Containers, hogID), s, Key{Name: KeyEnter})
	a, b := st.enter(Kills, "a"), st.enter(Namespaces, "b")
	a, b = a.enter(Kills, "c"), b.enter(Namespaces, "d")
	if a.Below[2].Open != "a" || b.Below[2].Open != "b" {
		t.Errorf("%v, %v", a.Below, b.Below)
	}
}
