package query

import (
	"cmp"

	"github.com/nsviz/nsviz/internal/event"
)

// Event is a row of a stream of events: one event, or several that are shown as one.
type Event struct {
	First *event.Event
	// Line returns the row as it is written; only a search asks for it.
	Line func() string
}

// Events are the fields of a row of a stream of events. What an event does not have is unknown.
var Events = Fields[Event]{
	text("type", "what happened", func(e Event) string { return string(e.First.Type) }).among(eventTypes()...),
	of(Time, "time", "when", func(e Event) Value { return timeValue(e.First.Time) }),
	text("line", "all that its line of text says", func(e Event) string { return e.Line() }).contains().searched(),
	of(Number, "pid", "the acting process", func(e Event) Value { return unlessZero(e.First.PID) }),
	text("comm", "what the acting process calls itself", func(e Event) string { return e.First.Comm }).contains(),
	of(Number, "uid", "the user of the acting process", func(e Event) Value { return unlessNil(e.First.UID) }),
	of(Bool, "self", "whether nsviz itself did it", func(e Event) Value { return boolValue(e.First.Self) }),
	about("container", "the name of the container that it is about, or its short id without one", (*event.Container).Label).contains().searched(),
	about("id", "the id of that container", func(c *event.Container) string { return c.ID }).begins(),
	about("kind", "what that container is", func(c *event.Container) string { return string(cmp.Or(c.Kind, event.KindContainer)) }).among(Kinds()...),
	about("image", "its image", func(c *event.Container) string { return c.Image }).contains(),
	about("runtime", "what runs it", func(c *event.Container) string { return c.Runtime }),
	about("group", "its pod or compose project, with what it is called there: GROUP/MEMBER", memberOf).contains().searched(),
	text("ns", "the type of the namespace", func(e Event) string {
		if e.First.Namespace == nil {
			return ""
		}
		return e.First.Namespace.Type.String()
	}).among(namespaceTypes()...),
	of(Number, "ns_id", "the number of the namespace", func(e Event) Value {
		if e.First.Namespace == nil {
			return Value{}
		}
		return unlessZero(e.First.Namespace.ID)
	}),
	text("via", "how the namespace or the cgroup came about, or nsviz learned of it", func(e Event) string {
		switch {
		case e.First.Namespace != nil:
			return string(e.First.Namespace.Via)
		case e.First.Cgroup != nil:
			return string(e.First.Cgroup.Via)
		}
		return ""
	}),
	text("cgroup", "the path of the cgroup that was made or removed, or reached its limit", func(e Event) string {
		switch {
		case e.First.Cgroup != nil:
			return e.First.Cgroup.Path
		case e.First.OOM != nil:
			return e.First.OOM.Cgroup
		}
		return ""
	}).contains(),
	of(Duration, "took", "how long a start, or the system call of a namespace, took", func(e Event) Value {
		switch {
		case e.First.Start != nil:
			return durationValue(e.First.Start.DurationMS)
		case e.First.Namespace != nil:
			return durationValue(e.First.Namespace.TookMS)
		}
		return Value{}
	}),
	text("command", "the command line of what was run from outside, or of a victim", func(e Event) string {
		switch {
		case e.First.Entered != nil:
			return e.First.Entered.CommandLine
		case e.First.OOM != nil:
			return e.First.OOM.Victim.CommandLine
		}
		return ""
	}).contains(),
	of(Number, "exit", "the exit code of a container", func(e Event) Value {
		if e.First.Exit == nil {
			return Value{}
		}
		return unlessNil(e.First.Exit.Code)
	}),
	text("cause", "how a container ended", func(e Event) string {
		if e.First.Exit == nil {
			return ""
		}
		return string(e.First.Exit.Cause)
	}).among(words(event.Causes())...),
	text("scope", "whose memory ran out", func(e Event) string {
		if e.First.OOM == nil {
			return ""
		}
		return string(e.First.OOM.Scope)
	}).among(words(event.Scopes())...),
	text("victim", "what the process that the OOM killer chose calls itself", func(e Event) string {
		if e.First.OOM == nil {
			return ""
		}
		return e.First.OOM.Victim.Comm
	}).contains(),
	of(Size, "limit", "the memory limit that was reached", func(e Event) Value {
		if e.First.OOM == nil {
			return Value{}
		}
		return sizeValue(e.First.OOM.LimitBytes)
	}),
}

// about returns a field of the container that an event is about. It is unknown if there is none.
func about(name, about string, get func(*event.Container) string) Field[Event] {
	return text(name, about, func(e Event) string {
		c := e.First.Subject()
		if c == nil {
			return ""
		}
		return get(c)
	})
}

func eventTypes() []string { return words(event.Types()) }

// words returns the texts of a list.
func words[T ~string](list []T) []string {
	texts := make([]string, len(list))
	for i, t := range list {
		texts[i] = string(t)
	}
	return texts
}

// namespaceTypes returns the names of all types of namespaces.
func namespaceTypes() []string {
	var names []string
	for _, t := range event.NamespaceTypes() {
		names = append(names, t.String())
	}
	return names
}
