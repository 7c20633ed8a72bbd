package ui

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/rivo/uniseg"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// checkRows checks every frame: each row is exactly as wide as the frame, a wide cluster has an
// empty cell to its right, and no cell has anything that acts on a terminal.
func checkRows(t *testing.T, f Frame) {
	t.Helper()
	for y := range f.Height {
		width := 0
		for x := range f.Width {
			c := f.At(x, y)
			w := uniseg.StringWidth(c.Text)
			width += w
			if c.Text == "" && (x == 0 || uniseg.StringWidth(f.At(x-1, y).Text) != 2) {
				t.Fatalf("%dx%d: row %d column %d is empty without a wide cluster before it", f.Width, f.Height, y, x)
			}
			if w == 2 && (x+1 == f.Width || f.At(x+1, y).Text != "") {
				t.Fatalf("%dx%d: row %d column %d: %q has no room", f.Width, f.Height, y, x, c.Text)
			}
			if w > 2 || (w == 0 && c.Text != "") {
				t.Fatalf("%dx%d: row %d column %d: %q is %d columns wide", f.Width, f.Height, y, x, c.Text, w)
			}
			for _, r := range c.Text {
				if !unicode.IsPrint(r) {
					t.Fatalf("%dx%d: row %d column %d holds %U", f.Width, f.Height, y, x, r)
				}
			}
			if c.Style.base() >= styleCount {
				t.Fatalf("row %d column %d has style %d", y, x, c.Style)
			}
		}
		if width != f.Width {
			t.Fatalf("%dx%d: row %d is %d columns wide", f.Width, f.Height, y, width)
		}
	}
}

// everyView returns each view of a snapshot, including its opened rows.
func everyView(s *model.Snapshot) []State {
	enter := Key{Name: KeyEnter}
	views := []State{{Help: true}, {Replay: true}, {Frozen: s}, {Search: "o", Typing: true}, {Tab: 99}, {Open: "gone"}}
	for tab := range tabCount {
		v := State{Tab: tab, Notes: []string{"a note"}}
		views = append(views, v, press(v, s, enter), press(v, s, Key{Name: KeyEnd}), press(v, s, Key{Name: KeyEnd}, enter))
	}
	return views
}

func TestRenderAnySize(t *testing.T) {
	views := everyView(sceneVMsHostile())
	scenes := []*model.Snapshot{sceneHostile(), sceneEnded(), sceneUnknown(), sceneLossy(), sceneFirst(), sceneMany(30), sceneVMs(), sceneVMsOnly(), sceneVMsHostile(), nil}
	i := 0
	for w := range 51 {
		for h := range 51 {
			// Every size with some view of some scene; over all sizes, every view of every scene.
			f := Render(scenes[i%len(scenes)], views[i/len(scenes)%len(views)], w, h)
			if f.Width != w || f.Height != h {
				t.Fatalf("asked for %dx%d, got %dx%d", w, h, f.Width, f.Height)
			}
			checkRows(t, f)
			i++
		}
	}
	if f := Render(scene(), State{}, -3, -1); f.Width != 0 || f.Height != 0 {
		t.Errorf("a negative size makes a frame of %dx%d", f.Width, f.Height)
	}
}

func TestColumnsFitAndDependOnWidthAlone(t *testing.T) {
	for w := smallWidth; w <= 300; w++ {
		c := columnsFor(w, nil)
		if got := c.width(); got > w {
			t.Errorf("at %d columns the table takes %d: %+v", w, got, c)
		}
		for _, titles := range []line{c.head(), c.groups()} {
			if got := titles.width(); got > w {
				t.Errorf("at %d columns the titles take %d", w, got)
			}
		}
		s := sceneEnded()
		for i := range s.Containers {
			if got := c.row(nil, containerRow{container: &s.Containers[i]}, s, false, "").width(); got > w {
				t.Errorf("at %d columns the row of %s takes %d", w, s.Containers[i].Label, got)
			}
		}
		for _, titles := range []line{c.vmHead(""), c.vmHead("VM 1-2 of 30"), c.vmGroups()} {
			if got := titles.width(); got > w {
				t.Errorf("at %d columns the titles of the VMs take %d", w, got)
			}
		}
		for _, s := range []*model.Snapshot{sceneVMs(), sceneVMsOnly(), sceneVMsHostile()} {
			for i := range s.VMs {
				if got, head := c.vmRow(&s.VMs[i], s, false, "").width(), c.head().width(); got > w || got > head+1 || got < head-1 {
					t.Errorf("at %d columns the row of VM %d takes %d, and the titles %d", w, s.VMs[i].PID, got, head)
				}
			}
		}
		if c.of(columnName) < 8 {
			t.Errorf("at %d columns a name has %d", w, c.of(columnName))
		}
	}
}

