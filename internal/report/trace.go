package report

import (
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// Trace is what `nsviz trace -o json` prints, described in docs/EVENTS.md: what a command has isolated.
type Trace struct {
	TracedCommand

	// Workloads are those that were made or started while the command ran, in that order.
	Workloads []TracedWorkload `json:"workloads"`
	// VMs are the virtual machines, by PID.
	VMs []TracedVM `json:"vms"`
	// Namespaces and Cgroups were made, Joined are the namespaces that were joined, Entries are the programs that were run in a
	// workload from outside, Kills are the OOM kills.
	Namespaces []TracedEvent `json:"namespaces"`
	Joined     []TracedEvent `json:"joined"`
	Cgroups    []TracedEvent `json:"cgroups"`
	Entries    []TracedEvent `json:"entries"`
	Kills      []TracedEvent `json:"kills"`
	// LeftOut is how many facts were not kept, Lost how many events were lost on their way.
	LeftOut uint64 `json:"left_out,omitempty"`
	Lost    uint64 `json:"lost,omitempty"`

	kills      []story.Text
	containers []*model.Container // of Workloads
	made       map[namespaceID]bool
	host       event.NamespaceIDs
}

// namespaceID is a namespace. The kernel gives a number to one at a time, whatever its type.
type namespaceID struct {
	typ event.NamespaceType
	id  uint64
}

// TracedCommand is a command, and how it ended.
type TracedCommand struct {
	Command []string  `json:"command"`
	PID     int32     `json:"pid"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	// ExitCode is as shells show it: 128+n for an end by signal n.
	ExitCode int `json:"exit_code"`
	// Signal is the number of the signal that ended it; absent if none did.
	Signal int32 `json:"signal,omitempty"`
	// Unfollowed is why some of its descendants are unknown; absent if all are known.
	Unfollowed string `json:"unfollowed,omitempty"`
}

// Attribution is how nsviz knows that something belongs to a command.
type Attribution string

// The attributions.
const (
	ByDescent Attribution = "descent" // a descendant of the command did it or is in it
	ByTime    Attribution = "time"    // it happened while the command ran; a descendant may have asked an engine for it
)

// TracedWorkload is a workload, as `nsviz why -o json` describes it.
type TracedWorkload struct {
	Attributed Attribution `json:"attributed"`
	// Start is its latest start; absent if nsviz did not see it.
	Start *event.Start `json:"start,omitempty"`
	ContainerAnswer
}

// TracedVM is a virtual machine.
type TracedVM struct {
	Attributed Attribution `json:"attributed"`
	PID        int32       `json:"pid"`
	Monitor    string      `json:"monitor"`
	Name       string      `json:"name,omitempty"`
}

// TracedEvent is an event, as `nsviz events -o json` prints it.
type TracedEvent struct {
	Attributed Attribution `json:"attributed"`
	event.Event
}

// TracedFact is a fact from the time in which a command ran.
type TracedFact struct {
	fact.Fact

	// Descends is whether the process that acted, or the first one of what was found, descends from the command.
	Descends bool
}

// TracedMachine is a virtual machine that was found in the time in which a command ran.
type TracedMachine struct {
	fact.VM

	Descends bool
}

// NewTrace attributes what happened while a command ran. The snapshot is a full one from after that.
func NewTrace(of TracedCommand, facts []TracedFact, vms []TracedMachine, leftOut uint64, s *model.Snapshot) Trace {
	t := Trace{
		TracedCommand: of, LeftOut: leftOut, host: s.Host.Namespaces,
		Workloads: []TracedWorkload{}, VMs: []TracedVM{}, Namespaces: []TracedEvent{}, Joined: []TracedEvent{}, Cgroups: []TracedEvent{},
		Entries: []TracedEvent{}, Kills: []TracedEvent{}, made: map[namespaceID]bool{},
	}
	facts = slices.Clone(facts)
	for i := range facts { // also where its descendants are unknown
		facts[i].Descends = facts[i].Descends || facts[i].Event != nil && facts[i].Event.PID == of.PID
	}
	workloads := attributeWorkloads(facts, s)
	for _, w := range workloads {
		t.addWorkload(w, s)
	}
	for _, vm := range vms {
		t.VMs = append(t.VMs, TracedVM{Attributed: attribution(vm.Descends), PID: vm.PID, Monitor: string(vm.Kind), Name: vm.Name})
	}
	known := newOwners(workloads, s)
	for i := range facts {
		if e := facts[i].Event; e != nil {
			t.addEvent(e, facts[i].Descends, known, s)
		}
	}
	entered := map[int32]bool{}
	for i := range t.Entries {
		entered[t.Entries[i].PID] = true
	}
	t.Joined = slices.DeleteFunc(t.Joined, func(join TracedEvent) bool { return entered[join.PID] }) // which are part of an entry
	return t
}

func attribution(descends bool) Attribution {
	if descends {
		return ByDescent
	}
	return ByTime
}

// workload is a workload that a command may have made.
type workload struct {
	container  *event.Container
	attributed Attribution
	start      *event.Start
	ids        event.NamespaceIDs
	pid        int32
	comm       string
	exit       *event.Exit
	exited     time.Time
}

// owners finds what an event belongs to. There may be as many workloads and kills as facts.
type owners struct {
	byID map[string]*workload
	// byNamespace has the first one that had a namespace at its start.
	byNamespace map[namespaceID]*workload
	kills       map[killID]*model.Kill
}

// killID is an OOM kill: its time, in nanoseconds, and its victim.
type killID struct {
	at     int64
	victim int32
}

func newOwners(workloads []*workload, s *model.Snapshot) *owners {
	o := &owners{map[string]*workload{}, map[namespaceID]*workload{}, map[killID]*model.Kill{}}
	for _, w := range slices.Backward(workloads) {
		o.byID[w.container.ID] = w
		for typ, id := range w.ids {
			if id != 0 {
				o.byNamespace[namespaceID{event.NamespaceType(typ), id}] = w
			}
		}
	}
	for i := range s.Kills {
		if k := &s.Kills[i]; k.Event.OOM != nil {
			o.kills[killIDOf(&k.Event)] = k
		}
	}
	return o
}

func killIDOf(e *event.Event) killID { return killID{e.Time.UnixNano(), e.OOM.Victim.PID} }

// of returns the workload of a container; nil is none.
func (o *owners) of(c *event.Container) *workload {
	if c == nil {
		return nil
	}
	return o.byID[c.ID]
}

// attributeWorkloads lists the workloads that were made or started, in the order in which they were. What was found without any cgroup,
// and is no container, belongs to a command only by descent.
func attributeWorkloads(facts []TracedFact, s *model.Snapshot) []*workload {
	var list []*workload
	byID := map[string]*workload{}
	made := map[uint64]bool{} // the namespaces that descendants made
	note := func(c *event.Container, descends bool) *workload {
		w := byID[c.ID]
		if w == nil {
			w = &workload{container: c, attributed: ByTime}
			byID[c.ID] = w
			list = append(list, w)
		}
		if descends {
			w.attributed = ByDescent
		}
		return w
	}
	for i := range facts {
		descends := facts[i].Descends
		if f := facts[i].Found; f != nil {
			w := note(&f.Container, descends || slices.ContainsFunc(f.Namespaces[:], func(id uint64) bool { return made[id] }))
			w.ids, w.pid, w.comm = f.Namespaces, f.InitPID, f.InitComm
			continue
		}
		switch e := facts[i].Event; {
		case e == nil:
		case e.Type == event.NamespaceCreated && descends:
			made[e.Namespace.ID] = true
		case e.Type == event.CgroupCreated && isOwnCgroup(e, s):
			note(e.Cgroup.Container, descends)
		case e.Type == event.ContainerStarted && e.Container != nil:
			w := note(e.Container, descends)
			w.pid, w.comm, w.start = e.PID, e.Comm, e.Start
			if e.Start != nil {
				w.ids = e.Start.Namespaces
			}
		case e.Type == event.ContainerExited && e.Container != nil && byID[e.Container.ID] != nil:
			w := byID[e.Container.ID]
			w.exit, w.exited = e.Exit, e.Time
		}
	}
	return slices.DeleteFunc(list, func(w *workload) bool {
		return w.attributed == ByTime && (w.container.Kind == event.KindSandbox || w.container.Kind == event.KindService)
	})
}

// isOwnCgroup reports whether the creation of a cgroup is that of a container, and not of one below its cgroup.
func isOwnCgroup(e *event.Event, s *model.Snapshot) bool {
	if e.Cgroup.Container == nil || e.Cgroup.Via == event.ViaReconcile {
		return false
	}
	c := story.ContainerOf(s, e.Cgroup.Container)
	return c == nil || c.CgroupPath == e.Cgroup.Path
}

func (t *Trace) addWorkload(w *workload, s *model.Snapshot) {
	c := story.ContainerOf(s, w.container)
	if c == nil { // sandboxes are not kept after their end
		c = &model.Container{
			ID: w.container.ID, Label: label(*w.container), Named: w.container.Name != "", Image: w.container.Image, Runtime: w.container.Runtime,
			Kind: w.container.Kind, Group: w.container.Group, State: model.Exited, InitPID: w.pid, InitComm: w.comm, Exit: w.exit, Exited: w.exited,
		}
		if w.start != nil {
			c.Phases = w.start.Phases
		}
	}
	traced := TracedWorkload{Attributed: w.attributed, ContainerAnswer: WhyContainer(c, s)}
	if w.start != nil || !w.ids.IsZero() {
		traced.Start = &event.Start{Phases: c.Phases, Namespaces: w.ids}
		if w.start != nil {
			traced.Start.DurationMS = w.start.DurationMS
		}
	}
	t.Workloads = append(t.Workloads, traced)
	t.containers = append(t.containers, c)
}

// addEvent adds an event to its list if it belongs to the command.
func (t *Trace) addEvent(e *event.Event, descends bool, known *owners, s *model.Snapshot) {
	owner := known.of(e.Subject())
	if e.Type == event.NamespaceCreated && owner == nil && !e.Self { // as an engine makes one for a container
		owner = known.byNamespace[namespaceID{e.Namespace.Type, e.Namespace.ID}]
	}
	traced := TracedEvent{Attributed: attribution(descends || owner != nil && owner.attributed == ByDescent), Event: *e}
	belongs := (descends || owner != nil) && !e.Self
	switch e.Type {
	case event.NamespaceCreated:
		if belongs && e.Namespace.Via != event.ViaReconcile {
			t.Namespaces = append(t.Namespaces, traced)
			t.made[namespaceID{e.Namespace.Type, e.Namespace.ID}] = true
		}
	case event.NamespaceJoined:
		// A runtime's joins are steps of a start.
		if descends && !e.Self && !e.Namespace.Starting && owner == nil {
			t.Joined = append(t.Joined, traced)
		}
	case event.CgroupCreated:
		if belongs && e.Cgroup.Via != event.ViaReconcile {
			t.Cgroups = append(t.Cgroups, traced)
		}
	case event.ContainerEntered:
		// docker exec has it made by the engine.
		t.Entries = append(t.Entries, traced)
	case event.OOMKill:
		if belongs {
			t.Kills = append(t.Kills, traced)
			t.kills = append(t.kills, known.killText(e, s))
		}
	case event.EventsLost:
		t.Lost += e.Lost.Count
	}
}

// killText describes a kill as the model knows it, which may be more than its event.
func (o *owners) killText(e *event.Event, s *model.Snapshot) story.Text {
	if k := o.kills[killIDOf(e)]; k != nil {
		return story.Kill(k, s)
	}
	return story.Kill(&model.Kill{Event: *e}, s)
}

// OOMKilled reports whether the kernel's OOM killer ended the command itself.
func (t *Trace) OOMKilled() bool {
	return slices.ContainsFunc(t.Kills, func(k TracedEvent) bool { return k.OOM.Victim.PID == t.PID })
}

// ownAndShared lists the namespaces of a workload: its own, the host's, and those of others. A namespace is its own if it was made while
// the command ran.
func (t *Trace) ownAndShared(ids event.NamespaceIDs) (own, host, others []string) {
	for _, typ := range event.NamespaceTypes() {
		switch id := ids[typ]; {
		case id == 0:
		case t.made[namespaceID{typ, id}]:
			own = append(own, typ.String())
		case id == t.host[typ]:
			host = append(host, typ.String())
		case t.host[typ] != 0:
			others = append(others, typ.String())
		}
	}
	return own, host, others
}

// commandLine returns the command as it would be typed, roughly.
func (t *Trace) commandLine() string { return strings.Join(t.Command, " ") }
