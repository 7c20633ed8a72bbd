package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// Diagnosis is what `nsviz doctor` finds out about a host.
type Diagnosis struct {
	Snapshot *model.Snapshot
	// Unlooked is the reason why the host's processes and containers are unknown; nil if they are known.
	Unlooked error
	// NeedsBytes is an estimate of the memory that nsviz needs to watch the running containers.
	NeedsBytes uint64
	// GoLimitBytes is the memory limit of the Go runtime; math.MaxInt64 is no limit.
	GoLimitBytes int64
}

// WriteText writes the diagnosis for people.
func (d Diagnosis) WriteText(out io.Writer) error {
	s := d.Snapshot
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "host\t%s, Linux %s, cgroup %s\n", orUnknown(s.Host.Name != "", foreign.Prose(s.Host.Name)),
		orUnknown(s.Host.Kernel != "", s.Host.Kernel), s.Host.CgroupVersion)
	for _, e := range s.Engines {
		fmt.Fprintf(w, "%s\t%s\n", foreign.Prose(e.Label(s.Engines)), engineText(e))
	}
	fmt.Fprintf(w, "containers\t%s\n", d.containers())
	fmt.Fprintf(w, "own memory\t%s\n", d.ownMemory())
	for _, note := range s.Host.Notes {
		fmt.Fprintf(w, "note\t%s\n", note)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(s.Probes) == 0 {
		_, err := fmt.Fprintln(out, "\nno probe could be attached")
		return err
	}
	fmt.Fprintln(out)
	fmt.Fprintln(w, "WHAT\tBY\tWHY NOT BETTER")
	for _, p := range s.Probes {
		why := p.Reason
		if why == "" {
			why = "it is the first choice"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, p.Method, why)
	}
	fmt.Fprintln(w)
	for _, m := range methods() {
		if mentioned(s.Probes, m.name) {
			fmt.Fprintf(w, "%s\t%s\n", m.name, m.means)
		}
	}
	return w.Flush()
}

// containers returns their number in words.
func (d Diagnosis) containers() string {
	if d.Unlooked != nil {
		return "unknown: " + foreign.Prose(d.Unlooked.Error())
	}
	return fmt.Sprintf("%d running", d.Snapshot.LiveCount())
}

// ownMemory says how much memory nsviz may use and how much it needs.
func (d Diagnosis) ownMemory() string {
	m := d.Snapshot.OwnMemory
	needs := fmt.Sprintf("nsviz needs about %s for %d containers", story.Bytes(d.NeedsBytes), d.Snapshot.LiveCount())
	kept := ""
	if d.GoLimitBytes != math.MaxInt64 {
		kept = fmt.Sprintf(", the Go runtime keeps to %s", story.Bytes(uint64(d.GoLimitBytes)))
	}
	switch {
	case m == nil:
		return "its limit is unknown" + kept + "; " + needs
	case m.LimitBytes == nil:
		return "without a limit" + kept + "; " + needs
	case *m.LimitBytes < d.NeedsBytes:
		needs += ": the limit is too low"
	}
	where := "of a cgroup above, out of sight"
	if m.Cgroup != "" {
		where = "of the cgroup " + foreign.Name(m.Cgroup)
	}
	return fmt.Sprintf("limit of %s %s%s; %s", story.Bytes(*m.LimitBytes), where, kept, needs)
}

// method explains a way of hooking into the kernel to a newcomer.
type method struct {
	name  fact.Method
	means string
}

// methods are in the order in which nsviz prefers them.
func methods() []method {
	return []method{
		{fact.MethodFentry, "a jump at the entry of a kernel function (fexit: at its return); the cheapest way into a function"},
		{fact.MethodKprobe, "a breakpoint at a kernel function; works on older kernels, and costs a little more each time"},
		{fact.MethodTpBTF, "a place that the kernel's authors have marked, with the kernel's own types; cheap and stable"},
		{fact.MethodRawTracepoint, "the same places, for kernels that do not let programs use their types there"},
		{fact.MethodTracepoint, "the entry and the return of a system call, as tracefs offers them"},
		{fact.MethodFanotify, "the kernel's notice that a file was written to, and by whom"},
		{fact.MethodNone, "not reported by the kernel here: found by looking, so later, or not at all"},
	}
}

// mentioned reports whether a method is in use or was ruled out.
func mentioned(list []fact.Probe, method fact.Method) bool {
	return slices.ContainsFunc(list, func(p fact.Probe) bool {
		return p.Method == method || slices.Contains(p.RuledOut, method)
	})
}
