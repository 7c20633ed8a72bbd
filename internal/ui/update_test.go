package ui

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

func TestUpdate(t *testing.T) {
	key := func(names ...KeyName) (keys []Key) {
		for _, n := range names {
			keys = append(keys, Key{Name: n})
		}
		return keys
	}
	join := func(groups ...[]Key) (keys []Key) {
		for _, g := range groups {
			keys = append(keys, g...)
		}
		return keys
	}
	s := scene()
	newest := killKey(&s.Kills[11])
	second := killKey(&s.Kills[10])
	opened := on(Containers, agentID)
	opened.Open, opened.Below = agentID, []Level{{Tab: Containers}}
	fromEvent := on(Kills, newest)
	fromEvent.Open, fromEvent.Below = newest, []Level{{Tab: Events}}
	started := on(Events, eventRows(s, "", 99, false)[12].key)
	fromStart := started
	fromStart.Tab, fromStart.Open, fromStart.Cursor[Containers], fromStart.Below = Containers, hogID, hogID, []Level{{Tab: Events}}
	found := on(Containers, hogID)
	found.Search = "hog"
	back := on(Containers, agentID)

	for _, tt := range []struct {
		name   string
		from   State
		keys   []Key
		want   State
		action Action
	}{
		{"down", State{}, key(KeyDown), on(Containers, webID), Stay},
		{"j", State{}, letters("jj"), on(Containers, sidecarID), Stay},
		{"up stops at the top", State{}, key(KeyUp), on(Containers, agentID), Stay},
		{"k", on(Containers, hogID), letters("k"), on(Containers, sidecarID), Stay},
		{"end", State{}, key(KeyEnd), on(Containers, hogID), Stay},
		{"home", on(Containers, hogID), key(KeyHome), on(Containers, agentID), Stay},
		{"page down stops at the end", State{}, key(KeyPageDown), on(Containers, hogID), Stay},
		{"page up", on(Containers, hogID), key(KeyPageUp), on(Containers, agentID), Stay},
		{"G and g", State{}, letters("Gg"), on(Containers, agentID), Stay},
		{"a row that is gone", on(Containers, "gone"), key(KeyDown), on(Containers, webID), Stay},
		{"the newest kill is no fixed one", on(Kills, second), key(KeyUp), on(Kills, ""), Stay},
		{"the second kill is", on(Kills, ""), key(KeyDown), on(Kills, second), Stay},
		{"digit", State{}, letters("4"), on(Kills, ""), Stay},
		{"a digit without a view", State{}, letters("890"), State{}, Stay},
		{"tab", State{}, key(KeyTab), on(Map, ""), Stay},
		{"tab goes round", on(Host, ""), key(KeyTab), on(Containers, ""), Stay},
		{"shift-tab goes round", State{}, key(KeyBackTab), on(Host, ""), Stay},
		{"tab closes what is open", opened, key(KeyTab), func() State {
			v := back
			v.Tab = Map
			return v
		}(), Stay},
		{"enter opens", State{}, key(KeyEnter), opened, Stay},
		{"enter in what is open", opened, key(KeyEnter), opened, Stay},
		{"enter on nothing", State{Search: "zebra"}, key(KeyEnter), State{Search: "zebra"}, Stay},
		{"enter in the host's page", on(Host, ""), key(KeyEnter), on(Host, ""), Stay},
		{"esc closes", opened, key(KeyEsc), back, Stay},
		{"esc on nothing", State{}, key(KeyEsc), State{}, Stay},
		{"an event leads to its kill", on(Events, ""), key(KeyEnter), fromEvent, Stay},
		{"and back", fromEvent, key(KeyEsc), func() State {
			v := fromEvent
			v.Tab, v.Open, v.Below = Events, "", nil
			return v
		}(), Stay},
		{"an event leads to its container", started, key(KeyEnter), fromStart, Stay},
		{"an event that leads nowhere", on(Events, eventRows(s, "", 99, false)[13].key), key(KeyEnter),
			on(Events, eventRows(s, "", 99, false)[13].key), Stay},
		{"search", State{}, letters("/hog"), State{Search: "hog", Typing: true}, Stay},
		{"q is a letter in a search", State{}, letters("/q?1 "), State{Search: "q?1 ", Typing: true}, Stay},
		{"enter keeps the search", State{}, join(letters("/hog"), key(KeyEnter)), State{Search: "hog"}, Stay},
		{"esc drops the search", State{}, join(letters("/hog"), key(KeyEsc)), State{}, Stay},
		{"esc drops a kept search", State{Search: "hog"}, key(KeyEsc), State{}, Stay},
		{"the cursor moves in what is found", State{}, join(letters("/hog"), key(KeyDown, KeyEnter)), found, Stay},
		{"backspace", State{Search: "né", Typing: true}, key(KeyBackspace), State{Search: "n", Typing: true}, Stay},
		{"backspace takes an accent along", State{Search: "ne\u0301", Typing: true}, key(KeyBackspace), State{Search: "n", Typing: true}, Stay},
		{"backspace on nothing", State{Typing: true}, key(KeyBackspace), State{Typing: true}, Stay},
		{"ctrl-u", State{Search: "hog", Typing: true}, key(KeyCtrlU), State{Typing: true}, Stay},
		{"tab ends a search", State{Search: "hog", Typing: true}, key(KeyTab), func() State {
			v := on(Map, "")
			v.Search = "hog"
			return v
		}(), Stay},
		{"help", State{}, letters("?"), State{Help: true}, Stay},
		{"help again", State{Help: true, Scroll: 3}, letters("?"), State{}, Stay},
		{"esc closes the help first", func() State {
			v := opened
			v.Help = true
			return v
		}(), key(KeyEsc), opened, Stay},
		{"a page stops at its end", func() State {
			v := on(Host, "")
			v.Width, v.Height = 80, 200
			return v
		}(), key(KeyEnd, KeyDown), func() State {
			v := on(Host, "")
			v.Width, v.Height = 80, 200
			return v
		}(), Stay},
		{"q", State{}, letters("q"), State{}, Quit},
		{"ctrl-c, even in a search", State{Typing: true}, key(KeyCtrlC), State{Typing: true}, Quit},
		{"ctrl-l", State{}, key(KeyCtrlL), State{}, Repaint},
		{"an unknown key", State{}, key(KeyNone), State{}, Stay},
		{"an unknown letter", State{}, letters("x"), State{}, Stay},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, action := tt.from, Stay
			for _, k := range tt.keys {
				v, action = Update(v, k, s)
			}
			if diff := cmp.Diff(tt.want, v); diff != "" {
				t.Errorf("view (-want +got):\n%s", diff)
			}
			if action != tt.action {
				t.Errorf("action %d, want %d", action, tt.action)
			}
		})
	}
}

