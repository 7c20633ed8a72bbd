package report

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// ContainerAnswer is what `nsviz why -o json` prints, described in docs/EVENTS.md.
type ContainerAnswer struct {
	Container event.Container      `json:"container"`
	State     model.ContainerState `json:"state"`
	// PID and Comm are the container's PID 1, as the host counts.
	PID      int32     `json:"pid,omitempty"`
	Comm     string    `json:"comm,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Sentence string    `json:"sentence"`
	// Text is the sentence in pieces, for readers that write its times and names differently.
	Text     story.Text `json:"text,omitempty"`
	OOMKills *uint64    `json:"oom_kills,omitempty"`
	// PIDsRefused is absent where it is unknown.
	PIDsRefused *uint64      `json:"pids_refused,omitempty"`
	Unheld      *fact.Unheld `json:"unheld,omitempty"`
	Stuck       *fact.Stuck  `json:"stuck,omitempty"`
	Paused      *fact.Paused `json:"paused,omitempty"`
	// Restarts is how often it was started again since nsviz watched.
	Restarts *uint64 `json:"restarts,omitempty"`
	// FormerNames are those before its present one, oldest first.
	FormerNames []fact.FormerName `json:"former_names,omitempty"`
	Kills       []event.Event     `json:"kills,omitempty"`
	// Abandoned are the namespaces that were made for another container, which is not in them any more.
	Abandoned map[event.NamespaceType]*model.Abandoned `json:"abandoned,omitempty"`
	End       *Ending                                  `json:"end,omitempty"`
	// NeverStarted is set if its own program has never run.
	NeverStarted *fact.NeverStarted `json:"never_started,omitempty"`
	Previous     *Ending            `json:"previous,omitempty"`
	// History holds the events of all its runs.
	History []model.Entry `json:"history,omitempty"`
}

// Ending describes how one run of a container ended.
type Ending struct {
	Time time.Time   `json:"time,omitzero"`
	Exit *event.Exit `json:"exit,omitempty"`
	// NeverRan is set if its own program never ran, since its start was OOM-killed.
	NeverRan bool `json:"never_ran,omitempty"`
	// Sender is the kind of process that sent the signal that ended it.
	Sender story.Sender `json:"sender,omitempty"`
	// Kill is the OOM kill that ended it.
	Kill   *event.Event `json:"kill,omitempty"`
	Engine *Engine      `json:"engine,omitempty"`
}

// Engine is the engine's report of an end, and whether that is right.
type Engine struct {
	ExitCode  *int32          `json:"exit_code,omitempty"`
	OOMKilled *bool           `json:"oom_killed,omitempty"`
	Removed   bool            `json:"removed,omitempty"`
	Judgement story.Judgement `json:"judgement,omitempty"`
	// RestartCount is how often the engine had restarted it by its restart policy.
	RestartCount *int `json:"restart_count,omitempty"`
	// StartError is why the engine could not start it again.
	StartError string `json:"start_error,omitempty"`
}

// WhyContainer describes how a container ended and who ended it.
func WhyContainer(c *model.Container, s *model.Snapshot) ContainerAnswer {
	words := story.Container(c, s)
	a := ContainerAnswer{
		Container: c.Identity(), State: c.State,
		PID: c.InitPID, Comm: c.InitComm, Started: c.Started, Sentence: words.String(), Text: words, OOMKills: c.OOMKills,
		PIDsRefused: c.PIDsRefused, Unheld: c.Unheld, Stuck: c.Stuck, Paused: c.Paused, FormerNames: c.FormerNames, Restarts: c.Restarts, NeverStarted: c.NeverStarted, History: c.History,
	}
	for i := range s.Kills {
		e := s.Kills[i].Event
		if of := story.VictimContainer(&s.Kills[i]); of != nil && of.ID == c.ID && inThisRun(&s.Kills[i], c) {
			a.Kills = append(a.Kills, e)
		}
	}
	for t := range c.Namespaces {
		if by := c.Namespaces[t].Abandoned; by != nil {
			if a.Abandoned == nil {
				a.Abandoned = map[event.NamespaceType]*model.Abandoned{}
			}
			a.Abandoned[event.NamespaceType(t)] = by
		}
	}
	if c.State == model.Exited {
		a.End = endingOf(c, c.End())
	}
	if c.Previous != nil {
		a.Previous = endingOf(c, *c.Previous)
	}
	return a
}

// inThisRun reports whether a kill in a container fell in its present run. Where the creation of its cgroup is unknown, that begins with the
// end of the run before: its start may have been seen late.
func inThisRun(k *model.Kill, c *model.Container) bool {
	switch {
	case !c.Created.IsZero():
		return !k.When().Before(model.Stamp{Time: c.Created, At: c.CreatedAt})
	case c.Previous != nil && c.Previous.Exit != nil:
		return model.Stamp{Time: c.Previous.Time}.Before(k.When())
	case c.Previous != nil: // nobody saw it end; if the kill is the first that was heard of the container, it has the same time
		return !k.When().Before(model.Stamp{Time: c.Previous.Time})
	}
	return true
}

// endingOf describes how a run of a container ended.
func endingOf(c *model.Container, e model.End) *Ending {
	out := &Ending{Time: e.Time, Exit: e.Exit, NeverRan: e.NeverRan}
	if e.Exit != nil {
		out.Sender = story.SenderOf(e.Exit.By, c.ID)
	}
	if k := story.FatalKill(e); k != nil {
		out.Kill = &k.Event
	}
	if v := e.EngineReport; v != nil {
		out.Engine = &Engine{ExitCode: v.ExitCode, OOMKilled: v.OOMKilled, Removed: v.Removed, Judgement: story.Judge(e), StartError: v.StartError, RestartCount: v.RestartCount}
	}
	return out
}
