package main

import (
	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/report"
)

func newPs(s *streams, o *options) *cobra.Command {
	var form string
	cmd := &cobra.Command{
		Use: "ps", GroupID: groupOnce, Args: noArguments,
		Short: "List containers, virtual machines and how they are isolated",
		Long: "Lists the containers in the order of their start and after them the virtual machines: from here each of these\n" +
			"is one process with a kernel of its own, and nothing inside is visible. In JSON they have \"kind\": \"vm\".",
		RunE: func(cmd *cobra.Command, _ []string) error {
			snapshot, _, err := o.once(cmd.Context(), s)
			if err != nil {
				return err
			}
			if form == "json" {
				return report.WriteJSON(s.out, report.Workloads(snapshot))
			}
			return report.WriteWorkloads(s.out, snapshot, s.zone)
		},
	}
	outputFlag(cmd, &form, "table", "json")
	return cmd
}
