package ui

import (
	"fmt"
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

// binding is an action and its keys. What keys do (Update), what the last line offers and what the help lists are the same table.
type binding struct {
	// keys are those that do it. A click on the hint is the first one.
	keys []Key
	// cap is how keys are written.
	cap string
	// hint returns the words of the last line, "" where it does not offer the key; nil is never.
	hint func(at place) string
	// last is set for hints that stand at the end of the line, and stay where there is no room for others.
	last bool
	// time is set for hints of keys that lead through time.
	time bool
	// help are the words on the help page.
	help string
	// modes are those in which the keys do it, if when is nil or true.
	modes mode
	when  func(at place) bool
	do    func(at place, key Key) (State, Action)
}

// KeyHelp is a key of the dashboard, or several that belong together, and what it does.
type KeyHelp struct{ Keys, Does string }

// Keys lists the keys of the dashboard.
func Keys() []KeyHelp {
	var list []KeyHelp
	for _, b := range bindings() {
		if b.help != "" {
			list = append(list, KeyHelp{Keys: b.cap, Does: b.help})
		}
	}
	return list
}

func (b *binding) applies(at place) bool {
	return b.modes&at.mode != 0 && (b.when == nil || b.when(at))
}

func named(names ...KeyName) []Key {
	keys := make([]Key, len(names))
	for i, n := range names {
		keys[i].Name = n
	}
	return keys
}

func runes(text string) (keys []Key) {
	for _, r := range text {
		keys = append(keys, Key{Name: KeyRune, Rune: r})
	}
	return keys
}

// always returns a hint that is the same everywhere.
func always(words string) func(place) string { return func(place) string { return words } }

// movingKey returns the key that moves as a letter of vi, or a control key of less, does.
func movingKey(key Key) KeyName {
	switch key.Rune {
	case 'j':
		return KeyDown
	case 'k':
		return KeyUp
	case 'g':
		return KeyHome
	case 'G':
		return KeyEnd
	}
	switch key.Name {
	case KeyCtrlF:
		return KeyPageDown
	case KeyCtrlB:
		return KeyPageUp
	}
	return key.Name
}

// bindings returns the table of keys. Of those that apply, the first one with a key does it. The last line offers them in this order.
// Where htop, k9s and vi agree on a key, or only one of them has it, it is the same here.
func bindings() []binding {
	names := make([]string, len(views))
	digits := ""
	for i, v := range views {
		names[i], _ = v.help()
		digits += string(rune('1' + i))
	}
	return slices.Concat([]binding{
		{
			keys: named(KeyEsc), cap: "esc", hint: place.backHint, modes: reading,
			help: "go back: from the help, from an explanation, from what is open, from a search, from a filter; at last it unfolds all groups",
			do:   func(at place, _ Key) (State, Action) { return at.leave() },
		},
		{
			keys: named(KeyDown, KeyUp, KeyPageUp, KeyPageDown), cap: "↑↓", modes: everyMode &^ inExport,
			help: "move the cursor, or scroll a page; also PgUp, PgDn and the wheel of the mouse",
			hint: func(at place) string {
				if at.mode&(inPage|inHelp) != 0 {
					return "scroll"
				}
				return "move"
			},
			do: func(at place, key Key) (State, Action) { return at.step(key.Name), Stay },
		},
		{
			keys: named(KeyHome, KeyEnd), cap: "home end", modes: everyMode &^ inExport, when: func(at place) bool { return at.Frozen == nil || at.mode&(inList|inPage) == 0 },
			help: "to the first row and to the last one",
			do:   func(at place, key Key) (State, Action) { return at.step(key.Name), Stay },
		},
		{
			keys: append(runes("jkgG"), named(KeyCtrlF, KeyCtrlB, KeyCtrlD, KeyCtrlU)...), cap: "j k g G", modes: reading,
			help: "down, up, to the first, to the last; ctrl-F and ctrl-B by a screen, ctrl-D and ctrl-U by half of one",
			do:   func(at place, key Key) (State, Action) { return at.move(movingKey(key), at.live), Stay },
		},
		{
			keys: named(KeyEnter), cap: "enter", modes: inList, when: func(at place) bool { return !at.heading },
			hint: always("open"), help: "open the row under the cursor, as a double click does: a container, a VM, a kill, a namespace, the subject of an event",
			do: func(at place, _ Key) (State, Action) { return at.open(at.live), Stay },
		},
		{
			keys: runes("t"), cap: "t", modes: inList, when: func(at place) bool { return at.Tab == Namespaces },
			hint: func(at place) string { return at.Arrange.next().words() },
			help: "list the namespaces as trees by parent, as trees by the user namespace that owns them, or as a table",
			do:   func(at place, _ Key) (State, Action) { at.Arrange = at.Arrange.next(); return at.State, Stay },
		},
		{
			keys: named(KeyEnter), cap: "enter", modes: inPage, when: func(at place) bool { return at.link().key != "" },
			hint: func(at place) string { return at.link().what },
			help: "on a page: open what it leads to, the latest OOM kill of a container, or the container of a kill or VM",
			do:   func(at place, _ Key) (State, Action) { return at.followed(), Stay },
		},
		{
			keys: named(KeyEnter), cap: "enter", modes: inList, when: func(at place) bool { return at.heading },
			help: "fold the group or unfold it, as space does",
			do:   func(at place, _ Key) (State, Action) { return at.open(at.live), Stay },
		},
		{
			keys: runes(" "), cap: "space", modes: inList, when: place.folds,
			hint: func(at place) string {
				if at.Folded[at.Cursor[at.Tab]] {
					return "unfold"
				}
				return "fold"
			},
			help: "fold the group or unfold it; in a tree, what is below a namespace",
			do: func(at place, _ Key) (State, Action) {
				heading := at.Cursor[at.Tab]
				return at.setFolded(heading, !at.Folded[heading]), Stay
			},
		},
		{
			keys: append(runes("/"), named(KeyF3)...), cap: "/", modes: reading,
			hint: func(at place) string {
				if at.mode != inList {
					return ""
				}
				return "find"
			},
			help: "find, also F3: only rows that contain the text stay",
			do: func(at place, _ Key) (State, Action) {
				at.State = at.closed()
				at.Typing = true
				return at.State, Stay
			},
		},
		{
			keys: append(runes("f"), named(KeyF4)...), cap: "f", modes: reading, when: func(at place) bool { return views[at.Tab].filtered() != noRows },
			hint: func(at place) string {
				if at.mode != inList {
					return ""
				}
				return "filter"
			},
			help: "filter by an expression, also F4: name~web && oom>0, memory>64MiB, net=host, type=oom_kill. It is completed as you type; each list keeps its own",
			do:   func(at place, _ Key) (State, Action) { return at.startFilter(), Stay },
		},
		{
			keys: runes("nN"), cap: "n N", modes: inList, when: func(at place) bool { return at.Search != "" },
			help: "the next row that the search found, and the one before; behind the last comes the first",
			do:   func(at place, key Key) (State, Action) { return at.nextFound(key.Rune == 'n'), Stay },
		},
		{
			keys: named(KeyLeft, KeyRight), cap: "←→", modes: inList | inSearch, when: func(at place) bool { return at.folds() || at.mode == inSearch },
			hint: func(at place) string {
				if !at.folds() {
					return ""
				}
				return "fold, unfold"
			},
			help: "fold what is under the cursor, and unfold it",
			do:   func(at place, key Key) (State, Action) { return at.fold(key.Name == KeyRight, at.live), Stay },
		},
		{
			keys: runes(" "), cap: "space", modes: reading, when: func(at place) bool { return !at.folds() },
			hint: func(at place) string {
				if at.Frozen != nil {
					return "" // the key esc stands there
				}
				return "freeze"
			},
			help: "freeze the screen and let it go on; nothing is lost meanwhile",
			do:   func(at place, _ Key) (State, Action) { return at.freeze() },
		},
		{
			keys: named(KeyLeft, KeyRight), cap: "←→", modes: inList, hint: always("walk"), when: walks,
			help: "on the map: to the room before and to the next; with ↑↓ to the nearest room. While the screen is frozen they step through time",
			do:   func(at place, key Key) (State, Action) { return at.step(key.Name), Stay },
		},
	}, timeBindings(), []binding{
		{
			keys: runes("w"), cap: "w", modes: inList | inPage, when: hasSubjects, hint: always("explain"),
			help: "explain what is under the cursor, with the command to see it by hand; again for the next thing about it",
			do:   func(at place, _ Key) (State, Action) { return at.explained(), Stay },
		},
		{
			keys: runes("y"), cap: "y", modes: inList | inPage, when: hasSubjects,
			hint: always("copy id"), help: "copy the id of what is under the cursor to the clipboard of the terminal (OSC 52; tmux needs set -g set-clipboard on)",
			do: func(at place, _ Key) (State, Action) { return at.copied() },
		},
		{
			keys: runes("Y"), cap: "Y", modes: inList | inPage, when: func(at place) bool { return at.Explain > 0 && hasSubjects(at) },
			help: "copy the command of the explanation",
			do:   func(at place, _ Key) (State, Action) { return at.copiedHand() },
		},
		{
			keys: runes("a"), cap: "a", modes: inList, when: func(at place) bool { return at.Tab == Containers || at.Tab == Map || at.Tab == Starts },
			help: "list the containers with the sandboxes and services of the host, or without them",
			do:   func(at place, _ Key) (State, Action) { at.Quiet = !at.Quiet; return at.State, Stay },
		},
		{
			keys: append(runes("s"), named(KeyF6)...), cap: "s", modes: inList, when: atContainers, hint: always("sort"),
			help: "sort the containers, also F6; so does a click on the head of a column, and another click reverses",
			do:   func(at place, _ Key) (State, Action) { return at.choose(ChooseSort), Stay },
		},
		{
			keys: runes("Sr"), cap: "r", modes: inList, when: atContainers, help: "reverse the order, also S",
			do: func(at place, _ Key) (State, Action) { at.Sort.Reverse = !at.Sort.Reverse; return at.State, Stay },
		},
		{
			keys: runes("o"), cap: "o", modes: inList, when: atContainers, hint: always("columns"), help: "choose the columns and their places",
			do: func(at place, _ Key) (State, Action) { return at.choose(ChooseColumns), Stay },
		},
		{
			keys: runes("jkgG"), cap: "j k g G", modes: inChoice, help: "down, up, to the first, to the last",
			do: func(at place, key Key) (State, Action) { return at.step(movingKey(key)), Stay },
		},
		{
			keys: runes(" "), cap: "space", modes: inChoice, help: "show a column or hide it; sort by it, again to reverse",
			hint: func(at place) string {
				if at.Chooser == ChooseColumns {
					return "show or hide"
				}
				return "sort"
			},
			do: func(at place, _ Key) (State, Action) { return at.pick(at.choice()), Stay },
		},
		{
			keys: append(named(KeyLeft, KeyRight), runes("-+")...), cap: "←→", modes: inChoice, help: "the place of the column, also - and +",
			when: func(at place) bool { return at.Chooser == ChooseColumns }, hint: always("place"),
			do: func(at place, key Key) (State, Action) {
				by := 1
				if key.Name == KeyLeft || key.Rune == '-' {
					by = -1
				}
				return at.place(at.choice(), by), Stay
			},
		},
		{
			keys: runes("rS"), cap: "r", modes: inChoice, help: "reverse the order, also S", hint: always("reverse"),
			when: func(at place) bool { return at.Chooser == ChooseSort },
			do:   func(at place, _ Key) (State, Action) { at.Sort.Reverse = !at.Sort.Reverse; return at.State, Stay },
		},
		{
			keys: runes("d"), cap: "d", modes: inChoice, help: "the columns, or the order, as they are without a choice", hint: always("as usual"),
			do: func(at place, _ Key) (State, Action) { return at.asUsual(), Stay },
		},
		{
			keys: named(KeyEnter), cap: "enter", modes: inChoice, help: "sort by what is under the cursor, and close",
			hint: func(at place) string {
				if at.Chooser == ChooseSort {
					return "sort and close"
				}
				return ""
			},
			do: func(at place, _ Key) (State, Action) {
				if at.Chooser == ChooseSort && at.Sort.By != at.choice() {
					return at.pick(at.choice()).closeChooser(), Stay
				}
				return at.closeChooser(), Stay
			},
		},
		{
			keys: append(named(KeyEsc, KeyTab, KeyBackTab), runes("osq")...), cap: "esc", modes: inChoice, help: "close, also o, s and q", hint: always("done"),
			do: func(at place, _ Key) (State, Action) { return at.closeChooser(), Stay },
		},
	}, exportBindings(), []binding{
		{
			keys: named(KeyTab, KeyBackTab), cap: "tab", modes: reading | inSearch, hint: always("next view"),
			help: "the next view, with shift the one before; so does a click on its name",
			do: func(at place, key Key) (State, Action) {
				step := Tab(1)
				if key.Name == KeyBackTab {
					step = tabCount - 1
				}
				return at.switchTo((at.Tab + step) % tabCount), Stay
			},
		},
		{
			keys: runes(digits), cap: fmt.Sprintf("1 to %d", len(views)), modes: reading,
			help: "the views: " + strings.Join(names, ", "),
			do:   func(at place, key Key) (State, Action) { return at.switchTo(Tab(key.Rune - '1')), Stay },
		},
		{
			keys: runes("m"), cap: "m", modes: reading,
			help: "the mouse: leave it to the terminal, which then selects text, and take it again. In most terminals shift with the mouse selects text at any time",
			do: func(at place, _ Key) (State, Action) {
				if at.NoMouse = !at.NoMouse; at.NoMouse {
					at.Note = "the mouse is the terminal's, and selects text; m takes it again"
				}
				return at.State, Stay
			},
		},
		{
			keys: named(KeyCtrlL), cap: "ctrl-L", modes: everyMode, help: "draw the screen anew",
			do: func(at place, _ Key) (State, Action) { return at.State, Repaint },
		},
		{
			keys: named(KeyCtrlZ), cap: "ctrl-Z", modes: everyMode, help: "stop nsviz and go back to the shell; fg goes on. Meanwhile nsviz reads nothing, and events may be lost",
			do: func(at place, _ Key) (State, Action) { return at.State, Suspend },
		},
		{
			keys: named(KeyEnter), cap: "enter", modes: inSearch, hint: always("keep"), help: "keep the search",
			do: func(at place, _ Key) (State, Action) { at.Typing = false; return at.State, Stay },
		},
		{
			keys: named(KeyEsc), cap: "esc", modes: inSearch, hint: always("show all"), help: "end the search",
			do: func(at place, _ Key) (State, Action) { at.Typing, at.Search = false, ""; return at.State, Stay },
		},
		{
			keys: named(KeyBackspace), cap: "backspace", modes: inSearch, help: "delete a letter",
			do: func(at place, _ Key) (State, Action) { at.Search = withoutLast(at.Search); return at.State, Stay },
		},
		{
			keys: named(KeyCtrlU), cap: "ctrl-U", modes: inSearch, help: "delete all",
			do: func(at place, _ Key) (State, Action) { at.Search = ""; return at.State, Stay },
		},
		{
			keys: named(KeyCtrlW), cap: "ctrl-W", modes: inSearch, help: "delete a word",
			do: func(at place, _ Key) (State, Action) { at.Search = withoutWord(at.Search); return at.State, Stay },
		},
		{
			keys: named(KeyTab), cap: "tab", modes: inFilter, hint: always("complete"), help: "complete a field, an operator or a value",
			do: func(at place, _ Key) (State, Action) { return at.completed(at.live), Stay },
		},
		{
			keys: named(KeyEnter), cap: "enter", modes: inFilter, hint: always("keep"), help: "keep the filter",
			do: func(at place, _ Key) (State, Action) { return at.keepFilter(at.live), Stay },
		},
		{
			keys: named(KeyEsc), cap: "esc", modes: inFilter, hint: always("show all"), help: "end the filter",
			do: func(at place, _ Key) (State, Action) {
				at.Filtering, at.Draft = false, ""
				return at.withFilter(""), Stay
			},
		},
		{
			keys: named(KeyBackspace), cap: "backspace", modes: inFilter, help: "delete a letter",
			do: func(at place, _ Key) (State, Action) { return at.draft(withoutLast(at.Draft), at.live), Stay },
		},
		{
			keys: named(KeyCtrlU), cap: "ctrl-U", modes: inFilter, help: "delete all",
			do: func(at place, _ Key) (State, Action) { return at.draft("", at.live), Stay },
		},
		{
			keys: named(KeyCtrlW), cap: "ctrl-W", modes: inFilter, help: "delete a word",
			do: func(at place, _ Key) (State, Action) { return at.draft(withoutWord(at.Draft), at.live), Stay },
		},
		{
			keys: append(runes("?"), named(KeyF1)...), cap: "?", modes: reading, hint: always("what is this?"), last: true,
			help: "this help, also F1: what the screen shows, and the keys that do something where you are",
			do: func(at place, _ Key) (State, Action) {
				at.Help, at.Scroll = !at.Help, 0
				return at.State, Stay
			},
		},
		{
			keys: append(runes("q"), named(KeyF10)...), cap: "q", modes: reading, hint: always("quit"), last: true,
			help: "quit, also F10 and ctrl-C",
			do:   func(at place, _ Key) (State, Action) { return at.State, Quit },
		},
		{
			keys: named(KeyCtrlC), cap: "ctrl-C", modes: everyMode, help: "quit, from anywhere",
			do: func(at place, _ Key) (State, Action) { return at.State, Quit },
		},
	})
}

// step moves what moves at a place: the cursor of the list or of the open chooser, or the text of a page.
func (at place) step(key KeyName) State {
	if at.mode == inChoice {
		return at.moveChoice(key)
	}
	return at.move(key, at.live)
}

// walks reports whether left and right move the cursor.
func walks(at place) bool {
	_, ok := views[at.Tab].(walker)
	return ok && at.Frozen == nil
}

func atContainers(at place) bool { return at.Tab == Containers }

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
