package ui

import (
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
)

// clickOn presses the mouse on a text of the frame that a State shows.
func clickOn(t *testing.T, st State, s *model.Snapshot, words string, double bool) (State, Action) {
	t.Helper()
	f := Render(s, st, st.Width, st.Height)
	for y, text := range strings.Split(f.Text(), "\n") {
		if i := strings.Index(text, words); i >= 0 {
			at := Mouse{X: foreign.Width(text[:i]), Y: y, Button: MouseLeft, Double: double}
			return Update(st, Key{Name: KeyMouse, Mouse: at}, s)
		}
	}
	t.Fatalf("no %q in\n%s", words, f.Text())
	return st, Stay
}

func TestMouse(t *testing.T) {
	s := sceneVMs()
	st := State{Width: 120, Height: 40}
	wheel := func(st State, button MouseButton) State {
		return press(st, s, Key{Name: KeyMouse, Mouse: Mouse{X: 5, Y: 5, Button: button}})
	}

	// Every row of every list answers where it is drawn.
	for tab, v := range views {
		st := st
		st.Tab = Tab(tab)
		keys := v.keys(s, st)
		f := Render(s, st, st.Width, st.Height)
		found := 0
		for y := range f.Height {
			if key := f.spots[y].key; key != "" {
				found++
				clicked := press(st, s, Key{Name: KeyMouse, Mouse: Mouse{X: 10, Y: y, Button: MouseLeft}})
				if clicked.Cursor[tab] != key || clicked.Open != "" {
					t.Errorf("%s: a click on row %q leads to %q", v.title(), key, clicked.Cursor[tab])
				}
				if marked := Render(s, clicked, st.Width, st.Height).At(0, y).Text; marked != "▸" {
					t.Errorf("%s: the row that was clicked is not marked, but %q", v.title(), marked)
				}
			}
		}
		if _, walks := v.(walker); walks {
			continue // TestMapAnswersTheMouse
		}
		if found == 0 && len(keys) > 0 {
			t.Errorf("%s: no row answers", v.title())
		}
	}

	opened, _ := clickOn(t, st, s, "sidecar ", true)
	if opened.Open != sidecarID {
		t.Errorf("a double click opens %q", opened.Open)
	}
	if back, _ := clickOn(t, opened, s, "esc back", false); back.Open != "" {
		t.Error("a click on esc does not lead back")
	}
	if killed, _ := clickOn(t, st, s, "4 OOM kills", false); killed.Tab != Kills {
		t.Errorf("a click on a tab leads to %d", killed.Tab)
	}
	if _, action := clickOn(t, st, s, "q quit", false); action != Quit {
		t.Errorf("a click on quit is %v", action)
	}
	if same, action := clickOn(t, st, s, "HOST PID", false); action != Stay || same.cursor(same.keys(s)) != 0 {
		t.Errorf("a click beside the rows leads to %q, %v", same.Cursor, action)
	}
	searching := press(st, s, letters("/s")...)
	if kept, _ := clickOn(t, searching, s, "enter keep", false); kept.Typing || kept.Search != "s" {
		t.Errorf("a click on enter: %+v", kept)
	}

	down := wheel(st, MouseWheelDown)
	if got := down.cursor(down.keys(s)); got != wheelRows {
		t.Errorf("the wheel leads to row %d", got)
	}
	if up := wheel(down, MouseWheelUp); up.cursor(up.keys(s)) != 0 {
		t.Error("the wheel does not lead back")
	}
	help := press(State{Width: 80, Height: 24}, s, letters("?")...)
	if help = wheel(help, MouseWheelDown); help.Scroll != wheelRows {
		t.Errorf("the wheel scrolls %d lines", help.Scroll)
	}
}
