package ui

import (
	"strings"

	"github.com/rivo/uniseg"

	"github.com/nsviz/nsviz/internal/isolation"
)

// KeyName names a key that is not a letter.
type KeyName int

// The keys that the dashboard knows. KeyRune carries its letter in Key.Rune.
const (
	KeyNone KeyName = iota
	KeyRune
	KeyUp
	KeyDown
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

// Action is what the shell is to do beyond drawing the new View.
type Action int

// The actions.
const (
	Stay    Action = iota
	Quit           // end the program
	Repaint        // draw every cell anew, the terminal may have been written to by others
)

// maxSearch bounds the search text: longer than any name, shorter than a pasted file.
const maxSearch = 128

// Update says what a key does. It changes nothing but the View that it returns.
func Update(v View, key Key, s *isolation.Snapshot) (View, Action) {
	switch key.Name {
	case KeyCtrlC:
		return v, Quit
	case KeyCtrlL:
		return v, Repaint
	}
	if v.Typing {
		if next, done := v.typed(key); done {
			return next, Stay
		}
	}
	if key.Name == KeyRune {
		return v.letter(key.Rune, s)
	}
	switch key.Name {
	case KeyEsc:
		return v.back(), Stay
	case KeyTab:
		return v.switchTo((v.Tab + 1) % tabCount), Stay
	case KeyBackTab:
		return v.switchTo((v.Tab + tabCount - 1) % tabCount), Stay
	case KeyEnter:
		return v.open(s), Stay
	}
	return v.move(key.Name, s), Stay
}

func (v View) letter(r rune, s *isolation.Snapshot) (View, Action) {
	switch r {
	case 'q':
		return v, Quit
	case '?':
		v.Help, v.Scroll = !v.Help, 0
	case '/':
		v.Help, v.Open, v.Typing, v.Scroll = false, "", true, 0
	case ' ':
		if v.Frozen != nil {
			v.Frozen = nil
		} else {
			v.Frozen = v.shown(s)
		}
	case 'j':
		return v.move(KeyDown, s), Stay
	case 'k':
		return v.move(KeyUp, s), Stay
	case 'g':
		return v.move(KeyHome, s), Stay
	case 'G':
		return v.move(KeyEnd, s), Stay
	default:
		if tab := Tab(r - '1'); tab >= 0 && tab < tabCount {
			return v.switchTo(tab), Stay
		}
	}
	return v, Stay
}

// typed handles a key while the search text is being entered; it leaves the moving keys to others.
func (v View) typed(key Key) (View, bool) {
	switch key.Name {
	case KeyRune:
		if len(v.Search) < maxSearch {
			v.Search += string(key.Rune)
		}
	case KeyBackspace:
		v.Search = withoutLast(v.Search)
	case KeyCtrlU:
		v.Search = ""
	case KeyEnter:
		v.Typing = false
	case KeyEsc:
		v.Typing, v.Search = false, ""
	default:
		return v, false
	}
	return v, true
}

// withoutLast removes the last thing that looks like one letter.
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

// back closes what lies on top: the help, then what is open, then the filter.
func (v View) back() View {
	switch {
	case v.Help:
		v.Help, v.Scroll = false, 0
	case v.Open != "":
		v.Open, v.Scroll, v.Tab = "", 0, v.Back
	default:
		v.Search = ""
	}
	return v
}

func (v View) switchTo(tab Tab) View {
	v.Tab, v.Back, v.Open, v.Help, v.Scroll, v.Typing = tab, tab, "", false, 0, false
	return v
}

// open opens the row under the cursor; an event leads to what it tells of.
func (v View) open(s *isolation.Snapshot) View {
	shown := v.shown(s)
	keys := v.keys(shown)
	if v.pageOpen() || len(keys) == 0 {
		return v
	}
	i := v.cursor(keys)
	if v.Tab == Events {
		tab, key := related(shown, eventRows(shown, v.Search, len(shown.Events), false)[i].first)
		if key == "" {
			return v
		}
		v.Tab, v.Back, v.Open, v.Scroll = tab, Events, key, 0
		v.Cursor[tab] = key
		return v
	}
	v.Cursor[v.Tab], v.Open, v.Back, v.Scroll = keys[i], keys[i], v.Tab, 0
	return v
}

// move moves the cursor, or scrolls where a page of text is open.
func (v View) move(key KeyName, s *isolation.Snapshot) View {
	shown := v.shown(s)
	w, h := v.Width, v.Height
	if w <= 0 || h <= 0 {
		w, h = 80, 24
	}
	page := max(bodyHeight(w, h)-2, 1)
	if v.pageOpen() {
		last := max(len(pageLines(shown, v, w))-bodyHeight(w, h), 0)
		v.Scroll = moved(min(v.Scroll, last), last+1, page, key)
		return v
	}
	keys := v.keys(shown)
	if len(keys) == 0 {
		return v
	}
	i := moved(v.cursor(keys), len(keys), page, key)
	v.Cursor[v.Tab] = keys[i]
	// At the top of what grows at the top, the cursor stays with the newest.
	if i == 0 && (v.Tab == Kills || v.Tab == Events) {
		v.Cursor[v.Tab] = ""
	}
	return v
}

// moved is where a key leads from place i of n.
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

// matches reports whether any of the texts contains the search text, whatever the case.
func matches(needle string, texts ...string) bool {
	if needle == "" {
		return true
	}
	needle = strings.ToLower(needle)
	for _, t := range texts {
		if strings.Contains(strings.ToLower(t), needle) {
			return true
		}
	}
	return false
}
