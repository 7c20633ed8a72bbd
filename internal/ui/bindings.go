package ui

import (
	"slices"
	"strings"
	"sync"
)

// binding is an action and its commands, whose keys do it. What keys do (Update), what the last line offers and what the help lists are the
// same table.
type binding struct {
	// does are the commands that do it. A click on the hint is the first one.
	does []command
	// caps are the commands whose first keys stand for all of them; nil is the first one.
	caps []command
	// alike is set if all commands do the same.
	alike bool
	// over are the commands of later bindings that may have the same keys: these do this first.
	over []command
	// hint returns the words of the last line, "" where it does not offer the key; nil is never.
	hint func(at place) string
	// last is set for hints that stand at the end of the line, and stay where there is no room for others.
	last bool
	// time is set for hints of keys that lead through time.
	time bool
	// help are the words on the help page.
	help string
	// modes and tabs are those in which the keys do it, if when is nil or true. No tabs are all.
	modes mode
	tabs  tabs
	when  func(at place) bool
	do    func(at place, c command) (State, Action)
}

// tabs is a set of views.
type tabs uint

func in(list ...Tab) (set tabs) {
	for _, t := range list {
		set |= 1 << t
	}
	return set
}

func (b *binding) applies(at place) bool {
	return b.modes&at.mode != 0 && (b.tabs == 0 || b.tabs&in(at.Tab) != 0) && (b.when == nil || b.when(at))
}

// always returns a hint that is the same everywhere.
func always(words string) func(place) string { return func(place) string { return words } }

// inLists returns a hint for lists alone.
func inLists(words string) func(place) string {
	return func(at place) string {
		if at.mode != inList {
			return ""
		}
		return words
	}
}

func commands(list ...command) []command { return list }

// bindings returns the table of keys. Of those that apply, the first one with a key does it. The last line offers them in this order.
// Where htop, k9s and vi agree on a key, or only one of them has it, it is the same here.
func bindings() []binding {
	bindingsMade.Do(func() {
		allBindings = slices.Concat(listBindings(), timeBindings(), tableBindings(), exportBindings(), everywhereBindings(), textBindings(), lastBindings())
	})
	return allBindings
}

// allBindings is the table, which is made once and never changed: each frame needs it. An initializer would refer to itself, since what keys
// do leads to what they are.
var (
	allBindings  []binding
	bindingsMade sync.Once
)