func TestScrollStopsAtTheEnd(t *testing.T) {
	v := State{Help: true, Width: 80, Height: 24}
	v = press(v, scene(), Key{Name: KeyEnd}, Key{Name: KeyPageDown}, Key{Name: KeyDown})
	last := len(helpPage(scene(), State{}, 80)) - bodyHeight(80, 24)
	if v.Scroll != last {
		t.Errorf("scrolled to %d, the end is %d", v.Scroll, last)
	}
	if v = press(v, scene(), Key{Name: KeyUp}); v.Scroll != last-1 {
		t.Errorf("one key up leads to %d", v.Scroll)
	}
	// After the screen grew, the first key scrolls at once.
	v.Scroll = 1000
	if v = press(v, scene(), Key{Name: KeyUp}); v.Scroll != last-1 {
		t.Errorf("from beyond the end one key up leads to %d", v.Scroll)
	}
}

func TestFreeze(t *testing.T) {
	before, after := scene(), sceneEmpty()
	after.Totals.Events = map[event.Type]uint64{event.NamespaceCreated: 15, event.CgroupCreated: 4, event.ContainerStarted: 3, event.OOMKill: 49}
	v := press(State{}, before, letters(" ")...)
	if v.Frozen != before {
		t.Fatal("space does not freeze")
	}
	frame := Render(after, v, 120, 40).Text()
	for _, want := range []string{"❚❚ frozen", "37 newer; space goes on", "stress-ng-vm (PID 28502", "12:26:15"} {
		if !strings.Contains(frame, want) {
			t.Errorf("a frozen frame has no %q:\n%s", want, frame)
		}
	}
	// Keys refer to what is on screen.
	if v = press(v, after, letters("G")...); v.Cursor[Containers] != hogID {
		t.Errorf("the cursor of a frozen screen is at %q", v.Cursor[Containers])
	}
	v = press(v, after, letters(" ")...)
	if v.Frozen != nil || strings.Contains(Render(after, v, 120, 40).Text(), "frozen") {
		t.Error("space does not go on")
	}
	// A model that began anew counts from zero; that is no negative number of events.
	if n := (State{Frozen: before}).missed(&model.Snapshot{}); n != 0 {
		t.Errorf("%d events missed", n)
	}
}

