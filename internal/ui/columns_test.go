package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// sceneUses has containers that use much, little, and what is unknown.
func sceneUses() *model.Snapshot {
	s := scene()
	for i := range s.Containers {
		c := &s.Containers[i]
		c.Restarts, c.EngineRestarts = ptr(uint64(i)), ptr(uint64(2))
		switch c.ID {
		case hogID:
			c.Use = &model.Use{
				CPUPercent: ptr(187.31), ThrottledPercent: ptr(12.0), SwapBytes: mibs(3), Tasks: ptr(uint64(7)), ReceivedPerSecond: ptr(0.0),
				SentPerSecond: ptr(0.0), ReadPerSecond: ptr(1023.9 * mib), WrittenPerSecond: ptr(12.0), MemoryPressure: ptr(87.5), CPUPressure: ptr(1.5), IOPressure: ptr(0.0),
			}
			c.Limits.CPU, c.Limits.PIDs = &fact.Limit{Value: ptr(2.0)}, &fact.Limit{Value: ptr(1000.0)}
			c.Memory.UsageBytes, c.Memory.WorkingSetBytes = mibs(60.2), mibs(58.9)
			c.Forecast = &model.Forecast{
				Room: fact.MemoryRoom{Cgroup: c.CgroupPath, LimitBytes: 64 * mib, WorkingSetBytes: 58 * mib}, In: 41 * time.Second, BytesPerSecond: 1 << 17,
			}
			c.NextVictim = &fact.NextVictim{PID: 28502, Comm: "stress-ng-vm", Cgroup: c.CgroupPath, ScorePages: 15421, OOMScoreAdj: 1000}
		case sidecarID:
			c.Memory.UsageBytes, c.Memory.WorkingSetBytes = mibs(30.6), mibs(6.2) // most of it files
			c.Use = &model.Use{CPUPercent: ptr(0.0), ThrottledPercent: ptr(0.0), SwapBytes: ptr(uint64(0)), Tasks: ptr(uint64(1))}
		case webID:
			c.Use = &model.Use{CPUPercent: ptr(3.26), Tasks: ptr(uint64(5))}
			c.Namespaces[event.Net].Relation = model.RelationOwn
			c.Use.ReceivedPerSecond, c.Use.SentPerSecond = ptr(5.0*1024), ptr(82.3*1024)
		}
	}
	return s
}

// sceneLongNames has containers whose names differ only at the end, the first of them without use.
func sceneLongNames() *model.Snapshot {
	s := sceneUses()
	for i := range s.Containers {
		s.Containers[i].Label = strings.Repeat("a-service-of-the-shop-", 3)[:58] + fmt.Sprint("-", i)
	}
	return s
}

// order returns the labels of the listed containers, the headings as in "[shop]".
func order(s *model.Snapshot, st State) string {
	var labels []string
	for _, r := range listedRows(s, st) {
		switch {
		case r.container == nil:
			labels = append(labels, "["+r.group.Of.Name+"]")
		case r.group != nil:
			labels = append(labels, r.group.MemberName(r.container))
		default:
			labels = append(labels, r.container.Label)
		}
	}
	return strings.Join(labels, " ")
}

func TestSort(t *testing.T) {
	s := sceneUses()
	for sort, want := range map[Sort]string{
		{}:                                    "agent web sidecar hog",
		{Reverse: true}:                       "hog sidecar web agent",
		{By: columnName}:                      "agent hog sidecar web",
		{By: columnName, Reverse: true}:       "web sidecar hog agent",
		{By: columnCPU}:                       "hog web sidecar agent", // of the agent it is unknown
		{By: columnCPU, Reverse: true}:        "sidecar web hog agent",
		{By: columnMemory}:                    "hog sidecar agent web",
		{By: columnOOM}:                       "hog agent web sidecar", // equal ones stay as they were
		{By: columnUp}:                        "agent web sidecar hog",
		{By: columnRestarts}:                  "hog agent web sidecar",
		{By: columnNamespaces}:                "agent web sidecar hog",
		{By: columnFullIn}:                    "hog agent web sidecar",
		{By: columnSpark}:                     "agent web sidecar hog", // nothing to sort by
		{By: "of another version"}:            "agent web sidecar hog",
		{By: columnReceived, Reverse: false}:  "web hog agent sidecar",
		{By: columnThrottled, Reverse: false}: "hog sidecar agent web",
	} {
		if got := order(s, State{Sort: sort}); got != want {
			t.Errorf("%+v: %s, want %s", sort, got, want)
		}
	}
	// Ended ones stay below.
	ended := sceneEnded()
	rows := listedRows(ended, State{Sort: Sort{By: columnName, Reverse: true}})
	if i := slices.IndexFunc(rows, func(r containerRow) bool { return !r.container.Live() }); i < 0 ||
		slices.ContainsFunc(rows[i:], func(r containerRow) bool { return r.container.Live() }) {
		t.Errorf("a live container is below an ended one")
	}
}

