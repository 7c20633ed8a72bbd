package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/client"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/report"
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
PID is any process of the container, as the host counts. A container of a pod or a compose project is also
found as NAMESPACE/POD/CONTAINER, POD/CONTAINER or PROJECT/SERVICE. The severities are info, low, medium, high and critical.

With --from or --recording it reports what a running nsviz or a recording knows about a container, by name
or id, also about one that has ended: its namespaces, limits, history and end, and what is not known. This
needs no root.`,
		Example: `  sudo nsviz inspect web
  sudo nsviz inspect 4242 -o json
  sudo nsviz inspect web --fail-on high     # for CI: exit code 1 if there is such a finding
  nsviz inspect web --from FILE             # what a recording knows of it, dead or alive`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if report.IsName(args[0]) {
				return errUsage{fmt.Errorf("inspect is for containers; nsviz why %s tells of a namespace, a cgroup or an OOM kill", foreign.Prose(args[0]))}
			}
			if named(cmd) {
				if failOn.set {
					return errUsage{errors.New("--fail-on is for a container that runs: what --from and --recording ask knows no findings")}
				}
				return ask(cmd, s, &from, form, client.Inspect(args[0]), func(k report.Known) error { return k.WriteText(s.out, s.zone) })
			}
			a, err := o.inspect(cmd.Context(), s, args[0], sizes)
			if err != nil {
				return err
			}
			if form == "json" {
				err = report.WriteJSON(s.out, a)
			} else {
				err = report.WriteAnatomy(s.out, a, s.zone)
			}
			if err != nil || !failOn.set {
				return err
			}
			return failing(a.Findings, failOn.Severity)
		},
	}
	cmd.Flags().Var(newChecked(&failOn, severity{}, "string", parseSeverity), "fail-on", "exit with code 1 if a finding is of this severity or worse")
	cmd.Flags().BoolVar(&sizes, "sizes", false, "count what is in each layer of the root file system, which takes longer")
	cmd.ValidArgsFunction = o.completeNames(&from, false)
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(anatomy.Severities(), cobra.ShellCompDirectiveNoFileComp))
	from.flags(cmd)
	cmd.Flags().Lookup("from").DefValue = "" // without it /proc is read
	outputFlag(cmd, &form, "text", "json")
	return cmd
}

// whereToAsk returns advice on where to ask about a container of which /proc shows nothing.
func whereToAsk(err error) error {
	var missing *report.NotFoundError
	if !errors.As(err, &missing) {
		return err
	}
	return fmt.Errorf("%s that runs; if it has ended, an nsviz that ran meanwhile may know it: nsviz inspect %s --from %s, or --recording FILE",
		foreign.Prose(err.Error()), foreign.Prose(missing.Name), client.DefaultFrom)
}

// unseen marks an error that something was not found as one of missing rights, if what was looked for may be out of nsviz's sight.
func unseen(err error, u *fact.Unseen) error {
	var ambiguous *report.AmbiguousError
	if !u.Blind() || errors.As(err, &ambiguous) {
		return err
	}
	return errUnsupported{fmt.Errorf("%w; nsviz may not look into the processes of other users here: run it as root, or with CAP_SYS_PTRACE", err)}
}

// failing returns an error if there are findings of the severity threshold or worse.
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
	snapshot, p, err := o.once(ctx, s)
	if err != nil {
		return nil, err
	}
	r, err := o.openReader()
	if err != nil {
		return nil, err
	}
	c, err := report.FindByPID(snapshot, name, func(pid int32) (string, error) { return r.host.Cgroups.PathOf(pid, r.layout) }, r.host.NS.Of)
	if err != nil {
		return nil, unseen(whereToAsk(err), snapshot.Unseen)
	}
	extra := anatomy.Extra{Sizes: sizes}
	if extra.Settings, extra.SettingsErr = p.Settings(ctx, c.Runtime, c.ID); errors.Is(extra.SettingsErr, pipeline.ErrNoEngine) {
		extra.SettingsErr = nil // it is nobody's to say
	}
	a, err := anatomy.Gather(ctx, r.host, r.layout, snapshot, c, extra)
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", foreign.Prose(c.Label), err)
	}
	return a, nil
}
