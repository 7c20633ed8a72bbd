package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/floorplan"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// sceneWard returns a host with n workloads of many kinds of isolation: some share, one is a VM, one in four has page cache.
func sceneWard(n int) *model.Snapshot {
	s := scene()
	s.Containers, s.Kills = nil, nil
	names := []string{"web", "db", "cache", "queue", "search", "mail", "cron", "proxy", "auth", "batch"}
	patterns := []string{"ooooohhh", "ooooohhh", "oooooohh", "ooooohhh", "oohoohhh", "ooooohoh", "ohooohhh"}
	for i := range n - 1 {
		c := sceneContainers()[i%4]
		c.ID, c.Label, c.InitPID = fmt.Sprintf("%064x", i+1), names[i%len(names)], int32(30000+100*i)
		if i >= len(names) {
			c.Label = fmt.Sprintf("%s-%d", c.Label, i/len(names)+1)
		}
		c.Namespaces = memberships(patterns[i%len(patterns)], 4026540000+uint64(10*i))
		c.Created = sceneTime.Add(time.Duration(i-100) * time.Minute)
		c.Started = c.Created
		if c.Memory.LimitBytes != nil && i%8 == 1 {
			c.Memory.LimitBytes = mibs(512)
		}
		if i%4 == 0 {
			c.Memory.WorkingSetBytes = ptr(*c.Memory.UsageBytes / 2)
		}
		c.OOMKills, c.OOMKillsAtLeast, c.LatestKill = ptr(uint64(0)), 0, nil
		s.Containers = append(s.Containers, c)
	}
	s.VMs = sceneVMs().VMs[:1]
	s.VMs[0].Started = sceneTime.Add(-101 * time.Minute)
	return s
}

// sceneWardKilled has an OOM kill that has just happened in a small host, and a container with earlier ones.
func sceneWardKilled(n int) *model.Snapshot {
	s := sceneWard(n)
	kill := scene().Kills[len(scene().Kills)-1]
	victim := &s.Containers[1]
	kill.Event.Container, kill.Event.Time = ref(victim.ID, victim.Label), sceneTime.Add(-2*time.Second)
	oom := *kill.Event.OOM
	oom.Victim.Container = kill.Event.Container
	kill.Event.OOM = &oom
	victim.LatestKill, victim.OOMKills, victim.OOMKillsAtLeast = &kill, ptr(uint64(3)), 3
	earlier := kill
	earlier.Event.Time = sceneTime.Add(-time.Minute)
	s.Containers[0].LatestKill, s.Containers[0].OOMKills, s.Containers[0].OOMKillsAtLeast = &earlier, ptr(uint64(1)), 1
	s.Kills = []model.Kill{earlier, kill}
	return s
}

// sceneNested has containers in a container, two of which share a network, a pod and rooms in all states.
func sceneNested() *model.Snapshot {
	s := sceneWard(10)
	within := func(i int, parent int) { s.Containers[i].Parent = s.Containers[parent].ID }
	s.Containers[0].Label, s.Containers[0].Runtime, s.Containers[0].Image, s.Containers[0].Inside = "lxc-builder", "lxc", "", 3
	s.Containers[0].Namespaces = memberships("oooooooh", 4026541000)
	within(1, 0)
	within(2, 0)
	within(3, 0)
	for _, i := range []int{1, 2} {
		s.Containers[i].Namespaces = memberships("ooaooooh", 4026542000+100*uint64(i))
		s.Containers[i].Namespaces[event.Net].SharedWith = model.OthersNamed("other")
	}
	s.Containers[3].Namespaces = memberships("ooooohoh", 4026543000)
	for i, member := range []string{"app", "log", ""} {
		c := &s.Containers[4+i]
		c.Label, c.Group = "k8s_"+member+"_cart-7d9f", &event.Group{Kind: event.GroupPod, Namespace: "shop", Name: "cart-7d9f", Member: member}
		c.Namespaces = memberships("oobbbhhh", 4026544000+100*uint64(i))
		for t := event.Net; t <= event.UTS; t++ {
			c.Namespaces[t].SharedWith = model.OthersNamed("one", "two")
		}
		if member == "" {
			c.Kind = event.KindPod
		}
	}
	s.Containers[7].State = model.Paused
	s.Containers[8].State, s.Containers[8].Exited, s.Containers[8].Exit = model.Exited, sceneTime.Add(-5*time.Second), &event.Exit{Code: ptr(int32(137)), Signal: 9, Cause: event.CauseOOMKill}
	return s
}

// onMap returns the map with the cursor on a container.
func onMap(s *model.Snapshot, label string) State {
	for c := range s.All() {
		if c.Label == label {
			return on(Map, containerKey(c))
		}
	}
	return on(Map, "")
}

// shows reports whether a name is readable on the map: all of it or, where there is no space for it, its beginning and end.
func (p planned) shows(name string) bool {
	if strings.Contains(p.text, name) {
		return true
	}
	for n := len(name) / 2; n >= 2; n-- {
		if strings.Contains(p.text, name[:n]+"…") {
			return true
		}
	}
	return false
}

type planned struct {
	floorplan.Plan
	text string
}

