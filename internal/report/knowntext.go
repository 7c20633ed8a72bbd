package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// knownText writes what is known about a container, for people.
type knownText struct {
	sections

	k *Known
}

// WriteText writes what is known for people, with times in a zone.
func (k *Known) WriteText(out io.Writer, zone *time.Location) error {
	t := knownText{sections{zone: zone}, k}
	t.head()
	fmt.Fprintf(&t, "\n%s\n", sentenceOr(k.Text, k.Sentence).For(zone))
	if k.State != model.Created {
		t.sees()
		t.uses()
	}
	if len(k.History) > 0 {
		t.section("What happened")
		writeEntries(&t.Builder, k.History, wordsFor(k.Container, k.State), zone)
	}
	t.section("What is unknown")
	for _, what := range k.Unknown {
		t.line("", what)
	}
	_, err := io.WriteString(out, t.String())
	return err
}

func (t *knownText) head() {
	k := t.k
	t.title(k.Container, string(k.State))
	verb := "is"
	if k.State == model.Exited {
		verb = "was"
	}
	pids := k.Namespaces[event.PID]
	shared := len(pids.SharedWith) > 0 || pids.SharedWithHost != nil && *pids.SharedWithHost
	t.pid1(verb, shared, k.PID, k.Comm, k.Started)
	fmt.Fprintf(t, "as nsviz knew it at %s, without a look at /proc\n", k.AsOf.In(t.zone).Format(toTheSecond))
}

func (t *knownText) namespaceWords(kind event.NamespaceType) []string {
	n, ok := t.k.Namespaces[kind]
	if !ok {
		return []string{"unknown"}
	}
	words := "its own"
	switch with := strings.Join(bound(n.SharedWith), ", "); {
	case n.SharedWithHost == nil:
		words = "whose is unknown"
	case *n.SharedWithHost:
		return []string{fmt.Sprintf("the host's (%d)", n.ID)}
	case with != "":
		words = "shared with " + with
	}
	if n.Abandoned != nil {
		words += "; " + abandonedWords(n.Abandoned, t.zone)
	}
	words = fmt.Sprintf("%s (%d)", words, n.ID)
	if n.Creator != nil {
		words += ", made by " + n.Creator.Comm + " at " + n.Created.In(t.zone).Format("15:04:05.000")
	}
	if !n.Freed.IsZero() {
		how := ", freed at "
		if n.FreedVia != event.ViaKernel {
			how = ", found gone at "
		}
		words += how + n.Freed.In(t.zone).Format("15:04:05.000")
	}
	return []string{words}
}

func (t *knownText) sees() {
	title := "What it sees"
	if t.k.State == model.Exited {
		title = "What it saw"
	}
	t.section(title)
	for _, kind := range event.NamespaceTypes() {
		t.lines(kind.String(), t.namespaceWords(kind))
	}
}

func (t *knownText) uses() {
	k := t.k
	title := "What it may use"
	if k.State == model.Exited {
		title = "What it might use"
	}
	t.section(title)
	memory := "usage unknown"
	if k.UsageBytes != nil {
		memory = story.Bytes(*k.UsageBytes) + " at the last reading"
	}
	limits := fact.CgroupLimits{}
	if k.Limits != nil {
		limits = *k.Limits
	}
	limit := func(r fact.Resource, l *fact.Limit) string {
		if l == nil {
			return "limit unknown"
		}
		if l.Unlimited {
			return "no limit of its own"
		}
		return "limit " + story.LimitWords(r, *l)
	}
	t.line("memory", memory+", "+limit(fact.ResourceMemory, limits.Memory))
	if limits.Swap != nil { // not every host can limit it
		t.line("swap", limit(fact.ResourceSwap, limits.Swap))
	}
	t.line("CPU", limit(fact.ResourceCPU, limits.CPU))
	processes := ""
	if k.Processes != nil {
		processes = fmt.Sprint(*k.Processes, " at the last reading, ")
	}
	refused := ""
	if k.PIDsRefused != nil && *k.PIDsRefused > 0 {
		refused = ", " + story.Grouped(*k.PIDsRefused) + " more were refused"
	}
	t.line("processes", processes+limit(fact.ResourcePIDs, limits.PIDs)+refused)
	if k.Cgroup != "" {
		t.line("cgroup", k.Cgroup)
	}
}
