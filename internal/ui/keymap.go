package ui

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/spelling"
)

// Keymap has the keys of the commands to which the user has given others than usual. It is replaced, never changed.
type Keymap map[command][]Key

// usualKeys has the keys of all commands without a choice.
var usualKeys = func() (all [commandCount][]Key) {
	for c := range all {
		for name := range strings.FieldsSeq(commandTable[c].keys) {
			if key, err := parseKey(name); err == nil { // a test reads the table
				all[c] = append(all[c], key)
			}
		}
	}
	return all
}()

// of returns the keys of a command; none do it if there are none.
func (m Keymap) of(c command) []Key {
	if keys, ok := m[c]; ok {
		return keys
	}
	return usualKeys[c]
}

// cap returns how the screen writes the first key of a command; "" if it has none.
func (m Keymap) cap(c command) string {
	if keys := m.of(c); len(keys) > 0 {
		return keys[0].word().cap
	}
	return ""
}

// firstCap returns how the screen writes the first of some commands that has a key.
func (m Keymap) firstCap(commands ...command) string {
	for _, c := range commands {
		if word := m.cap(c); word != "" {
			return word
		}
	}
	return ""
}

// ErrKey is a mistake in the keys of a command.
type ErrKey struct {
	// Value is the index of the key, -1 is the command.
	Value int
	Err   error
}

// Error says what is wrong.
func (e *ErrKey) Error() string { return e.Err.Error() }

func (e *ErrKey) Unwrap() error { return e.Err }

// Bind returns a Keymap in which a command has other keys. A mistake is an *ErrKey. Conflicts with other commands are found by Conflict, once
// all are bound.
func (m Keymap) Bind(name string, keys []string) (Keymap, error) {
	names := make([]string, 0, commandCount)
	c := cmdNone
	for i := cmdNone + 1; i < commandCount; i++ {
		names = append(names, commandTable[i].name)
		if commandTable[i].name == name {
			c = i
		}
	}
	if c == cmdNone {
		if near := spelling.Nearest(name, names); near != "" {
			return m, &ErrKey{-1, fmt.Errorf("no key does %q; did you mean %s?", name, near)}
		}
		return m, &ErrKey{-1, fmt.Errorf("no key does %q; nsviz config lists all that keys do", name)}
	}
	bound := make([]Key, 0, len(keys))
	for i, word := range keys {
		key, err := parseKey(word)
		switch {
		case err != nil:
			return m, &ErrKey{i, err}
		case key == quitAlways && c == cmdQuit:
			continue // it does so anyway
		case key == quitAlways:
			return m, &ErrKey{i, fmt.Errorf("%s quits, and can do nothing else", key.word().name)}
		case !slices.Contains(bound, key):
			bound = append(bound, key)
		}
	}
	if err := c.suffices(bound); err != nil {
		return m, &ErrKey{-1, fmt.Errorf("%s: %w", name, err)}
	}
	m = maps.Clone(m)
	if m == nil {
		m = Keymap{}
	}
	m[c] = bound
	return m, nil
}

// suffices checks that a command has the keys that it needs.
func (c command) suffices(keys []Key) error {
	if len(keys) == 0 && slices.Contains(needed, c) {
		return errors.New("must have a key, since nothing else leads out of what is open")
	}
	var where mode
	for _, b := range bindings() {
		if slices.Contains(b.does, c) {
			where |= b.modes
		}
	}
	if where&entering != 0 && where&reading == 0 && len(keys) > 0 && !slices.ContainsFunc(keys, func(k Key) bool { return !k.typed() }) {
		return fmt.Errorf("must have a key that is no letter, since %s is entered as text where this is done", keys[0].word().name)
	}
	return nil
}

// KeyConflict is a key that two commands have in one place.
type KeyConflict struct {
	// Key and the names of the commands.
	Key, A, B string
	// Where says where both do something.
	Where string
}

// Conflict returns a key that two commands have in the same place; nil if there is none.
func (m Keymap) Conflict() *KeyConflict {
	all := bindings()
	for i, a := range all {
		for _, b := range all[i:] {
			modes := a.modes & b.modes
			if modes == 0 || a.tabs&b.tabs == 0 && a.tabs != 0 && b.tabs != 0 {
				continue
			}
			for _, ca := range a.does {
				for _, cb := range b.does {
					if ca == cb || slices.Contains(a.over, cb) || b.alike && slices.Contains(b.does, ca) {
						continue
					}
					for _, key := range m.of(ca) {
						if at := modes; slices.Contains(m.of(cb), key) {
							if key.typed() {
								at &^= entering
							}
							if at != 0 {
								return &KeyConflict{key.word().name, commandTable[ca].name, commandTable[cb].name, at.words()}
							}
						}
					}
				}
			}
		}
	}
	return nil
}

// Free returns a letter that could be the key of a command instead, of its name if possible; "" if there is none.
func (m Keymap) Free(name string) string {
	for _, letter := range name + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		if with, err := m.Bind(name, []string{string(letter)}); err == nil && with.Conflict() == nil {
			return string(letter)
		}
	}
	return ""
}

// words says where one is in the first of some modes.
func (m mode) words() string {
	switch {
	case m&inList != 0:
		return "in a list"
	case m&inPage != 0:
		return "on a page"
	case m&inHelp != 0:
		return "in the help"
	case m&inSearch != 0:
		return "while a search is entered"
	case m&inFilter != 0:
		return "while a filter is entered"
	case m&inChoice != 0:
		return "where columns or an order are chosen"
	}
	return "where the form of a file is chosen"
}
