package ui

import (
	"maps"

	"github.com/nsviz/nsviz/internal/model"
)

// fold folds the group whose heading is under the cursor, or what is below the row there, or unfolds it. From a member, folding leads to the heading first.
func (st State) fold(open bool, s *model.Snapshot) State {
	shown := st.shown(s)
	keys := st.keys(shown)
	if st.pageOpen() || len(keys) == 0 {
		return st
	}
	at := st.cursor(keys)
	switch {
	case isHeading(keys[at]) || st.onBranch(s):
		return st.setFolded(keys[at], !open)
	case open:
		return st
	}
	if heading := views[st.Tab].heading(shown, st, keys[at]); heading != "" {
		st.Cursor[st.Tab] = heading
	}
	return st
}

// setFolded folds the group of a heading, or what is below a row, or unfolds it. A search shows all that it finds.
func (st State) setFolded(heading string, folded bool) State {
	st.Cursor[st.Tab] = heading
	if st.Search != "" {
		return st
	}
	// The map is replaced, never changed: states share it.
	all := maps.Clone(st.Folded)
	if all == nil {
		all = map[string]bool{}
	}
	if folded {
		all[heading] = true
	} else {
		delete(all, heading)
	}
	if len(all) == 0 {
		all = nil
	}
	st.Folded = all
	return st
}

// onHeading reports whether the user has moved the cursor to the heading of a group that can be folded.
func (st State) onHeading(s *model.Snapshot) bool {
	if st.pageOpen() || st.Search != "" || !isHeading(st.Cursor[st.Tab]) {
		return false
	}
	keys := st.keys(st.shown(s))
	return len(keys) > 0 && keys[st.cursor(keys)] == st.Cursor[st.Tab]
}

// onBranch reports whether the user has moved the cursor to a row, no heading, below which others can be folded.
func (st State) onBranch(s *model.Snapshot) bool {
	key := st.Cursor[st.Tab]
	if st.pageOpen() || st.Search != "" || key == "" || isHeading(key) {
		return false
	}
	v, ok := views[st.Tab].(folder)
	return ok && v.folds(st.shown(s), st, key)
}
