package main

import (
	"fmt"
	"slices"
	"strings"

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
	var from source
	var past when
	cmd := &cobra.Command{
		Use: "ns [NAME|PID]", GroupID: groupOnce, Args: atMostOne("NAME|PID"),
		Short: "List all namespaces of the host",
		Long: `Lists all namespaces of the host, or those of a container, of all containers of a pod (NAMESPACE/POD), of a compose project, or of a
process by its PID on the host. With --from, --recording or --at it lists those that an nsviz that is running or a recording knows, which needs
no root.

` + filterHelp(query.Namespaces),
		Example: `  sudo nsviz ns
  sudo nsviz ns shop/cart-7d9f
  sudo nsviz ns 4242
  sudo nsviz ns --filter 'type=net && processes=0'
  sudo nsviz ns --filter pid=2251
  nsviz ns shop/cart-7d9f --from https://node7:10064
  sudo nsviz ns -o svg > walls.svg          # a picture: rooms whose walls are namespaces`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := chosen.parse(s.zone); err != nil {
				return err
			}
			drawn, isDrawn := diagram.FormNamed(form)
			if len(chosen.parsed) > 0 && isDrawn {
				return errUsage{fmt.Errorf("--filter and -o %s exclude each other: a diagram is of all that its containers are in", form)}
			}
			of := strings.Join(args, "")
			write := func(snapshot *model.Snapshot) error {
				if len(chosen.parsed) > 0 {
					only := *snapshot
					only.Namespaces = slices.DeleteFunc(slices.Clone(snapshot.Namespaces), func(n model.Namespace) bool { return !chosen.accept(&n) })
					snapshot = &only
				}
				switch {
				case isDrawn:
					return drawn.Write(s.out, snapshot)
				case form == "json":
					return report.WriteJSON(s.out, report.Namespaces(snapshot))
				}
				return report.WriteNamespaces(s.out, snapshot)
			}
			if past != "" || named(cmd) {
				if err := from.check(cmd); err != nil {
					return err
				}
				at, err := past.of(from.Source, s.zone)
				if err != nil {
					return err
				}
				if isDrawn {
					return ask(cmd, s, &from, "", client.Diagram(of, drawn).At(at), func(text []byte) error {
						_, err := s.out.Write(text)
						return err
					})
				}
				return ask(cmd, s, &from, "", client.Namespaces(of).At(at), func(l report.NamespaceList) error { return write(l.Snapshot()) })
			}
			snapshot, _, err := o.once(cmd.Context(), s)
			if err != nil {
				return err
			}
			if of != "" {
				only, err := report.NamespacesOf(snapshot, of)
				if err != nil {
					return unseen(err, snapshot.Unseen)
				}
				snapshot = only
			}
			return write(snapshot)
		},
	}
	chosen.flag(cmd, query.Namespaces, "type=net && processes=0", completeFilter(query.Namespaces, func(cmd *cobra.Command) []*model.Namespace {
		return namespacesIn(o.knownWorkloads(cmd, &from))
	}))
	past.flag(cmd, s, "at", "list those of a time, as a running nsviz or a recording knows them: "+whenWords)
	from.flags(cmd)
	cmd.Flags().Lookup("from").DefValue = "" // without it, or --at, /proc is read
	cmd.ValidArgsFunction = o.completeNames(&from, false)
	outputFlag(cmd, &form, "tree", "json", "dot", "mermaid", "svg")
	return cmd
}
