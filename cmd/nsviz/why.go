package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/client"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/report"
)

func newWhy(s *streams, o *options) *cobra.Command {
	var form string
	var from source
	var complete bool
	var past when
	cmd := &cobra.Command{
		Use: "why NAME|ID|NAMESPACE|CGROUP|KILL", GroupID: groupOnce, Args: arguments("NAME|ID|NAMESPACE|CGROUP|KILL"),
		Short: "Tell how a container ended, and who did it",
		Long: `Reports how a container ended and who did it: the kernel's OOM killer and whose memory had run out, a
daemon such as systemd-oomd or earlyoom, docker kill or the second step of docker stop, a process
inside or a process outside. For a container that lives it reports what was killed in it. Below that
it lists what happened last: what was changed, who entered from outside, what was killed; with --history
everything that is kept, beginning with the creation of its cgroup. A container of a pod or a compose project is also
found as NAMESPACE/POD/CONTAINER, POD/CONTAINER or PROJECT/SERVICE.

For a namespace, named as in /proc/PID/ns, it reports who made it, who joined it, and how it ended; for a
cgroup, a container's or any other, who made it, who moved processes into it, who changed its limits and
what was killed because of it. For an OOM kill, by the id that its event and the exemplars of the metrics have,
it reports which process was killed and whose memory had run out.

The answer comes from an nsviz that is running (the dashboard or nsviz serve) and was running at that time, or
from a recording. It needs no root.`,
		Example: `  nsviz why web
  nsviz why web --history
  nsviz why shop/worker
  nsviz why web --recording FILE
  nsviz why net:4026532184
  nsviz why cgroup:/system.slice
  nsviz why kill:9f2c4e1ab37d0f55
  nsviz why 7edab7c9fba3 -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			if err := from.check(cmd); err != nil {
				return err
			}
			at, err := past.of(from.Source, s.zone)
			if err != nil {
				return err
			}
			if namespace, ok := report.ParseNamespaceName(name); ok {
				return ask(cmd, s, &from, form, client.WhyNamespace(namespace).At(at),
					func(a report.NamespaceAnswer) error { return a.WriteText(s.out, s.zone) })
			}
			if cgroup, ok := report.ParseCgroupName(name); ok {
				return ask(cmd, s, &from, form, client.WhyCgroup(cgroup).At(at),
					func(a report.CgroupAnswer) error { return a.WriteText(s.out, s.zone) })
			}
			if id, ok := event.ParseKillID(name); ok {
				return ask(cmd, s, &from, form, client.WhyKill(id).At(at),
					func(a report.KillAnswer) error { return a.WriteText(s.out, s.zone) })
			}
			if report.IsName(name) {
				return errUsage{fmt.Errorf("%q: a namespace is named as in net:4026532184, a cgroup as in cgroup:/system.slice, an OOM kill as in kill:9f2c4e1ab37d0f55", name)}
			}
			return ask(cmd, s, &from, form, client.WhyContainer(name).At(at),
				func(a report.ContainerAnswer) error { return a.WriteText(s.out, complete, s.zone) })
		},
	}
	past.flag(cmd, s, "at", "answer as of a time: "+whenWords)
	from.flags(cmd)
	cmd.ValidArgsFunction = o.completeNames(&from, true)
	cmd.Flags().BoolVar(&complete, "history", false, "list everything that is kept of its history")
	outputFlag(cmd, &form, "text", "json")
	return cmd
}
