package model

import (
	"slices"
	"time"
)

// historyStep and HistoryLength are the resolution of Memory.History and its length in steps.
const (
	historyStep   = time.Second
	HistoryLength = 60
)

// historyRoom is how many points are appended before the oldest ones are dropped in one go.
const historyRoom = HistoryLength / 2

// Point is one historyStep of what a container uses.
type Point struct {
	// MaxBytes is the highest usage of memory read in that time; valid if Known.
	MaxBytes uint64
	Known    bool
	// Kills is how many OOM kills there were in that time.
	Kills int
	// CPUPercent is the highest pace of its CPU time, in percent of one CPU; valid if CPUKnown. Throttled is set if it had to wait meanwhile,
	// since its quota was used up.
	CPUPercent float32
	CPUKnown   bool
	Throttled  bool
}

// Series is the last minute of what a container uses. Snapshots share its points. The zero Series is empty: unknown.
type Series struct {
	past  []Point // the steps before last, oldest first, at most HistoryLength-1; never written to
	last  Point
	ahead int64 // how many steps the present is after last
	known bool
}

// SeriesOf returns a Series with some points, oldest first; the last one is now.
func SeriesOf(points ...Point) Series {
	if len(points) == 0 {
		return Series{}
	}
	n := len(points) - 1
	return Series{past: slices.Clip(points[:n]), last: points[n], known: true}
}

// Empty reports whether nothing is known of the last minute.
func (s Series) Empty() bool { return !s.known }

// Points returns one point per historyStep of the last minute, oldest first; the last one is now. It returns nil for an
// empty Series.
func (s Series) Points() []Point {
	if !s.known {
		return nil
	}
	list := make([]Point, HistoryLength)
	for i := range list {
		// How many steps before last this one is; below zero it is after that.
		switch back := int64(HistoryLength-1-i) - s.ahead; {
		case back == 0:
			list[i] = s.last
		case back > 0 && back <= int64(len(s.past)):
			list[i] = s.past[int64(len(s.past))-back]
		}
	}
	return list
}

// Equal reports whether two Series have the same points.
func (s Series) Equal(other Series) bool { return slices.Equal(s.Points(), other.Points()) }

// lastMinute keeps what a container used in the last minute, in steps of historyStep.
type lastMinute struct {
	past []Point // the steps before step; appended to, and else replaced: snapshots share it
	last Point
	step int64 // the latest step that is known; 0 for none
}

func stepOf(at instant) int64 { return int64(at) / int64(historyStep) }

// at changes the point of an instant. It ignores instants older than the history.
func (h *lastMinute) at(t instant, change func(*Point)) {
	step := stepOf(t)
	switch {
	case step <= 0 || step <= h.step-HistoryLength:
	case step == h.step:
		change(&h.last)
	case step > h.step:
		h.advance(step)
		change(&h.last)
	default:
		back := int(h.step - step)
		if missing := back - len(h.past); missing > 0 {
			h.past = slices.Concat(make([]Point, missing), h.past)
		} else {
			h.past = slices.Clone(h.past)
		}
		change(&h.past[len(h.past)-back])
	}
}

// advance begins a later step.
func (h *lastMinute) advance(step int64) {
	gone := step - h.step
	if gone >= HistoryLength || h.step == 0 {
		*h = lastMinute{step: step}
		return
	}
	if len(h.past)+int(gone) > HistoryLength+historyRoom {
		kept := h.past[max(len(h.past)+int(gone)-(HistoryLength-1), 0):]
		h.past = append(make([]Point, 0, HistoryLength+historyRoom), kept...)
	}
	h.past = append(h.past, h.last)
	for range gone - 1 {
		h.past = append(h.past, Point{})
	}
	h.last, h.step = Point{}, step
}

func (h *lastMinute) usage(t instant, bytes uint64) {
	h.at(t, func(p *Point) {
		p.MaxBytes = max(p.MaxBytes, bytes)
		p.Known = true
	})
}

// longestRest is the most between two readings of what does not change, the pause that a reading which took long is followed by included.
const longestRest = 5 * time.Second

// same takes a reading that found what the one before found. What does not change is read less often than every step: it was the same
// in the steps between.
func (h *lastMinute) same(t instant, bytes uint64) {
	step := stepOf(t)
	if !h.last.Known || step-h.step > int64(longestRest/historyStep) {
		return
	}
	for between := h.step + 1; between < step; between++ {
		h.advance(between)
		h.last.MaxBytes, h.last.Known = bytes, true
	}
}

// cpu takes the pace of the CPU time between two readings.
func (h *lastMinute) cpu(from, to instant, percent float64, throttled bool) {
	change := func(p *Point) {
		p.CPUPercent, p.CPUKnown = max(p.CPUPercent, float32(percent)), true
		p.Throttled = p.Throttled || throttled
	}
	h.at(to, change)
	// The step of the first reading has the pace before it.
	first := max(stepOf(from)+1, h.step-int64(len(h.past)))
	if last := min(stepOf(to), h.step); first < last {
		h.past = slices.Clone(h.past)
		for step := first; step < last; step++ {
			change(&h.past[int64(len(h.past))-(h.step-step)])
		}
	}
}

func (h *lastMinute) kill(t instant) {
	h.at(t, func(p *Point) { p.Kills++ })
}

// series returns the minute that ends with now.
func (h *lastMinute) series(now instant) Series {
	last := stepOf(now)
	if h.step == 0 || last >= h.step+HistoryLength {
		return Series{}
	}
	return Series{
		past: slices.Clip(h.past[max(len(h.past)-(HistoryLength-1), 0):]), last: h.last, ahead: last - h.step, known: true,
	}
}