// listBindings returns the keys that move, open, fold and find.
func listBindings() []binding {
	move := func(at place, c command) (State, Action) { return at.step(movements[c]), Stay }
	return []binding{
		{
			does: commands(cmdBack), hint: place.backHint, modes: reading,
			help: "go back: from the help, from an explanation, from what is open, from a search, from a filter; at last it unfolds all groups",
			do:   func(at place, _ command) (State, Action) { return at.leave() },
		},
		{
			does: commands(cmdDown, cmdUp), caps: commands(cmdUp, cmdDown), modes: everyMode &^ inExport,
			help: "move the cursor, or scroll a page, as the wheel of the mouse does",
			hint: func(at place) string {
				if at.mode&(inPage|inHelp) != 0 {
					return "scroll"
				}
				return "move"
			},
			do: move,
		},
		{
			does: commands(cmdPageUp, cmdPageDown), caps: commands(cmdPageUp, cmdPageDown), modes: everyMode &^ inExport,
			help: "move by a screen", do: move,
		},
		{
			does: commands(cmdHalfPageUp, cmdHalfPageDown), caps: commands(cmdHalfPageUp, cmdHalfPageDown), modes: reading | inChoice,
			help: "move by half a screen", do: move,
		},
		{
			does: commands(cmdOldest, cmdNewest), caps: commands(cmdOldest, cmdNewest), over: commands(cmdFirst, cmdLast), modes: inList | inPage, when: place.isFrozen,
			help: "the oldest state that is kept, and the newest",
			do:   func(at place, c command) (State, Action) { return at.travel(c == cmdOldest, ToOldest, ToNewest) },
		},
		{
			does: commands(cmdFirst, cmdLast), caps: commands(cmdFirst, cmdLast), modes: everyMode &^ inExport,
			help: "to the first row and to the last one", do: move,
		},
		{
			does: commands(cmdOpen), modes: inList, when: func(at place) bool { return !at.heading },
			hint: always("open"), help: "open the row under the cursor, as a double click does: a container, a VM, a kill, a namespace, the subject of an event",
			do: func(at place, _ command) (State, Action) { return at.open(at.live), Stay },
		},
		{
			does: commands(cmdArrange), modes: inList, tabs: in(Namespaces),
			hint: func(at place) string { return at.Arrange.next().words() },
			help: "list the namespaces as trees by parent, as trees by the user namespace that owns them, or as a table",
			do:   func(at place, _ command) (State, Action) { at.Arrange = at.Arrange.next(); return at.State, Stay },
		},
		{
			does: commands(cmdOpen), modes: inPage, when: func(at place) bool { return at.link().key != "" },
			hint: func(at place) string { return at.link().what },
			help: "on a page: open what it leads to, the latest OOM kill of a container, or the container of a kill or VM",
			do:   func(at place, _ command) (State, Action) { return at.followed(), Stay },
		},
		{
			does: commands(cmdOpen), modes: inList, when: func(at place) bool { return at.heading },
			help: "fold the group or unfold it, as {toggle-fold} does",
			do:   func(at place, _ command) (State, Action) { return at.open(at.live), Stay },
		},
		{
			does: commands(cmdToggleFold), over: commands(cmdFreeze), modes: inList, when: place.folds,
			hint: func(at place) string {
				if at.Folded[at.Cursor[at.Tab]] {
					return "unfold"
				}
				return "fold"
			},
			help: "fold the group or unfold it; in a tree, what is below a namespace",
			do: func(at place, _ command) (State, Action) {
				heading := at.Cursor[at.Tab]
				return at.setFolded(heading, !at.Folded[heading]), Stay
			},
		},
		{
			does: commands(cmdFind), modes: reading, hint: inLists("find"), help: "find: only rows that contain the text stay",
			do: func(at place, _ command) (State, Action) {
				at.State = at.closed()
				at.Typing = true
				return at.State, Stay
			},
		},
		{
			does: commands(cmdFilter), modes: reading, when: func(at place) bool { return views[at.Tab].filtered() != noRows }, hint: inLists("filter"),
			help: "filter by an expression: name~web && oom>0, memory>64MiB, net=host, type=oom_kill. It is completed as you type; each list keeps its own",
			do:   func(at place, _ command) (State, Action) { return at.startFilter(), Stay },
		},
		{
			does: commands(cmdNextFound, cmdPreviousFound), caps: commands(cmdNextFound, cmdPreviousFound), modes: inList,
			when: func(at place) bool { return at.Search != "" },
			help: "the next row that the search found, and the one before; behind the last comes the first",
			do:   func(at place, c command) (State, Action) { return at.nextFound(c == cmdNextFound), Stay },
		},
		{
			does: commands(cmdFold, cmdUnfold), caps: commands(cmdFold, cmdUnfold), over: commands(cmdWalkLeft, cmdWalkRight, cmdEarlier, cmdLater),
			modes: inList | inSearch, when: func(at place) bool { return at.folds() || at.mode == inSearch },
			hint: func(at place) string {
				if !at.folds() {
					return ""
				}
				return "fold, unfold"
			},
			help: "fold what is under the cursor, and unfold it",
			do:   func(at place, c command) (State, Action) { return at.fold(c == cmdUnfold, at.live), Stay },
		},
		{
			does: commands(cmdFreeze), modes: reading,
			hint: func(at place) string {
				if at.Frozen != nil {
					return "" // the key esc stands there
				}
				return "freeze"
			},
			help: "freeze the screen and let it go on; nothing is lost meanwhile",
			do:   func(at place, _ command) (State, Action) { return at.freeze() },
		},
		{
			does: commands(cmdWalkLeft, cmdWalkRight), caps: commands(cmdWalkLeft, cmdWalkRight), over: commands(cmdEarlier, cmdLater),
			modes: inList, tabs: in(Map), hint: always("walk"), when: func(at place) bool { return at.Frozen == nil },
			help: "on the map: to the room before and to the next; with {up} {down} to the nearest room. While the screen is frozen they step through time",
			do:   move,
		},
	}
}

