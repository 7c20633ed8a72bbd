package story

import (
	"fmt"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/isolation"
)

// Answer is what `nsviz why -o json` prints, described in docs/EVENTS.md.
type Answer struct {
	Container event.Container          `json:"container"`
	State     isolation.ContainerState `json:"state"`
	// PID and Comm are the container's PID 1, as the host counts.
	PID      int32     `json:"pid,omitempty"`
	Comm     string    `json:"comm,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Sentence string    `json:"sentence"`
	// Text is the sentence in pieces, for whoever writes its times and names in another way.
	Text     Text    `json:"text,omitempty"`
	OOMKills *uint64 `json:"oom_kills,omitempty"`
	// PIDsRefused is absent where it is unknown.
	PIDsRefused *uint64       `json:"pids_refused,omitempty"`
	Unheld      *fact.Unheld  `json:"unheld,omitempty"`
	Stuck       *fact.Stuck   `json:"stuck,omitempty"`
	Kills       []event.Event `json:"kills,omitempty"`
	// Abandoned are the namespaces that were made for another container, which is not in them any more.
	Abandoned map[event.NamespaceType]*isolation.Abandoned `json:"abandoned,omitempty"`
	End       *Ending                                      `json:"end,omitempty"`
	// NeverStarted is set for one whose own program has never run.
	NeverStarted *fact.NeverStarted `json:"never_started,omitempty"`
	Previous     *Ending            `json:"previous,omitempty"`
	// History is what happened to it, over all of its runs.
	History []isolation.Moment `json:"history,omitempty"`
}

// Ending is how one run of a container ended.
type Ending struct {
	Time time.Time   `json:"time,omitzero"`
	Exit *event.Exit `json:"exit,omitempty"`
	// NeverRan is set where its own program never ran, since its start was OOM-killed.
	NeverRan bool `json:"never_ran,omitempty"`
	// Sender is what kind of process sent the signal that ended it.
	Sender Sender `json:"sender,omitempty"`
	// Kill is the OOM kill that ended it.
	Kill   *event.Event `json:"kill,omitempty"`
	Engine *Engine      `json:"engine,omitempty"`
}

// Engine is what the engine says of an end, and what that is worth.
type Engine struct {
	ExitCode  *int32    `json:"exit_code,omitempty"`
	OOMKilled *bool     `json:"oom_killed,omitempty"`
	Removed   bool      `json:"removed,omitempty"`
	Judgement Judgement `json:"judgement,omitempty"`
	// StartError is why the engine could not start it again.
	StartError string `json:"start_error,omitempty"`
}

// Why answers how a container ended and who did it.
func Why(c *isolation.Container, s *isolation.Snapshot) Answer {
	words := Container(c, s)
	a := Answer{
		Container: event.Container{ID: c.ID, Image: c.Image, Runtime: c.Runtime}, State: c.State,
		PID: c.InitPID, Comm: c.InitComm, Started: c.Started, Sentence: words.String(), Text: words, OOMKills: c.OOMKills,
		PIDsRefused: c.PIDsRefused, Unheld: c.Unheld, Stuck: c.Stuck, NeverStarted: c.NeverStarted, History: c.History,
	}
	if c.Named {
		a.Container.Name = c.Label
	}
	since := isolation.Stamp{Time: c.Created, At: c.CreatedAt}
	if c.Created.IsZero() {
		since = c.Begin()
	}
	for i := range s.Kills {
		e := s.Kills[i].Event
		if of := VictimContainer(&s.Kills[i]); of != nil && of.ID == c.ID && !s.Kills[i].When().Before(since) {
			a.Kills = append(a.Kills, e)
		}
	}
	for t := range c.Namespaces {
		if by := c.Namespaces[t].Abandoned; by != nil {
			if a.Abandoned == nil {
				a.Abandoned = map[event.NamespaceType]*isolation.Abandoned{}
			}
			a.Abandoned[event.NamespaceType(t)] = by
		}
	}
	if c.State == isolation.Exited {
		a.End = ending{c, c.End(), s}.answer()
	}
	if c.Previous != nil {
		a.Previous = ending{c, *c.Previous, s}.answer()
	}
	return a
}

func (e ending) answer() *Ending {
	out := &Ending{Time: e.Time, Exit: e.Exit, NeverRan: e.NeverRan, Sender: e.sender()}
	if k := e.fatal(); k != nil {
		out.Kill = &k.Event
	}
	if v := e.Verdict; v != nil {
		out.Engine = &Engine{ExitCode: v.ExitCode, OOMKilled: v.OOMKilled, Removed: v.Removed, Judgement: Judge(e.End), StartError: v.StartError}
	}
	return out
}

// NotFoundError is that no container is called so.
type NotFoundError struct{ Name string }

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("nothing is known of a container %q", e.Name)
}

// AmbiguousError is that several containers' ids begin so.
type AmbiguousError struct {
	Name       string
	Candidates []string
}

// maxCandidates is how many of the candidates a sentence names.
const maxCandidates = 8

func (e *AmbiguousError) Error() string {
	named := e.Candidates
	more := ""
	if n := len(named) - maxCandidates; n > 0 {
		named, more = named[:maxCandidates], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("%q is the beginning of several ids: %s%s; give more of it, or a name", e.Name, strings.Join(named, ", "), more)
}

// Find finds a container by its name, its id or the beginning of its id: of several that had a name one
// after the other the live one, or the latest one. It fails with NotFoundError or AmbiguousError.
func Find(s *isolation.Snapshot, name string) (*isolation.Container, error) {
	name = strings.TrimPrefix(name, "/") // as Docker writes names
	if name == "" {
		return nil, &NotFoundError{name}
	}
	var found, latest *isolation.Container
	var candidates []string
	for i := range s.Containers {
		c := &s.Containers[i]
		if c.ID == name || c.Label == name && c.Live() {
			return c, nil
		}
		if c.Label == name && (latest == nil || latestOf(c).After(latestOf(latest))) {
			latest = c
		}
		if strings.HasPrefix(c.ID, name) {
			found = c
			candidates = append(candidates, fmt.Sprintf("%s (%s)", event.ShortID(c.ID), c.Label))
		}
	}
	if latest != nil {
		return latest, nil
	}
	switch len(candidates) {
	case 0:
		return nil, &NotFoundError{name}
	case 1:
		return found, nil
	}
	return nil, &AmbiguousError{name, candidates}
}

// latestOf is when the latest thing is known to have happened to a container that is not live.
func latestOf(c *isolation.Container) time.Time {
	latest := c.Exited
	if n := c.NeverStarted; n != nil {
		for _, at := range []time.Time{n.Made, n.Tried, n.Failed} {
			if at.After(latest) {
				latest = at
			}
		}
	}
	return latest
}
