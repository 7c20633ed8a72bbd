package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/server"
	"github.com/nsviz/nsviz/internal/story"
)

// inspectKnown tells what a session or a recording knows of a container, without /proc.
func inspectKnown(cmd *cobra.Command, out *streams, from *source, name, form string) error {
	of := func(s *isolation.Snapshot) (k story.Known, err error) {
		c, err := story.Find(s, name)
		if err != nil {
			return k, err
		}
		return story.Remember(c, s), nil
	}
	return ask(cmd, from, server.InspectPath, url.Values{"container": {name}}, of,
		func(k story.Known) string { return k.Sentence },
		func(k story.Known) error {
			if form == "json" {
				return writeJSON(out.out, k)
			}
			return writeKnown(out.out, &k, out.zone)
		})
}

// whereToAsk says of a container that /proc knows nothing of who may know more.
func whereToAsk(err error) error {
	var missing *story.NotFoundError
	if !errors.As(err, &missing) {
		return err
	}
	return fmt.Errorf("%s that runs; if it has ended, an nsviz that ran meanwhile may know it: nsviz inspect %s --from %s, or --recording FILE",
		foreign.Prose(err.Error()), foreign.Prose(missing.Name), defaultSource)
}

// knownText writes for people what is known of a container.
type knownText struct {
	anatomyText

	k *story.Known
}

func writeKnown(out io.Writer, k *story.Known, zone *time.Location) error {
	t := knownText{anatomyText: anatomyText{zone: zone}, k: k}
	t.head()
	fmt.Fprintf(&t, "\n%s\n", answerWords(k.Text, k.Sentence).For(zone))
	if k.State != isolation.Created {
		t.sees()
		t.uses()
	}
	if len(k.History) > 0 {
		t.section("What happened")
		writeMoments(&t.Builder, k.History, wordsFor(k.Container, k.State), zone)
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
	words := []string{foreign.Name(cmp.Or(k.Container.Name, event.ShortID(k.Container.ID))), "id " + event.ShortID(k.Container.ID)}
	if k.Container.Image != "" {
		words = append(words, "image "+foreign.Name(k.Container.Image))
	}
	if k.Container.Runtime != "" {
		words = append(words, k.Container.Runtime)
	}
	fmt.Fprintln(t, foreign.Prose(strings.Join(append(words, string(k.State)), ", ")))
	const layout = "2006-01-02 15:04:05"
	if k.PID != 0 {
		verb := "is"
		if k.State == isolation.Exited {
			verb = "was"
		}
		text := fmt.Sprintf("PID 1 %s %s, on the host process %d", verb, k.Comm, k.PID)
		if !k.Started.IsZero() {
			text += ", started " + k.Started.In(t.zone).Format(layout)
		}
		fmt.Fprintln(t, foreign.Prose(text))
	}
	fmt.Fprintf(t, "as nsviz knew it at %s, without a look at /proc\n", k.AsOf.In(t.zone).Format(layout))
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
	if t.k.State == isolation.Exited {
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
	if k.State == isolation.Exited {
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
		refused = fmt.Sprintf(", %d more were refused", *k.PIDsRefused)
	}
	t.line("processes", processes+limit(fact.ResourcePIDs, limits.PIDs)+refused)
	if k.Cgroup != "" {
		t.line("cgroup", k.Cgroup)
	}
}
