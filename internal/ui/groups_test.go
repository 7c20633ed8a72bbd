package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

const (
	shopHeading = headingKey + `compose:""/"shop"`
	cartHeading = headingKey + `pod:"shop"/"cart-7d9f"`
)

// sceneGroups returns a host with a compose project and a pod. One service has ended, and of one container the memory is unknown.
func sceneGroups() *model.Snapshot {
	s := scene()
	shop := func(member string) *event.Group {
		return &event.Group{Kind: event.GroupCompose, Name: "shop", Member: member}
	}
	cart := func(member string) *event.Group {
		return &event.Group{Kind: event.GroupPod, Namespace: "shop", Name: "cart-7d9f", Member: member}
	}
	more := func(like int, id byte, label string, group *event.Group) model.Container {
		c := s.Containers[like]
		c.ID, c.Label, c.Group, c.History = strings.Repeat(string(id), 64), label, group, nil
		return c
	}
	pause := more(2, '1', "k8s_POD_cart-7d9f", cart(""))
	pause.Kind = event.KindPod
	app := more(2, '2', "k8s_app_cart-7d9f", cart("app"))
	side := more(2, '3', "k8s_side_cart-7d9f", cart("side"))
	side.Memory = model.Memory{}
	second := more(1, '4', "shop-worker-2", shop("worker-2"))
	gone := more(1, '5', "shop-migrate-1", shop("migrate"))
	gone.State, gone.Exited, gone.Exit = model.Exited, s.Time.Add(-10*time.Second), &event.Exit{Code: ptr(int32(0)), Cause: event.CauseExited}
	agent, web, sidecar, hog := s.Containers[0], s.Containers[1], s.Containers[2], s.Containers[3]
	web.Label, web.Group = "shop-web-1", shop("web")
	hog.Label, hog.Group = "shop-worker-1", shop("worker")
	s.Containers = []model.Container{agent, web, pause, sidecar, app, hog, side, second, gone}
	return s
}

// sceneGroupsHostile has names of groups that try to break the screen.
func sceneGroupsHostile() *model.Snapshot {
	s := sceneGroups()
	for i := range s.Containers {
		if g := s.Containers[i].Group; g != nil {
			s.Containers[i].Group = &event.Group{Kind: g.Kind, Name: "\x1b[2J" + g.Name + "\u202e\n データベース主系統本番のとても長い名前", Namespace: g.Namespace, Member: "@\x1b]0;" + g.Member}
		}
	}
	return s
}

func folded(headings ...string) State {
	st := on(Containers, headings[0])
	st.Folded = map[string]bool{}
	for _, h := range headings {
		st.Folded[h] = true
	}
	return st
}

func TestFold(t *testing.T) {
	s := sceneGroups()
	keys := func(names ...KeyName) (keys []Key) {
		for _, n := range names {
			keys = append(keys, Key{Name: n})
		}
		return keys
	}
	space := letters(" ")
	found := on(Containers, shopHeading)
	found.Search = "shop"
	foundFrozen := found
	foundFrozen.Frozen = s
	frozen := on(Containers, webID)
	frozen.Frozen = s
	searching := State{Search: "shop"}
	help := on(Containers, shopHeading)
	help.Help = true
	firstIsHeading := sceneGroups()
	firstIsHeading.Containers = firstIsHeading.Containers[1:]
	first := State{Frozen: firstIsHeading}
	for _, tt := range []struct {
		name string
		s    *model.Snapshot
		from State
		keys []Key
		want State
	}{
		{"left folds", s, on(Containers, shopHeading), keys(KeyLeft), folded(shopHeading)},
		{"and stays folded", s, folded(shopHeading), keys(KeyLeft), folded(shopHeading)},
		{"right unfolds", s, folded(shopHeading), keys(KeyRight), on(Containers, shopHeading)},
		{"space folds", s, on(Containers, shopHeading), space, folded(shopHeading)},
		{"and unfolds", s, folded(shopHeading), space, on(Containers, shopHeading)},
		{"enter folds", s, on(Containers, shopHeading), keys(KeyEnter), folded(shopHeading)},
		{"left of a member freezes, and steps back", s, on(Containers, webID), keys(KeyLeft), frozen},
		{"right of a member", s, on(Containers, webID), keys(KeyRight), on(Containers, webID)},
		{"both", s, on(Containers, cartHeading), keys(KeyLeft, KeyUp, KeyUp, KeyUp, KeyUp, KeyUp, KeyLeft), folded(shopHeading, cartHeading)},
		{"space elsewhere freezes", s, on(Containers, webID), space, frozen},
		{"space at the top freezes, whatever came there", firstIsHeading, State{}, space, first},
		{"esc unfolds all", s, folded(shopHeading, cartHeading), keys(KeyEsc), on(Containers, shopHeading)},
		{"what is found is not folded", s, found, keys(KeyLeft), foundFrozen},
		{"so space freezes", s, found, space, foundFrozen},
		{"the search goes first", s, func() State { st := folded(shopHeading); st.Search = "x"; return st }(), keys(KeyEsc), folded(shopHeading)},
		{"nothing is there", &model.Snapshot{}, State{}, keys(KeyRight), State{}},
		{"the help", s, help, keys(KeyLeft), help},
		{"right in a search", s, searching, keys(KeyRight), searching},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.from
			if before.Folded != nil {
				before.Folded = map[string]bool{}
				for k := range tt.from.Folded {
					before.Folded[k] = true
				}
			}
			got := press(tt.from, tt.s, tt.keys...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(before, tt.from); diff != "" {
				t.Errorf("the state before has changed:\n%s", diff)
			}
		})
	}
}