// tableBindings returns the keys about what is under the cursor and about the table of containers.
func tableBindings() []binding {
	reverse := func(at place, _ command) (State, Action) { at.Sort.Reverse = !at.Sort.Reverse; return at.State, Stay }
	return []binding{
		{
			does: commands(cmdExplain), modes: inList | inPage, when: hasSubjects, hint: always("explain"),
			help: "explain what is under the cursor, with the command to see it by hand; again for the next thing about it",
			do:   func(at place, _ command) (State, Action) { return at.explained(), Stay },
		},
		{
			does: commands(cmdCopyID), modes: inList | inPage, when: hasSubjects,
			hint: always("copy id"), help: "copy the id of what is under the cursor to the clipboard of the terminal (OSC 52; tmux needs set -g set-clipboard on)",
			do: func(at place, _ command) (State, Action) { return at.copied() },
		},
		{
			does: commands(cmdCopyCommand), modes: inList | inPage, when: func(at place) bool { return at.Explain > 0 && hasSubjects(at) },
			help: "copy the command of the explanation",
			do:   func(at place, _ command) (State, Action) { return at.copiedHand() },
		},
		{
			does: commands(cmdSandboxes), modes: inList, tabs: in(Containers, Map, Starts),
			help: "list the containers with the sandboxes and services of the host, or without them",
			do:   func(at place, _ command) (State, Action) { at.Quiet = !at.Quiet; return at.State, Stay },
		},
		{
			does: commands(cmdSort), modes: inList, tabs: in(Containers), hint: always("sort"),
			help: "sort the containers; so does a click on the head of a column, and another click reverses",
			do:   func(at place, _ command) (State, Action) { return at.choose(ChooseSort), Stay },
		},
		{
			does: commands(cmdReverse), modes: inList, tabs: in(Containers), help: "reverse the order", do: reverse,
		},
		{
			does: commands(cmdColumns), modes: inList, tabs: in(Containers), hint: always("columns"), help: "choose the columns and their places",
			do: func(at place, _ command) (State, Action) { return at.choose(ChooseColumns), Stay },
		},
		{
			does: commands(cmdPick), modes: inChoice, help: "show a column or hide it; sort by it, again to reverse",
			hint: func(at place) string {
				if at.Chooser == ChooseColumns {
					return "show or hide"
				}
				return "sort"
			},
			do: func(at place, _ command) (State, Action) { return at.pick(at.choice()), Stay },
		},
		{
			does: commands(cmdPlaceLeft, cmdPlaceRight), caps: commands(cmdPlaceLeft, cmdPlaceRight), modes: inChoice, help: "the place of the column",
			when: func(at place) bool { return at.Chooser == ChooseColumns }, hint: always("place"),
			do: func(at place, c command) (State, Action) {
				by := 1
				if c == cmdPlaceLeft {
					by = -1
				}
				return at.place(at.choice(), by), Stay
			},
		},
		{
			does: commands(cmdReverse), modes: inChoice, help: "reverse the order", hint: always("reverse"),
			when: func(at place) bool { return at.Chooser == ChooseSort }, do: reverse,
		},
		{
			does: commands(cmdUsual), modes: inChoice, help: "the columns, or the order, as they are without a choice", hint: always("as usual"),
			do: func(at place, _ command) (State, Action) { return at.asUsual(), Stay },
		},
		{
			does: commands(cmdAccept), modes: inChoice, help: "sort by what is under the cursor, and close",
			hint: func(at place) string {
				if at.Chooser == ChooseSort {
					return "sort and close"
				}
				return ""
			},
			do: func(at place, _ command) (State, Action) {
				if at.Chooser == ChooseSort && at.Sort.By != at.choice() {
					return at.pick(at.choice()).closeChooser(), Stay
				}
				return at.closeChooser(), Stay
			},
		},
		{
			does: commands(cmdCancel, cmdColumns, cmdSort, cmdQuit, cmdNextView, cmdPreviousView), alike: true, modes: inChoice, help: "close", hint: always("done"),
			do: func(at place, _ command) (State, Action) { return at.closeChooser(), Stay },
		},
	}
}

