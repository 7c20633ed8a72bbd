package ui

import (
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
)

const (
	killSign  = "×"
	limitSign = "╌"
	// The shares of the limit from which on a container is near it, and at it.
	nearLimit = 0.75
	atLimit   = 0.92
)

var (
	eighthsAcross = []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}
	eighthsUp     = []string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}
)

// closeness returns the style of a usage by how near its limit it is.
func closeness(usage, limit uint64) Style {
	switch r := float64(usage) / float64(max(limit, 1)); {
	case r >= atLimit:
		return Alarm
	case r >= nearLimit:
		return Warn
	default:
		return Calm
	}
}

// bar draws usage as a part of limit, w columns wide.
func bar(usage, limit uint64, w int) line { return barIn(closeness(usage, limit), usage, limit, w) }

func barIn(style Style, usage, limit uint64, w int) line {
	if w <= 0 {
		return nil
	}
	eighths := int(min(float64(usage)/float64(max(limit, 1)), 1)*float64(w*8) + 0.5)
	if eighths == 0 && usage > 0 {
		eighths = 1
	}
	fill := strings.Repeat("█", eighths/8) + eighthsAcross[eighths%8]
	l := withRoom(4).add(style, fill) // with room for the text beside it
	return l.add(Dim, strings.Repeat("░", w-foreign.Width(fill)))
}

// bucket holds the contents of one column of a graph.
type bucket struct {
	bytes uint64
	known bool
	kills int
}

// buckets folds the history into n columns; each keeps its highest reading and all its kills. A
// history that is shorter than the last minute is right-aligned: its last entry is now.
func buckets(history []model.Point, n int) []bucket {
	return bucketsOf(history[max(len(history)-model.HistoryLength, 0):], model.HistoryLength, n)
}

// bucketsOf is buckets for a history of another length.
func bucketsOf(history []model.Point, length, n int) []bucket {
	out := make([]bucket, max(n, 0))
	if n <= 0 {
		return out
	}
	missing := length - len(history)
	for i, p := range history {
		first := (missing + i) * n / length
		last := max(first, (missing+i+1)*n/length-1)
		for c := first; c <= last; c++ {
			b := &out[c]
			if p.Known {
				b.bytes, b.known = max(b.bytes, p.MaxBytes), true
			}
			// If a second spans several columns, its kills are in the first of them.
			if c == first {
				b.kills += p.Kills
			}
		}
	}
	return out
}

// ceiling returns the value of a full graph: the limit, else the host's memory, else the highest
// reading. hostBytes is 0 if it is unknown or not to be used.
func ceiling(bs []bucket, m model.Memory, hostBytes uint64) uint64 {
	if m.LimitBytes != nil && *m.LimitBytes > 0 {
		return *m.LimitBytes
	}
	top := hostBytes
	if m.Unlimited && top > 0 {
		return top
	}
	top = 0
	for _, b := range bs {
		top = max(top, b.bytes)
	}
	return max(top, 1)
}

func (b bucket) style(limit *uint64) Style {
	if limit == nil {
		return Dim
	}
	return closeness(b.bytes, *limit)
}

// height returns the bucket's height in steps of an eighth, of at most most.
func (b bucket) height(top uint64, most int) int {
	if !b.known {
		return 0
	}
	h := int(min(float64(b.bytes)/float64(top), 1)*float64(most) + 0.5)
	return max(h, 1)
}

// spark draws the last minute in one row of w columns; × is an OOM kill, blank is unknown. Its full
// height is what the container may use, so that the rows of a table can be compared.
func spark(m model.Memory, hostBytes uint64, w int) line {
	bs := buckets(m.History.Points(), w)
	top := ceiling(bs, m, hostBytes)
	sign := func(b bucket) (Style, string) {
		if b.kills > 0 {
			return KillMark, killSign
		}
		return b.style(m.LimitBytes), eighthsUp[b.height(top, 8)]
	}
	var l line
	var run []byte
	for i, b := range bs {
		style, words := sign(b)
		run = append(run, words...)
		if i+1 < len(bs) {
			if next, _ := sign(bs[i+1]); next == style {
				continue
			}
		}
		l, run = l.add(style, string(run)), run[:0]
	}
	return l
}

// killRow marks the buckets with kills; nil if there are none.
func killRow(bs []bucket) line {
	if !slices.ContainsFunc(bs, func(b bucket) bool { return b.kills > 0 }) {
		return nil
	}
	var l line
	for _, b := range bs {
		if b.kills > 0 {
			l = l.add(KillMark, killSign)
		} else {
			l = l.space(1)
		}
	}
	return l
}

// bars draws buckets in h rows; top is the value of the full height.
func bars(bs []bucket, limit *uint64, top uint64, h int) []line {
	rows := make([]line, 0, h)
	for y := h - 1; y >= 0; y-- {
		var l line
		for _, b := range bs {
			step := min(max(b.height(top, h*8)-y*8, 0), 8)
			l = l.add(b.style(limit), eighthsUp[step])
		}
		rows = append(rows, l)
	}
	return rows
}
