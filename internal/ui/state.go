package ui

import (
	"time"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/store"
)

// State holds the user's choices. Its zero value is a fresh dashboard.
type State struct {
	Tab Tab
	// Cursor holds, for each view, the key of the row under the cursor: a container's id in the
	// first, or a virtual machine's key. Empty is the first row, and stays there when new rows come in above.
	Cursor [tabCount]string
	// Open is the key of the opened row of the current view; empty if none is.
	Open string
	// Below has what the open page was opened from, level by level, the list first. The slice is replaced, never changed.
	Below []Level
	// Scroll is how far a page of text is scrolled.
	Scroll int
	Help   bool

	// Folded has the keys of the headings whose groups are folded. It is replaced, never changed.
	Folded map[string]bool

	// Arrange is how the namespaces are listed.
	Arrange Arrangement

	// Quiet is set if the containers are listed with the sandboxes and services that nothing has happened to.
	Quiet bool

	// Note says what the last key did where nothing else shows it. The next one clears it.
	Note string

	// Explain is the topic of what is under the cursor that is explained, from 1; 0 is none.
	Explain int
	// Clip is what the last key copied.
	Clip string

	// Exporting is set while the form of a file with what is on screen is chosen; ExportForm is the latest one.
	Exporting  bool
	ExportForm ExportForm

	// NoMouse is set if the mouse is left to the terminal, which selects text with it.
	NoMouse bool
	// Columns are those of the containers that the user has chosen, from left to right; nil leaves the choice to the width of the screen.
	// It is replaced, never changed.
	Columns []ColumnKey
	// Sort is the order of the containers.
	Sort Sort
	// Chooser is the list of choices that is open below the containers, and Choice the column under its cursor; "" is the first line.
	Chooser Chooser
	Choice  ColumnKey

	// Search filters containers, namespaces, kills and events; Typing while it is being entered.
	Search string
	Typing bool

	// Filter holds the expression that filters each kind of rows; Filtering is set while the text Draft is being entered.
	Filter    [rowKindCount]string
	Filtering bool
	Draft     string

	// Frozen is the snapshot that the user stopped at; nil while the screen is live.
	Frozen *model.Snapshot
	// Place is where that is in the past; zero is unknown.
	Place store.Place

	// Zone is the time zone of every clock on the screen; nil is that of the snapshot's time.
	Zone *time.Location

	// Inspections are the latest ones, each of another workload, the latest first. The slice is replaced, never changed. Inspects is set if
	// there will be one of a container whose page is open.
	Inspections []Inspection
	Inspects    bool

	// Keys has the keys that the user has chosen.
	Keys Keymap

	// Notes are short remarks of the program, for example where it serves metrics.
	Notes []string
	// Replay is set if the snapshots come from a recording.
	Replay bool
	// Speed is how much faster than it happened the recording is played; 0 is unknown.
	Speed float64

	// Width and Height are the size of the screen; keys that scroll by pages need it.
	Width, Height int
}

// shown returns the snapshot to draw: the frozen one, if there is one. Its time is in the zone of the screen.
func (st State) shown(s *model.Snapshot) *model.Snapshot {
	if st.Frozen != nil {
		s = st.Frozen
	}
	if s == nil {
		return &model.Snapshot{}
	}
	if st.Zone == nil {
		return s
	}
	zoned := *s
	zoned.Time = s.Time.In(st.Zone)
	return &zoned
}

// missed returns how many events came since the screen was frozen.
func (st State) missed(s *model.Snapshot) uint64 {
	if st.Frozen == nil || s == nil {
		return 0
	}
	total := func(s *model.Snapshot) (n uint64) {
		for _, c := range s.Totals.Events {
			n += c
		}
		return n
	}
	now, then := total(s), total(st.Frozen)
	if now < then {
		return 0
	}
	return now - then
}

// keys returns the keys of the current view's rows, from top to bottom.
func (st State) keys(s *model.Snapshot) []string { return views[st.Tab].keys(s, st) }

// cursor returns the index of the row under the cursor; 0 if that row is gone or none was chosen.
func (st State) cursor(keys []string) int { return st.cursorIn(listOf(keys)) }

// cursorIn is cursor for rows whose keys are not at hand.
func (st State) cursorIn(rows rowList) int { return max(rows.find(st.Cursor[st.Tab]), 0) }

// rowList has the keys of the rows of a list, from top to bottom. It makes only those that are asked for: few rows of many are drawn.
type rowList struct {
	n   int
	key func(i int) string
	// index returns the row with a key that is not empty, or -1; nil compares all keys.
	index func(key string) int
}

// keys returns all keys.
func (l rowList) keys() []string {
	keys := make([]string, l.n)
	for i := range keys {
		keys[i] = l.key(i)
	}
	return keys
}

func listOf(keys []string) rowList {
	return rowList{n: len(keys), key: func(i int) string { return keys[i] }}
}

// listBy returns the rowList of rows that have a function for their keys.
func listBy[R any](rows []R, key func(R) string) rowList {
	return rowList{n: len(rows), key: func(i int) string { return key(rows[i]) }}
}

// find finds a row by its key; -1 is none. A container that has ended since is found by its new key.
func (l rowList) find(key string) int {
	switch {
	case key == "":
		return -1
	case l.index != nil:
		return l.index(key)
	}
	for i := range l.n {
		if l.key(i) == key {
			return i
		}
	}
	for i := range l.n {
		if sameContainer(l.key(i), key) {
			return i
		}
	}
	return -1
}

// pageOpen reports whether a page of text is shown rather than a list.
func (st State) pageOpen() bool { return st.Help || st.Open != "" || views[st.Tab].single() }
