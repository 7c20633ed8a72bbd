package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// Known is the output of `nsviz inspect --from -o json`, described in docs/EVENTS.md: what a session or a recording knows about
// a live or ended container, without /proc.
type Known struct {
	// AsOf is the time of the snapshot.
	AsOf      time.Time            `json:"as_of"`
	Container event.Container      `json:"container"`
	State     model.ContainerState `json:"state"`
	PID       int32                `json:"pid,omitempty"`
	Comm      string               `json:"comm,omitempty"`
	Cgroup    string               `json:"cgroup,omitempty"`
	Created   time.Time            `json:"created,omitzero"`
	Started   time.Time            `json:"started,omitzero"`
	Sentence  string               `json:"sentence"`
	Text      story.Text           `json:"text,omitempty"`

	Namespaces map[event.NamespaceType]KnownNamespace `json:"namespaces"`
	// UsageBytes and Processes are from the last reading.
	UsageBytes   *uint64            `json:"usage_bytes,omitempty"`
	Processes    *int               `json:"processes,omitempty"`
	Limits       *fact.CgroupLimits `json:"limits,omitempty"`
	OOMKills     *uint64            `json:"oom_kills,omitempty"`
	PIDsRefused  *uint64            `json:"pids_refused,omitempty"`
	Unheld       *fact.Unheld       `json:"unheld,omitempty"`
	Stuck        *fact.Stuck        `json:"stuck,omitempty"`
	Paused       *fact.Paused       `json:"paused,omitempty"`
	Restarts     *uint64            `json:"restarts,omitempty"`
	FormerNames  []fact.FormerName  `json:"former_names,omitempty"`
	End          *Ending            `json:"end,omitempty"`
	NeverStarted *fact.NeverStarted `json:"never_started,omitempty"`
	Previous     *Ending            `json:"previous,omitempty"`
	History      []model.Entry      `json:"history"`
	// Unknown lists in sentences what is unknown, with the reason.
	Unknown []string `json:"unknown"`
}

// KnownNamespace is a present or former namespace of a container.
type KnownNamespace struct {
	ID             uint64   `json:"id"`
	Owner          uint64   `json:"owner,omitempty"`
	Parent         uint64   `json:"parent,omitempty"`
	SharedWithHost *bool    `json:"shared_with_host,omitempty"`
	SharedWith     []string `json:"shared_with,omitempty"`
	// Abandoned is set if the container that it was made for is no longer in it.
	Abandoned *model.Abandoned `json:"abandoned,omitempty"`
	// Created and Creator are absent if its creation was not seen.
	Created  time.Time      `json:"created,omitzero"`
	Creator  *event.Process `json:"creator,omitempty"`
	Freed    time.Time      `json:"freed,omitzero"`
	FreedVia event.Via      `json:"freed_via,omitempty"`
}

// NewKnown returns what is known about a container without a look at /proc.
func NewKnown(c *model.Container, s *model.Snapshot) Known {
	why := WhyContainer(c, s)
	k := Known{
		AsOf: s.Time, Container: why.Container, State: c.State, PID: c.InitPID, Comm: c.InitComm, Cgroup: c.CgroupPath,
		Created: c.Created, Started: c.Started, Sentence: why.Sentence, Text: why.Text, Namespaces: map[event.NamespaceType]KnownNamespace{},
		UsageBytes: c.Memory.UsageBytes, Processes: c.Processes, OOMKills: c.OOMKills,
		PIDsRefused: c.PIDsRefused, Unheld: c.Unheld, Stuck: c.Stuck, Paused: c.Paused, FormerNames: c.FormerNames, Restarts: c.Restarts, End: why.End, NeverStarted: why.NeverStarted, Previous: why.Previous,
		History: why.History, Unknown: []string{},
	}
	if k.History == nil {
		k.History = []model.Entry{}
	}
	if c.Limits != (fact.CgroupLimits{}) {
		k.Limits = &c.Limits
	}
	for t, m := range c.Namespaces {
		if m.ID == 0 {
			continue
		}
		n := KnownNamespace{ID: m.ID, SharedWith: m.SharedWith.Labels(), Abandoned: m.Abandoned}
		if m.Relation != model.RelationUnknown {
			n.SharedWithHost = new(m.Relation == model.RelationHost)
		}
		of := namespaceOf(c, s, event.NamespaceType(t), m.ID)
		if of != nil {
			n.Owner, n.Parent, n.Created, n.Creator, n.Freed, n.FreedVia = of.Owner, of.Parent, of.Created, of.Creator, of.Freed, of.FreedVia
		}
		if !c.Live() {
			n.SharedWith = sharedWith(c, of)
		}
		k.Namespaces[event.NamespaceType(t)] = n
	}
	k.Unknown = append(k.Unknown, unknowns(c, &k)...)
	return k
}

