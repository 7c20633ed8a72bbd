package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/spelling"
)

// checked is a flag with a value that is checked when it is set, so that every command gets a usable one.
type checked[T comparable] struct {
	value *T
	parse func(string) (T, error)
	word  string // the name of a value in the help
}

// newChecked returns a flag with a default.
func newChecked[T comparable](value *T, standard T, word string, parse func(string) (T, error)) *checked[T] {
	*value = standard
	return &checked[T]{value, parse, word}
}

func (c *checked[T]) Set(s string) error {
	v, err := c.parse(s)
	if err == nil {
		*c.value = v
	}
	return err
}

// String returns "" for the zero value, for which the help shows no default.
func (c *checked[T]) String() string {
	var nothing T
	if c.value == nil || *c.value == nothing {
		return ""
	}
	return fmt.Sprint(*c.value)
}

func (c *checked[T]) Type() string { return c.word }

// parseDuration parses a time to wait.
func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, errors.New("want a duration of 0 or more, such as 90s or 5m")
	}
	return d, nil
}

// minInterval is the shortest time between two looks at the host: one takes a tenth of a second on a large host.
const minInterval = 200 * time.Millisecond

// parseInterval parses the time between two looks.
func parseInterval(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < minInterval {
		return 0, fmt.Errorf("want a duration of %v or more, such as 2s", minInterval)
	}
	return d, nil
}

// A speed beyond these is of no use.
const minSpeed, maxSpeed = 0.001, 1_000_000

// parseSpeed parses a factor.
func parseSpeed(s string) (float64, error) {
	speed, err := strconv.ParseFloat(s, 64)
	if err != nil || !(speed >= minSpeed && speed <= maxSpeed) { // false for NaN
		return 0, fmt.Errorf("want a number above 0, such as 10 or 0.5: at least %v, at most %d", minSpeed, maxSpeed)
	}
	return speed, nil
}

// level is a log level, which has its default in small letters.
type level slog.Level

func (l level) String() string { return strings.ToLower(slog.Level(l).String()) }

func parseLevel(s string) (level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(s)); err != nil {
		return 0, errors.New("want debug, info, warn or error")
	}
	return level(l), nil
}

// oneOf parses one word of a list.
func oneOf(words ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		if !slices.Contains(words, s) {
			return "", errors.New("want " + strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1])
		}
		return s, nil
	}
}

// severity is a threshold of findings; its zero value is none.
type severity struct {
	anatomy.Severity

	set bool
}

func parseSeverity(s string) (severity, error) {
	parsed, err := anatomy.ParseSeverity(s)
	return severity{parsed, true}, err
}

// notEmpty parses a value that must not be empty, as it is if a variable of a script was not set.
func notEmpty(what string) func(string) (string, error) {
	return func(s string) (string, error) {
		if s == "" {
			return "", errors.New("want " + what)
		}
		return s, nil
	}
}

// outputFlag adds -o with the given forms, the first being the default.
func outputFlag(cmd *cobra.Command, form *string, forms ...string) {
	list := strings.Join(forms[:len(forms)-1], ", ") + " or " + forms[len(forms)-1]
	cmd.Flags().VarP(newChecked(form, forms[0], "string", oneOf(forms...)), "output", "o", "form of the output: "+list)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(forms, cobra.ShellCompDirectiveNoFileComp))
}

// wrongFlag returns the error for a mistake in the flags.
func wrongFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedName() == "json" && cmd.Flags().Lookup("output") != nil {
		return errUsage{fmt.Errorf("%w; did you mean -o json? See %s --help", err, cmd.CommandPath())}
	}
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		if near := spelling.Nearest(unknown.GetSpecifiedName(), names); near != "" {
			return errUsage{fmt.Errorf("%w; did you mean --%s? See %s --help", err, near, cmd.CommandPath())}
		}
	}
	return errUsage{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
}

// noCommand returns the error for an unknown command.
func noCommand(below *cobra.Command, name string) error {
	var names []string
	for _, c := range below.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			names = append(names, c.Name())
		}
	}
	if near := spelling.Nearest(name, names); near != "" {
		return errUsage{fmt.Errorf("no command %q; did you mean %s %s? See %[2]s --help", name, below.CommandPath(), near)}
	}
	return errUsage{fmt.Errorf("no command %q; see %s --help", name, below.CommandPath())}
}
