package ui

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// remapped returns a Keymap with some keys, each as "COMMAND: KEY KEY".
func remapped(t *testing.T, lines ...string) Keymap {
	t.Helper()
	var m Keymap
	for _, l := range lines {
		name, keys, _ := strings.Cut(l, ":")
		var err error
		if m, err = m.Bind(name, strings.Fields(keys)); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
	}
	if c := m.Conflict(); c != nil {
		t.Fatalf("%q: %+v", lines, c)
	}
	return m
}

func TestUsualKeys(t *testing.T) {
	names := map[string]bool{}
	for c := cmdNone + 1; c < commandCount; c++ {
		words := commandTable[c]
		if words.name == "" || words.about == "" || names[words.name] {
			t.Errorf("command %d is %+v", c, words)
		}
		names[words.name] = true
		if got := len(usualKeys[c]); got == 0 || got != len(strings.Fields(words.keys)) {
			t.Errorf("%s has %d keys, not %s", words.name, got, words.keys)
		}
		if !slices.ContainsFunc(bindings(), func(b binding) bool { return slices.Contains(b.does, c) }) {
			t.Errorf("%s does nothing", words.name)
		}
		if err := c.suffices(usualKeys[c]); err != nil {
			t.Errorf("%s: %v", words.name, err)
		}
	}
	if c := Keymap(nil).Conflict(); c != nil {
		t.Errorf("%+v", c)
	}
}

// Each key has one word in settings, which means that key.
func TestKeyWords(t *testing.T) {
	keys := append(append([]Key(nil), Key{Name: KeyRune, Rune: 'q'}, Key{Name: KeyRune, Rune: 'Q'}, Key{Name: KeyRune, Rune: 'é'}), Key{Name: KeyRune, Rune: ' '})
	for n := KeyUp; n < KeyMouse; n++ {
		keys = append(keys, Key{Name: n})
	}
	for _, key := range keys {
		name := key.word().name
		got, err := parseKey(name)
		if same := sameKeys[name]; same != "" {
			if err == nil || !strings.Contains(err.Error(), "a terminal sends "+same) {
				t.Errorf("%s: %v", name, err)
			}
		} else if err != nil || got != key {
			t.Errorf("%q means %v, %v, not %v", name, got, err, key)
		}
	}
	if got, err := parseKey("Ctrl-F"); err != nil || got.Name != KeyCtrlF {
		t.Errorf("Ctrl-F is %v, %v", got, err)
	}
}

func TestBindRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, keys string
		value      int
		says       string
	}{
		{"fliter", "x", -1, `no key does "fliter"; did you mean filter?`},
		{"xyzzy", "x", -1, `no key does "xyzzy"; nsviz config lists all that keys do`},
		{"filter", "x ctrl-ff", 1, `no key is called "ctrl-ff"; did you mean ctrl-f?`},
		{"filter", "f13", 0, `did you mean f1?`},
		{"filter", "xy", 0, `no key is called "xy"; want a letter`},
		{"filter", "x ctrl-i", 1, `a terminal sends tab for it`},
		{"filter", "ctrl-c", 0, "ctrl-c quits, and can do nothing else"},
		{"back", "", -1, "must have a key"},
		{"cancel", "", -1, "must have a key"},
		{"cancel", "x", -1, "must have a key that is no letter, since x is entered as text"},
		{"delete-word", "space w", -1, "must have a key that is no letter, since space is entered as text"},
	} {
		m, err := Keymap(nil).Bind(tt.name, strings.Fields(tt.keys))
		mistake := (*ErrKey)(nil)
		if !errors.As(err, &mistake) || mistake.Value != tt.value || !strings.Contains(err.Error(), tt.says) || m != nil {
			t.Errorf("%s: %s: %v, %+v", tt.name, tt.keys, m, err)
		}
	}
}