// A wider screen shows what a narrower one does, and more; none has an empty half.
func TestColumnsComeInOrder(t *testing.T) {
	for w, want := range map[int]string{
		40:  "name memory oom",
		60:  "name pid namespaces memory oom",
		80:  "name pid namespaces cpu memory oom",
		120: "name pid up namespaces cpu memory last_minute oom processes",
		160: "name image pid up start namespaces cpu memory last_minute oom processes net.rx net.tx",
		200: "name image pid up start namespaces cpu memory last_minute oom psi.mem io.read io.write processes net.rx net.tx",
	} {
		c := columnsFor(w, nil)
		if got := strings.Trim(fmt.Sprint(c.keys()), "[]"); got != want {
			t.Errorf("%d columns: %s, want %s", w, got, want)
		}
		if over := w - c.width(); over > 8 {
			t.Errorf("%d columns: %d are empty", w, over)
		}
		if bar, _ := memoryWidths(c.of(columnMemory)); (bar > 0) != (w >= 80) || (c.namespace() == 4) != (w >= 120) {
			t.Errorf("%d columns: a bar of %d, namespaces of %d", w, bar, c.namespace())
		}
	}
	var before []ColumnKey
	for w := smallWidth; w <= 300; w++ {
		keys := columnsFor(w, nil).keys()
		for _, key := range before {
			if !slices.Contains(keys, key) {
				t.Errorf("at %d columns %s is gone", w, key)
			}
		}
		before = keys
	}
}

// FuzzRender draws arbitrary text in every place where foreign text can come from.
func FuzzRender(f *testing.F) {
	f.Add("name", uint8(120), uint8(40), uint8(0))
	f.Add("\x1b[2J\u202e\xff\u0301データ👩‍👩‍👧", uint8(50), uint8(20), uint8(3))
	f.Add("a\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309 ⸻﷽🇩🇪", uint8(21), uint8(6), uint8(9))
	f.Fuzz(func(t *testing.T, text string, w, h, which uint8) {
		s := scene()
		s.Host.Name, s.Host.Kernel, s.Host.CgroupVersion = text, text, text
		who := &event.Container{ID: text, Name: text, Runtime: text}
		for i := range s.Containers {
			c := &s.Containers[i]
			c.ID, c.Label, c.Image, c.Runtime, c.InitComm, c.CgroupPath = text+fmt.Sprint(i), text, text, text, text, text
			c.Namespaces[event.Net].SharedWith = model.OthersNamed(text, text)
			for j := range c.History {
				m := &c.History[j]
				m.Cgroup, m.Action, m.By = text, fact.EngineAction(text), &event.Process{Comm: text, PID: 1, Container: who}
				if j == 0 {
					m.Kind = model.EntryKind(text)
				}
			}
		}
		s.VMs = sceneVMs().VMs
		for i := range s.VMs {
			v := &s.VMs[i]
			v.Name, v.Kind, v.Acceleration, v.Manager = text, fact.VMKind(text), fact.Acceleration(text), text
			v.Namespaces[event.Net].SharedWith = model.OthersNamed(text)
			if i > 0 {
				v.Container = text
			}
		}
		for i := range s.Kills {
			k := &s.Kills[i]
			o := *k.Event.OOM
			o.Cgroup, o.Victim.Comm, o.Trigger = text, text, &event.Process{Comm: text, PID: 1, Container: who}
			k.Event.Comm, k.Event.Container, k.Event.OOM, k.InitComm = text, who, &o, text
		}
		for i := range s.Events {
			e := &s.Events[i]
			e.Comm, e.Container = text, who
			if e.Cgroup != nil {
				e.Cgroup = &event.Cgroup{Path: text}
			}
		}
		s.Events = append(s.Events, event.Event{Type: event.Type(text), Lost: &event.Lost{Reason: text}})
		for i := range s.Namespaces {
			s.Namespaces[i].Containers, s.Namespaces[i].PinnedBy = []string{text}, []string{text}
		}
		s.FailedStarts = []model.Container{{ID: text, Label: text, State: model.Created, NeverStarted: &fact.NeverStarted{Error: text}}}
		s.Probes = []fact.Probe{{Name: fact.ProbeName(text), Method: fact.Method(text), Reason: text}}
		s.Engines = []fact.Engine{{Name: text, State: fact.EngineFailing, Detail: text}}
		s.Totals.Lost = map[string]uint64{text: 1}
		views := everyView(s)
		v := views[int(which)%len(views)]
		v.Notes = []string{text}
		if which%3 == 0 {
			v.Search = text
		}
		checkRows(t, Render(s, v, int(w), int(h)))
	})
}

