package main

import (
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/server"
)

func newWhy(s *streams, _ *options) *cobra.Command {
	var form string
	var from source
	var complete bool
	cmd := &cobra.Command{
		Use: "why NAME|ID|NAMESPACE|CGROUP", GroupID: groupOnce, Args: arguments("NAME|ID|NAMESPACE|CGROUP"),
		Short: "Tell how a container ended, and who did it",
		Long: `Tells how a container ended and who did it: the kernel's OOM killer and whose memory had run out, a
daemon such as systemd-oomd or earlyoom, docker kill or the second step of docker stop, a process
inside or a process outside. Of a container that lives it tells what was killed in it. Below that
stands what happened last: what was changed, who came from outside, what was killed; with --history
all that is kept, from the making of its cgroup on.

Of a namespace, named as in /proc/PID/ns, it tells who made it, who joined it, and how it ended; of a
cgroup, a container's or any other, who made it, who moved processes into it, who changed its limits and
what was killed because of it.

What nobody watched nobody knows: the answer comes from an nsviz that is running (the dashboard or
nsviz serve) or from a recording. It needs no root.`,
		Example: `  nsviz why web
  nsviz why web --history
  nsviz why web --recording FILE
  nsviz why net:4026532184
  nsviz why cgroup:/system.slice
  nsviz why 7edab7c9fba3 -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			if namespace, ok := report.ParseNamespaceName(name); ok {
				return tell(cmd, s.out, &from, form, url.Values{"namespace": {namespace.String()}},
					func(s *isolation.Snapshot) (report.NamespaceAnswer, error) { return report.WhyNamespace(s, namespace) },
					func(a report.NamespaceAnswer) string { return a.Sentence },
					func(a report.NamespaceAnswer) error { return a.WriteText(s.out, s.zone) })
			}
			if cgroup, ok := report.ParseCgroupName(name); ok {
				return tell(cmd, s.out, &from, form, url.Values{"cgroup": {cgroup}},
					func(s *isolation.Snapshot) (report.CgroupAnswer, error) { return report.WhyCgroup(s, cgroup) },
					func(a report.CgroupAnswer) string { return a.Sentence },
					func(a report.CgroupAnswer) error { return a.WriteText(s.out, s.zone) })
			}
			if report.IsName(name) {
				return errUsage{fmt.Errorf("%q: a namespace is named as in net:4026532184, a cgroup as in cgroup:/system.slice", name)}
			}
			return tell(cmd, s.out, &from, form, url.Values{"container": {name}},
				func(s *isolation.Snapshot) (a report.ContainerAnswer, err error) {
					c, err := report.Find(s, name)
					if err != nil {
						return a, err
					}
					return report.WhyContainer(c, s), nil
				},
				func(a report.ContainerAnswer) string { return a.Sentence },
				func(a report.ContainerAnswer) error { return a.WriteText(s.out, complete, s.zone) })
		},
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&complete, "history", false, "tell all that is kept of what happened to it")
	outputFlag(cmd, &form, "text", "json")
	return cmd
}

// tell asks why and writes the answer, by write or as JSON.
func tell[A any](
	cmd *cobra.Command, out io.Writer, from *source, form string, query url.Values,
	of func(*isolation.Snapshot) (A, error), sentence func(A) string, write func(A) error,
) error {
	return ask(cmd, from, server.WhyPath, query, of, sentence, func(a A) error {
		if form == "json" {
			return report.WriteJSON(out, a)
		}
		return write(a)
	})
}
