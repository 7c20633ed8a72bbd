package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/nsviz/nsviz/internal/config"
	"github.com/nsviz/nsviz/internal/container/engine/docker"
)

const (
	systemConfig = "/etc/nsviz/config.yaml"
	userConfig   = "nsviz/config.yaml" // in the user's directory of settings
	configFlag   = "config"
	noColor      = "NO_COLOR" // no-color.org
)

// overruling returns the environment variable that goes before a key of the files, as flags go before both; "" is none.
func overruling(key string) string {
	switch key {
	case "theme":
		return noColor
	case "docker-host":
		return docker.HostVariable
	}
	return accessVariables[key]
}

// configurable returns the flags that files may set: those of all commands, the dashboard's, and those that say how another nsviz is reached.
func configurable(root *cobra.Command) []*pflag.Flag {
	var list []*pflag.Flag
	add := func(f *pflag.Flag) {
		if !f.Hidden && f.Name != configFlag && f.Name != "help" && f.Name != "version" {
			list = append(list, f)
		}
	}
	root.LocalNonPersistentFlags().VisitAll(add)
	root.PersistentFlags().VisitAll(add)
	return append(list, accessFlags()...)
}

func keyOf(f *pflag.Flag) config.Key {
	if _, ok := f.Value.(pflag.SliceValue); ok {
		return config.Key{Name: f.Name, Kind: config.List}
	}
	return config.Key{Name: f.Name, Kind: config.Text}
}

// configFiles returns the files of settings, a later one going before an earlier one, and whether they must exist.
func (o *options) configFiles() (paths []string, must bool) {
	if o.config != "" {
		return []string{o.config}, true
	}
	paths = []string{systemConfig}
	if dir, err := os.UserConfigDir(); err == nil { // without a home there is no such file
		paths = append(paths, filepath.Join(dir, userConfig))
	}
	return paths, false
}

// unconfigured are the commands that work whatever is in the files.
var unconfigured = []string{"config", "version", "man", guardName}

// configure sets a command's flags as the files of settings have them, if neither the command line nor the environment does.
func (o *options) configure(cmd *cobra.Command) error {
	if slices.Contains(unconfigured, cmd.Name()) {
		return nil
	}
	var keys []config.Key
	for _, f := range configurable(cmd.Root()) {
		keys = append(keys, keyOf(f))
	}
	keys = append(keys, keysSetting)
	var chosen keyChoices
	paths, must := o.configFiles()
	for _, path := range paths {
		settings, err := config.Read(path, must, keys)
		if mistake := (*config.Error)(nil); errors.As(err, &mistake) {
			return errUsage{err}
		}
		if err != nil {
			return err
		}
		for _, s := range settings {
			if s.Name == keysSetting.Name {
				if err := chosen.add(s.Entries); err != nil {
					return errUsage{err}
				}
				continue
			}
			if err := apply(cmd, s); err != nil {
				return errUsage{&config.Error{Place: s.At, Err: fmt.Errorf("%s: %w", s.Name, err)}}
			}
		}
	}
	if err := chosen.check(); err != nil {
		return errUsage{err}
	}
	o.keys = chosen.keys
	return nil
}

// apply sets a flag. The values of flags that a command does not have are checked, too.
func apply(cmd *cobra.Command, s config.Setting) error {
	flag := cmd.Flags().Lookup(s.Name)
	if flag == nil {
		flag = cmd.Root().Flags().Lookup(s.Name)
	}
	if flag == nil {
		flag = new(source).access().Lookup(s.Name)
	}
	if flag.Changed || os.Getenv(overruling(s.Name)) != "" {
		return nil
	}
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		return list.Replace(s.Values)
	}
	return flag.Value.Set(s.Values[0])
}

func newConfig(s *streams, o *options) *cobra.Command {
	return &cobra.Command{
		Use: "config", GroupID: groupHelp, Args: noArguments,
		Short: "Print a file of settings with every key and its default",
		Long: `Prints a file of settings with every key and its default; nsviz config > FILE makes such a file.

nsviz reads ` + systemConfig + ` and then $XDG_CONFIG_HOME/` + userConfig + `
(~/.config/` + userConfig + `), or only the file of --config. Each key has the name of a flag, and
the flag takes precedence. Only the key named keys is not a flag: it chooses the keys of the dashboard. A mistake in a
file is an error: nsviz does not start with half of its settings.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := o.configText(cmd.Root())
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(s.out, text)
			return err
		},
	}
}

// configText returns a file of settings that changes nothing.
func (o *options) configText(root *cobra.Command) (string, error) {
	var b strings.Builder
	b.WriteString("# nsviz reads these files; a later one takes precedence over an earlier one:\n")
	paths, _ := o.configFiles()
	for _, path := range paths {
		state := "exists"
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			state = "does not exist"
		} else if err != nil {
			state = err.Error()
		}
		fmt.Fprintf(&b, "#   %s (%s)\n", path, state)
	}
	fmt.Fprintf(&b, "# The command line takes precedence over them, and so do $%s, $%s and, for what\n# reaches another nsviz, the NSVIZ_ variables, where these are set.\n", noColor, docker.HostVariable)
	for _, f := range configurable(root) {
		var value any = f.DefValue
		if f.Value.Type() == "bool" {
			value = f.DefValue == "true" // without quotes
		} else if _, ok := f.Value.(pflag.SliceValue); ok {
			value = strings.FieldsFunc(strings.Trim(f.DefValue, "[]"), func(r rune) bool { return r == ',' })
		}
		line, err := yaml.Marshal(map[string]any{f.Name: value})
		if err != nil {
			return "", fmt.Errorf("print %s: %w", f.Name, err)
		}
		fmt.Fprintf(&b, "\n# %s\n%s", f.Usage, line)
	}
	keys, err := keysText()
	return b.String() + keys, err
}
