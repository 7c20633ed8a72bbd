package ui

import "slices"

// Chooser names a list of choices about the table of containers.
type Chooser int

// The choosers.
const (
	ChooseNothing Chooser = iota
	ChooseColumns
	ChooseSort
)

// byStart is the title of the choice to sort by nothing.
const byStart = "start"

// chosen returns the columns that are to be shown: those that the user has chosen, else those that the width of the screen has.
func (st State) chosen() []ColumnKey {
	if len(st.Columns) > 0 {
		return knownColumns(st.Columns)
	}
	w := st.Width
	if w <= 0 {
		w = 80
	}
	return columnsFor(w, nil).keys()
}

// choices returns the columns that the open chooser lists: those that are to be shown, then the others. Sorting has one more for none.
func (st State) choices() []ColumnKey {
	keys := st.chosen()
	for i := range containerColumns {
		if key := containerColumns[i].key; !slices.Contains(keys, key) {
			keys = append(keys[:len(keys):len(keys)], key)
		}
	}
	if st.Chooser == ChooseSort {
		keys = slices.DeleteFunc(slices.Clone(keys), func(key ColumnKey) bool { return containerColumns[columnIndex(key)].value == nil })
		return append([]ColumnKey{""}, keys...)
	}
	return keys
}

// choose opens a chooser.
func (st State) choose(c Chooser) State {
	st.Chooser, st.Choice = c, columnName
	if c == ChooseSort {
		st.Choice = st.Sort.By
	}
	return st
}

// choice returns the column under the cursor of the open chooser.
func (st State) choice() ColumnKey {
	list := st.choices()
	return list[max(slices.Index(list, st.Choice), 0)]
}

// moveChoice moves the cursor of the open chooser.
func (st State) moveChoice(key KeyName) State {
	const page = 8
	list := st.choices()
	st.Choice = list[moved(max(slices.Index(list, st.Choice), 0), len(list), page, key)]
	return st
}

// asUsual takes back what was chosen in the open chooser.
func (st State) asUsual() State {
	if st.Chooser == ChooseColumns {
		st.Columns = nil
	} else {
		st.Sort = Sort{}
	}
	return st
}

func (st State) closeChooser() State {
	st.Chooser, st.Choice = ChooseNothing, ""
	return st
}

// pick shows a column or hides it, or sorts by it. The name is always shown.
func (st State) pick(key ColumnKey) State {
	st.Choice = key
	if st.Chooser == ChooseSort {
		return st.sortBy(key)
	}
	if key == columnName {
		return st
	}
	keys := slices.Clone(st.chosen())
	if i := slices.Index(keys, key); i >= 0 {
		keys = slices.Delete(keys, i, i+1)
	} else {
		keys = append(keys, key)
	}
	st.Columns = keys
	return st
}

// place moves a column that is shown by one to the left or to the right. Nothing is to the left of the name.
func (st State) place(key ColumnKey, by int) State {
	keys := slices.Clone(st.chosen())
	i := slices.Index(keys, key)
	to := i + by
	if st.Chooser != ChooseColumns || i < 1 || to < 1 || to >= len(keys) {
		return st
	}
	keys[i], keys[to] = keys[to], keys[i]
	st.Columns, st.Choice = keys, key
	return st
}

// withChooser draws the table and, below it, the open chooser.
func (sc screen) withChooser(h int) []row {
	c := sc.columns()
	head := c.headLines(h)
	list := listedRows(sc.s, sc.state)
	chooser := min(len(sc.state.choices())+1, max(h*3/5, h-len(head)-len(list)))
	rows := sc.containerRows(plainRows(head), c, list, max(h-len(head)-chooser, 0), sc.state.cursor(sc.state.keys(sc.s)))
	for len(rows) < h-chooser {
		rows = append(rows, row{})
	}
	title := text(Title, "columns").add(Dim, ", from left to right")
	if sc.state.Chooser == ChooseSort {
		title = text(Title, "sort by").add(Dim, ", groups by their best")
	}
	rows = append(rows[:max(h-chooser, 0)], row{line: rule(title, sc.w)})
	return append(rows, sc.choiceRows(chooser-1)...)
}

// choiceRows draws at most n of the choices, including the one under the cursor.
func (sc screen) choiceRows(n int) []row {
	list := sc.state.choices()
	at := max(slices.Index(list, sc.state.Choice), 0)
	noted := len(list) > n && n > 2
	if noted {
		n--
	}
	from, to := window(len(list), at, n)
	var rows []row
	shown := sc.columns()
	for i := from; i < to; i++ {
		l := cursorMark(i == at)
		if sc.state.Chooser == ChooseSort {
			l = l.join(sc.sortChoice(list[i]))
		} else {
			l = l.join(sc.columnChoice(list[i], shown))
		}
		rows = append(rows, row{line: l, selected: i == at})
	}
	if noted {
		rows = append(rows, row{line: moreNote(from, to, len(list))})
	}
	return rows
}

const choiceTitle = 12 // the longest title

// columnChoice draws a column: whether it is shown, and what it has.
func (sc screen) columnChoice(key ColumnKey, shown columns) line {
	col := &containerColumns[columnIndex(key)]
	mark, note := text(Dim, "[ ] "), ""
	if slices.Contains(sc.state.chosen(), key) {
		mark = text(Strong, "[x] ")
		if shown.of(key) == 0 {
			note = "no room; "
		}
	}
	return mark.join(text(Title, col.title).fit(choiceTitle)).space(1).add(Warn, note).add(Dim, col.about)
}

// sortChoice draws what to sort by, and in which order that is.
func (sc screen) sortChoice(key ColumnKey) line {
	title, about, sign := byStart, "when they were made, the oldest first", " "
	if i := columnIndex(key); i >= 0 {
		col := &containerColumns[i]
		title, about = col.title, col.about
		if sc.state.Sort.By == key {
			sign = sc.state.Sort.sign(col)
		}
	} else if sc.state.Sort.By == "" {
		sign = ascendingSign
		if sc.state.Sort.Reverse {
			sign = descendingSign
		}
	}
	return text(Strong, sign).space(1).join(text(Title, title).fit(choiceTitle)).space(1).add(Dim, about)
}