// everywhereBindings returns the keys that lead to views, and those of the terminal.
func everywhereBindings() []binding {
	names := make([]string, len(views))
	for i, v := range views {
		names[i], _ = v.help()
	}
	return []binding{
		{
			does: commands(cmdNextView, cmdPreviousView), modes: reading | inSearch, hint: always("next view"),
			help: "the next view, and the one before; so does a click on its name",
			do: func(at place, c command) (State, Action) {
				step := Tab(1)
				if c == cmdPreviousView {
					step = tabCount - 1
				}
				return at.switchTo((at.Tab + step) % tabCount), Stay
			},
		},
		{
			does: viewCommands[:], caps: viewCommands[:], modes: reading,
			help: "the views: " + strings.Join(names, ", "),
			do: func(at place, c command) (State, Action) {
				return at.switchTo(Tab(slices.Index(viewCommands[:], c))), Stay
			},
		},
		{
			does: commands(cmdMouse), modes: reading,
			help: "the mouse: leave it to the terminal, which then selects text, and take it again. In most terminals shift with the mouse selects text at any time",
			do: func(at place, _ command) (State, Action) {
				if at.NoMouse = !at.NoMouse; at.NoMouse {
					at.Note = "the mouse is the terminal's, and selects text; " + at.Keys.cap(cmdMouse) + " takes it again"
				}
				return at.State, Stay
			},
		},
		{
			does: commands(cmdRedraw), modes: everyMode, help: "draw the screen anew",
			do: func(at place, _ command) (State, Action) { return at.State, Repaint },
		},
		{
			does: commands(cmdSuspend), modes: everyMode, help: "stop nsviz and go back to the shell; fg goes on. Meanwhile nsviz reads nothing, and events may be lost",
			do: func(at place, _ command) (State, Action) { return at.State, Suspend },
		},
	}
}

// textBindings returns the keys of the texts that are entered.
func textBindings() []binding {
	edit := func(at place, text func(string) string) (State, Action) {
		if at.mode == inFilter {
			return at.draft(text(at.Draft), at.live), Stay
		}
		at.Search = text(at.Search)
		return at.State, Stay
	}
	return []binding{
		{
			does: commands(cmdAccept), modes: inSearch, hint: always("keep"), help: "keep the search",
			do: func(at place, _ command) (State, Action) { at.Typing = false; return at.State, Stay },
		},
		{
			does: commands(cmdCancel), modes: inSearch, hint: always("show all"), help: "end the search",
			do: func(at place, _ command) (State, Action) { at.Typing, at.Search = false, ""; return at.State, Stay },
		},
		{
			does: commands(cmdComplete), modes: inFilter, hint: always("complete"), help: "complete a field, an operator or a value",
			do: func(at place, _ command) (State, Action) { return at.completed(at.live), Stay },
		},
		{
			does: commands(cmdAccept), modes: inFilter, hint: always("keep"), help: "keep the filter",
			do: func(at place, _ command) (State, Action) { return at.keepFilter(at.live), Stay },
		},
		{
			does: commands(cmdCancel), modes: inFilter, hint: always("show all"), help: "end the filter",
			do: func(at place, _ command) (State, Action) {
				at.Filtering, at.Draft = false, ""
				return at.withFilter(""), Stay
			},
		},
		{
			does: commands(cmdDeleteLetter), modes: entering, help: "delete a letter",
			do: func(at place, _ command) (State, Action) { return edit(at, withoutLast) },
		},
		{
			does: commands(cmdDeleteAll), modes: entering, help: "delete all",
			do: func(at place, _ command) (State, Action) { return edit(at, func(string) string { return "" }) },
		},
		{
			does: commands(cmdDeleteWord), modes: entering, help: "delete a word",
			do: func(at place, _ command) (State, Action) { return edit(at, withoutWord) },
		},
	}
}

// lastBindings returns the keys whose hints stand at the end of the last line.
func lastBindings() []binding {
	return []binding{
		{
			does: commands(cmdHelp), modes: reading, hint: always("what is this?"), last: true,
			help: "this help: what the screen shows, and the keys that do something where you are",
			do: func(at place, _ command) (State, Action) {
				at.Help, at.Scroll = !at.Help, 0
				return at.State, Stay
			},
		},
		{
			does: commands(cmdQuit), modes: reading, hint: always("quit"), last: true,
			help: "quit; so does ctrl-C, from anywhere",
			do:   func(at place, _ command) (State, Action) { return at.State, Quit },
		},
	}
}
