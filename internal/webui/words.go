package webui

import (
	"fmt"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// vmSign stands for the namespaces of a virtual machine, which nsviz cannot see.
const vmSign = "▒"

// piece is a part of a sentence. Weight is a story.Weight by its name, "" for plain. At is set for a time, which the page writes in its
// reader's zone: in milliseconds, with a date if Date is set, to the millisecond if Exact is.
type piece struct {
	Text   string `json:"t"`
	Weight string `json:"w,omitempty"`
	At     int64  `json:"at,omitempty"`
	Date   bool   `json:"date,omitempty"`
	Exact  bool   `json:"exact,omitempty"`
}

func piecesOf(t story.Text) []piece {
	out := make([]piece, 0, len(t))
	for _, p := range t {
		q := piece{Text: foreign.Prose(p.Text)}
		if p.Weight == story.Name {
			q.Text = foreign.Name(p.Text)
		}
		if p.Weight != story.Plain {
			name, _ := p.Weight.MarshalText() // it never fails
			q.Weight = string(name)
		}
		if !p.At.IsZero() && p.Layout != "" {
			q.At, q.Date, q.Exact = millis(p.At), strings.Contains(p.Layout, "2006"), strings.Contains(p.Layout, ".000")
		}
		out = append(out, q)
	}
	return out
}

// kill is an OOM kill.
type kill struct {
	Key string `json:"key"`
	At  int64  `json:"at"`
	// Of is the key of the victim's workload, Place its name or where else the victim was.
	Of      string  `json:"of,omitempty"`
	Place   string  `json:"place"`
	Victim  string  `json:"victim,omitempty"`
	Ordinal uint64  `json:"n,omitempty"`
	Text    []piece `json:"text"`
	// Hand is the command that shows the kernel's own count.
	Hand  string  `json:"hand,omitempty"`
	Facts []about `json:"facts,omitempty"`
}

// about is a line about a subject.
type about struct {
	Subject string `json:"s"`
	Words   string `json:"t"`
}

func killOf(k *model.Kill, s *model.Snapshot) *kill {
	out := &kill{
		Key: fmt.Sprintf("%d-%d", k.Event.Time.UnixNano(), story.VictimPID(k)), At: millis(k.Event.Time),
		Place: foreign.Name(story.VictimPlace(k)), Victim: foreign.Name(story.VictimComm(k)), Ordinal: k.Ordinal, Text: piecesOf(story.Kill(k, s)),
		Hand: foreign.Clean(story.CountByHand(k.Event.OOM, s.Host.CgroupVersion)),
	}
	if c := story.VictimContainer(k); c != nil {
		out.Of = c.ID
	}
	if o := k.Event.OOM; o != nil {
		out.Facts = killFacts(k, o)
	}
	return out
}

func killFacts(k *model.Kill, o *event.OOM) (facts []about) {
	add := func(subject, words string) {
		if words != "" {
			facts = append(facts, about{subject, foreign.Prose(words)})
		}
	}
	add("called", story.CommandLine(&o.Victim))
	if size, known := story.ChargedBytes(o.Victim); known {
		add("its memory", bytesOf(size)+sizesOf(&o.Victim))
	}
	if o.Cgroup != "" {
		words := story.ShortPath(o.Cgroup)
		if o.LimitBytes != nil {
			words += ", limit " + bytesOf(*o.LimitBytes)
		}
		add("what ran out", words)
	}
	if t := o.Trigger; t != nil && t.PID != story.VictimPID(k) {
		add("who asked", story.TriggerComm(t))
	}
	return facts
}

func sizesOf(v *event.Victim) string {
	var parts []string
	for _, part := range []struct {
		bytes *uint64
		name  string
	}{{v.AnonBytes, "anonymous (heap and stacks)"}, {v.FileBytes, "mapped files"}, {v.ShmemBytes, "shared memory"}, {v.PgtablesBytes, "page tables"}} {
		if part.bytes != nil && *part.bytes > 0 {
			parts = append(parts, bytesOf(*part.bytes)+" "+part.name)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

func signsOf(namespaces [event.NamespaceTypeCount]model.Membership) []string {
	signs := make([]string, len(namespaces))
	for t, m := range namespaces {
		signs[t] = story.Sign(m)
	}
	return signs
}

// membershipOf says whose a namespace is.
func membershipOf(m model.Membership) string {
	switch {
	case m.Abandoned != nil:
		return "a dead one: " + foreign.Name(m.Abandoned.By) + " has left it"
	case m.Relation == model.RelationOwn:
		return "its own"
	case m.Relation == model.RelationHost:
		return "the host's: no wall here"
	case m.Relation == model.RelationShared:
		return "shared with " + sharers(m)
	}
	return "unknown: nsviz could not read it"
}

// maxSharers bounds the workloads that are named in a list of them.
const maxSharers = 8

func sharers(m model.Membership) string {
	labels := m.SharedWith.Labels()
	names := make([]string, 0, maxSharers+1)
	for _, l := range labels[:min(len(labels), maxSharers)] {
		names = append(names, foreign.Name(l))
	}
	if more := len(labels) - maxSharers; more > 0 {
		names = append(names, story.Count(uint64(more), "other", "others"))
	}
	return story.Listed(names)
}

// placeOf says in a sentence which walls a workload has.
func placeOf(namespaces [event.NamespaceTypeCount]model.Membership) string {
	var own, host, shared, unknown []string
	for _, t := range event.NamespaceTypes() {
		switch namespaces[t].Relation {
		case model.RelationOwn:
			own = append(own, t.String())
		case model.RelationHost:
			host = append(host, t.String())
		case model.RelationShared:
			shared = append(shared, t.String()+" with "+sharers(namespaces[t]))
		default:
			unknown = append(unknown, t.String())
		}
	}
	var says []string
	if len(own) > 0 {
		says = append(says, "has "+story.Listed(own)+" to itself")
	}
	if len(shared) > 0 {
		says = append(says, "shares "+story.Listed(shared))
	}
	if len(host) > 0 {
		says = append(says, "uses the host's "+story.Listed(host))
	}
	if len(unknown) > 0 {
		says = append(says, "is in unknown ones of "+story.Listed(unknown))
	}
	return "It " + strings.Join(says, "; it ") + "."
}
