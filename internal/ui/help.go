package ui

import "github.com/nsviz/nsviz/internal/model"

// helpPage says what the screen shows, lists the keys that do something in the place that the help was opened in, and explains the
// words of the screen.
func helpPage(s *model.Snapshot, st State, w int) []line {
	const left, wide = 2, 15
	st.Help = false
	at := here(st, s)
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

	section("Keys here, in " + views[st.Tab].title())
	for _, b := range at.bound() {
		add(b.explained(st.Keys))
	}

	section("Words")
	for _, v := range views {
		_, words := v.help()
		for _, e := range words {
			add(st.Keys.WithKeys(e.word), st.Keys.WithKeys(e.meaning))
		}
	}
	return lines
}
