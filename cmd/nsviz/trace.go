package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/descent"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/output"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/report"
)

func newTrace(s *streams, o *options) *cobra.Command {
	var form, file string
	cmd := &cobra.Command{
		Use: "trace [flags] -- COMMAND [ARGUMENT...]", GroupID: groupWatch,
		Short: "Run a command, and report what it isolated",
		Long: `Runs a command and then reports what it isolated: containers and sandboxes with their namespaces, the
waterfall of their start and how they ended, OOM kills, cgroups, and the programs that were run in a
container from outside.

The command alone uses the terminal, stdin, stdout and stderr. The report goes to stderr after the
command has ended, or to a file. The exit code is the command's: 128+N if signal N ended it, 127 if there is
no such command, 126 if it cannot be run. Signals that are sent to nsviz are passed on to the command, except for
SIGINT, SIGQUIT and SIGHUP while nsviz is in the foreground of a terminal: the terminal sends these to the
command, too. To end the command from elsewhere, use kill -TERM.

What a descendant of the command does belongs to it. What an engine makes for its client, as with docker
run, is made by processes that do not descend from the command: what was made or started while it ran is
then reported, too, as attributed by time alone. Virtual machines are found by looking, every quarter of a
second or less often on a host with many processes: one that lives shorter may be missed.`,
		Example: `  sudo nsviz trace -- docker run --rm alpine echo hi
  sudo nsviz trace -- unshare -Urn true
  sudo nsviz trace -o json --report FILE -- bwrap --bind / / --unshare-all true`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errUsage{fmt.Errorf("%s wants a COMMAND to run; see %[1]s --help", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return trace(cmd.Context(), s, o, args, form, file) },
	}
	cmd.Flags().SetInterspersed(false) // what follows COMMAND is its own
	cmd.Flags().Var(newChecked(&file, "", "string", notEmpty("a file")), "report", "the file to write the report to (default stderr)")
	outputFlag(cmd, &form, "text", "json")
	return cmd
}

// traceSurveys is the pause between surveys while a command runs: only a survey finds virtual machines. It is longer where a survey takes long.
const traceSurveys = 250 * time.Millisecond

// errPassedOn is the exit code of a command that nsviz has run.
type errPassedOn struct{ code int }

func (e errPassedOn) Error() string {
	return fmt.Sprintf("the command ended with exit code %d", e.code)
}

// trace runs a command while nsviz watches.
func trace(parent context.Context, s *streams, o *options, command []string, form, file string) error {
	run, err := newTraced(command)
	if err != nil {
		return err
	}
	var to *os.File // nil is stderr
	if file != "" {
		if to, err = os.Create(file); err != nil {
			return err
		}
		defer to.Close() // again, if there is a report
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent)) // signals are for the command
	defer cancel()
	facts := &tracedFacts{}
	o.surveys = traceSurveys
	p, err := o.watcher(o.quiet(s.err), facts.put)
	if err != nil {
		return err
	}
	var watching sync.WaitGroup
	var failed error
	watching.Go(func() {
		defer cancel()
		failed = p.Run(ctx)
	})
	stop := func() error {
		cancel()
		watching.Wait()
		return failed
	}
	select {
	case <-p.Attached():
	case <-ctx.Done():
		return stop()
	case <-parent.Done():
		return errors.Join(errSignalled, stop())
	}
	follower, unfollowed := descent.Follow()
	facts.begin(follower)
	of, err := run.run(parent)
	if err != nil {
		return errors.Join(err, closeFollower(follower), stop())
	}
	awaitTraced(ctx, p, facts)
	err = errors.Join(stop(), closeFollower(follower))
	of.Unfollowed = whyUnfollowed(follower, unfollowed)
	if o.noCommands {
		of.Command = of.Command[:1]
	}
	report := facts.report(of, p.Full())
	if to == nil {
		err = errors.Join(err, writeTrace(s.err, &report, form, s.zone, output.Width(os.Stderr)))
	} else {
		err = errors.Join(err, writeTrace(to, &report, form, s.zone, output.Width(to)), to.Close())
	}
	if err != nil {
		fmt.Fprintln(s.err, "nsviz:", errorText(err))
	}
	return errPassedOn{of.ExitCode}
}

func closeFollower(f *descent.Follower) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

// whyUnfollowed says why descendants are unknown; "" if all are known.
func whyUnfollowed(f *descent.Follower, err error) string {
	switch {
	case f == nil:
		return err.Error()
	case f.Missed():
		return "there were more forks than the kernel could report"
	}
	return ""
}

