package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/report"
)

// filters are the expressions of --filter. A row has to be accepted by all of them.
type filters[R any] struct {
	fields query.Fields[R]
	texts  []string
	parsed []*query.Expr[R]
}

// filterHelp describes --filter and its fields in the help of a command.
func filterHelp[R any](fields query.Fields[R]) string {
	var b strings.Builder
	b.WriteString(`--filter takes an expression: FIELD OPERATOR VALUE, with && || ! and parentheses between several, or a word that a row has to
contain. With several --filter, all of them must be true. Operators are = and !=, ~ and !~ (a regular expression, of which a plain word is one)
and > >= < <=. If nsviz does not know a value, only FIELD=? is true. Case does not matter. Write sizes as 64MiB or
1.5g, durations as 250ms, times as 14:03, 2026-11-23T14:03:10 or -10m (ten minutes ago). What = takes:

`)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i := range fields {
		fmt.Fprintf(w, "    %s\t%s (%s)\n", fields[i].Name, fields[i].About, fields[i].Takes())
	}
	_ = w.Flush() // to memory
	return b.String()
}

// flag adds --filter to a command.
func (f *filters[R]) flag(cmd *cobra.Command, fields query.Fields[R], example string, complete cobra.CompletionFunc) {
	f.fields = fields
	cmd.Flags().StringArrayVar(&f.texts, "filter", nil, "list only that for which this expression is true, such as '"+example+"'; repeatable")
	_ = cmd.RegisterFlagCompletionFunc("filter", complete)
}

// parse reads the expressions. Times without a zone are in the given one.
func (f *filters[R]) parse(zone *time.Location) error {
	for _, text := range f.texts {
		expr, err := f.fields.Parse(text, func() time.Time { return time.Now().In(zone) })
		if mistake := (*query.Error)(nil); errors.As(err, &mistake) {
			return errUsage{fmt.Errorf("--filter: %s", mistake.Render())}
		}
		f.parsed = append(f.parsed, expr)
	}
	return nil
}

// accept reports whether all expressions accept a row.
func (f *filters[R]) accept(row R) bool {
	return !slices.ContainsFunc(f.parsed, func(expr *query.Expr[R]) bool { return !expr.Accepts(row) })
}

// portable returns the expressions that mean the same wherever they are applied.
func (f *filters[R]) portable() (texts []string) {
	for i, expr := range f.parsed {
		if expr.Portable() {
			texts = append(texts, f.texts[i])
		}
	}
	return texts
}

// want reports whether an expression asks for rows with a value in a field.
func (f *filters[R]) want(field, value string) bool {
	return slices.ContainsFunc(f.parsed, func(expr *query.Expr[R]) bool { return expr.Wants(field, value) })
}

// completeFilter completes an expression of --filter. Values that occur come from the rows.
func completeFilter[R any](fields query.Fields[R], rows func(cmd *cobra.Command) []R) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		found := fields.Complete(begun, len(begun), func() []R { return rows(cmd) })
		c := completions{begun: begun}
		directive := cobra.ShellCompDirectiveNoFileComp
		for _, candidate := range found.List {
			c.add(begun[:found.From]+candidate.Text, candidate.About)
			if candidate.More {
				directive |= cobra.ShellCompDirectiveNoSpace
			}
		}
		return c.list, directive
	}
}

// pointers returns a pointer to each element of a list.
func pointers[E any](list []E) []*E {
	to := make([]*E, len(list))
	for i := range list {
		to[i] = &list[i]
	}
	return to
}

// namespacesIn returns what is known of the namespaces of workloads.
func namespacesIn(list []report.Workload) []*model.Namespace {
	known := map[uint64]*model.Namespace{}
	for i := range list {
		for t, m := range list[i].Namespaces {
			if known[m.ID] == nil {
				known[m.ID] = &model.Namespace{Type: t, ID: m.ID}
			}
			known[m.ID].Containers = append(known[m.ID].Containers, list[i].Label())
		}
	}
	return slices.Collect(maps.Values(known))
}

// eventsAbout returns an event about each workload, with nothing but whom it is about.
func eventsAbout(list []report.Workload) []query.Event {
	var rows []query.Event
	for i := range list {
		w := &list[i]
		e := &event.Event{Container: &event.Container{ID: w.ID, Name: w.Name, Kind: event.Kind(w.Kind), Image: w.Image, Runtime: w.Runtime, Group: w.Group}}
		rows = append(rows, query.Event{First: e, Line: func() string { return "" }})
	}
	return rows
}
