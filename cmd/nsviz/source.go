package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nsviz/nsviz/internal/client"
	"github.com/nsviz/nsviz/internal/report"
)

// source is the source of a report: a running nsviz, or a recording.
type source struct{ client.Source }

// The environment variables that stand for flags: a flag goes before its variable, a variable before the files of settings.
const (
	urlVariable          = "NSVIZ_URL"
	userVariable         = "NSVIZ_USER"
	passwordVariable     = "NSVIZ_PASSWORD" // there is no such flag: others see a command line
	passwordFileVariable = "NSVIZ_PASSWORD_FILE"
	caVariable           = "NSVIZ_CACERT"
	certVariable         = "NSVIZ_CERT"
	keyVariable          = "NSVIZ_KEY"
)

func (s *source) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Var(newChecked(&s.From, client.DefaultFrom, "string", notEmpty("an address or a recording")), "from",
		"the nsviz to ask, such as https://node7:10064, or a recording ($"+urlVariable+")")
	flags.Var(newChecked(&s.Recording, "", "string", notEmpty("a file")), "recording", "ask a recording, made by nsviz record, and not an nsviz that runs")
	flags.AddFlagSet(s.access())
	for _, name := range []string{"recording", "password-file", "cacert", "cert", "key"} {
		_ = cmd.MarkFlagFilename(name)
	}
}

// access returns the flags that say how an nsviz is reached.
func (s *source) access() *pflag.FlagSet {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.StringVar(&s.Access.User, "user", "", "the user that the nsviz of --from knows ($"+userVariable+")")
	flags.StringVar(&s.Access.PasswordFile, "password-file", "", "file with that user's password ($"+passwordFileVariable+", or the password itself in $"+passwordVariable+")")
	flags.StringVar(&s.Access.CAFile, "cacert", "", "certificates to trust in place of the system's, in PEM form ($"+caVariable+")")
	flags.StringVar(&s.Access.CertFile, "cert", "", "certificate to show to the nsviz of --from ($"+certVariable+")")
	flags.StringVar(&s.Access.KeyFile, "key", "", "key of that certificate ($"+keyVariable+")")
	return flags
}

// accessFlags returns the flags that say how an nsviz is reached, for the files of settings.
func accessFlags() (list []*pflag.Flag) {
	new(source).access().VisitAll(func(f *pflag.Flag) { list = append(list, f) })
	return list
}

// accessVariables has the environment variables of these flags.
var accessVariables = map[string]string{
	"user": userVariable, "password-file": passwordFileVariable, "cacert": caVariable, "cert": certVariable, "key": keyVariable,
}

// check completes the source from the environment, and checks the flags.
func (s *source) check(cmd *cobra.Command) error {
	if s.Recording != "" && cmd.Flags().Changed("from") {
		return errUsage{errors.New("--from and --recording exclude each other")}
	}
	if s.Recording != "" {
		return nil
	}
	if from := os.Getenv(urlVariable); from != "" && !cmd.Flags().Changed("from") {
		s.From = from
	}
	for name, variable := range accessVariables {
		if value := os.Getenv(variable); value != "" && !cmd.Flags().Changed(name) {
			_ = cmd.Flags().Lookup(name).Value.Set(value) // a text, which may be any
		}
	}
	if !cmd.Flags().Changed("password-file") {
		s.Access.Password = os.Getenv(passwordVariable)
		if s.Access.Password != "" {
			s.Access.PasswordFile = "" // of a file of settings, or of the other variable
		}
	}
	return nil
}

// named reports whether the command line, or the environment, names a source.
func named(cmd *cobra.Command) bool {
	return cmd.Flags().Changed("from") || cmd.Flags().Changed("recording") || os.Getenv(urlVariable) != ""
}

// wrongSource returns the error of a question, as one of usage where the command line is wrong or as one of rights.
func wrongSource(err error) error {
	access := (*client.AccessError)(nil)
	switch {
	case errors.Is(err, client.ErrAddress):
		return errUsage{fmt.Errorf("--from: %w", err)}
	case errors.As(err, &access):
		return errUsage{err}
	case errors.Is(err, client.ErrNotPermitted):
		return errUnsupported{err}
	}
	return err
}

// ask asks the source and writes the answer, as JSON or by write. The answer from a recording that is cut short is written,
// and an error is returned as well.
func ask[A any](cmd *cobra.Command, s *streams, from *source, form string, q client.Question[A], write func(A) error) error {
	if err := from.check(cmd); err != nil {
		return err
	}
	answer, err := client.Ask(cmd.Context(), from.Source, q)
	switch {
	case err != nil && !errors.Is(err, client.ErrIncomplete):
		return wrongSource(err)
	case form == "json":
		return errors.Join(report.WriteJSON(s.out, answer), err)
	}
	return errors.Join(write(answer), err)
}
