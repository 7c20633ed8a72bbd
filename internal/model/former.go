package model

import (
	"slices"
	"time"
)

// maxFormer bounds the former labels of a container under which it has counts.
const maxFormer = 8

// former holds what a container was counted for under a label that it had before it was renamed. Those counters stay where they are: a series whose
// values appeared under another label, too, would be counted twice. It is not changed once it is made.
type former struct {
	label      string
	knownSince time.Time
	tally
}

// leaveCounts leaves the counts of a container with the label that it has by now; those of its next one begin at 0. Its CPU time goes along, since that
// counter has no time of creation and so is not taken for new.
func (m *Model) leaveCounts(c *container) {
	left := former{c.label(), c.knownSince, c.tally}
	c.tally, c.knownSince = newTally(), m.now
	if left.isZero() {
		return
	}
	c.keepFormer(&left)
	if len(c.former) > maxFormer {
		oldest := &c.former[0]
		c.former = c.former[1:]
		m.settle(oldest)
	}
	m.recount()
}

// keepFormer adds what was counted under a former label to the container's own.
func (c *container) keepFormer(f *former) {
	list := slices.Clone(c.former) // copies of the model share the one before
	if i := slices.IndexFunc(list, func(own former) bool { return own.label == f.label }); i >= 0 {
		sum := former{f.label, list[i].knownSince, copyTally(&list[i].tally)}
		sum.add(&f.tally)
		if f.knownSince.Before(sum.knownSince) {
			sum.knownSince = f.knownSince
		}
		list[i] = sum
	} else {
		list = append(list, *f)
	}
	c.former = list
}

// settle hands what a container leaves that was counted under a former label to another one: one that has that label by now, or had it, since
// their series must not fall. If there is none it is added to FoldedLabel.
func (m *Model) settle(f *former) {
	m.recount()
	if to := m.successor(f.label, nil); to != nil {
		to.take(&f.tally, f.knownSince)
		return
	}
	if to := m.hadLabel(f.label); to != nil {
		to.keepFormer(f)
		return
	}
	m.counters.foldedTally.add(&f.tally)
}

// hadLabel returns a container with counts under a former label, the same one each time; nil is none.
func (m *Model) hadLabel(label string) *container {
	var found *container
	for _, c := range m.containers {
		if (found == nil || c.id < found.id) && slices.ContainsFunc(c.former, func(f former) bool { return f.label == label }) {
			found = c
		}
	}
	return found
}
