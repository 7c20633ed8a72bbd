package ui

import (
	"github.com/rivo/uniseg"

	"github.com/nsviz/nsviz/internal/model"
)

// KeyName names a key that is not a letter.
type KeyName int

// The keys that the dashboard knows. KeyRune carries its letter in Key.Rune.
const (
	KeyNone KeyName = iota
	KeyRune
	KeyUp
	KeyDown
	KeyLeft
	KeyRight
	KeyPageUp
	KeyPageDown
	KeyHome
	KeyEnd
	KeyEnter
	KeyEsc
	KeyTab
	KeyBackTab
	KeyBackspace
	KeyCtrlC
	KeyCtrlU
	KeyCtrlL
)

// Key is one press of a key.
type Key struct {
	Name KeyName
	Rune rune
}

// Action is a task for the shell beside drawing the new State.
type Action int

// The actions.
const (
	Stay    Action = iota
	Quit           // end the program
	Repaint        // redraw every cell, since others may have written to the terminal
)

// maxSearch bounds the search text: longer than any name, shorter than a pasted file.
const maxSearch = 128

// Update applies a key to a State. It returns the new State and changes nothing else.
func Update(st State, key Key, s *model.Snapshot) (State, Action) {
	switch key.Name {
	case KeyCtrlC:
		return st, Quit
	case KeyCtrlL:
		return st, Repaint
	}
	if st.Typing {
		if next, done := st.typed(key); done {
			return next, Stay
		}
	}
	if key.Name == KeyRune {
		return st.letter(key.Rune, s)
	}
	switch key.Name {
	case KeyEsc:
		return st.back(), Stay
	case KeyTab:
		return st.switchTo((st.Tab + 1) % tabCount), Stay
	case KeyBackTab:
		return st.switchTo((st.Tab + tabCount - 1) % tabCount), Stay
	case KeyEnter:
		return st.open(s), Stay
	case KeyLeft, KeyRight:
		if _, walks := views[st.Tab].(walker); !walks {
			return st.fold(key.Name == KeyRight, s), Stay
		}
	}
	return st.move(key.Name, s), Stay
}

func (st State) letter(r rune, s *model.Snapshot) (State, Action) {
	switch r {
	case 'q':
		return st, Quit
	case '?':
		st.Help, st.Scroll = !st.Help, 0
	case '/':
		st.Help, st.Open, st.Typing, st.Scroll = false, "", true, 0
	case ' ':
		if st.onHeading(s) {
			heading := st.Cursor[st.Tab]
			return st.setFolded(heading, !st.Folded[heading]), Stay
		}
		if st.Frozen != nil {
			st.Frozen = nil
		} else {
			st.Frozen = st.shown(s)
		}
	case 'a':
		if (st.Tab == Containers || st.Tab == Map) && st.Open == "" && !st.Help {
			st.Quiet = !st.Quiet
		}
	case 'j':
		return st.move(KeyDown, s), Stay
	case 'k':
		return st.move(KeyUp, s), Stay
	case 'g':
		return st.move(KeyHome, s), Stay
	case 'G':
		return st.move(KeyEnd, s), Stay
	default:
		if tab := Tab(r - '1'); tab >= 0 && tab < tabCount {
			return st.switchTo(tab), Stay
		}
	}
	return st, Stay
}

// typed handles a key while the search text is being entered; it leaves the moving keys to others.
func (st State) typed(key Key) (State, bool) {
	switch key.Name {
	case KeyRune:
		if len(st.Search) < maxSearch {
			st.Search += string(key.Rune)
		}
	case KeyBackspace:
		st.Search = withoutLast(st.Search)
	case KeyCtrlU:
		st.Search = ""
	case KeyEnter:
		st.Typing = false
	case KeyEsc:
		st.Typing, st.Search = false, ""
	default:
		return st, false
	}
	return st, true
}

// withoutLast removes the last grapheme cluster.
func withoutLast(s string) string {
	end := 0
	for rest, state := s, -1; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if rest != "" {
			end += len(cluster)
		}
	}
	return s[:end]
}

// back closes the topmost of these: the help, an opened row, the filter, and then unfolds all groups.
func (st State) back() State {
	switch {
	case st.Help:
		st.Help, st.Scroll = false, 0
	case st.Open != "":
		st.Open, st.Scroll, st.Tab = "", 0, st.Back
	case st.Search != "":
		st.Search = ""
	default:
		st.Folded = nil
	}
	return st
}

func (st State) switchTo(tab Tab) State {
	st.Tab, st.Back, st.Open, st.Help, st.Scroll, st.Typing = tab, tab, "", false, 0, false
	return st
}

// open opens what the row under the cursor leads to.
func (st State) open(s *model.Snapshot) State {
	shown := st.shown(s)
	keys := st.keys(shown)
	if st.pageOpen() || len(keys) == 0 {
		return st
	}
	at := keys[st.cursor(keys)]
	if isHeading(at) {
		return st.setFolded(at, !st.Folded[at])
	}
	tab, key := views[st.Tab].target(shown, at)
	if key == "" {
		return st
	}
	st.Tab, st.Back, st.Open, st.Scroll = tab, st.Tab, key, 0
	st.Cursor[tab] = key
	return st
}

// move moves the cursor, or scrolls an open page of text.
func (st State) move(key KeyName, s *model.Snapshot) State {
	shown := st.shown(s)
	w, h := st.Width, st.Height
	if w <= 0 || h <= 0 {
		w, h = 80, 24
	}
	page := max(bodyHeight(w, h)-2, 1)
	if st.pageOpen() {
		last := max(len(pageLines(shown, st, w))-bodyHeight(w, h), 0)
		st.Scroll = moved(min(st.Scroll, last), last+1, page, key)
		return st
	}
	keys := st.keys(shown)
	if len(keys) == 0 {
		return st
	}
	if v, walks := views[st.Tab].(walker); walks {
		st.Cursor[st.Tab] = v.walk(screen{s: shown, state: st, w: w, h: h}, key)
		return st
	}
	i := moved(st.cursor(keys), len(keys), page, key)
	st.Cursor[st.Tab] = keys[i]
	// At the top of a list that grows there, the cursor stays with the newest.
	if i == 0 && views[st.Tab].newestFirst() {
		st.Cursor[st.Tab] = ""
	}
	return st
}

// moved returns where a key leads from place i of n.
func moved(i, n, page int, key KeyName) int {
	switch key {
	case KeyUp:
		i--
	case KeyDown:
		i++
	case KeyPageUp:
		i -= page
	case KeyPageDown:
		i += page
	case KeyHome:
		i = 0
	case KeyEnd:
		i = n - 1
	}
	return min(max(i, 0), n-1)
}
