package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/story"
)

// WriteText writes the report for people, with times in a zone and charts of w columns.
func (t *Trace) WriteText(out io.Writer, zone *time.Location, w int) error {
	text := traceText{sections{zone: zone}, t, w}
	fmt.Fprintln(&text, "nsviz trace:", foreign.Prose(t.commandLine()))
	fmt.Fprintln(&text, text.end())
	if t.Unfollowed != "" {
		fmt.Fprintln(&text, foreign.Prose("Not all of its descendants are known: "+t.Unfollowed+"."))
	}
	if len(t.Workloads)+len(t.VMs)+len(t.Namespaces)+len(t.Joined)+len(t.Cgroups)+len(t.Entries)+len(t.Kills) == 0 {
		fmt.Fprintln(&text, "It isolated nothing: no namespace, no cgroup and no container was made for it.")
	}
	for i := range t.Workloads {
		text.workload(i)
	}
	text.vms()
	text.kills()
	text.list("Namespaces made", byProcess(t.Namespaces, tracedNamespace))
	text.list("Namespaces joined", byProcess(t.Joined, tracedNamespace))
	text.list("Cgroups made", byProcess(t.Cgroups, func(e *event.Event) string { return e.Cgroup.Path }))
	text.list("Entered from outside", entries(t.Entries))
	text.gaps()
	_, err := io.WriteString(out, text.String())
	return err
}

// traceText writes a trace for people.
type traceText struct {
	sections

	t *Trace
	w int
}

// end says how the command ended.
func (x *traceText) end() string {
	took := story.Millis(max(x.t.Ended.Sub(x.t.Started), 0))
	switch {
	case x.t.OOMKilled():
		return "The kernel's OOM killer killed it after " + took + "."
	case x.t.Signal != 0:
		name := cmp.Or(unix.SignalName(unix.Signal(x.t.Signal)), "unknown")
		return fmt.Sprintf("It was ended by signal %d (%s) after %s.", x.t.Signal, name, took)
	}
	return fmt.Sprintf("It ended with exit code %d after %s.", x.t.ExitCode, took)
}

func (x *traceText) workload(i int) {
	w, c := &x.t.Workloads[i], x.t.containers[i]
	title := foreign.Name(label(w.Container))
	if what := story.What(c); what != "" {
		title += " (" + what + ")"
	}
	if c.Image != "" && w.Container.Runtime != "" {
		title += ", by " + w.Container.Runtime
	}
	x.section(foreign.Prose(title))
	if w.Attributed == ByTime {
		x.line("", "It is attributed by time alone: no descendant of the command made it, as where an engine makes containers for a client.")
	}
	x.line("", w.Text.For(x.zone))
	if w.Start == nil {
		return
	}
	own, host, others := x.t.ownAndShared(w.Start.Namespaces)
	x.line("its own", nameOr(own, "no namespace"))
	x.line("the host's", nameOr(host, "no namespace"))
	if len(others) > 0 {
		x.line("another's", story.Listed(others))
	}
	if steps := story.StartSteps(w.Start.Phases); len(steps) > 0 {
		x.line("its start", story.StartSummary(steps))
		for _, line := range story.Chart(steps, x.w-2) {
			fmt.Fprintf(x, "  %s\n", foreign.Prose(line))
		}
	}
}

// nameOr lists names, or says that there are none.
func nameOr(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return story.Listed(names)
}

func (x *traceText) vms() {
	var list []string
	for _, vm := range x.t.VMs {
		words := strings.TrimSpace(fmt.Sprintf("%s %s", vm.Monitor, vm.Name)) + fmt.Sprintf(", process %d", vm.PID)
		list = append(list, words+timeAlone(vm.Attributed))
	}
	x.list("Virtual machines", list)
}

func (x *traceText) kills() {
	var list []string
	for i := range x.t.Kills {
		list = append(list, x.t.Kills[i].Time.In(x.zone).Format("15:04:05.000")+"  "+x.t.kills[i].For(x.zone))
	}
	x.list("OOM kills", list)
}

func (x *traceText) list(title string, lines []string) {
	if len(lines) > 0 {
		x.section(title)
		x.lines("", bound(lines))
	}
}

// gaps says what is not in the report.
func (x *traceText) gaps() {
	if n := x.t.LeftOut; n > 0 {
		fmt.Fprintf(x, "\n%s not kept: there was too much.\n", story.Count(n, "fact was", "facts were"))
	}
	if n := x.t.Lost; n > 0 {
		fmt.Fprintf(x, "\n%s lost on the way from the kernel: something may be missing here.\n", story.Count(n, "event was", "events were"))
	}
}

func timeAlone(a Attribution) string {
	if a == ByTime {
		return " (by time alone)"
	}
	return ""
}

// byProcess lists what each process did, a line for each.
func byProcess(events []TracedEvent, words func(*event.Event) string) []string {
	type doer struct {
		who   string
		alone string
	}
	var order []doer
	did := map[doer][]string{}
	for i := range events {
		e := &events[i]
		by := doer{fmt.Sprintf("%s (%d)", e.Comm, e.PID), timeAlone(e.Attributed)}
		if did[by] == nil {
			order = append(order, by)
		}
		did[by] = append(did[by], words(&e.Event))
	}
	lines := make([]string, len(order))
	for i, by := range order {
		lines[i] = by.who + ": " + strings.Join(slices.Compact(did[by]), ", ") + by.alone
	}
	return lines
}

func tracedNamespace(e *event.Event) string {
	n := e.Namespace
	words := fmt.Sprintf("%s %d", n.Type, n.ID)
	switch {
	case n.Host:
		words += " of the host"
	case n.Of != nil:
		words += " of " + label(*n.Of)
	case n.Name != "":
		words += " named " + n.Name
	}
	return words
}

func entries(events []TracedEvent) []string {
	var lines []string
	for i := range events {
		e := &events[i]
		into := "an unknown container"
		if c := e.Entered.Container; c != nil {
			into = label(*c)
		}
		lines = append(lines, into+": "+story.EnteredCommand(e.Entered, &event.Process{PID: e.PID, Comm: e.Comm})+timeAlone(e.Attributed))
	}
	return lines
}