func TestSortKeepsGroupsTogether(t *testing.T) {
	s := sceneGroups()
	if got, want := order(s, State{}), "agent [shop] web worker worker-2 migrate [cart-7d9f] app side infra sidecar"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	want := "[shop] worker web worker-2 migrate agent [cart-7d9f] app side infra sidecar"
	if got := order(s, State{Sort: Sort{By: columnMemory}}); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestChooser(t *testing.T) {
	s := sceneUses()
	key := func(names ...KeyName) (keys []Key) {
		for _, n := range names {
			keys = append(keys, Key{Name: n})
		}
		return keys
	}
	fresh := State{Width: 80, Height: 24}
	open := press(fresh, s, letters("o")...)
	if open.Chooser != ChooseColumns || open.Choice != columnName {
		t.Fatalf("%+v", open)
	}
	for name, test := range map[string]struct {
		keys []Key
		want string // of the columns that are chosen; "" leaves them to the width
	}{
		"hide one":            {slices.Concat(key(KeyDown), letters(" ")), "name namespaces cpu memory oom"},
		"hide and show":       {slices.Concat(key(KeyDown), letters("  ")), "name namespaces cpu memory oom pid"},
		"the name stays":      {letters(" "), ""},
		"to the right":        {key(KeyDown, KeyRight), "name namespaces pid cpu memory oom"},
		"to the right by +":   {slices.Concat(key(KeyDown), letters("+")), "name namespaces pid cpu memory oom"},
		"to the left by -":    {slices.Concat(key(KeyDown, KeyDown), letters("-")), "name namespaces pid cpu memory oom"},
		"not before the name": {key(KeyDown, KeyLeft), ""},
		"show one more":       {slices.Concat(key(KeyEnd), letters(" ")), "name pid namespaces cpu memory oom net.tx"},
		"hidden ones stay":    {key(KeyEnd, KeyLeft), ""},
		"as usual":            {slices.Concat(key(KeyDown), letters(" d")), ""},
	} {
		if got := strings.Trim(fmt.Sprint(press(open, s, test.keys...).Columns), "[]"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	for _, closing := range slices.Concat(key(KeyEsc, KeyEnter, KeyTab), letters("oq")) {
		if st, action := Update(open, closing, s); st.Chooser != ChooseNothing || st.Tab != Containers || action != Stay {
			t.Errorf("%+v leads to %+v, %v", closing, st, action)
		}
	}
	if _, action := Update(open, Key{Name: KeyCtrlC}, s); action != Quit {
		t.Error("ctrl-c does not quit")
	}

	sorting := press(fresh, s, letters("s")...)
	if sorting.Chooser != ChooseSort {
		t.Fatalf("%+v", sorting)
	}
	for name, test := range map[string]struct {
		keys []Key
		want Sort
	}{
		"by name":           {key(KeyDown, KeyEnter), Sort{By: columnName}},
		"by name, and done": {slices.Concat(key(KeyDown), letters(" "), key(KeyEnter)), Sort{By: columnName}},
		"twice":             {slices.Concat(key(KeyDown), letters("  ")), Sort{By: columnName, Reverse: true}},
		"by name, reversed": {slices.Concat(key(KeyDown), letters(" r")), Sort{By: columnName, Reverse: true}},
		"as usual again":    {slices.Concat(key(KeyDown), letters(" d")), Sort{}},
		"nothing":           {key(KeyDown, KeyEsc), Sort{}},
	} {
		if got := press(sorting, s, test.keys...).Sort; got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	if got := press(fresh, s, letters("S")...).Sort; got != (Sort{Reverse: true}) {
		t.Errorf("S leads to %+v", got)
	}
	for _, st := range []State{{Tab: Kills}, {Open: hogID}, {Help: true}} {
		if got := press(st, s, letters("osr")...); got.Chooser != ChooseNothing || got.Sort != (Sort{}) {
			t.Errorf("elsewhere: %+v", got)
		}
	}
}

// A click finds the column whose title is at a place.
func TestHeadAt(t *testing.T) {
	s := sceneUses()
	for _, size := range [][2]int{{80, 24}, {120, 36}, {200, 50}} {
		sc := screen{s: s, live: s, w: size[0], h: size[1]}
		f := Render(s, sc.state, sc.w, sc.h)
		found := map[ColumnKey]bool{}
		for y := range sc.h {
			for x := range sc.w {
				key := sc.headAt(x, y)
				if key == "" {
					continue
				}
				found[key] = true
				if row := strings.Split(f.Text(), "\n")[y]; !strings.Contains(row, "CONTAINER") {
					t.Fatalf("%v: %s is in %q", size, key, row)
				}
			}
		}
		for _, col := range sc.columns().shown {
			if found[col.key] != (col.value != nil) {
				t.Errorf("%v: %s is found: %t", size, col.key, found[col.key])
			}
		}
	}
	if sc := (screen{s: s, state: State{Open: hogID}, w: 80, h: 24}); sc.headAt(5, aboveBody+1) != "" {
		t.Error("a page has columns")
	}
}

// Chosen columns that do not fit are left out, and what is no column is ignored.
func TestChosenColumns(t *testing.T) {
	chosen := []ColumnKey{columnSent, "nothing", columnCPU, columnSent}
	for w, want := range map[int]string{40: "name net.tx cpu", 29: "name net.tx cpu", 25: "name net.tx"} {
		if got := strings.Trim(fmt.Sprint(columnsFor(w, chosen).keys()), "[]"); got != want {
			t.Errorf("%d columns: %q, want %q", w, got, want)
		}
	}
	all := make([]ColumnKey, len(containerColumns))
	for i := range containerColumns {
		all[len(all)-1-i] = containerColumns[i].key
	}
	for w := smallWidth; w <= 400; w += 7 {
		if c := columnsFor(w, all); c.width() > w {
			t.Errorf("at %d columns the table takes %d", w, c.width())
		}
	}
	if n := len(columnsFor(400, all).shown); n != len(all) {
		t.Errorf("400 columns have room for %d of %d", n, len(all))
	}
}

func TestMemoryBar(t *testing.T) {
	for _, tt := range []struct {
		usage, set, limit float64
		want              string
		style             Style
	}{
		{64, 64, 64, "████████", Alarm},
		{62, 16, 64, "██▓▓▓▓▓▓", Calm}, // nearly all of it files
		{32, 16, 64, "██▓▓░░░░", Calm},
		{20, 16, 64, "██▓░░░░░", Calm},
		{16.5, 16, 64, "██▏░░░░░", Calm},
		{100, 99, 64, "████████", Alarm},
		{100, 1, 64, "▓▓▓▓▓▓▓▓", Calm},
	} {
		m := model.Memory{UsageBytes: mibs(tt.usage), WorkingSetBytes: mibs(tt.set), LimitBytes: mibs(tt.limit)}
		got := memoryBar(m, 8)
		if got.String() != tt.want {
			t.Errorf("%v: %q, want %q", tt, got, tt.want)
		}
		if strings.HasPrefix(tt.want, "█") && got[0].style != tt.style {
			t.Errorf("%v: %v, want %v", tt, got[0].style, tt.style)
		}
	}
}

// Long names that differ only at the end stay apart at each width.
func TestLongNamesStayApart(t *testing.T) {
	s := sceneLongNames()
	for w := smallWidth; w <= 200; w++ {
		c := columnsFor(w, nil)
		seen := map[string]bool{}
		for i := range s.Containers {
			name := nameCell(&s.Containers[i], nil, Name, "", c.of(columnName)).String()
			if seen[name] {
				t.Errorf("at %d columns two containers are %q", w, name)
			}
			seen[name] = true
		}
	}
}