func TestConflicts(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		want  *KeyConflict
	}{
		{[]string{"filter: s"}, &KeyConflict{"s", "filter", "sort", "in a list"}},
		{[]string{"filter: s", "sort: f"}, nil},
		{[]string{"sort: t"}, nil}, // t arranges namespaces, and there is no sort there
		{[]string{"sort: d"}, &KeyConflict{"d", "usual", "sort", "where columns or an order are chosen"}},
		{[]string{"freeze: x"}, nil},
		{[]string{"quit: q ctrl-c"}, nil},
		{[]string{"quit:"}, nil},
		{[]string{"up: down"}, &KeyConflict{"down", "down", "up", "in a list"}},
		{[]string{"help: space"}, &KeyConflict{"space", "toggle-fold", "help", "in a list"}},
		{[]string{"accept: esc"}, &KeyConflict{"esc", "accept", "cancel", "where columns or an order are chosen"}},
		{[]string{"complete: ctrl-w"}, &KeyConflict{"ctrl-w", "complete", "delete-word", "while a filter is entered"}},
		{[]string{"export-text: e"}, &KeyConflict{"e", "export-text", "export", "where the form of a file is chosen"}},
		{[]string{"cancel: esc q"}, nil}, // quit does the same there
		{[]string{"earlier: left h", "later: right l", "now: L"}, nil},
		{[]string{"host: 6"}, &KeyConflict{"6", "events", "host", "in a list"}},
	} {
		var m Keymap
		for _, l := range tt.lines {
			name, keys, _ := strings.Cut(l, ":")
			var err error
			if m, err = m.Bind(name, strings.Fields(keys)); err != nil {
				t.Fatalf("%s: %v", l, err)
			}
		}
		if got := m.Conflict(); !cmp.Equal(got, tt.want) {
			t.Errorf("%q: %+v, want %+v", tt.lines, got, tt.want)
		}
	}
}

// Keys, the last line, the help, notes and clicks follow the choice.
func TestChosenKeys(t *testing.T) {
	s := sceneGroups()
	st := on(Containers, webID)
	st.Width, st.Height = 120, 36
	st.Keys = remapped(t, "filter: x", "freeze: F2", "quit:", "back: esc backspace", "workloads: F5", "help: h", "explain: i", "up: up", "down: down")
	footer := screen{s: s, live: s, state: st, w: 160, h: 36}.footer()
	for _, want := range []string{"x filter", "F2 freeze", "h what is this?", "i explain"} {
		if !strings.Contains(footer.line.String(), want) {
			t.Errorf("the last line has no %q: %s", want, footer.line)
		}
	}
	for _, gone := range []string{"quit", "f filter", "w explain", "space"} {
		if strings.Contains(footer.line.String(), gone) {
			t.Errorf("the last line has %q: %s", gone, footer.line)
		}
	}
	for _, key := range letters("fqwjk ") {
		if got, action := Update(st, key, s); action != Stay || !cmp.Equal(got, st) {
			t.Errorf("%v still does something: %v", key, action)
		}
	}
	if got := press(st, s, letters("x")...); !got.Filtering {
		t.Error("x does not filter")
	}
	if _, action := Update(st, Key{Name: KeyCtrlC}, s); action != Quit {
		t.Error("ctrl-C does not quit")
	}
	frozen := press(st, s, Key{Name: KeyF2})
	if text := linesText([]line{screen{s: s, live: s, state: frozen, w: 160, h: 36}.status()}); !strings.Contains(text, "F2 goes on") {
		t.Errorf("the frozen screen says %s", text)
	}
	if got := press(press(st, s, letters("h")...), s, Key{Name: KeyBackspace}); got.Help {
		t.Error("backspace does not go back")
	}
	help := linesText(helpPage(s, st, 108))
	for _, want := range []string{"F2 ", "(also backspace)", "F5 2 3 4 5 6 7"} {
		if !strings.Contains(help, want) {
			t.Errorf("the help has no %q:\n%s", want, help)
		}
	}
	tabs := screen{s: s, live: s, state: st, w: 160, h: 36}.tabs()
	if !strings.Contains(tabs.line.String(), "F5 Workloads") {
		t.Errorf("the views are %s", tabs.line)
	}
	for _, z := range footer.zones { // a click on the hint does what it says, whatever the key
		if at := footer.line.String(); strings.HasPrefix(string([]rune(at)[z.from:]), "x filter") {
			if got, _ := z.click(here(st, s)); !got.Filtering {
				t.Error("a click on the hint does not filter")
			}
		}
	}
	// Letters are text while text is entered.
	if got := press(press(st, s, letters("/")...), s, letters("xh")...); got.Search != "xh" {
		t.Errorf("the search is %q", got.Search)
	}
}

// The documentation has the usual keys of all commands.
func TestKeysAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/KEYS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range CommandSettings() {
		want := "| `" + c.Name + "` | `" + strings.Join(c.Keys, "` `") + "` | " + c.About + " |\n"
		if !strings.Contains(string(data), want) {
			t.Errorf("no line %s", want)
		}
	}
}
