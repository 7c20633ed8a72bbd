package main

import (
	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/diagram"
	"github.com/nsviz/nsviz/internal/report"
)

func newNs(s *streams, o *options) *cobra.Command {
	var form string
	cmd := &cobra.Command{
		Use: "ns [NAME]", GroupID: groupOnce, Args: atMostOne("NAME"),
		Short:   "List all namespaces of the host",
		Long:    "Lists all namespaces of the host, or those of a container, of all containers of a pod (NAMESPACE/POD), or of a compose project.",
		Example: "  sudo nsviz ns\n  sudo nsviz ns shop/cart-7d9f",
		RunE: func(cmd *cobra.Command, args []string) error {
			snapshot, _, err := o.once(cmd.Context(), s)
			if err != nil {
				return err
			}
			if len(args) > 0 {
				if snapshot, err = report.NamespacesOf(snapshot, args[0]); err != nil {
					return err
				}
			}
			switch form {
			case "json":
				return report.WriteJSON(s.out, report.Namespaces(snapshot))
			case "dot":
				return diagram.WriteDOT(s.out, snapshot)
			case "mermaid":
				return diagram.WriteMermaid(s.out, snapshot)
			}
			return report.WriteNamespaces(s.out, snapshot)
		},
	}
	outputFlag(cmd, &form, "tree", "json", "dot", "mermaid")
	return cmd
}
