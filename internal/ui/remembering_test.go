package ui

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gdamore/tcell/v2"
)

func TestNamesOfChoices(t *testing.T) {
	for _, name := range SortNames() {
		for _, name := range []string{name, "-" + name} {
			if o, err := ParseSort(name); err != nil || o.String() != name {
				t.Errorf("%s is %s, %v", name, o, err)
			}
		}
	}
	if o, err := ParseSort(""); err != nil || o != (Sort{}) {
		t.Errorf("nothing is %s, %v", o, err)
	}
	for _, name := range []string{"--cpu", "last_minute", "-"} {
		if o, err := ParseSort(name); err == nil {
			t.Errorf("%s is %s", name, o)
		}
	}
	if keys, err := ParseColumns(ColumnNames()); err != nil || len(keys) != len(containerColumns) {
		t.Errorf("%v, %v", keys, err)
	}
	if keys, err := ParseColumns([]string{"cpu", "cpu"}); err != nil || !slices.Equal(keys, []ColumnKey{"name", "cpu"}) {
		t.Errorf("%v, %v", keys, err)
	}
	if keys, err := ParseColumns(nil); err != nil || keys != nil {
		t.Errorf("no names are %v, %v", keys, err)
	}
	if _, err := ParseColumns([]string{"imgae"}); err == nil || !strings.Contains(err.Error(), "did you mean image?") {
		t.Error(err)
	}
}

// Each choice is handed over once, when the chooser is closed, and only what differs.
func TestRemembersWhatIsChosen(t *testing.T) {
	screen, chosen := newSimulated(), make(chan []Choice, 9)
	failure := errors.New("read-only file system")
	wait := start(t.Context(), Options{
		Screen: screen, Snapshots: scene, Columns: []ColumnKey{"name", "cpu", "memory"}, Sort: Sort{By: "cpu"},
		Remember: func(c []Choice) error { chosen <- c; return failure },
	})
	<-screen.ready
	press := func(keys string) {
		for _, r := range keys {
			screen.InjectKey(tcell.KeyRune, r, 0)
		}
	}
	want := func(name string, values ...string) {
		t.Helper()
		if got := <-chosen; len(got) != 1 || got[0].Name != name || !slices.Equal(got[0].Values, values) {
			t.Errorf("got %v, want %s %v", got, name, values)
		}
	}
	press("ojj o") // hides memory
	want(ChoiceColumns, "name", "cpu")
	screen.await(t, "what you chose is not remembered: read-only file system")
	press("r")
	want(ChoiceSort, "-cpu")
	screen.await(t, "not remembered")
	press("sd")
	screen.await(t, "sort by")
	press("q")
	want(ChoiceSort)
	screen.await(t, "not remembered")
	press("od") // the chooser is open: nothing is chosen yet
	screen.await(t, "from left to right")
	press("q")
	want(ChoiceColumns)
	press("rq") // quits before it is drawn
	want(ChoiceSort, "-default")
	if err := wait(); err != nil {
		t.Error(err)
	}
	if len(chosen) > 0 {
		t.Errorf("also %v", <-chosen)
	}
}
