package ui

import (
	"strconv"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
)

// maxCopy bounds what is copied, in bytes. Most ids have 64.
const maxCopy = 1024

// subject is what a row, or the page of it, is about.
type subject struct {
	// id is what y copies; what names it.
	id, what string
	// topics are what w explains of it, one after the other.
	topics []topic
}

// subject returns what is under the cursor, or on the page. It is empty if nothing is.
func (at place) subject() subject {
	s, key := at.shown(at.live), at.Open
	if key == "" {
		keys := at.keys(s)
		if len(keys) == 0 {
			return subject{}
		}
		key = keys[at.cursor(keys)]
	}
	return views[at.Tab].subject(s, at.State, key)
}

// hasSubjects reports whether the rows or the page have subjects.
func hasSubjects(at place) bool { return !views[at.Tab].single() }

// copied copies the id of what is under the cursor.
func (at place) copied() (State, Action) {
	of := at.subject()
	if of.id == "" {
		at.Note = "nothing here has an id"
		return at.State, Stay
	}
	return at.copy(of.id, of.what)
}

// copiedHand copies the command of the explanation.
func (at place) copiedHand() (State, Action) {
	of := at.subject()
	if len(of.topics) == 0 || of.topics[min(at.Explain, len(of.topics))-1].hand == "" {
		at.Note = "there is no command here"
		return at.State, Stay
	}
	return at.copy(of.topics[min(at.Explain, len(of.topics))-1].hand, "the command")
}

// copy lets the shell copy a text. What could act on a terminal into which it is pasted is escaped in it.
func (at place) copy(words, what string) (State, Action) {
	if len(words) > maxCopy {
		at.Note = what + " is too long to copy"
		return at.State, Stay
	}
	at.Clip = foreign.Clean(words)
	at.Note = "copied " + what + ", if the terminal allows it (OSC 52): " + at.Clip
	return at.State, Copy
}

// workloadSubject returns the container, the heading of a group or the virtual machine with a key.
func workloadSubject(s *model.Snapshot, st State, key string) subject {
	if isHeading(key) {
		for _, r := range listedRows(s, st) {
			if r.container == nil && r.key() == key {
				return subject{r.group.Of.Path(), "the name of a group", groupTopics(r.in())}
			}
		}
		return subject{}
	}
	if c := containerOf(s, key); c != nil {
		return subject{c.ID, "the id of " + foreign.Name(c.Label), containerTopics(c, s)}
	}
	if v := find(s.VMs, func(v *model.VM) bool { return vmKey(v) == key }); v != nil {
		return subject{strconv.Itoa(int(v.PID)), "the PID of " + foreign.Name(v.Label()), vmTopics(v, s)}
	}
	return subject{}
}

func namespaceSubject(s *model.Snapshot, key string) subject {
	n := find(s.Namespaces, func(n *model.Namespace) bool { return namespaceKey(n) == key })
	if n == nil {
		return subject{}
	}
	return subject{strconv.FormatUint(n.ID, 10), "the number of a " + n.Type.String() + " namespace", namespaceTopics(n, s)}
}

func killSubject(s *model.Snapshot, key string) subject {
	k := find(s.Kills, func(k *model.Kill) bool { return killKey(k) == key })
	if k == nil {
		return subject{}
	}
	of := eventID(&k.Event)
	of.topics = killTopics(k, s)
	return of
}

func eventSubject(s *model.Snapshot, key string) subject {
	e := find(s.Events, func(e *event.Event) bool { return eventKey(e) == key })
	if e == nil {
		return subject{}
	}
	of := eventID(e)
	of.topics = eventTopics(e, s)
	return of
}

// eventID returns the id of what an event is about: of its container, else of its namespace, else of its process.
func eventID(e *event.Event) subject {
	c := e.Subject()
	switch {
	case c != nil && c.ID != "":
		return subject{id: c.ID, what: "the id of " + foreign.Name(c.Label())}
	case e.Namespace != nil && e.Namespace.ID != 0:
		return subject{id: strconv.FormatUint(e.Namespace.ID, 10), what: "the number of a " + e.Namespace.Type.String() + " namespace"}
	case e.OOM != nil && e.OOM.Victim.PID != 0:
		return subject{id: strconv.Itoa(int(e.OOM.Victim.PID)), what: "the PID of the victim"}
	case e.PID != 0:
		return subject{id: strconv.Itoa(int(e.PID)), what: "the PID of the process"}
	}
	return subject{}
}
