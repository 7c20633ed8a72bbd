package ui

import (
	"fmt"
	"strings"
)

// helpPage explains the words of the screen to a newcomer, then the keys.
func helpPage(w int) []line {
	const left, wide = 2, 15
	var names []string
	w = min(w, 108)
	var lines []line
	section := func(title string) {
		if len(lines) > 0 {
			lines = append(lines, nil)
		}
		lines = append(lines, text(Strong, " "+title))
	}
	add := func(name, value string) { lines = append(lines, facts(name, text(Plain, value), left, wide, w)...) }

	section("What is this?")
	lines = append(lines, paragraph(text(Plain, "A container is no small computer. It is ordinary processes of this host, which the kernel shows less "+
		"(namespaces) and allows less (cgroups). nsviz asks the kernel itself, so what you see is what is, not what was configured."), left, w)...)
	lines = append(lines, nil)
	for _, v := range views {
		name, words := v.help()
		names = append(names, name)
		for _, e := range words {
			add(e.word, e.meaning)
		}
	}

	section("Keys")
	add("↑ ↓ j k", "move the cursor, or scroll a page; also PgUp, PgDn, Home, End")
	add("enter", "open the row under the cursor: a container, a VM, a kill, a namespace; Esc goes back")
	add(fmt.Sprintf("1 to %d, tab", len(views)), "the views: "+strings.Join(names, ", "))
	add("/", "find: only rows that contain the text stay; Esc shows all again")
	add("a", "list the containers with the sandboxes and services of the host, or without them")
	add("← → space", "on the heading of a group: fold it and unfold it; Esc unfolds all")
	add("space", "freeze the screen and let it go on; nothing is lost meanwhile")
	add("q, ctrl-c", "quit")
	return lines
}
