package ui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/model"
)

// Sort is the order of the containers. The zero value is that of their start.
type Sort struct {
	// By is the column; "" is the start, oldest first.
	By ColumnKey
	// Reverse is set for the order that is not the column's usual one: the highest first for numbers, the lowest for texts.
	Reverse bool
}

// The marks of the column that the containers are sorted by.
const (
	ascendingSign  = "▲"
	descendingSign = "▼"
)

// isAscending reports whether the lowest come first.
func (o Sort) isAscending(col *containerColumn) bool { return col.ascending != o.Reverse }

func (o Sort) sign(col *containerColumn) string {
	if o.isAscending(col) {
		return ascendingSign
	}
	return descendingSign
}

// words says in words what order it is; "" is the usual one.
func (o Sort) words() string {
	i := columnIndex(o.By)
	switch {
	case i < 0 && o.Reverse:
		return "start, latest first"
	case i < 0:
		return ""
	case o.isAscending(&containerColumns[i]):
		return containerColumns[i].title + ", lowest first"
	}
	return containerColumns[i].title + ", highest first"
}

// sortValue is what a container is sorted by: a number or, among texts, a text. The zero value is unknown.
type sortValue struct {
	known  bool
	number float64
	text   string
}

func sortText(s string) sortValue { return sortValue{known: s != "", text: strings.ToLower(s)} }

// sortNumber returns a number; nil is unknown.
func sortNumber[N ~int | ~int32 | ~uint64 | ~int64 | ~float64](n *N) sortValue {
	if n == nil {
		return sortValue{}
	}
	return sortValue{known: true, number: float64(*n)}
}

// sorted returns containers in an order. Ended ones stay below the others, and those of which the value is unknown below those that have
// one, whatever the order. Equal ones stay as they are.
func (o Sort) sorted(list []*model.Container, s *model.Snapshot) []*model.Container {
	return sortedRows(o, list, (*model.Container).Live, func(col *containerColumn, c *model.Container) sortValue {
		if col.value == nil {
			return sortValue{}
		}
		return col.value(c, s)
	})
}

// sortedVMs returns virtual machines in an order, as sorted does containers. Without one they stay as they are, by PID.
func (o Sort) sortedVMs(list []*model.VM, s *model.Snapshot) []*model.VM {
	return sortedRows(o, list, func(*model.VM) bool { return true }, func(col *containerColumn, v *model.VM) sortValue {
		if col.vmValue == nil {
			return sortValue{}
		}
		return col.vmValue(v, s)
	})
}

// sortedRows sorts rows by the value that a column has of them.
func sortedRows[R any](o Sort, list []R, live func(R) bool, valueOf func(*containerColumn, R) sortValue) []R {
	i := columnIndex(o.By)
	if i < 0 && !o.Reverse {
		return list
	}
	direction := 1
	if i >= 0 && !o.isAscending(&containerColumns[i]) {
		direction = -1
	}
	type keyed struct {
		row   R
		value sortValue
	}
	rows := make([]keyed, len(list))
	for j, r := range list {
		rows[j].row = r
		if i >= 0 {
			rows[j].value = valueOf(&containerColumns[i], r)
		}
	}
	if i < 0 {
		slices.Reverse(rows)
	}
	slices.SortStableFunc(rows, func(a, b keyed) int {
		return cmp.Or(
			falseFirst(!live(a.row), !live(b.row)), falseFirst(!a.value.known, !b.value.known),
			direction*cmp.Or(cmp.Compare(a.value.number, b.value.number), strings.Compare(a.value.text, b.value.text)),
		)
	})
	sorted := make([]R, len(rows))
	for j, r := range rows {
		sorted[j] = r.row
	}
	return sorted
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// sortBy returns the state with the containers sorted by a column or, if they are already, in the reverse order.
func (st State) sortBy(key ColumnKey) State {
	if st.Sort.By == key {
		st.Sort.Reverse = !st.Sort.Reverse
	} else {
		st.Sort = Sort{By: key}
	}
	return st
}

// headAt returns the column whose title is at a place of the screen, and which containers can be sorted by; "" is none.
func (sc screen) headAt(x, y int) ColumnKey {
	if sc.state.Tab != Containers || sc.state.pageOpen() || small(sc.w, sc.h) {
		return ""
	}
	c := sc.columns()
	row := aboveBody + len(c.headLines(bodyHeight(sc.w, sc.h))) - 1
	col, found := c.at(x)
	if y != row || !found || col.value == nil {
		return ""
	}
	return col.key
}
