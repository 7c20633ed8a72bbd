package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/client"
	"github.com/nsviz/nsviz/internal/report"
)

// source is the source of a report: a running nsviz, or a recording.
type source struct{ client.Source }

func (s *source) flags(cmd *cobra.Command) {
	cmd.Flags().Var(newChecked(&s.From, client.DefaultFrom, "string", notEmpty("an address or a recording")), "from",
		"the nsviz to ask, http://USER:PASSWORD@… where it wants one; or a recording")
	cmd.Flags().Var(newChecked(&s.Recording, "", "string", notEmpty("a file")), "recording", "ask a recording, made by nsviz record, and not an nsviz that runs")
}

// check checks the flags.
func (s *source) check(cmd *cobra.Command) error {
	if s.Recording != "" && cmd.Flags().Changed("from") {
		return errUsage{errors.New("--from and --recording exclude each other")}
	}
	return nil
}

// named reports whether the command line names a source.
func named(cmd *cobra.Command) bool {
	return cmd.Flags().Changed("from") || cmd.Flags().Changed("recording")
}

// ask asks the source and writes the answer, as JSON or by write. The answer from a recording that is cut short is written,
// and an error is returned as well.
func ask[A any](cmd *cobra.Command, s *streams, from *source, form string, q client.Question[A], write func(A) error) error {
	if err := from.check(cmd); err != nil {
		return err
	}
	answer, err := client.Ask(cmd.Context(), from.Source, q)
	switch {
	case errors.Is(err, client.ErrAddress):
		return errUsage{fmt.Errorf("--from: %w", err)}
	case err != nil && !errors.Is(err, client.ErrIncomplete):
		return err
	case form == "json":
		return errors.Join(report.WriteJSON(s.out, answer), err)
	}
	return errors.Join(write(answer), err)
}