// namespaceOf finds a container's namespace by its number: the latest one that was created before the container ended. It
// returns nil if that is not kept.
func namespaceOf(c *model.Container, s *model.Snapshot, t event.NamespaceType, id uint64) *model.Namespace {
	var best *model.Namespace
	for _, list := range [][]model.Namespace{s.Namespaces, s.Freed} {
		for i := range list {
			n := &list[i]
			created := model.Stamp{Time: n.Created, At: n.CreatedAt}
			switch {
			case n.Type != t || n.ID != id:
				continue
			case !c.Live() && !n.Created.IsZero() && c.Ended().Before(created):
				continue
			case !n.Freed.IsZero() && !c.Started.IsZero() && (model.Stamp{Time: n.Freed, At: n.FreedAt}).Before(model.Stamp{Time: c.Started, At: c.StartedAt}):
				continue
			}
			if best == nil || best.Created.IsZero() || !n.Created.IsZero() && (model.Stamp{Time: best.Created, At: best.CreatedAt}).Before(created) {
				best = n
			}
		}
	}
	return best
}

// sharedWith returns the labels of the other containers, also ended ones, that were in a namespace at the same time as an ended
// container. For the host's namespaces, which most containers are in, that is unknown.
func sharedWith(c *model.Container, n *model.Namespace) []string {
	if n == nil {
		return nil
	}
	with := map[string]string{} // by id
	from, to := ownRun(c, n.History)
	for i := range to {
		m := &n.History[i]
		switch {
		case m.Container == nil || m.Container.ID == c.ID:
		case begins(m):
			with[m.Container.ID] = m.Container.Label()
		case i < from:
			delete(with, m.Container.ID)
		}
	}
	if len(with) == 0 {
		return nil
	}
	return slices.Sorted(maps.Values(with))
}

// begins reports whether an entry of a namespace's history is the start of a container in it.
func begins(m *model.Entry) bool {
	return m.Kind == model.EntryKind(event.ContainerStarted) || m.Kind == model.EntryFound
}

// ownRun returns the indices of an ended container's start and end in the history of a namespace. The history is in order even
// if the clock was set. Dropped entries were before the one with LeftOut.
func ownRun(c *model.Container, history []model.Entry) (from, to int) {
	leftOut, to := 0, len(history)
	from = -1
	for i := range history {
		m := &history[i]
		if m.LeftOut > 0 {
			leftOut = i
		}
		switch {
		case m.Container == nil || m.Container.ID != c.ID:
		case begins(m):
			from, to = i, len(history)
		default:
			to = i
		}
	}
	if from < 0 {
		from = min(leftOut, to)
	}
	return from, to
}

// unknowns lists what is not known.
func unknowns(c *model.Container, k *Known) []string {
	only := "its processes, users, network, file systems and privileges, and the holes in its walls: they are in /proc, "
	var list []string
	if n := c.NeverStarted; n != nil {
		if n.Error == "" && !n.Tried.IsZero() {
			list = append(list, "why it did not start: its engine gave no reason")
		}
		if n.Made.IsZero() {
			list = append(list, "when its engine made it")
		}
		return append(list, "what it would have been allowed: it never had a process")
	}
	if c.Live() {
		list = append(list, only+"which `sudo nsviz inspect` reads while it lives")
	} else {
		list = append(list, only+"and were gone with it")
	}
	if c.Started.IsZero() && c.State != model.Starting && !c.NeverRan {
		list = append(list, "when its own program started")
	}
	if c.Created.IsZero() {
		list = append(list, "how it was started: that was before nsviz watched, or was not seen")
	}
	var missing []string
	for _, t := range event.NamespaceTypes() {
		if _, ok := k.Namespaces[t]; !ok {
			missing = append(missing, t.String())
		}
	}
	switch {
	case len(missing) == event.NamespaceTypeCount:
		list = append(list, "its namespaces")
	case len(missing) > 0:
		list = append(list, "its "+strings.Join(missing, ", ")+" namespace")
	}
	if c.OOMKills == nil {
		list = append(list, "how many processes the OOM killer took from it before nsviz found it")
	}
	if c.Memory.UsageBytes == nil {
		list = append(list, "how much memory it used: there was no reading")
	}
	if k.Limits == nil {
		list = append(list, "its limits: no reading fell into the time that its program ran")
	} else if k.Limits.CPU == nil || k.Limits.PIDs == nil || k.Limits.Memory == nil {
		list = append(list, "some of its limits: the controller is not there, or there was no reading")
	}
	if !c.Live() && c.Exit == nil {
		list = append(list, "how it ended: nsviz did not see its PID 1 die")
	}
	if !c.Live() && c.EngineReport == nil {
		list = append(list, "what its engine reports about its end")
	}
	for i := range c.History {
		if n := c.History[i].LeftOut; n > 0 {
			list = append(list, fmt.Sprintf("%s entries in the middle of its history, which are not kept", story.Grouped(n)))
		}
	}
	return list
}
