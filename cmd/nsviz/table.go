package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/config"
	"github.com/nsviz/nsviz/internal/ui"
)

// tableFlags adds the flags that say how the dashboard's table of containers is.
func (o *options) tableFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Var(columnsFlag{&o.columns}, ui.ChoiceColumns, "the dashboard's columns, from left to right, with commas between them: "+
		strings.Join(ui.ColumnNames(), ", ")+" (default as many as there is room for)")
	flags.Lookup(ui.ChoiceColumns).DefValue = "" // not [], which is no column
	flags.Var(newChecked(&o.sort, ui.Sort{}, "string", ui.ParseSort), ui.ChoiceSort,
		`what the dashboard's table is sorted by: a column, or with a minus sign before it the reverse (default the start, oldest first)`)
	_ = cmd.RegisterFlagCompletionFunc(ui.ChoiceColumns, cobra.FixedCompletions(ui.ColumnNames(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc(ui.ChoiceSort, cobra.FixedCompletions(ui.SortNames(), cobra.ShellCompDirectiveNoFileComp))
}

// remember returns what keeps the user's choices in the user's file of settings; nil if there is none, or --config names another one, which
// may be shared.
func (o *options) remember() func([]ui.Choice) error {
	dir, err := os.UserConfigDir()
	if err != nil || o.config != "" {
		return nil
	}
	return func(choices []ui.Choice) error {
		var changes []config.Setting
		for _, c := range choices {
			key := config.Key{Name: c.Name, Kind: config.Text}
			if c.Name == ui.ChoiceColumns {
				key.Kind = config.List
			}
			changes = append(changes, config.Setting{Key: key, Values: c.Values})
		}
		return config.Change(filepath.Join(dir, userConfig), changes)
	}
}

// columnsFlag is a list of columns, which are checked when they are set.
type columnsFlag struct{ keys *[]ui.ColumnKey }

// Set takes names with commas between them.
func (c columnsFlag) Set(s string) error {
	return c.Replace(strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }))
}

// Replace takes names.
func (c columnsFlag) Replace(names []string) error {
	keys, err := ui.ParseColumns(names)
	if err == nil {
		*c.keys = keys
	}
	return err
}

// Append adds a name.
func (c columnsFlag) Append(name string) error { return c.Replace(append(c.GetSlice(), name)) }

// GetSlice returns the names.
func (c columnsFlag) GetSlice() []string {
	var names []string
	for _, key := range *c.keys {
		names = append(names, string(key))
	}
	return names
}

// String returns the names as a list.
func (c columnsFlag) String() string {
	if c.keys == nil {
		return "[]"
	}
	return "[" + strings.Join(c.GetSlice(), ",") + "]"
}

// Type returns the name of a value in the help.
func (c columnsFlag) Type() string { return "strings" }
