package ui

import "slices"

// widthStep gives a column a width, if that fits; 0 is its least one.
type widthStep struct {
	key   ColumnKey
	width int
}

// layoutSteps are what a wider and wider screen shows, the most important first, where the user has chosen no columns. The widths of a
// column grow.
var layoutSteps = []widthStep{
	{columnName, 0}, {columnMemory, 0}, {columnOOM, 0}, {columnNamespaces, 0}, {columnPID, 0}, {columnName, 13}, {columnCPU, 0},
	{columnMemory, memoryText + 7}, {columnName, 16}, // 80 columns
	{columnUp, 0}, {columnNamespaces, 4 * namespaceColumns}, {columnProcesses, 0}, {columnSpark, 0}, // 120 columns
	{columnStart, 0}, {columnImage, 0}, {columnReceived, 0}, {columnSent, 0}, // 160 columns
	{columnRead, 0}, {columnWritten, 0}, {columnMemoryPressure, 0}, {columnImage, 20}, {columnName, 20}, // 200 columns
	{columnFullIn, 0}, {columnTasks, 0}, {columnThrottled, 0}, {columnRestarts, 0}, {columnCommand, 0}, {columnWorkingSet, 0}, {columnSwap, 0},
}

// fillSteps say who takes the room that is left, up to a width.
var fillSteps = []widthStep{
	{columnName, 24}, {columnSpark, 20}, {columnMemory, memoryText + 13}, {columnImage, 32}, {columnName, 40}, {columnSpark, 60},
	{columnImage, 64}, {columnName, 64}, {columnCPUSpark, 60},
}

// columnsFor returns the columns that a width has room for: of those that are chosen, in their order, else of all.
func columnsFor(w int, chosen []ColumnKey) columns {
	var c columns
	if chosen = knownColumns(chosen); len(chosen) == 0 {
		c = defaultColumns(w)
	} else {
		c = chosenColumns(w, chosen)
	}
	for _, step := range fillSteps {
		if i := c.index(step.key); i >= 0 && c.shown[i].w > 0 {
			c.shown[i].w = max(min(c.shown[i].w+w-c.width(), step.width), c.shown[i].w)
		}
	}
	c.shown = slices.DeleteFunc(c.shown, func(col placedColumn) bool { return col.w == 0 })
	if over := c.width() - w; over > 0 {
		c.shown[0].w = max(c.shown[0].w-over, 1)
	}
	return c
}

// defaultColumns takes the steps until one does not fit.
func defaultColumns(w int) columns {
	c := columns{shown: make([]placedColumn, 0, len(containerColumns))}
	for _, step := range layoutSteps {
		before := len(c.shown)
		i := c.index(step.key)
		width := 0
		if i >= 0 {
			width = c.shown[i].w
		}
		if c.take(step); before > 0 && c.width() > w { // the step before was the last one
			if c.shown = c.shown[:before]; i >= 0 {
				c.shown[i].w = width
			}
			break
		}
	}
	slices.SortFunc(c.shown, func(a, b placedColumn) int { return columnIndex(a.key) - columnIndex(b.key) })
	return c
}

// chosenColumns gives each column its least width, as far as there is room for it, and then takes what steps fit.
func chosenColumns(w int, chosen []ColumnKey) columns {
	var c columns
	for _, key := range chosen {
		if with := c.step(widthStep{key, 0}); len(c.shown) == 0 || with.width() <= w {
			c = with
		}
	}
	for _, step := range layoutSteps {
		if i := c.index(step.key); i >= 0 && step.width > c.shown[i].w {
			if wider := c.step(step); wider.width() <= w {
				c = wider
			}
		}
	}
	return c
}

// step returns the columns after a step.
func (c columns) step(step widthStep) columns {
	c.shown = slices.Clone(c.shown)
	c.take(step)
	return c
}

// take takes a step.
func (c *columns) take(step widthStep) {
	col := &containerColumns[columnIndex(step.key)]
	placed := placedColumn{col, max(step.width, col.width)}
	if i := c.index(step.key); i >= 0 {
		c.shown[i] = placed
	} else {
		c.shown = append(c.shown, placed)
	}
}

func (c columns) index(key ColumnKey) int {
	return slices.IndexFunc(c.shown, func(col placedColumn) bool { return col.key == key })
}

// keys returns the keys of the columns that are shown.
func (c columns) keys() []ColumnKey {
	keys := make([]ColumnKey, len(c.shown))
	for i, col := range c.shown {
		keys[i] = col.key
	}
	return keys
}

// columnIndex returns the place of a column among all; -1 is none.
func columnIndex(key ColumnKey) int {
	return slices.IndexFunc(containerColumns, func(col containerColumn) bool { return col.key == key })
}

// knownColumns returns the keys that are those of columns, each once. The name comes first in any choice.
func knownColumns(keys []ColumnKey) []ColumnKey {
	if len(keys) == 0 {
		return nil
	}
	known := []ColumnKey{columnName}
	for _, key := range keys {
		if columnIndex(key) >= 0 && !slices.Contains(known, key) {
			known = append(known, key)
		}
	}
	return known
}
