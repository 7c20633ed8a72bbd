package ui

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/story"
)

// oneCall is the most by which the namespace events of one system call may be apart.
const oneCall = time.Millisecond

// eventRow is one line of the event stream: one event, or the namespace events of one system call.
type eventRow struct {
	key   string
	first *event.Event
	kind  string
	style Style
	text  line
}

// line returns what the row says.
func (r eventRow) line() string { return r.kind + "  " + r.text.String() }

func eventKey(e *event.Event) string {
	var room [64]byte
	key := append(strconv.AppendInt(room[:0], e.Time.UnixNano(), 10), '/')
	key = append(append(key, e.Type...), '/')
	return string(strconv.AppendInt(key, int64(e.PID), 10))
}

// eventRows returns lines for people about the latest events, newest first; at most most rows. If storms are
// folded, a run of kills in one container, or of cgroups of none in one place, becomes one line, so that it hides nothing else.
func eventRows(s *model.Snapshot, needle string, most int, fold bool) []eventRow {
	list := eventGroups(s, needle, most, fold, needle != "")
	rows := make([]eventRow, len(list))
	for i, g := range list {
		rows[i] = g.row(s)
	}
	return rows
}

// eventGroup is an eventRow without its words: the indices of the events of one system call, and of the first one of a storm that
// ends with them, which has so many more. A list has a thousand, and few are drawn.
type eventGroup struct{ from, to, since, more int }

// row returns the row with its words.
func (g eventGroup) row(s *model.Snapshot) eventRow {
	r := wordEvents(s.Events[g.from:g.to], s)
	if g.more > 0 {
		what := ""
		if isOutside(&s.Events[g.from]) {
			what = " made or removed there"
		}
		r.text = r.text.add(Dim, fmt.Sprintf(", and %d more%s since %s", g.more, what, clockIn(s.Events[g.since].Time, s.Time)))
	}
	return r
}

// fields returns the row as filters know it.
func (g eventGroup) fields(s *model.Snapshot) query.Event {
	return query.Event{First: &s.Events[g.from], Line: func() string { return g.row(s).line() }}
}

// eventGroups returns what eventRows returns, without words. What nsviz itself enters, to read what an open page shows, is left out unless
// looks is set: it comes again and again, and hides what happens.
func eventGroups(s *model.Snapshot, needle string, most int, fold, looks bool) []eventGroup {
	var rows []eventGroup
	var entries []*event.Event // whose joins have not been seen yet
	for end := len(s.Events); end > 0 && len(rows) < most; {
		start := end - 1
		for start > 0 && sameCall(s.Events[start:end], &s.Events[start-1]) {
			start--
		}
		if i := slices.IndexFunc(entries, func(in *event.Event) bool { return isJoinOf(&s.Events[start], in) }); i >= 0 {
			end = start // told by the entry
			continue
		}
		if !looks && isOwnLook(&s.Events[start]) {
			end = start
			continue
		}
		if e := &s.Events[end-1]; e.Entered != nil {
			entries = append(entries, e)
		}
		g := eventGroup{from: start, to: end, since: start}
		if e := &s.Events[end-1]; fold && (e.OOM != nil || isOutside(e)) {
			g = eventGroup{from: end - 1, to: end, since: end - 1}
			for i := end - 2; i >= 0; i-- {
				before := &s.Events[i]
				if sameStorm(before, e) {
					g.since, start = i, i
					g.more++
				} else if looks || !isOwnLook(before) {
					break
				}
			}
			start = min(start, g.since)
		}
		if needle == "" || query.Events.Match(g.fields(s), needle) {
			rows = append(rows, g)
		}
		end = start
	}
	return rows
}

