package ui

import (
	"strings"
	"testing"
)

// In every view, Enter leads from a row to an existing page, and the help names the view.
func TestEveryViewIsComplete(t *testing.T) {
	s := sceneVMs()
	help := linesText(helpPage(s, State{}, 108))
	titles := map[string]Tab{}
	for tab, v := range views {
		if v == nil {
			t.Fatalf("view %d is missing", tab)
		}
		if other, taken := titles[v.title()]; taken || v.title() == "" {
			t.Errorf("view %d is called %q, as view %d", tab, v.title(), other)
		}
		titles[v.title()] = Tab(tab)
		name, words := v.help()
		if name == "" || !strings.Contains(help, name) {
			t.Errorf("the help does not name %q, but %q", v.title(), name)
		}
		for _, e := range words {
			if !strings.Contains(help, Keymap(nil).WithKeys(e.word)) || e.meaning == "" {
				t.Errorf("%s: %q is not explained", v.title(), e.word)
			}
		}

		keys := v.keys(s, State{})
		if v.single() {
			if lines := v.page(s, State{Tab: Tab(tab)}, 100); len(lines) == 0 || len(keys) > 0 {
				t.Errorf("%s is a page of %d lines, and has %d rows", v.title(), len(lines), len(keys))
			}
			continue
		}
		if len(keys) == 0 {
			t.Errorf("%s has no rows", v.title())
		}
		for _, key := range keys {
			to, opened := v.target(s, key)
			if opened == "" { // the subject of an event may be gone
				if Tab(tab) != Events {
					t.Errorf("%s: %s leads nowhere", v.title(), key)
				}
				continue
			}
			if lines := views[to].page(s, State{Tab: to, Open: opened}, 100); len(lines) == 0 {
				t.Errorf("%s: %s leads to %q of %s, which has no page", v.title(), key, opened, views[to].title())
			}
		}
		if v.page(s, State{Tab: Tab(tab), Open: "gone"}, 100) != nil {
			t.Errorf("%s has a page of what is gone", v.title())
		}
		if got := v.keys(s, State{Search: "no row has this"}); len(got) > 0 {
			t.Errorf("%s: a search without a match keeps %v", v.title(), got)
		}
	}
}

func TestCellsAreBelowTheirTitles(t *testing.T) {
	columns := []column{
		{title: "FIRST", width: 7, gap: 1, cell: func(int) line { return text(Plain, "a") }},
		{title: "NUMBER", width: 9, right: true, gap: 2, cell: func(int) line { return text(Plain, "12") }},
		{title: "CUT", width: 4, cell: func(int) line { return text(Plain, "longer") }},
		{title: "LAST", cell: func(i int) line { return text(Plain, strings.Repeat("z", i)) }},
	}
	for want, got := range map[string]line{
		"  FIRST      NUMBER  CUT LAST":  titleLine(columns),
		"a              12  lon…zzzzzzz": rowLine(nil, columns, 7),
	} {
		if got.String() != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// Each column of the table of containers has a name of its own, says what it is, and draws something that fits at each of its widths.
func TestContainerColumnsAreComplete(t *testing.T) {
	s := sceneUses()
	seen := map[ColumnKey]bool{}
	for i := range containerColumns {
		col := &containerColumns[i]
		if col.key == "" || seen[col.key] || col.title == "" || len(col.title) > choiceTitle || col.about == "" || (col.live == nil) == (col.write == nil) || col.width == 0 {
			t.Errorf("column %d lacks something: %+v", i, col)
		}
		seen[col.key] = true
		c := columnsFor(300, []ColumnKey{columnName, col.key})
		if c.of(col.key) == 0 {
			t.Errorf("%s cannot be chosen", col.key)
			continue
		}
		placed := c.shown[c.index(col.key)]
		lines := []line{c.putTitle(nil, placed, text(Title, placed.title))}
		for i := range s.Containers {
			in := tableRow{columns: c, s: s}
			if col.live != nil {
				if cell := col.live(&s.Containers[i], in, placed.w); cell.width() > placed.w {
					t.Errorf("%s of %s does not fit: %q", col.key, s.Containers[i].Label, cell)
				}
			}
			lines = append(lines, placed.putLive(nil, &s.Containers[i], in))
		}
		for _, l := range lines {
			if l.width() != placed.space() {
				t.Errorf("%s takes %d, and is said to take %d: %q", col.key, l.width(), placed.space(), l)
			}
		}
	}
	for _, step := range append(layoutSteps, fillSteps...) {
		if !seen[step.key] {
			t.Errorf("a step is for %q", step.key)
		}
	}
}

func linesText(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.String() + "\n")
	}
	return b.String()
}