func writeTrace(out io.Writer, t *report.Trace, form string, zone *time.Location, width int) error {
	if form == "json" {
		return report.WriteJSON(out, t)
	}
	return t.WriteText(out, zone, width)
}

// engineReportPatience is how long the report waits for what engines say about the ends of containers.
const engineReportPatience = time.Second

// awaitTraced waits until all that has happened is known, and a little for what engines report later.
func awaitTraced(ctx context.Context, p *pipeline.Pipeline, facts *tracedFacts) {
	ctx, cancel := context.WithTimeout(ctx, engineReportPatience)
	defer cancel()
	if !p.Sync(ctx) {
		return
	}
	for facts.engineOwes(p.Snapshot()) {
		select {
		case <-p.Changed():
		case <-ctx.Done():
			return
		}
	}
}

// maxTraced bounds the facts that are kept for the report.
const maxTraced = 1 << 16

// tracedFacts keeps what happens while a command runs.
type tracedFacts struct {
	mu       sync.Mutex        // guards what follows
	begun    time.Time         // zero is not yet
	follower *descent.Follower // nil if descendants are unknown
	facts    []report.TracedFact
	vms      []report.TracedMachine
	leftOut  uint64
}

func (t *tracedFacts) begin(follower *descent.Follower) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun, t.follower = time.Now(), follower
}

// startResolution is by how much the start of a process may be too early in /proc.
const startResolution = 20 * time.Millisecond

// put keeps a fact if it may belong to the command. The loop of the pipeline calls it.
func (t *tracedFacts) put(f fact.Fact) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.begun.IsZero() {
		return
	}
	switch {
	case f.Namespaces != nil:
		for i := range f.Namespaces.VMs {
			t.putVM(&f.Namespaces.VMs[i])
		}
	case f.Found != nil:
		if f.Found.Resync == nil && !f.Found.Started.Before(t.begun.Add(-startResolution)) {
			t.keep(f, t.descends(f.Found.InitPID))
		}
	case f.Event == nil || f.Event.Time.Before(t.begun) && f.Event.Lost == nil:
	default:
		switch e := f.Event; e.Type {
		case event.OOMKill:
			t.keep(f, t.descends(e.OOM.Victim.PID))
		case event.NamespaceCreated, event.NamespaceJoined, event.CgroupCreated, event.ContainerStarted, event.ContainerEntered,
			event.ContainerExited, event.EventsLost:
			t.keep(f, t.descends(e.PID))
		case event.NamespaceFreed, event.CgroupRemoved, event.InitMoved:
		}
	}
}

func (t *tracedFacts) descends(pid int32) bool {
	return pid != 0 && t.follower != nil && t.follower.Descends(pid)
}

func (t *tracedFacts) keep(f fact.Fact, descends bool) {
	if len(t.facts) == maxTraced {
		t.leftOut++
		return
	}
	t.facts = append(t.facts, report.TracedFact{Fact: f, Descends: descends})
}

func (t *tracedFacts) putVM(vm *fact.VM) {
	for i := range t.vms {
		if t.vms[i].PID == vm.PID {
			return
		}
	}
	descends := t.descends(vm.PID)
	if !descends && vm.Started.Before(t.begun) || len(t.vms) == maxTraced {
		return
	}
	t.vms = append(t.vms, report.TracedMachine{VM: *vm, Descends: descends})
}

// engineOwes reports whether an engine that answers has not reported yet on a container that was started.
func (t *tracedFacts) engineOwes(s *model.Snapshot) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	started := map[string]bool{}
	for _, f := range t.facts {
		if e := f.Event; e != nil && e.Type == event.ContainerStarted && e.Container != nil {
			started[e.Container.ID] = true
		}
	}
	answers := map[string]bool{}
	for _, e := range s.Engines {
		if e.State == fact.EngineConnected {
			answers[e.Name] = true
		}
	}
	for i := range s.Containers {
		c := &s.Containers[i]
		if started[c.ID] && answers[c.Runtime] && c.State == model.Exited && c.EngineReport == nil {
			return true
		}
	}
	return false
}

func (t *tracedFacts) report(of report.TracedCommand, s *model.Snapshot) report.Trace {
	t.mu.Lock()
	defer t.mu.Unlock()
	return report.NewTrace(of, t.facts, t.vms, t.leftOut, s)
}