// sameCall reports whether an event comes from the same system call as the namespace events after it.
// One call touches a type once.
func sameCall(after []event.Event, e *event.Event) bool {
	next := &after[0]
	if e.Namespace == nil || next.Namespace == nil || e.Type != next.Type || e.PID != next.PID || e.Self != next.Self {
		return false
	}
	for i := range after {
		if after[i].Namespace.Type == e.Namespace.Type {
			return false
		}
	}
	return e.Namespace.Via == next.Namespace.Via && next.Time.Sub(e.Time).Abs() <= oneCall &&
		e.Subject().Label() == next.Subject().Label()
}

// joinLag is the most by which the joins of an entry are earlier than its exec.
const joinLag = 10 * time.Second

// isJoinOf reports whether somebody joined a namespace to run the program that an entry is about.
func isJoinOf(e, in *event.Event) bool {
	return e.Type == event.NamespaceJoined && e.Namespace.Of != nil && in.Entered.Container != nil &&
		in.Entered.Namespaces[e.Namespace.Type] == e.Namespace.ID && in.Time.Sub(e.Time) <= joinLag && byEntrant(e, in)
}

// byEntrant reports whether the process of a join is that of an entry. A runtime joins in a process that has ended by then, which
// is in the container's cgroup or calls itself as the runtime does.
func byEntrant(e, in *event.Event) bool {
	by := in.Entered.By
	return e.PID == in.PID || by != nil && e.PID == by.PID || in.Container != nil && runtime.Enters(e.Comm)
}

// isOwnLook reports whether nsviz itself entered a namespace, as it does to read what a page shows.
func isOwnLook(e *event.Event) bool { return e.Self && e.Type == event.NamespaceJoined }

// isOutside reports whether a cgroup of no container was made or removed.
func isOutside(e *event.Event) bool {
	return e.Cgroup != nil && e.Subject() == nil && !e.ContainerUnknown
}

// sameStorm reports whether two kills hit the same program in the same container for the same reason, or two cgroups of no container were made
// or removed in the same place.
func sameStorm(a, b *event.Event) bool {
	if isOutside(a) && isOutside(b) {
		return path.Dir(a.Cgroup.Path) == path.Dir(b.Cgroup.Path)
	}
	return a.OOM != nil && b.OOM != nil && a.OOM.Scope == b.OOM.Scope &&
		a.OOM.Victim.Comm == b.OOM.Victim.Comm && a.Subject().Label() == b.Subject().Label()
}

// wordEvents returns the words for one event, or for several of one system call.
func wordEvents(es []event.Event, s *model.Snapshot) eventRow {
	e := &es[0]
	r := eventRow{key: eventKey(e), first: e, kind: string(e.Type), style: Dim, text: actor(e)}
	switch {
	case e.Namespace != nil:
		r.kind, r.style, r.text = wordNamespaces(es, s)
	case e.Cgroup != nil:
		r.kind, r.style, r.text = "cgroup", Dim, text(Plain, "made ")
		if e.Type == event.CgroupRemoved {
			r.text = text(Plain, "removed ")
		}
		r.text = r.text.add(Number, story.ShortPath(e.Cgroup.Path))
	case e.Type == event.ContainerStarted:
		r.kind, r.style = "started", Creation
		if e.Start != nil && e.Start.DurationMS != nil {
			took := time.Duration(*e.Start.DurationMS * float64(time.Millisecond))
			r.text = r.text.add(Plain, ", ").add(Strong, story.StartDuration(took)).add(Plain, " after its cgroup was made")
		}
	case e.Entered != nil:
		r.kind, r.style, r.text = "entered", Moved, wordEntered(e)
	case e.Moved != nil:
		r.kind, r.style = "moved", Moved
		r.text = r.text.add(Plain, fmt.Sprintf(" moved its PID 1 (%d) ", e.Moved.PID))
		if e.Moved.Held {
			r.text = r.text.add(Plain, "back into its cgroup")
		} else {
			r.text = r.text.add(Alarm, "out of its cgroup").add(Plain, ", to ").add(Number, story.ShortPath(e.Moved.To))
		}
	case e.Exit != nil:
		r.kind, r.style = "exited", Death
		r.text = r.text.add(Plain, " ").join(storyLine(story.BriefExit(e.Exit), s.Time))
	case e.OOM != nil:
		r.kind, r.style = "oom kill", KillMark
		r.text = wordKill(e)
	case e.Lost != nil:
		r.kind, r.style = "lost", Warn
		r.text = text(Plain, story.Count(e.Lost.Count, "event", "events")+": "+e.Lost.Reason)
		if e.Lost.UID != nil {
			r.text = r.text.add(Plain, fmt.Sprintf(", by user %d in ", *e.Lost.UID)+cmp.Or(e.Lost.Cgroup, story.UnknownPlace))
		}
	}
	if e.Self {
		// In front, where a narrow screen does not cut it off: nobody shall take it for an intruder.
		r.text = text(Dim, "nsviz itself: ").join(r.text)
	}
	return r
}