func planOf(s *model.Snapshot, v State, w, h int) planned {
	_, p, _ := screen{s: v.shown(s), state: v, w: w, h: h}.plan(mapHost(w, h))
	v.Width, v.Height = w, h
	return planned{p, Render(s, v, w, h).Text()}
}

// Every room has its name, and every wall of its own the name of the namespace; what is not drawn is counted.
func TestMapSaysAll(t *testing.T) {
	for _, s := range []*model.Snapshot{sceneWard(4), sceneWard(12), sceneWard(30), sceneWard(100), sceneWardKilled(30), sceneNested(), sceneVMs(), sceneShared(), sceneGroups()} {
		for _, size := range [][2]int{{80, 24}, {100, 30}, {120, 36}, {120, 40}, {200, 50}, {300, 100}} {
			v := on(Map, "")
			for page := 1; ; page++ {
				p := planOf(s, v, size[0], size[1])
				rows := strings.Split(p.text, "\n")
				for _, at := range p.Places {
					if name := (screen{}).roomName(at.Room).String(); !p.shows(name) {
						t.Errorf("%v: no %q in\n%s", size, name, p.text)
					}
					for segment := range at.Segments() {
						if segment.Wall != floorplan.Closed || at.Room.VM != nil || at.Room.Container != nil && !at.Room.Container.Live() {
							continue
						}
						if got := wallText(rows, at, segment); !strings.Contains(got, segment.Type.String()[:3]) && !strings.Contains(got, namespaceTitle(segment.Type, 4)) {
							t.Errorf("%v: the wall of %s is %q in\n%s", size, segment.Type, got, p.text)
						}
					}
				}
				if p.LeftOut > 0 && !strings.Contains(p.text, fmt.Sprintf("%d not drawn", p.LeftOut)) {
					t.Errorf("%v: %d are left out in silence:\n%s", size, p.LeftOut, p.text)
				}
				if page == p.Pages {
					break
				}
				v.Width, v.Height = size[0], size[1]
				v = press(v, s, Key{Name: KeyPageDown})
				if got := planOf(s, v, size[0], size[1]); got.Page != page+1 {
					t.Fatalf("%v: page down from page %d leads to page %d of %d", size, page, got.Page, got.Pages)
				}
			}
		}
	}
}

// wallText returns the cells of a wall, with the columns beside it that hold its name.
func wallText(rows []string, at floorplan.Place, s floorplan.Segment) string {
	cut := func(y, x, n int) string { // of the frame, inside of which the plan is
		cells := []rune(rows[aboveBody+1+y])
		return string(cells[min(x+1, len(cells)):min(x+1+n, len(cells))])
	}
	switch s.Side {
	case floorplan.Left:
		return cut(at.Y+s.From, at.X, 4)
	case floorplan.Right:
		return cut(at.Y+s.From, at.X+at.W-4, 4)
	}
	return cut(at.Y+at.H-1, at.X+s.From, s.To-s.From)
}

// The arrows reach every room, there is one cursor, and Enter and Esc lead to the page of the list and back.
func TestWalkOnTheMap(t *testing.T) {
	for _, s := range []*model.Snapshot{sceneWard(4), sceneWard(40), sceneNested(), sceneVMs(), sceneGroups()} {
		for _, size := range [][2]int{{200, 50}, {120, 36}, {80, 24}, {30, 9}} {
			v := on(Map, "")
			v.Width, v.Height = size[0], size[1]
			keys := v.keys(s)
			for i, key := range keys {
				if got := keys[v.cursor(keys)]; got != key {
					t.Fatalf("%v: after %d times right the cursor is at %q, not %q", size, i, got, key)
				}
				text := Render(s, v, size[0], size[1]).Text()
				if i%10 == 0 && !strings.Contains(text, "▸") {
					t.Fatalf("%v: the cursor is not on the map:\n%s", size, text)
				}
				opened := press(v, s, Key{Name: KeyEnter})
				if opened.Tab != Containers || opened.Open != key {
					t.Fatalf("enter leads from %q to %q of view %d", key, opened.Open, opened.Tab)
				}
				if back := press(opened, s, Key{Name: KeyEsc}); back.Tab != Map || keys[back.cursor(keys)] != key {
					t.Fatalf("esc leads to %q of view %d", back.Cursor[Map], back.Tab)
				}
				right := KeyRight
				if size[1] < 20 { // a list
					right = KeyDown
				}
				v = press(v, s, Key{Name: right})
			}
			if home := press(v, s, Key{Name: KeyHome}); keys[home.cursor(keys)] != keys[0] {
				t.Errorf("%v: home leads to %q", size, home.Cursor[Map])
			}
		}
	}
	s := sceneWard(12)
	v := on(Map, "")
	v.Width, v.Height = 120, 36
	down := press(v, s, letters("j")...)
	if keys := v.keys(s); slices.Index(keys, down.Cursor[Map]) < 2 {
		t.Errorf("down from the first room leads to the room beside it, %q", down.Cursor[Map])
	}
	if up := press(down, s, letters("k")...); up.cursor(up.keys(s)) != 0 {
		t.Errorf("and up again to %q", up.Cursor[Map])
	}
	if none := press(on(Map, ""), sceneEmpty(), Key{Name: KeyDown}, Key{Name: KeyLeft}, Key{Name: KeyEnter}); none.Open != "" {
		t.Errorf("an empty map opens %q", none.Open)
	}
}

