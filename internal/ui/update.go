package ui

import (
	"github.com/rivo/uniseg"

	"github.com/nsviz/nsviz/internal/model"
)

// Action is a task for the shell beside drawing the new State.
type Action int

// The actions.
const (
	Stay    Action = iota
	Quit           // end the program
	Copy           // copy State.Clip to the clipboard
	Export         // write what is on screen to a file, in the form State.ExportForm
	Suspend        // give the terminal back and stop, as any program does on Ctrl-Z
	Repaint        // redraw every cell, since others may have written to the terminal

	// What follows is for Options.Past, from the state that was frozen.
	Freeze
	StepBack // to before the latest event
	StepOn
	SkipBack // by ten seconds
	SkipOn
	ToOldest
	ToNewest
	GoOn     // from the past to now
	SetSpeed // of the replay, to State.Speed
)

// maxSearch bounds the search text: longer than any name, shorter than a pasted file.
const maxSearch = 128

// Update applies a key to a State. It returns the new State and changes nothing else.
func Update(st State, key Key, s *model.Snapshot) (State, Action) {
	st.Note = ""
	if key.Name == KeyMouse {
		return st.pointed(key.Mouse, s)
	}
	if key == quitAlways {
		return st, Quit
	}
	at := here(st, s)
	if at.mode&entering == 0 || !key.typed() {
		for _, b := range at.bound() {
			if c, ok := b.command(key); ok {
				return b.do(at, c)
			}
		}
	}
	switch {
	case key.Name != KeyRune:
	case at.mode == inSearch && len(st.Search) < maxSearch:
		st.Search += string(key.Rune)
	case at.mode == inFilter:
		st = st.draft(st.Draft+string(key.Rune), s)
	}
	return st, Stay
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

// back closes the topmost of these: the help, the explanation, an opened row, the search, the filter, and then unfolds all groups.
func (st State) back() State {
	switch {
	case st.Help:
		st.Help, st.Scroll = false, 0
	case st.Explain > 0:
		st.Explain = 0
	case st.Open != "":
		st = st.leave()
	case st.Search != "":
		st.Search = ""
	case st.filter() != "":
		st = st.withFilter("")
	default:
		st.Folded = nil
	}
	return st
}

func (st State) switchTo(tab Tab) State {
	st = st.closed()
	st.Tab, st.Typing = tab, false
	st.Filtering, st.Draft, st.Explain = false, "", min(st.Explain, 1)
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
	return st.enter(tab, key)
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
		room := bodyHeight(w, h)
		room -= len(screen{s: shown, live: s, state: st, w: w, h: h}.panel(room))
		last := max(len(pageLines(shown, st, w))-room, 0)
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
	case KeyCtrlU:
		i -= max(page/2, 1)
	case KeyCtrlD:
		i += max(page/2, 1)
	case KeyHome:
		i = 0
	case KeyEnd:
		i = n - 1
	}
	return min(max(i, 0), n-1)
}

// nextFound moves the cursor to the next row that the search found, or to the one before. Behind the last row comes the first.
func (at place) nextFound(forward bool) State {
	keys := at.keys(at.shown(at.live))
	if len(keys) == 0 {
		return at.State
	}
	step := 1
	if !forward {
		step = len(keys) - 1
	}
	at.Cursor[at.Tab] = keys[(at.cursor(keys)+step)%len(keys)]
	return at.State
}