// actor returns the acting process.
func actor(e *event.Event) line { return processLine(e.PID, e.Comm) }

// userLine returns a process with its user, where that is known.
func userLine(pid int32, comm string, uid *uint32) line {
	if uid == nil || pid == 0 {
		return processLine(pid, comm)
	}
	if comm == "" {
		comm = "a process"
	}
	return text(Plain, comm).add(Dim, fmt.Sprintf(" (PID %d, uid %d)", pid, *uid))
}

// wordEntered returns an entry into a container in a few words.
func wordEntered(e *event.Event) line {
	process := event.Process{PID: e.PID, Comm: e.Comm, UID: e.UID}
	by := text(Dim, "a process")
	if p := e.Entered.By; p != nil {
		by = userLine(p.PID, p.Comm, p.UID)
	}
	l := by.add(Plain, " ran `").add(Strong, story.EnteredCommand(e.Entered, &process)).add(Plain, "` in it")
	if e.Entered.By != nil && e.Entered.By.PID == e.PID {
		return l
	}
	return l.add(Plain, " as ").join(userLine(e.PID, e.Comm, e.UID))
}

func processLine(pid int32, comm string) line {
	switch {
	case comm != "" && pid != 0:
		return text(Plain, comm).add(Dim, " ("+strconv.Itoa(int(pid))+")")
	case comm != "":
		return text(Plain, comm)
	case pid != 0:
		return text(Plain, "PID "+strconv.Itoa(int(pid)))
	}
	return text(Dim, "a process")
}

func wordNamespaces(es []event.Event, s *model.Snapshot) (kind string, style Style, l line) {
	e := es[0]
	ns := e.Namespace
	known := e.PID != 0 || e.Comm != ""
	switch e.Type {
	case event.NamespaceCreated:
		if ns.Via == event.ViaReconcile || !known {
			return "found", Creation, text(Plain, "a new ").join(withIDs(es, s))
		}
		kind = string(ns.Via)
		if kind == "" {
			kind = "made"
		}
		l = actor(&e).add(Plain, " made")
		for _, t := range typesOf(es) {
			l = l.add(Plain, " ").add(Own, t.String())
		}
		if len(es) == 1 {
			l = l.add(Plain, " ").add(Number, strconv.FormatUint(ns.ID, 10))
		}
		if ns.ChildPID != 0 {
			l = l.add(Plain, fmt.Sprintf(" for its child %d", ns.ChildPID))
		}
		return kind, Creation, l
	case event.NamespaceJoined:
		l = userLine(e.PID, e.Comm, e.UID).add(Plain, " entered ")
		if whose := ofOne(es); whose != nil {
			l = l.join(typeLine(es)).add(Plain, " of ").join(streamLabel(whose, 20))
			if ns.Starting {
				l = l.add(Plain, ", which is starting")
			}
			return "joined", Moved, l
		}
		if len(es) == 1 && ns.Name != "" {
			return "joined", Moved, l.add(Strong, ns.Type.String()).add(Plain, " of netns ").add(Name, foreign.CutMiddle(foreign.Clean(ns.Name), 20))
		}
		l = l.join(withIDs(es, s))
		if ns.Via != "" {
			l = l.add(Plain, " by "+string(ns.Via))
		}
		return "joined", Moved, l
	}
	l = withIDs(es, s)
	if ns.Via == event.ViaReconcile {
		l = l.add(Dim, ", seen gone")
	}
	return "freed", Dim, l
}