// The rows keep their order while containers come and go, and each has a key of its own.
func TestRowsOfGroups(t *testing.T) {
	rows := func(s *model.Snapshot, st State) string {
		var names []string
		seen := map[string]bool{}
		for _, r := range listedRows(s, st) {
			if seen[r.key()] {
				t.Errorf("two rows are %q", r.key())
			}
			seen[r.key()] = true
			var name string
			switch {
			case r.container == nil:
				name = "[" + r.group.Of.Path() + "]"
			case r.group != nil:
				name = r.group.MemberName(r.container)
			default:
				name = r.container.Label
			}
			names = append(names, name)
		}
		return strings.Join(names, " ")
	}
	s := sceneGroups()
	for _, tt := range []struct {
		st   State
		want string
	}{
		{State{}, "agent [shop] web worker worker-2 migrate [shop/cart-7d9f] app side infra sidecar"},
		{folded(shopHeading), "agent [shop] [shop/cart-7d9f] app side infra sidecar"},
		{folded(cartHeading), "agent [shop] web worker worker-2 migrate [shop/cart-7d9f] sidecar"},
		{State{Search: "cart"}, "[shop/cart-7d9f] app side infra"},
		{State{Search: "cart-7d9f/si"}, "[shop/cart-7d9f] side"},
		{State{Search: "shop/work", Folded: folded(shopHeading).Folded}, "[shop] worker worker-2"},
	} {
		if got := rows(s, tt.st); got != tt.want {
			t.Errorf("%+v: %s\nwant %s", tt.st, got, tt.want)
		}
	}
	// The pod's sandbox keeps its place while its containers come and go.
	s.Containers = append(s.Containers[:4:4], s.Containers[6:]...)
	if got, want := rows(s, State{}), "agent [shop] web worker-2 migrate [shop/cart-7d9f] side infra sidecar"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// The row under the cursor is on screen whichever it is, folded or not, and keys lead through all of them.
func TestCursorGoesThroughGroups(t *testing.T) {
	for _, size := range [][2]int{{200, 50}, {120, 40}, {80, 24}, {60, 20}, {40, 10}, {20, 5}} {
		for _, from := range []State{{}, folded(cartHeading)} {
			s := sceneGroups()
			s.Kills = nil
			v := from
			v.Cursor, v.Width, v.Height = [tabCount]string{}, size[0], size[1]
			keys := v.keys(s)
			for i := range keys {
				if v.cursor(keys) != i {
					t.Fatalf("%v: after %d times down the cursor is at %d", size, i, v.cursor(keys))
				}
				frame := Render(s, v, size[0], size[1])
				checkRows(t, frame)
				if n := strings.Count(frame.Text(), "▸"); n != 1 {
					t.Fatalf("%v: %d cursors at row %d:\n%s", size, n, i, frame.Text())
				}
				v = press(v, s, Key{Name: KeyDown})
			}
		}
	}
}

// A hundred pods of three are listed, folded and searched.
func TestManyGroups(t *testing.T) {
	s := scene()
	s.Containers = nil
	for i := range 300 {
		s.Containers = append(s.Containers, model.Container{
			ID: fmt.Sprintf("%064x", i), Label: fmt.Sprintf("c%d", i), State: model.Running,
			Group: &event.Group{Kind: event.GroupPod, Namespace: "n", Name: fmt.Sprintf("p%02d", i%100), Member: fmt.Sprint(i / 100)},
		})
	}
	st := State{Width: 120, Height: 40}
	if n := len(st.keys(s)); n != 400 {
		t.Fatalf("%d rows", n)
	}
	st = press(st, s, Key{Name: KeyEnd}, Key{Name: KeyUp}, Key{Name: KeyUp}, Key{Name: KeyUp}, Key{Name: KeyLeft})
	keys := st.keys(s)
	if len(keys) != 397 || !isHeading(keys[st.cursor(keys)]) {
		t.Errorf("%d rows, the cursor is at %q", len(keys), keys[st.cursor(keys)])
	}
	st = press(st, s, letters("/p42")...)
	if text := Render(s, st, 120, 40).Text(); !strings.Contains(text, "3 shown") || !strings.Contains(text, "▾ n/p42 · pod") {
		t.Errorf("%s", text)
	}
}
