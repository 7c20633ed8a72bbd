package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/nsviz/nsviz/internal/config"
	"github.com/nsviz/nsviz/internal/ui"
)

// keysSetting is the key of the files of settings that says which keys do what in the dashboard. No flag says that.
var keysSetting = config.Key{Name: "keys", Kind: config.Table}

// keyChoices collects which keys the files of settings give to the commands of the dashboard.
type keyChoices struct {
	keys ui.Keymap
	// at has the place of each choice, by the name of the command.
	at map[string]config.Place
	// files are those that were read, in their order.
	files []string
}

// add takes the choices of a file. A later file goes before an earlier one, command by command.
func (k *keyChoices) add(entries []config.Entry) error {
	for _, e := range entries {
		keys, err := k.keys.Bind(e.Name, e.Values)
		if mistake := (*ui.ErrKey)(nil); errors.As(err, &mistake) {
			at := e.At
			if mistake.Value >= 0 {
				at = e.ValuesAt[mistake.Value]
				err = fmt.Errorf("%s: %w", e.Name, err)
			}
			return &config.Error{Place: at, Err: fmt.Errorf("%s: %w", keysSetting.Name, err)}
		}
		if err != nil {
			return err
		}
		if k.at == nil {
			k.at = make(map[string]config.Place)
		}
		k.keys, k.at[e.Name] = keys, e.At
		if !slices.Contains(k.files, e.At.File) {
			k.files = append(k.files, e.At.File)
		}
	}
	return nil
}

// check reports a key that two commands have in the same place. At least one of them has it by choice.
func (k *keyChoices) check() error {
	c := k.keys.Conflict()
	if c == nil {
		return nil
	}
	chosen, other := c.A, c.B
	a, isA := k.at[c.A]
	b, isB := k.at[c.B]
	at := a
	if !isA || isB && k.later(b, a) {
		chosen, other, at = c.B, c.A, b
	}
	advice := fmt.Sprintf("give %s or %s another key", chosen, other)
	if free := k.keys.Free(chosen); free != "" {
		advice += fmt.Sprintf("; %s is free", free)
	}
	return &config.Error{Place: at, Err: fmt.Errorf("%s: %s: %s is also the key of %s %s; %s", keysSetting.Name, chosen, c.Key, other, c.Where, advice)}
}

// later reports whether a place was read after another one.
func (k *keyChoices) later(p, than config.Place) bool {
	if p.File != than.File {
		return slices.Index(k.files, p.File) > slices.Index(k.files, than.File)
	}
	return p.Line > than.Line || p.Line == than.Line && p.Column > than.Column
}

// keysText returns the choices of keys that change nothing, as lines of a file of settings.
func keysText() (string, error) {
	var b strings.Builder
	b.WriteString("\n# the keys of the dashboard: a letter, up, down, left, right, pgup, pgdn, home, end, enter, esc, tab, space, backspace, insert,\n" +
		"# delete, ctrl-a to ctrl-z, f1 to f12, shift-left, shift-right, shift-tab; [] is none. ctrl-c quits, whatever is here.\n" + keysSetting.Name + ":\n")
	for _, c := range ui.CommandSettings() {
		value := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, key := range c.Keys {
			var n yaml.Node
			n.SetString(key)
			value.Content = append(value.Content, &n)
		}
		if len(value.Content) == 1 {
			value = value.Content[0]
		}
		line, err := yaml.Marshal(map[string]*yaml.Node{c.Name: value})
		if err != nil {
			return "", fmt.Errorf("print %s: %w", c.Name, err)
		}
		fmt.Fprintf(&b, "  %-28s # %s\n", strings.TrimSpace(string(line)), c.About)
	}
	return b.String(), nil
}
