package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/client"
	"github.com/nsviz/nsviz/internal/diagram"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/report"
)

func newNs(s *streams, o *options) *cobra.Command {
	var form string
	var chosen filters[*model.Namespace]
	cmd := &cobra.Command{
		Use: "ns [NAME|PID]", GroupID: groupOnce, Args: atMostOne("NAME|PID"),
		Short: "List all namespaces of the host",
		Long: `Lists all namespaces of the host, or those of a container, of all containers of a pod (NAMESPACE/POD), of a compose project, or of a
process by its PID on the host.

` + filterHelp(query.Namespaces),
		Example: `  sudo nsviz ns
  sudo nsviz ns shop/cart-7d9f
  sudo nsviz ns 4242
  sudo nsviz ns --filter 'type=net && processes=0'
  sudo nsviz ns --filter pid=2251
  sudo nsviz ns -o svg > walls.svg          a picture: rooms whose walls are namespaces`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := chosen.parse(s.zone); err != nil {
				return err
			}
			if len(chosen.parsed) > 0 && (form == "dot" || form == "mermaid" || form == "svg") {
				return errUsage{fmt.Errorf("--filter and -o %s exclude each other: a diagram is of all that its containers are in", form)}
			}
			snapshot, _, err := o.once(cmd.Context(), s)
			if err != nil {
				return err
			}
			if len(args) > 0 {
				only, err := report.NamespacesOf(snapshot, args[0])
				if err != nil {
					return unseen(err, snapshot.Unseen)
				}
				snapshot = only
			}
			if len(chosen.parsed) > 0 {
				only := *snapshot
				only.Namespaces = slices.DeleteFunc(slices.Clone(snapshot.Namespaces), func(n model.Namespace) bool { return !chosen.accept(&n) })
				snapshot = &only
			}
			switch form {
			case "json":
				return report.WriteJSON(s.out, report.Namespaces(snapshot))
			case "dot":
				return diagram.WriteDOT(s.out, snapshot)
			case "mermaid":
				return diagram.WriteMermaid(s.out, snapshot)
			case "svg":
				return diagram.WriteSVG(s.out, snapshot)
			}
			return report.WriteNamespaces(s.out, snapshot)
		},
	}
	chosen.flag(cmd, query.Namespaces, "type=net && processes=0", completeFilter(query.Namespaces, func(cmd *cobra.Command) []*model.Namespace {
		return namespacesIn(o.knownWorkloads(cmd, &source{Source: client.Source{From: client.DefaultFrom}}))
	}))
	outputFlag(cmd, &form, "tree", "json", "dot", "mermaid", "svg")
	return cmd
}
