package ui

import (
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/model"
)

// The mark of the column that rows are sorted by covers no letter, and moves no other column, however narrow the columns are.
func TestSortMarkCoversNoTitle(t *testing.T) {
	for i := range containerColumns {
		key := containerColumns[i].key
		if containerColumns[i].value == nil {
			continue
		}
		for _, w := range []int{80, 120, 200, 300} {
			for _, chosen := range [][]ColumnKey{nil, {columnName, key}, {columnName, key, columnUp, columnOOM}} {
				plain := columnsFor(w, chosen)
				if plain.of(key) == 0 {
					continue
				}
				sorted := plain
				sorted.sort = Sort{By: key}
				sign := sorted.sort.sign(&containerColumns[i])
				before, after := plain.head(), sorted.head()
				if after.width() != before.width() || strings.Count(after.String(), sign) != 1 {
					t.Errorf("%s at %d: %q", key, w, after)
				}
				got, want := strings.Fields(strings.ReplaceAll(after.String(), sign, " ")), strings.Fields(before.String())
				if strings.Join(got, " ") != strings.Join(want, " ") {
					t.Errorf("%s at %d: %q lacks something of %q", key, w, after, before)
				}
			}
		}
	}
}

// Virtual machines are sorted by what their rows have in the column, and stay by PID where they have nothing in it.
func TestSortVMs(t *testing.T) {
	s := sceneVMs()
	for sort, want := range map[Sort]string{
		{}:                                "lesson microvm-7 qemu",
		{By: columnName, Reverse: true}:   "qemu microvm-7 lesson",
		{By: columnPID, Reverse: true}:    "qemu microvm-7 lesson",
		{By: columnMemory}:                "lesson qemu microvm-7",
		{By: columnMemory, Reverse: true}: "microvm-7 qemu lesson",
		{By: columnOOM}:                   "lesson microvm-7 qemu", // it has their CPUs
		{Reverse: true}:                   "qemu microvm-7 lesson",
	} {
		st := State{Sort: sort}
		var names []string
		for _, v := range st.sortedVMs(s) {
			names = append(names, v.Label())
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%+v: %s, want %s", sort, got, want)
		}
		keys := st.keys(s)
		if got, wantKeys := strings.Join(keys[len(keys)-3:], " "), strings.Join(keysOf(st.sortedVMs(s), vmKey), " "); got != wantKeys {
			t.Errorf("%+v: the cursor goes through %s, want %s", sort, got, wantKeys)
		}
	}
	frame := Render(s, State{Sort: Sort{By: columnMemory}}, 120, 40).Text()
	if !strings.Contains(frame, "RESIDENT/GIVEN▼") {
		t.Errorf("the machines are not marked as sorted:\n%s", frame)
	}
}

// On a low screen a list that does not fit has the rows that the kill and the stream can do without.
func TestListBesideKillOnLowScreen(t *testing.T) {
	s := sceneMany(12)
	for h, want := range map[int]int{24: 9, 22: 7, 36: 10} {
		f := Render(s, State{}, 80, h)
		rows := 0
		for y := range f.Height {
			if f.spots[y].key != "" {
				rows++
			}
		}
		text := f.Text()
		if rows < want {
			t.Errorf("%d rows of a list on a screen of %d:\n%s", rows, h, text)
		}
		if !strings.Contains(text, "OOM KILL") || !strings.Contains(text, "events, newest first") {
			t.Errorf("no kill, or no events:\n%s", text)
		}
	}
	var kill *model.Kill
	if kills := listedKills(s, ""); len(kills) > 0 {
		kill = kills[0]
	}
	if kill == nil {
		t.Fatal("the scene has no kill")
	}
	if text := strings.Join(strings.Fields(Render(s, State{}, 80, 24).Text()), " "); !strings.Contains(text, "was not the victim.") {
		t.Errorf("the sentence about the kill is cut:\n%s", text)
	}
}