// ofOne returns the container that all of these namespaces are of; nil is none.
func ofOne(es []event.Event) *event.Container {
	of := es[0].Namespace.Of
	for _, e := range es {
		if e.Namespace.Of == nil || e.Namespace.Of.ID != of.ID {
			return nil
		}
	}
	return of
}

// typeLine lists the types of namespaces: mnt, pid, net.
func typeLine(es []event.Event) line {
	var l line
	for i, t := range typesOf(es) {
		if i > 0 {
			l = l.add(Plain, ", ")
		}
		l = l.add(Strong, t.String())
	}
	return l
}

// typesOf lists the types in the order in which nsviz shows them everywhere.
func typesOf(es []event.Event) []event.NamespaceType {
	types := make([]event.NamespaceType, 0, len(es))
	for _, e := range es {
		types = append(types, e.Namespace.Type)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

func withIDs(es []event.Event, s *model.Snapshot) line {
	var l line
	for i, e := range es {
		ns := e.Namespace
		if i > 0 {
			l = l.add(Plain, ", ")
		}
		if ns.Host || int(ns.Type) < event.NamespaceTypeCount && ns.ID != 0 && s.Host.Namespaces[ns.Type] == ns.ID {
			l = l.add(Plain, "the host's ").add(Strong, ns.Type.String())
			continue
		}
		l = l.add(Strong, ns.Type.String())
		if ns.ID != 0 {
			l = l.add(Plain, " ").add(Number, strconv.FormatUint(ns.ID, 10))
		}
	}
	return l
}

// wordKill returns an OOM kill in a few words; package story has the sentences.
func wordKill(e *event.Event) line {
	o := e.OOM
	pid, comm := o.Victim.PID, cmp.Or(o.Victim.ProcessComm, o.Victim.Comm)
	if pid == 0 {
		pid = e.PID
	}
	if comm == "" {
		comm = e.Comm
	}
	l := processLine(pid, comm)
	if size, ok := story.ChargedBytes(o.Victim); ok {
		l = l.add(Plain, ", ")
		if o.Scope == event.ScopeCgroup && o.LimitBytes != nil {
			l = l.add(Strong, story.BytesOf(size, " of ", *o.LimitBytes))
		} else {
			l = l.add(Strong, story.Bytes(size))
		}
	}
	if o.Scope == event.ScopeSystem {
		l = l.add(Plain, ", the host was out of memory")
	}
	if o.Victim.Starting {
		l = l.add(Plain, ", while the container was starting")
	}
	return l
}

// subjectUnknown reports whether it is unknown which container an event is about, or whether it is the host.
func subjectUnknown(e *event.Event) bool {
	return e.Subject() == nil && e.ContainerUnknown && e.Cgroup == nil
}

// subjectLine returns the label of the container that an event is about, in w columns; it is empty for the host.
func subjectLine(e *event.Event, w int) line {
	if subjectUnknown(e) {
		return text(Unknown, "?")
	}
	return streamLabel(e.Subject(), w)
}

// streamLabel returns a container's label in w columns. It keeps the beginning of an id, which the engine's commands accept.
func streamLabel(c *event.Container, w int) line {
	if c == nil || c.Name == "" {
		return text(Name, c.Label())
	}
	return text(Name, foreign.CutMiddle(foreign.Clean(c.Name), w))
}

func indent(l line) line { return line{}.space(1).join(l) }
