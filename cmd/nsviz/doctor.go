package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/pipeline"
)

func newDoctor(s *streams, o *options) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", GroupID: groupOnce, Args: noArguments,
		Short: "Say what this host allows, what nsviz uses, and why",
		RunE:  func(cmd *cobra.Command, _ []string) error { return doctor(cmd.Context(), s, o) },
	}
}

// doctor attaches everything once and tells how that went.
func doctor(parent context.Context, s *streams, o *options) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	p, err := o.watcher(o.quiet(s.err))
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-p.Attached():
			awaitEngine(ctx, p)
		case <-ctx.Done():
		}
		cancel()
	}()
	failed := p.Run(ctx)
	d := diagnosis{snapshot: p.Snapshot()}
	select {
	case <-p.Attached():
	default:
		// Whoever may not watch may look.
		d.snapshot, d.unlooked = o.lookAfter(parent, d.snapshot)
	}
	return errors.Join(d.write(s.out), failed)
}

// lookAfter looks at a host on which no probe could be attached. It returns what was known before with what it finds, and why it
// could not look.
func (o *options) lookAfter(ctx context.Context, before *isolation.Snapshot) (*isolation.Snapshot, error) {
	p, err := o.pipeline(slog.New(slog.DiscardHandler)) // what it warns of was said
	if err != nil {
		return before, err
	}
	looked, err := p.Once(ctx)
	if err != nil {
		return before, err
	}
	looked.Probes = before.Probes
	return looked, nil
}

// awaitEngine waits until it is known whether the engine answers. The follower bounds that.
func awaitEngine(ctx context.Context, p *pipeline.Pipeline) {
	for {
		for _, e := range p.Snapshot().Engines {
			if e.State != fact.EngineConnecting {
				return
			}
		}
		select {
		case <-p.Changed():
		case <-ctx.Done():
			return
		}
	}
}

// diagnosis is what doctor found out.
type diagnosis struct {
	snapshot *isolation.Snapshot
	// unlooked is why it is not known what is on the host.
	unlooked error
}

func (d diagnosis) write(out io.Writer) error {
	s := d.snapshot
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "host\t%s, Linux %s, cgroup %s\n", orUnknown(s.Host.Name != "", foreign.Prose(s.Host.Name)),
		orUnknown(s.Host.Kernel != "", s.Host.Kernel), s.Host.CgroupVersion)
	for _, e := range s.Engines {
		fmt.Fprintf(w, "%s\t%s\n", e.Name, engineText(e))
	}
	fmt.Fprintf(w, "containers\t%s\n", d.containers())
	fmt.Fprintf(w, "own memory\t%s\n", ownMemoryText(s.OwnMemory, debug.SetMemoryLimit(-1), s.LiveCount()))
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

// containers says how many there are.
func (d diagnosis) containers() string {
	if d.unlooked != nil {
		return "unknown: " + foreign.Prose(d.unlooked.Error())
	}
	return fmt.Sprintf("%d running", d.snapshot.LiveCount())
}

// method explains a way of hooking into the kernel to somebody who has never met it.
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
		{fact.MethodNone, "not told by the kernel here: found by looking, so later, or not at all"},
	}
}

// mentioned reports whether a method is in use or was ruled out.
func mentioned(list []fact.Probe, method fact.Method) bool {
	return slices.ContainsFunc(list, func(p fact.Probe) bool {
		return p.Method == method || slices.Contains(p.RuledOut, method)
	})
}

func engineText(e fact.Engine) string {
	if e.Detail == "" {
		return string(e.State)
	}
	return string(e.State) + ": " + foreign.Prose(e.Detail)
}
