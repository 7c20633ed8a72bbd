// Command check reads files of deploy/ as those do who get them: dashboards by the schema that Grafana generates its own types from, and compose
// files by the library of the Compose specification. Whatever these do not know is an error.
//
//	check dashboard FILE…
//	check compose FILE
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("want dashboard or compose, and files")
	}
	var all []error
	for _, file := range args[1:] {
		var err error
		switch args[0] {
		case "dashboard":
			err = checkDashboard(file)
		case "compose":
			err = checkCompose(ctx, file)
		default:
			return fmt.Errorf("no check %q; there are dashboard and compose", args[0])
		}
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", file, err))
		}
	}
	return errors.Join(all...)
}

// checkDashboard decodes a dashboard strictly: no unknown field, no wrong type, and of each panel the options of its kind.
func checkDashboard(file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	// What asks for a data source is taken out at an import, before anything reads the rest.
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	delete(fields, "__inputs")
	delete(fields, "__requires")
	if raw, err = json.Marshal(fields); err != nil {
		return err
	}
	runtime := cog.NewRuntime()
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	for _, kind := range []variants.PanelcfgConfig{ // all of them would take a minute to compile
		heatmap.VariantConfig(), stat.VariantConfig(), statetimeline.VariantConfig(), table.VariantConfig(), timeseries.VariantConfig(),
	} {
		runtime.RegisterPanelcfgVariant(kind)
	}
	var d dashboard.Dashboard
	// The errors of these two may be lists that are empty.
	if err := d.UnmarshalJSONStrict(raw); err != nil && err.Error() != "" {
		return err
	}
	if err := d.Validate(); err != nil && err.Error() != "" {
		return err
	}
	// The decoder takes panels of a kind that it does not know as they are.
	var panels []struct{ Type string }
	if err := json.Unmarshal(fields["panels"], &panels); err != nil {
		return err
	}
	for _, p := range panels {
		if _, known := runtime.ConfigForPanelcfgVariant(p.Type); !known && p.Type != "row" {
			return fmt.Errorf("panels of the type %q are not checked yet", p.Type)
		}
	}
	return nil
}

// checkCompose loads a project as docker compose does, and writes it as JSON, with everything filled in.
func checkCompose(ctx context.Context, file string) error {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithResolvedPaths(true))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return err
	}
	out, err := project.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(out, '\n'))
	return err
}
