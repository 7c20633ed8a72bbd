package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/story"
)

func newInspect(s *streams, o *options) *cobra.Command {
	var form string
	var failOn severity
	var from source
	var sizes bool
	cmd := &cobra.Command{
		Use: "inspect NAME|ID|PID", GroupID: groupOnce, Args: arguments("NAME|ID|PID"),
		Short: "Take one container apart: what it sees, is made of and may do, and its holes",
		Long: `Takes one container apart: its namespaces and with whom it shares them, its users and processes inside
and outside, its file systems, and what it may do. Then it reports the holes in its walls, each with what
it means, how to see it by hand and how to close it.

All of it is read from the kernel, not from the engine's settings; where these differ, that is a finding.
PID is any process of the container, as the host counts. The severities are info, low, medium, high and critical.

With --from or --recording it tells what an nsviz that is running or a recording knows of a container, by name
or id, also of one that is dead: its namespaces, limits, history and end, and what is not known. That needs
no root.`,
		Example: `  sudo nsviz inspect web
  sudo nsviz inspect 4242 -o json
  sudo nsviz inspect web --fail-on high     for CI: exit code 1 if there is such a finding
  nsviz inspect web --from FILE             what a recording knows of it, dead or alive`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if story.IsName(args[0]) {
				return errUsage{fmt.Errorf("inspect is for containers; nsviz why %s tells of a namespace or a cgroup", foreign.Prose(args[0]))}
			}
			if named(cmd) {
				if failOn.set {
					return errUsage{errors.New("--fail-on is for a container that runs: what --from and --recording ask knows no findings")}
				}
				return inspectKnown(cmd, s, &from, args[0], form)
			}
			a, err := o.inspect(cmd.Context(), s, args[0], sizes)
			if err != nil {
				return err
			}
			if form == "json" {
				err = writeJSON(s.out, a)
			} else {
				err = writeAnatomy(s.out, a, s.zone)
			}
			if err != nil || !failOn.set {
				return err
			}
			return failing(a.Findings, failOn.Severity)
		},
	}
	cmd.Flags().Var(newChecked(&failOn, severity{}, "string", parseSeverity), "fail-on", "exit with code 1 if a finding is of this severity or worse")
	cmd.Flags().BoolVar(&sizes, "sizes", false, "count what is in each layer of the root file system, which takes longer")
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(anatomy.Severities(), cobra.ShellCompDirectiveNoFileComp))
	from.flags(cmd)
	cmd.Flags().Lookup("from").DefValue = "" // without it /proc is read
	outputFlag(cmd, &form, "text", "json")
	return cmd
}

// failing is the error that findings of a severity or worse are.
func failing(findings []anatomy.Finding, threshold anatomy.Severity) error {
	n := 0
	for i := range findings {
		if findings[i].Severity >= threshold {
			n++
		}
	}
	switch n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("1 finding is %s or worse", threshold)
	}
	return fmt.Errorf("%d findings are %s or worse", n, threshold)
}

func (o *options) inspect(ctx context.Context, s *streams, name string, sizes bool) (*anatomy.Anatomy, error) {
	snapshot, err := o.once(ctx, s)
	if err != nil {
		return nil, err
	}
	host, err := host.Open(host.Roots{Proc: o.procRoot, Cgroup: o.cgroupRoot})
	if err != nil {
		return nil, err
	}
	layout, err := host.Cgroups.Layout()
	if err != nil {
		return nil, err
	}
	c, err := findContainer(snapshot, name, func(pid int32) (string, error) { return host.Cgroups.PathOf(pid, layout) })
	if err != nil {
		return nil, whereToAsk(err)
	}
	extra := anatomy.Extra{Sizes: sizes}
	asked, err := o.engine(nil)
	if err != nil {
		return nil, err
	}
	if c.Runtime == asked.Name() {
		extra.Told, extra.Untold = asked.Settings(ctx, c.ID)
	}
	a, err := anatomy.Gather(ctx, host, layout, snapshot, c, extra)
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", foreign.Prose(c.Label), err)
	}
	return a, nil
}

// findContainer finds a live container by its name, its id, a PID of the host or the beginning of its
// id. What is a PID of one and begins the id of another is told as the doubt that it is.
func findContainer(s *isolation.Snapshot, name string, cgroupOf func(pid int32) (string, error)) (*isolation.Container, error) {
	named, err := story.Find(s, name)
	if err == nil && (named.Label == strings.TrimPrefix(name, "/") || named.ID == name) {
		return named, nil
	}
	number, notPID := strconv.ParseInt(name, 10, 32)
	if notPID != nil || number <= 0 {
		return named, clean(err)
	}
	var holder *isolation.Container
	cgroup, failed := cgroupOf(int32(number))
	for i := range s.Containers {
		c := &s.Containers[i]
		inside := failed == nil && c.CgroupPath != "" && (cgroup == c.CgroupPath || strings.HasPrefix(cgroup, c.CgroupPath+"/"))
		if c.Live() && (c.InitPID == int32(number) || inside) {
			holder = c
		}
	}
	var ambiguous *story.AmbiguousError
	switch {
	case holder == nil && failed == nil && named == nil && !errors.As(err, &ambiguous):
		return nil, fmt.Errorf("process %d is in no container", number)
	case holder == nil:
		return named, clean(err)
	case errors.As(err, &ambiguous) || named != nil && named != holder:
		return nil, fmt.Errorf("%s is a process of %s (%s), and ids of other containers begin so; give a name or more of the id",
			name, event.ShortID(holder.ID), foreign.Prose(holder.Label))
	}
	return holder, nil
}

// clean makes an error that holds names safe to print.
func clean(err error) error {
	if err == nil {
		return nil
	}
	return cleanError{err}
}

type cleanError struct{ error }

func (e cleanError) Error() string { return foreign.Prose(e.error.Error()) }
func (e cleanError) Unwrap() error { return e.error }