func TestCursorFollowsAContainerIntoItsEnd(t *testing.T) {
	s := scene()
	v := on(Containers, webID)
	s.Containers[1].State, s.Containers[1].Exited = model.Exited, s.Time
	if got := v.cursor(v.keys(s)); got != 1 {
		t.Errorf("the cursor is at %d", got)
	}
	v.Open = webID
	if page := Render(s, v, 120, 40).Text(); !strings.Contains(page, "web has ended") {
		t.Errorf("the page of a container that ended:\n%s", page)
	}
	// A container that was started again and its earlier run are two rows.
	s.Containers = append(s.Containers, model.Container{ID: hogID, Label: "hog", State: model.Exited, Exited: s.Time})
	keys := v.keys(s)
	for i := 1; i < len(keys); i++ {
		if keys[i] == keys[i-1] {
			t.Errorf("rows %d and %d are both %q", i-1, i, keys[i])
		}
	}
}

// When a machine is gone, its page says so, and the cursor is at the top; a later one with its PID is another.
func TestMachineGone(t *testing.T) {
	s := sceneVMs()
	v := press(State{}, s, Key{Name: KeyEnd}, Key{Name: KeyEnter})
	if page := Render(s, v, 120, 40).Text(); !strings.Contains(page, "in the container pod") {
		t.Fatalf("the page of the machine:\n%s", page)
	}
	s.VMs[2].Started = s.Time
	if page := Render(s, v, 120, 40).Text(); !strings.Contains(page, "It is gone") {
		t.Errorf("the page of a machine that is gone:\n%s", page)
	}
	v = press(v, s, Key{Name: KeyEsc})
	if got := v.cursor(v.keys(s)); got != 0 || v.Open != "" {
		t.Errorf("the cursor is at %d, open is %q", got, v.Open)
	}
}

// Sandboxes and services that nothing has happened to are listed when asked for.
func TestQuietAreListedWhenAskedFor(t *testing.T) {
	s := &model.Snapshot{
		Containers: []model.Container{{ID: "a", Label: "web", State: model.Running}, {ID: "b", Label: "gone", State: model.Exited}},
		Quiet:      []model.Container{{ID: "pid-5", Label: "bwrap-7", Kind: event.KindSandbox, State: model.Running}},
	}
	labels := func(st State) (list []string) {
		for _, c := range listedContainers(s, "", st.Quiet) {
			list = append(list, c.Label)
		}
		return list
	}
	st := State{Width: 120, Height: 40}
	if got := labels(st); !slices.Equal(got, []string{"web", "gone"}) {
		t.Errorf("at first %q", got)
	}
	st, _ = Update(st, Key{Name: KeyRune, Rune: 'a'}, s)
	if got := labels(st); !slices.Equal(got, []string{"web", "bwrap-7", "gone"}) {
		t.Errorf("asked for: %q", got)
	}
	st, _ = Update(st, Key{Name: KeyRune, Rune: 'a'}, s)
	if got := labels(st); len(got) != 2 {
		t.Errorf("asked again: %q", got)
	}
}

// Of a sandbox's first process it is not said that it is PID 1 inside: that may be bubblewrap.
func TestTitleOfSandbox(t *testing.T) {
	c := model.Container{ID: "pid-5", Label: "bwrap-7", Runtime: "bubblewrap", InitPID: 8, State: model.Running}
	c.Namespaces[event.PID] = model.Membership{ID: 5, Relation: model.RelationOwn}
	for kind, want := range map[event.Kind]bool{"": true, event.KindSandbox: false, event.KindService: false} {
		c.Kind = kind
		if title := anatomyTitle(&c, 120)[0].String(); strings.Contains(title, "PID 1 inside") != want || !strings.Contains(title, "host PID 8") {
			t.Errorf("%s: %s", kind, title)
		}
	}
}

// A text that has no room ends with a whole word and an ellipsis.
func TestCappedText(t *testing.T) {
	for _, w := range []int{20, 34, 38, 76} {
		lines := text(Plain, "hog: the kernel killed tail (PID 5793, 15.4 MiB). hog had reached its 16 MiB limit when tail asked for more.").wrap(w)
		want := lines[0].String() + "…"
		if got := capped(lines, 1)[0].String(); got != want {
			t.Errorf("%d: %q, want %q", w, got, want)
		}
	}
}
