package main

import (
	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/diagram"
	"github.com/nsviz/nsviz/internal/report"
)

func newNs(s *streams, o *options) *cobra.Command {
	var form string
	cmd := &cobra.Command{
		Use: "ns", GroupID: groupOnce, Args: noArguments,
		Short: "List all namespaces of the host",
		RunE: func(cmd *cobra.Command, _ []string) error {
			snapshot, _, err := o.once(cmd.Context(), s)
			if err != nil {
				return err
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
