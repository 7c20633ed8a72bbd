package ui

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nsviz/nsviz/internal/spelling"
)

// KeyName names a key that is not a letter.
type KeyName int

// The keys that the dashboard knows. KeyRune carries its letter in Key.Rune, KeyMouse what the mouse did in Key.Mouse. A terminal sends no
// ctrl-H, ctrl-I, ctrl-J or ctrl-M that differ from backspace, tab and enter.
const (
	KeyNone KeyName = iota
	KeyRune
	KeyUp
	KeyDown
	KeyLeft
	KeyRight
	KeyShiftLeft
	KeyShiftRight
	KeyPageUp
	KeyPageDown
	KeyHome
	KeyEnd
	KeyInsert
	KeyDelete
	KeyEnter
	KeyEsc
	KeyTab
	KeyBackTab
	KeyBackspace
	KeyCtrlA
	KeyCtrlB
	KeyCtrlC
	KeyCtrlD
	KeyCtrlE
	KeyCtrlF
	KeyCtrlG
	KeyCtrlH
	KeyCtrlI
	KeyCtrlJ
	KeyCtrlK
	KeyCtrlL
	KeyCtrlM
	KeyCtrlN
	KeyCtrlO
	KeyCtrlP
	KeyCtrlQ
	KeyCtrlR
	KeyCtrlS
	KeyCtrlT
	KeyCtrlU
	KeyCtrlV
	KeyCtrlW
	KeyCtrlX
	KeyCtrlY
	KeyCtrlZ
	KeyF1
	KeyF2
	KeyF3
	KeyF4
	KeyF5
	KeyF6
	KeyF7
	KeyF8
	KeyF9
	KeyF10
	KeyF11
	KeyF12
	KeyMouse

	keyNameCount
)

// Key is one press of a key, or what the mouse did.
type Key struct {
	Name  KeyName
	Rune  rune
	Mouse Mouse
}

// keyWord is the word for a key in settings, and how the screen writes it.
type keyWord struct{ name, cap string }

// keyWords has the words for the keys that are no letters.
var keyWords = map[KeyName]keyWord{
	KeyUp: {"up", "↑"}, KeyDown: {"down", "↓"}, KeyLeft: {"left", "←"}, KeyRight: {"right", "→"},
	KeyShiftLeft: {"shift-left", "shift-←"}, KeyShiftRight: {"shift-right", "shift-→"},
	KeyPageUp: {"pgup", "pgup"}, KeyPageDown: {"pgdn", "pgdn"}, KeyHome: {"home", "home"}, KeyEnd: {"end", "end"},
	KeyInsert: {"insert", "insert"}, KeyDelete: {"delete", "delete"},
	KeyEnter: {"enter", "enter"}, KeyEsc: {"esc", "esc"}, KeyTab: {"tab", "tab"}, KeyBackTab: {"shift-tab", "shift-tab"},
	KeyBackspace: {"backspace", "backspace"},
}

// spaceName is the word for the key that types a blank.
const spaceName = "space"

// sameKeys are words for keys that a terminal sends as another one.
var sameKeys = map[string]string{"ctrl-h": "backspace", "ctrl-i": "tab", "ctrl-j": "enter", "ctrl-m": "enter", "escape": "esc", "return": "enter"}

// word returns the words for a key.
func (k Key) word() keyWord {
	if w, ok := keyWords[k.Name]; ok {
		return w
	}
	switch n := k.Name; {
	case n == KeyRune && k.Rune == ' ':
		return keyWord{spaceName, spaceName}
	case n == KeyRune:
		return keyWord{string(k.Rune), string(k.Rune)}
	case n >= KeyCtrlA && n <= KeyCtrlZ:
		letter := rune(n - KeyCtrlA)
		return keyWord{"ctrl-" + string('a'+letter), "ctrl-" + string('A'+letter)}
	case n >= KeyF1 && n <= KeyF12:
		number := fmt.Sprint(int(n-KeyF1) + 1)
		return keyWord{"f" + number, "F" + number}
	}
	return keyWord{}
}

// typed reports whether a key enters a letter while text is entered.
func (k Key) typed() bool { return k.Name == KeyRune }

// parseKey returns the key with a name: a single letter, or a word such as ctrl-f.
func parseKey(name string) (Key, error) {
	if r, size := utf8.DecodeRuneInString(name); name != "" && size == len(name) && unicode.IsPrint(r) && r != ' ' {
		return Key{Name: KeyRune, Rune: r}, nil
	}
	lower := strings.ToLower(name)
	if same := sameKeys[lower]; same != "" {
		return Key{}, fmt.Errorf("no key is called %q; a terminal sends %s for it", name, same)
	}
	var names []string
	for n := range keyNameCount {
		key := Key{Name: n}
		if n == KeyRune {
			key.Rune = ' '
		}
		word := key.word().name
		if word == "" || sameKeys[word] != "" {
			continue
		}
		if word == lower {
			return key, nil
		}
		names = append(names, word)
	}
	slices.Sort(names)
	if near := spelling.Nearest(lower, names); near != "" {
		return Key{}, fmt.Errorf("no key is called %q; did you mean %s?", name, near)
	}
	return Key{}, fmt.Errorf("no key is called %q; want a letter, or one of up, down, left, right, pgup, pgdn, home, end, enter, esc, tab, space, "+
		"backspace, insert, delete, ctrl-a, f1, shift-left, shift-tab", name)
}
