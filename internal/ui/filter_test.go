package ui

import (
	"strings"
	"testing"
)

func typing(st State, text string) State { return press(st, scene(), letters("f"+text)...) }

// Each list is filtered by the fields of its own rows, as soon as what is typed can be read.
func TestFilter(t *testing.T) {
	s := scene()
	for _, tt := range []struct {
		tab  Tab
		expr string
		want int
	}{
		{Containers, "name~web", 1},
		{Containers, "oom>0", 1},
		{Containers, "net=shared && !name~web", 1},
		{Containers, "name=zebra", 0},
		{Containers, "memory>20MiB || pid=27311", 3},
		{Namespaces, "type=net", 5},
		{Kills, "type=oom_kill && container=hog", 12},
		{Kills, "type=container_exited", 0},
		{Events, "type=oom_kill", 12},
		{Events, "started", 1},
	} {
		st := State{Tab: tt.tab, Width: 120, Height: 40}
		all := len(st.keys(s))
		for _, st := range []State{typing(st, tt.expr), press(typing(st, tt.expr), s, Key{Name: KeyEnter})} {
			if got := len(st.keys(s)); got != tt.want {
				t.Errorf("%s: %s accepts %d rows, want %d", views[tt.tab].title(), tt.expr, got, tt.want)
			}
			frame := Render(s, st, 120, 40).Text()
			if !strings.Contains(frame, tt.expr) {
				t.Errorf("%s: the screen does not say %q:\n%s", views[tt.tab].title(), tt.expr, frame)
			}
			if st.Filtering {
				continue
			}
			if !strings.Contains(frame, "; esc shows all") {
				t.Errorf("the screen does not say how to leave:\n%s", frame)
			}
			if opened := press(st, s, Key{Name: KeyEnter}); opened.Open != "" && strings.Contains(Render(s, opened, 120, 40).Text(), "esc shows all") {
				t.Error("a page says that esc shows all, and it goes back")
			}
			if st = press(st, s, Key{Name: KeyEsc}); len(st.keys(s)) != all || st.filter() != "" {
				t.Errorf("%s: esc leaves %d of %d rows", tt.expr, len(st.keys(s)), all)
			}
		}
		if got := len(press(typing(st, tt.expr), s, Key{Name: KeyEsc}).keys(s)); got != all {
			t.Errorf("%s: esc while it is typed leaves %d of %d rows", tt.expr, got, all)
		}
	}
}

// What cannot be read is marked at its place, changes nothing, and is not kept.
func TestFilterMistake(t *testing.T) {
	s := scene()
	st := typing(State{Width: 100, Height: 30}, "oom>0 && imgae=x")
	frame := Render(s, st, 100, 30).Text()
	for _, want := range []string{"\n  oom>0 && imgae=x▏\n", "\n           ^^^^^ no field \"imgae\"; did you mean image?\n"} {
		if !strings.Contains(frame, want) {
			t.Errorf("no %q in\n%s", want, frame)
		}
	}
	narrow := Render(s, st, 44, 20).Text()
	if !strings.Contains(narrow, "did you mean") {
		t.Errorf("a narrow screen does not say what is wrong:\n%s", narrow)
	}
	st = typing(State{Width: 100, Height: 30}, "oom>0 && (image")
	if got := len(st.keys(s)); got != 1 || st.filter() != "oom>0" {
		t.Errorf("%d rows by %q, want those of what could be read last", got, st.filter())
	}
	if kept := press(st, s, Key{Name: KeyEnter}); !kept.Filtering {
		t.Error("a mistake is kept")
	}
}

func TestFilterCompletes(t *testing.T) {
	s := scene()
	tab := Key{Name: KeyTab}
	st := State{Width: 120, Height: 40}
	for _, tt := range []struct{ typed, want string }{
		{"ima", "image="},
		{"xyzzy", "xyzzy"},
		{"name=si", "name=sidecar "},
		{"net=ho", "net=host "},
		{"oom>0 && limi", "oom>0 && limit="},
		{"sta", "sta"}, // status, started
		{"memb", "member="},
		{"pi", "pid"}, // pid, pidns
	} {
		if got := press(typing(st, tt.typed), s, tab).Draft; got != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.typed, got, tt.want)
		}
	}
	clicked, _ := clickOn(t, typing(st, "sta"), s, "started= when", false)
	if clicked.Draft != "started=" {
		t.Errorf("a click on what is offered gives %q", clicked.Draft)
	}
	words := press(typing(st, "name=web && oom>0"), s, Key{Name: KeyCtrlW})
	if words.Draft != "name=web && " {
		t.Errorf("ctrl-W leaves %q", words.Draft)
	}
}

// A filter that asks for sandboxes or services lists them.
func TestFilterAsksForQuiet(t *testing.T) {
	s := sceneQuiet()
	if got := (State{}).keys(s); len(got) != 1 {
		t.Fatalf("at first %q", got)
	}
	st := press(State{}, s, letters("fkind=sandbox")...)
	if got := st.keys(s); len(got) != 1 || got[0] != "pid-5" {
		t.Errorf("listed %q", got)
	}
}
