package ui

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/spelling"
)

// The choices that are remembered, by the names of their settings.
const (
	ChoiceColumns = "columns"
	ChoiceSort    = "sort"
)

// Choice is what the user has chosen, by the name of its setting; without a value it is as usual.
type Choice struct {
	Name   string
	Values []string
}

// ColumnNames returns the names of the columns that ParseColumns takes.
func ColumnNames() []string {
	return keysOf(containerColumns, func(col containerColumn) string { return string(col.key) })
}

// ParseColumns returns the columns with some names; none leaves the choice to the width of the screen.
func ParseColumns(names []string) ([]ColumnKey, error) {
	var keys []ColumnKey
	for _, name := range names {
		if columnIndex(ColumnKey(name)) < 0 {
			return nil, unknownColumn(name, ColumnNames())
		}
		keys = append(keys, ColumnKey(name))
	}
	return knownColumns(keys), nil
}

func unknownColumn(name string, names []string) error {
	if near := spelling.Nearest(name, names); near != "" {
		return fmt.Errorf("no column is called %q; did you mean %s?", name, near)
	}
	return fmt.Errorf("no column is called %q; there are %s", name, strings.Join(names, ", "))
}

// reversed stands before the column of an order that is the reverse of the usual one, and usualOrder in place of a column.
const (
	reversed   = "-"
	usualOrder = "default"
)

// SortNames returns the names of the orders that ParseSort takes, without the reversed ones.
func SortNames() []string {
	names := []string{usualOrder}
	for i := range containerColumns {
		if containerColumns[i].value != nil {
			names = append(names, string(containerColumns[i].key))
		}
	}
	return names
}

// ParseSort returns the order with a name, that of a column, with a minus sign for the reverse of its usual order; "" is the usual one.
func ParseSort(name string) (Sort, error) {
	column, reverse := strings.CutPrefix(name, reversed)
	switch {
	case name == "" || column == usualOrder:
		return Sort{Reverse: reverse}, nil
	case !slices.Contains(SortNames(), column):
		return Sort{}, unknownColumn(column, SortNames())
	}
	return Sort{By: ColumnKey(column), Reverse: reverse}, nil
}

// String returns the name that ParseSort takes.
func (o Sort) String() string {
	name := string(o.By)
	if name == "" {
		name = usualOrder
	}
	if o.Reverse {
		return reversed + name
	}
	return name
}

// rememberer hands over what the user has chosen, once a chooser is closed. It does so in a goroutine, one at a time: a file system that does
// not answer holds up no key.
type rememberer struct {
	remember func([]Choice) error // nil remembers nothing
	columns  []ColumnKey          // as they are remembered
	sort     Sort
	results  chan error
	writing  bool
	running  sync.WaitGroup
}

func newRememberer(o Options) *rememberer {
	return &rememberer{remember: o.Remember, columns: o.Columns, sort: o.Sort, results: make(chan error, 1)}
}

// follow hands over what differs from what is remembered.
func (r *rememberer) follow(st State) {
	if r.remember == nil || r.writing || st.Chooser != ChooseNothing {
		return
	}
	var changes []Choice
	if !slices.Equal(st.Columns, r.columns) {
		changes = append(changes, Choice{ChoiceColumns, keysOf(st.Columns, func(key ColumnKey) string { return string(key) })})
	}
	if st.Sort != r.sort {
		change := Choice{Name: ChoiceSort}
		if st.Sort != (Sort{}) {
			change.Values = []string{st.Sort.String()}
		}
		changes = append(changes, change)
	}
	if changes == nil {
		return
	}
	r.columns, r.sort, r.writing = st.Columns, st.Sort, true
	r.running.Go(func() { r.results <- r.remember(changes) })
}

// close hands over what was chosen last.
func (r *rememberer) close(st State) {
	awaitBriefly(&r.running)
	select {
	case <-r.results: //nolint:errcheck // nobody reads a note any more
		r.writing = false
	default:
	}
	r.follow(st)
	awaitBriefly(&r.running)
}

// awaitBriefly waits for goroutines, not for long: one that hangs in a file system ends with the process.
func awaitBriefly(running *sync.WaitGroup) {
	ended := make(chan struct{})
	go func() {
		running.Wait()
		close(ended)
	}()
	late := time.NewTimer(readerPatience)
	defer late.Stop()
	select {
	case <-ended:
	case <-late.C:
	}
}