// The sandboxes of pods have rooms when asked for, and until then the map says how many there are.
func TestSandboxesOnTheMap(t *testing.T) {
	s := sceneNested()
	v := on(Map, "")
	with := press(v, s, letters("a")...)
	if more, less := len(with.keys(s)), len(v.keys(s)); more != less+1 {
		t.Errorf("%d rooms, and %d with the sandbox", less, more)
	}
	for _, tt := range []struct {
		v    State
		want bool
	}{{v, true}, {with, false}} {
		if got := strings.Contains(Render(s, tt.v, 120, 36).Text(), "a adds 1 pod's sandbox"); got != tt.want {
			t.Errorf("the map says that there is one more: %v, want %v", got, tt.want)
		}
	}
}

// A kill is loud in its room for some seconds, and told above the rooms if that is not drawn.
func TestKillFlashesInItsRoom(t *testing.T) {
	s := sceneWardKilled(12)
	loud := func(s *model.Snapshot) (in bool) {
		f := Render(s, on(Map, ""), 120, 36)
		for y := range f.Height {
			for x := range f.Width {
				in = in || f.At(x, y).Style.base() == KillLabel
			}
		}
		if words := strings.Contains(f.Text(), "× OOM KILL"); words != in {
			t.Errorf("in words %v, in style %v:\n%s", words, in, f.Text())
		}
		return in
	}
	if !loud(s) {
		t.Error("a kill two seconds ago is not on the map")
	}
	s.Time = s.Time.Add(killFlash)
	if loud(s) {
		t.Error("a kill twelve seconds ago is still loud")
	}
	s = sceneWardKilled(12)
	s.Containers = slices.Delete(s.Containers, 1, 2)
	if !loud(s) {
		t.Error("a kill in a room that is not drawn is not told")
	}
}

// Also where there is room for little it is told whose kill it was.
func TestKillAboveTheRoomsIsNamed(t *testing.T) {
	s := sceneWardKilled(12)
	s.Containers = slices.Delete(s.Containers, 1, 2)
	k := &s.Kills[len(s.Kills)-1]
	heading := strings.Split(Render(s, on(Map, ""), 80, 24).Text(), "\n")[3]
	if want := "× OOM KILL  " + story.VictimPlace(k) + ": " + story.VictimComm(k); !strings.Contains(heading, want) {
		t.Errorf("%q is not in %q", want, heading)
	}
}

// The first process of a container in the host's PID namespace is not PID 1 anywhere inside.
func TestMapTellsPID1Apart(t *testing.T) {
	for relation, want := range map[model.Relation]bool{model.RelationOwn: true, model.RelationHost: false, model.RelationShared: false, model.RelationUnknown: false} {
		s := sceneWard(12)
		s.Containers, s.VMs = s.Containers[:1], nil
		s.Containers[0].Namespaces[event.PID].Relation = relation
		text := Render(s, on(Map, ""), 200, 50).Text()
		if got := strings.Count(text, "is PID 1 inside"); (got == 2) != want || (strings.Count(text, "host PID ") == 2) == want {
			t.Errorf("%v: it is said %d times in\n%s", relation, got, text)
		}
	}
}

// Every cell of a room answers a click, and a double click opens the innermost room there.
func TestMapAnswersTheMouse(t *testing.T) {
	for _, s := range []*model.Snapshot{sceneWard(12), sceneNested(), sceneVMs()} {
		st := on(Map, "")
		st.Width, st.Height = 120, 36
		sc := screen{s: s, live: s, state: st, w: st.Width, h: st.Height}
		_, plan, _ := sc.plan(mapHost(st.Width, st.Height))
		for i, p := range plan.Places {
			click := Mouse{X: p.X + 1, Y: aboveBody + p.Y + 1, Button: MouseLeft} // the corner, which nothing inside covers
			if p.Room.Container == nil && p.Room.VM == nil {
				continue // a frame around several
			}
			want := roomKey(p.Room)
			if got := press(st, s, Key{Name: KeyMouse, Mouse: click}).Cursor[Map]; got != want {
				t.Errorf("room %d: a click leads to %q, want %q", i, got, want)
			}
			click.Double = true
			if opened := press(st, s, Key{Name: KeyMouse, Mouse: click}); opened.Open != want || opened.Tab != Containers {
				t.Errorf("room %d: a double click opens %q in %d", i, opened.Open, opened.Tab)
			}
		}
	}
}

func BenchmarkRenderMap(b *testing.B) {
	for _, n := range []int{30, 1000} {
		b.Run(fmt.Sprintf("workloads=%d", n), func(b *testing.B) {
			s := sceneWard(n)
			v := on(Map, s.Containers[n/2].ID)
			b.ReportAllocs()
			for b.Loop() {
				Render(s, v, 200, 50)
			}
		})
	}
}
