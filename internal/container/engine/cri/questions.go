package cri

import (
	"slices"
	"time"
)

const (
	// maxOpen bounds the open questions.
	maxOpen = 1024
	// maxTries is how often an engine is asked about one end: it hears of ends later than the kernel. With the pauses between that is half
	// a minute.
	maxTries = 12
	maxPause = 5 * time.Second
)

// question is one about the end of a container, or about a start that failed.
type question struct {
	id    string
	start bool
	due   time.Time
	tries int
	// looked is set if the engine has answered, and is to have a second look.
	looked bool
}

// questions are the open ones, of which each container has one.
type questions []question

// add adds a question that is due at a time. It returns false if there is no room.
func (q *questions) add(next question) bool {
	if slices.ContainsFunc(*q, func(other question) bool { return other.id == next.id }) {
		return true
	}
	if len(*q) == maxOpen {
		return false
	}
	*q = append(*q, next)
	return true
}

// due returns when the next question is; zero is never.
func (q questions) due() time.Time {
	if len(q) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(q, func(a, b question) int { return a.due.Compare(b.due) }).due
}

// take removes and returns a question that is due.
func (q *questions) take(now time.Time) (question, bool) {
	i := slices.IndexFunc(*q, func(one question) bool { return !one.due.After(now) })
	if i < 0 {
		return question{}, false
	}
	taken := (*q)[i]
	*q = slices.Delete(*q, i, i+1)
	return taken, true
}