func TestListedContainers(t *testing.T) {
	names := func(s *model.Snapshot, needle string) (out []string) {
		for _, c := range listedContainers(s, needle, false) {
			out = append(out, c.Label)
		}
		return out
	}
	s := sceneEnded()
	for i := range 10 {
		s.Containers = append(s.Containers, model.Container{
			ID: fmt.Sprint("late-", i), Label: "late", State: model.Exited, Exited: s.Time.Add(-time.Second),
		})
	}
	for _, tt := range []struct {
		name, needle string
		s            *model.Snapshot
		want         []string
	}{
		{"ended ones leave after a minute, killed ones after fifteen", "", sceneEnded(),
			[]string{"agent", "web", "sidecar", "hog", "job-ok", "job-failed", "job-stopped", "job-unseen", "job-eaten"}},
		{"only a handful of ended ones", "late", s, []string{"late", "late", "late", "late", "late"}},
		{"by image, whatever the case", "NGINX", scene(), []string{"web"}},
		{"by id", "28473c53", scene(), []string{"hog"}},
		{"nothing", "zebra", scene(), nil},
	} {
		if got := names(tt.s, tt.needle); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestListedVMs(t *testing.T) {
	for needle, want := range map[string][]int32{
		"": {8212, 8470, 29351}, "LESS": {8212}, "qemu": {8212, 29351}, "kata": {29351}, "pod": {29351}, "kvm": {8470, 29351},
		"vm": {8212, 8470, 29351}, "zebra": nil,
	} {
		var got []int32
		for _, v := range listedVMs(sceneVMs(), needle) {
			got = append(got, v.PID)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: %v, want %v", needle, got, want)
		}
	}
}

// A container whose programs run in a machine does not show the monitor's namespaces as its walls; one with a
// machine among its processes keeps its own.
func TestMachineOf(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*model.Container, *model.VM)
		want   bool
	}{
		{"Kata's", func(c *model.Container, v *model.VM) { c.InitPID = 7 }, true},
		{"gVisor's", func(c *model.Container, v *model.VM) {
			c.InitPID, v.Manager, v.Kind = 7, "", fact.KindGVisor
		}, true},
		{"no other first process", func(c *model.Container, v *model.VM) { v.Manager = "" }, true},
		{"the first process", func(c *model.Container, v *model.VM) { c.InitPID, v.Manager = v.PID, "" }, true},
		{"one of several", func(c *model.Container, v *model.VM) { c.InitPID, v.Manager = 7, "" }, false},
		{"in another container", func(c *model.Container, v *model.VM) { v.Container = "web" }, false},
		{"in none", func(c *model.Container, v *model.VM) { v.Container = "" }, false},
		{"in one of that name that has ended", func(c *model.Container, v *model.VM) { c.State = model.Exited }, false},
	} {
		s := sceneVMs()
		pod := &s.Containers[4]
		tt.change(pod, &s.VMs[2])
		if got := machineOf(pod, s) != nil; got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// The row under the cursor is on screen whichever it is, and only once.
func TestCursorGoesThroughBothPartsOfTheTable(t *testing.T) {
	for _, size := range [][2]int{{120, 40}, {80, 24}, {60, 20}, {40, 10}, {20, 5}, {20, 2}} {
		s := sceneManyVMs()
		s.Kills, s.Containers, s.VMs = nil, s.Containers[:40], s.VMs[:12]
		v := State{Width: size[0], Height: size[1]}
		keys := v.keys(s)
		if len(keys) != 52 {
			t.Fatalf("%d rows", len(keys))
		}
		for i, key := range keys {
			if v.cursor(keys) != i {
				t.Fatalf("%v: after %d times down the cursor is at %d", size, i, v.cursor(keys))
			}
			text := Render(s, v, size[0], size[1]).Text()
			if n := strings.Count(text, "▸"); n != 1 {
				t.Fatalf("%v: %d cursors with %s under it:\n%s", size, n, key, text)
			}
			v = press(v, s, Key{Name: KeyDown})
		}
	}
}

// sceneCrowd is a host with n containers, ten namespaces for each, and as many events as are kept.
func sceneCrowd(n int) *model.Snapshot {
	s := sceneMany(n)
	for len(s.Events) < 1000 {
		s.Events = append(s.Events, s.Events[:min(len(s.Events), 1000-len(s.Events))]...)
	}
	some := s.Namespaces
	s.Namespaces = nil
	for i := range 10 * n {
		ns := some[i%len(some)]
		ns.ID = uint64(4026540000 + i)
		s.Namespaces = append(s.Namespaces, ns)
	}
	return s
}

func BenchmarkRender(b *testing.B) {
	for _, n := range []int{50, 1000} {
		s := sceneCrowd(n)
		for tab := range tabCount {
			b.Run(fmt.Sprintf("workloads=%d/view=%s", n, views[tab].title()), func(b *testing.B) {
				st := State{Tab: tab}
				if keys := st.keys(s); len(keys) > 0 {
					st.Cursor[tab] = keys[len(keys)/2]
				}
				b.ReportAllocs()
				for b.Loop() {
					Render(s, st, 200, 50)
				}
			})
		}
	}
}

// Every clock on the screen shows the time of the zone that the view has.
func TestClocksAreLocal(t *testing.T) {
	tokyo := time.FixedZone("Asia/Tokyo", 9*60*60)
	utc := regexp.MustCompile(`\b12:2\d:\d\d`) // where the scene's clocks are without a zone
	s := scene()
	views := []State{{}, {Tab: Kills}, {Tab: Events}, {Tab: Namespaces}, {Tab: Host}}
	for _, tab := range []Tab{Containers, Kills, Namespaces} {
		for _, key := range (State{Tab: tab}).keys(s) {
			views = append(views, State{Tab: tab, Open: key})
		}
	}
	for _, v := range views {
		v.Zone = tokyo
		frame := Render(s, v, 120, 60).Text()
		if found := utc.FindString(frame); found != "" || !strings.Contains(frame, "● live · 21:26:15") {
			t.Errorf("%s in the view of %+v:\n%s", found, v, frame)
		}
		v.Frozen = s
		if frame := Render(sceneEmpty(), v, 120, 60).Text(); utc.MatchString(frame) {
			t.Errorf("frozen in the view of %+v:\n%s", v, frame)
		}
	}
}

// nsviz may have begun after the container: the first line counts what nsviz saw, the row everything since the container's start.
func TestWhichKillsAreCounted(t *testing.T) {
	s := *scene()
	s.Containers = slices.Clone(s.Containers)
	for i := range s.Containers {
		if s.Containers[i].Label == "hog" {
			s.Containers[i].OOMKills, s.Containers[i].OOMKillsAtLeast = new(uint64(288)), 288
		}
	}
	s.Totals.OOMKills = map[model.KillKey]uint64{{Container: "hog", Scope: event.ScopeCgroup}: 33}
	frame := Render(&s, State{}, 120, 40).Text()
	for _, want := range []string{"33 OOM kills seen", "  288     3", "OOM kills since its start"} {
		if !strings.Contains(frame, want) {
			t.Errorf("no %q in\n%s", want, frame)
		}
	}
	if help := Render(&s, State{Help: true}, 120, 40).Text(); !strings.Contains(help, "OOM kills seen ") {
		t.Errorf("the help says nothing of it:\n%s", help)
	}
}
