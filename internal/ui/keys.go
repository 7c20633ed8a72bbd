package ui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/model"
)

// mode is what keys act on. The modes are bits, since most keys act in several.
type mode int

const (
	inList mode = 1 << iota
	inPage      // an opened row, or a view that is a single page
	inHelp
	inSearch // while the text is being entered
	inFilter // while the expression is being entered
	inChoice // while columns are chosen, or what to sort by
	inExport // while the form of a file is chosen

	reading   = inList | inPage | inHelp
	entering  = inSearch | inFilter // letters are text
	everyMode = reading | inSearch | inFilter | inChoice | inExport
)

// place is where a key is pressed.
type place struct {
	State

	live *model.Snapshot
	mode mode
	// heading is set if the cursor is on the heading of a group that can be folded.
	heading bool
	// branch is set if it is on another row below which others can be folded.
	branch bool
}

// folds reports whether something can be folded there.
func (at place) folds() bool { return at.heading || at.branch }

// here returns the place of a State. The snapshot is the latest.
func here(st State, s *model.Snapshot) place {
	at := place{State: st, live: s, mode: inList}
	switch {
	case st.Exporting:
		at.mode = inExport
	case st.Typing:
		at.mode = inSearch
	case st.Filtering:
		at.mode = inFilter
	case st.Chooser != ChooseNothing:
		at.mode = inChoice
	case st.Help:
		at.mode = inHelp
	case st.pageOpen():
		at.mode = inPage
	default:
		at.heading, at.branch = st.onHeading(s), st.onBranch(s)
	}
	return at
}

// quitAlways is the key that quits whatever keys were chosen.
var quitAlways = Key{Name: KeyCtrlC}

// keyPress is a key and the command that it is.
type keyPress struct {
	key Key
	command
}

// boundKeys is a binding with those of its keys that do it in a place.
type boundKeys struct {
	*binding

	keys []keyPress
}

// bound returns the bindings that apply, with their keys. A key is in the first one alone; one that has none is left out.
func (at place) bound() []boundKeys {
	const most = 32 // bindings that apply in one place, if keys are as usual; and twice as many keys
	list := make([]boundKeys, 0, most)
	all := make([]keyPress, 0, 2*most) // the keys of one binding after the other
	table := bindings()
	for i := range table {
		b := &table[i]
		if !b.applies(at) {
			continue
		}
		from := len(all)
		for _, c := range b.does {
			for _, key := range at.Keys.of(c) {
				taken := slices.ContainsFunc(all, func(p keyPress) bool { return p.key == key })
				if !taken && (!key.typed() || at.mode&entering == 0) {
					all = append(all, keyPress{key, c})
				}
			}
		}
		if len(all) > from {
			list = append(list, boundKeys{b, all[from:len(all):len(all)]})
		}
	}
	return list
}

// command returns the command that a key is.
func (b *boundKeys) command(key Key) (command, bool) {
	for _, p := range b.keys {
		if p.key == key {
			return p.command, true
		}
	}
	return cmdNone, false
}

// first returns the first key of a command.
func (b *boundKeys) first(c command) (Key, bool) {
	for _, p := range b.keys {
		if p.command == c {
			return p.key, true
		}
	}
	return Key{}, false
}

// cap returns how the screen writes the keys that stand for all, and the others.
func (b *boundKeys) cap() (words string, others []string) {
	caps := b.caps
	if _, ok := b.first(b.does[0]); len(caps) == 0 && ok {
		caps = b.does[:1]
	}
	var shown []Key
	for _, c := range caps {
		if key, ok := b.first(c); ok {
			shown = append(shown, key)
		}
	}
	if len(shown) == 0 {
		shown = []Key{b.keys[0].key}
	}
	for _, p := range b.keys {
		if !slices.Contains(shown, p.key) {
			others = append(others, p.key.word().cap)
		}
	}
	return capsWords(shown), others
}

// explained returns how the screen writes the keys, and what they do, with the other keys that do so.
func (b *boundKeys) explained(m Keymap) (keys, does string) {
	keys, others := b.cap()
	does = m.WithKeys(b.help)
	if len(others) > 0 {
		does += " (also " + strings.Join(others, ", ") + ")"
	}
	return keys, does
}

// KeyHelp is a key of the dashboard, or several that belong together, and what it does.
type KeyHelp struct{ Keys, Does string }

// Keys lists the keys of the dashboard without any settings.
func Keys() []KeyHelp {
	var list []KeyHelp
	var usual Keymap
	for _, b := range bindings() {
		bound := boundKeys{binding: &b}
		for _, c := range b.does {
			for _, key := range usual.of(c) {
				bound.keys = append(bound.keys, keyPress{key, c})
			}
		}
		keys, does := bound.explained(usual)
		list = append(list, KeyHelp{keys, does})
	}
	return list
}

// capsWords writes keys beside each other: arrows without blanks, digits that follow each other as a range.
func capsWords(keys []Key) string {
	const fewest = 3 // digits of a range
	words := keysOf(keys, func(k Key) string { return k.word().cap })
	digits := strings.Join(words, "")
	if len(digits) >= fewest && len(digits) == len(words) && strings.Contains("0123456789", digits) {
		return words[0] + " to " + words[len(words)-1]
	}
	text, shift := words[0], "shift-"
	for i, w := range words[1:] {
		switch before := words[i]; {
		case isArrow(before) && isArrow(w):
			text += w
		case strings.HasPrefix(before, shift) && strings.HasPrefix(w, shift) && isArrow(strings.TrimPrefix(before, shift)) && isArrow(strings.TrimPrefix(w, shift)):
			text += strings.TrimPrefix(w, shift)
		default:
			text += " " + w
		}
	}
	return text
}

func isArrow(word string) bool { return word != "" && strings.Contains("↑↓←→", word) }

// WithKeys returns a text with the keys of commands in place of their names in braces.
func (m Keymap) WithKeys(text string) string {
	for {
		before, rest, ok := strings.Cut(text, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			return text
		}
		key := "no key"
		for c := range commandCount {
			if commandTable[c].name == name {
				key = cmp.Or(m.cap(c), key)
			}
		}
		text = before + key + after
	}
}

// step moves what moves at a place: the cursor of the list or of the open chooser, or the text of a page.
func (at place) step(key KeyName) State {
	if at.mode == inChoice {
		return at.moveChoice(key)
	}
	return at.move(key, at.live)
}

// isFrozen reports whether the screen is frozen.
func (at place) isFrozen() bool { return at.Frozen != nil }

// backHint returns where Esc leads; "" is nowhere.
func (at place) backHint() string {
	switch {
	case at.mode != inList:
		if at.Explain > 0 && !at.Help {
			return "close"
		}
		if at.Help || at.Open != "" {
			return "back"
		}
	case at.Explain > 0:
		return "close"
	case at.Search != "" || at.filter() != "":
		return "show all"
	case at.Frozen != nil && at.Replay:
		return "go on"
	case at.Frozen != nil:
		return "now"
	}
	return ""
}
