package ui

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/model"
)

// places are the states in which keys do different things.
func places() map[string]State {
	s := sceneGroups()
	at := map[string]State{
		"list": on(Containers, webID), "heading": on(Containers, shopHeading), "namespaces": on(Namespaces, ""), "kills": on(Kills, ""), "starts": on(Starts, ""),
		"events": on(Events, ""), "host": on(Host, ""), "page": press(on(Containers, webID), s, Key{Name: KeyEnter}),
		"help": press(State{}, s, letters("?")...), "search": press(State{}, s, letters("/web")...),
		"explained": press(on(Containers, webID), s, letters("w")...), "explained page": press(on(Containers, webID), s, append([]Key{{Name: KeyEnter}}, letters("w")...)...),
		"filter": press(State{}, s, letters("foom>0")...), "filtered": press(State{}, s, append(letters("foom>=0"), Key{Name: KeyEnter})...),
		"export": press(State{}, s, letters("e")...),
		"tree":   inTree(ByOwner, userKey), "type": inTree(ByParent, headingKey+"type net"), "leaf": inTree(ByOwner, "net:4026532182"),
		"found": press(State{}, s, append(letters("/web"), Key{Name: KeyEnter})...), "frozen": press(State{}, s, letters(" ")...),
	}
	for name, st := range at {
		st.Width, st.Height = 120, 36
		at[name] = st
	}
	return at
}

// The last line and the help have no key that Update does not know, and no key does two things in one place.
func TestKeysAreOneTable(t *testing.T) {
	s := sceneGroups()
	for place, st := range places() {
		at := here(st, s)
		taken := map[Key]string{}
		for _, b := range at.bound() {
			name, others := b.cap()
			if name == "" || b.help == "" || b.do == nil || len(b.does) == 0 {
				t.Errorf("%q lacks something", b.help)
			}
			for _, p := range b.keys {
				if other, is := taken[p.key]; is {
					t.Errorf("%s: %v is %q and %q", place, p.key, other, b.help)
				}
				taken[p.key] = b.help
				want, wantAction := b.do(at, p.command)
				if got, action := Update(st, p.key, s); action != wantAction || !cmp.Equal(got, want) {
					t.Errorf("%s: %v does not do %q", place, p.key, b.help)
				}
			}
			if at.mode&reading == 0 || place == "help" {
				continue
			}
			help := strings.Join(strings.Fields(linesText(helpPage(s, st, 108))), " ")
			if words := at.Keys.WithKeys(b.help); !strings.Contains(help, name+" "+words[:min(len(words), 20)]) {
				t.Errorf("%s: the help has no %q", place, name)
			}
			for _, other := range others {
				if !strings.Contains(help, other) {
					t.Errorf("%s: the help of %q has no %q", place, name, other)
				}
			}
		}
		footer := screen{s: s, live: s, state: st, w: 200, h: 36}.footer()
		keys, last := hinted(at)
		for _, b := range slices.Concat(keys, last) {
			if name, _ := b.cap(); !strings.Contains(footer.line.String(), name+" "+b.hint(at)) {
				t.Errorf("%s: the last line has no %q: %s", place, name, footer.line)
			}
		}
	}
}

// The keys that htop, k9s, less and vi share.
func TestKeysAsElsewhere(t *testing.T) {
	s := sceneGroups()
	list := places()["list"]
	same := func(a, b Key) {
		t.Helper()
		x, actionX := Update(list, a, s)
		y, actionY := Update(list, b, s)
		if actionX != actionY || !cmp.Equal(x, y) {
			t.Errorf("%v is not %v", a, b)
		}
	}
	letter := func(r rune) Key { return Key{Name: KeyRune, Rune: r} }
	same(letter('j'), Key{Name: KeyDown})
	same(letter('k'), Key{Name: KeyUp})
	same(letter('g'), Key{Name: KeyHome})
	same(letter('G'), Key{Name: KeyEnd})
	same(Key{Name: KeyCtrlF}, Key{Name: KeyPageDown})
	same(Key{Name: KeyCtrlB}, Key{Name: KeyPageUp})
	same(Key{Name: KeyF1}, letter('?'))
	same(Key{Name: KeyF3}, letter('/'))
	same(Key{Name: KeyF10}, letter('q'))
	same(Key{Name: KeyCtrlC}, letter('q'))
	help := State{Help: true, Width: 80, Height: 24}
	half := press(help, s, Key{Name: KeyCtrlD})
	if page := bodyHeight(80, 24) - 2; half.Scroll != page/2 {
		t.Errorf("ctrl-D scrolls %d of %d", half.Scroll, page)
	}
	if press(half, s, Key{Name: KeyCtrlU}).Scroll != 0 {
		t.Error("ctrl-U does not scroll back")
	}
}

// n and N go round in what a search found.
func TestNextFound(t *testing.T) {
	s := scene()
	st := press(State{}, s, append(letters("/docker"), Key{Name: KeyEnter})...)
	keys := st.keys(s)
	if len(keys) < 2 {
		t.Fatalf("found %q", keys)
	}
	for i := range keys {
		st = press(st, s, letters("n")...)
		if got, want := st.cursor(keys), (i+1)%len(keys); got != want {
			t.Errorf("n leads to row %d, want %d", got, want)
		}
	}
	if st = press(st, s, letters("N")...); st.cursor(keys) != len(keys)-1 {
		t.Errorf("N leads to row %d", st.cursor(keys))
	}
}

func TestHelpIsOfThePlace(t *testing.T) {
	s := sceneGroups()
	at := places()
	for _, tt := range []struct {
		place string
		has   bool
		words string
	}{
		{"list", true, "open the row"},
		{"list", false, "fold the group or unfold it"},
		{"heading", true, "fold the group or unfold it"},
		{"heading", false, "open the row"},
		{"tree", true, "in a tree, what is below a namespace"},
		{"tree", true, "open the row"},
		{"tree", true, "list the namespaces as trees"},
		{"leaf", false, "in a tree, what is below a namespace"},
		{"host", false, "open the row"},
		{"namespaces", false, "list the containers with the sandboxes"},
		{"list", true, "list the containers with the sandboxes"},
		{"page", true, "go back"},
		{"found", true, "the next row that the search found"},
		{"list", false, "the next row that the search found"},
	} {
		help := strings.Join(strings.Fields(linesText(helpPage(s, at[tt.place], 108))), " ")
		if strings.Contains(help, tt.words) != tt.has {
			t.Errorf("the help of %s: %q is %v", tt.place, tt.words, !tt.has)
		}
	}
}

// anyKey returns a key, or something that the mouse does.
func anyKey(r *rand.Rand, w, h int) Key {
	const letters = "etjkgGq?/ am1234567890nNxfwyoslrS|é&<>=~!()\"'日"
	switch r.IntN(4) {
	case 0:
		all := []rune(letters)
		return Key{Name: KeyRune, Rune: all[r.IntN(len(all))]}
	case 1:
		return Key{Name: KeyMouse, Mouse: Mouse{
			X: r.IntN(w+2) - 1, Y: r.IntN(h+2) - 1, Button: MouseButton(r.IntN(4)), Double: r.IntN(3) == 0,
		}}
	case 2:
		far := []int{math.MinInt, math.MinInt32, -1, 0, w, h, 223, math.MaxUint16, math.MaxInt32, math.MaxInt}
		if r.IntN(20) == 0 {
			return Key{Name: KeyMouse, Mouse: Mouse{X: far[r.IntN(len(far))], Y: far[r.IntN(len(far))], Button: MouseLeft, Double: r.IntN(2) == 0}}
		}
	}
	return Key{Name: KeyName(r.IntN(int(keyNameCount)))}
}

// anyState returns a fresh state: with or without what the shell adds.
func anyState(r *rand.Rand) (st State) {
	if r.IntN(3) == 0 {
		st.Keys = anyKeys(r)
	}
	st.Replay, st.Inspects = r.IntN(4) == 0, r.IntN(2) == 0
	if st.Replay {
		st.Speed = 1
	}
	if st.Inspects {
		st = withInspection(st, hogID, 28473, sceneHostileDissection())
	}
	return st
}

// anyKeys returns a Keymap with random keys for random commands, without conflicts.
func anyKeys(r *rand.Rand) (m Keymap) {
	for range 30 {
		key := anyKey(r, 80, 24)
		if r.IntN(8) == 0 {
			key = Key{}
		}
		names := strings.Fields(key.word().name)
		if with, err := m.Bind(commandTable[1+r.IntN(int(commandCount)-1)].name, names); err == nil && with.Conflict() == nil {
			m = with
		}
	}
	return m
}

// keyScenes are the hosts on which keys are tried.
func keyScenes() []func() *model.Snapshot {
	return []func() *model.Snapshot{
		scene, sceneStarts, sceneGroups, sceneVMs, sceneEmpty, sceneFirst, sceneUnknown, sceneHostile, sceneEnded, sceneLimits, sceneLossy, sceneShared,
		sceneVMsHostile, sceneNested, sceneUses, sceneKilled, sceneSandbox, sceneQuiet, sceneUnseen, func() *model.Snapshot { return nil },
		func() *model.Snapshot { return sceneWard(40) }, func() *model.Snapshot { return sceneMany(60) },
	}
}

// Whatever is pressed and clicked, in whatever size and state, the next frames can be drawn.
func TestTenThousandKeys(t *testing.T) {
	scenes := keyScenes()
	sizes := [][2]int{{80, 24}, {120, 36}, {200, 50}, {39, 9}, {1, 1}, {0, 0}, {60, 12}}
	r := rand.New(rand.NewPCG(1, 2))
	st := State{}
	var s *model.Snapshot
	seen := map[Tab]bool{}
	for i := range 10_000 {
		if i%50 == 0 {
			s = scenes[r.IntN(len(scenes))]()
			size := sizes[r.IntN(len(sizes))]
			st.Width, st.Height = size[0], size[1]
		}
		if i%500 == 0 {
			w, h := st.Width, st.Height
			st = anyState(r)
			st.Width, st.Height = w, h
		}
		before := st
		key := anyKey(r, st.Width, st.Height)
		st, _ = Update(st, key, s)
		if st.Width != before.Width || st.Height != before.Height {
			t.Fatalf("%v changed the size", key)
		}
		seen[st.Tab] = true
		if i%10 != 0 && key.Name != KeyMouse {
			continue
		}
		if f := Render(s, st, st.Width, st.Height); f.Width != max(st.Width, 0) || f.Height != max(st.Height, 0) {
			t.Fatalf("after %v, the frame has %d×%d", key, f.Width, f.Height)
		}
	}
	if len(seen) != int(tabCount) {
		t.Errorf("only %d views were seen", len(seen))
	}
}

// FuzzKeys looks for keys and clicks, of which each seed stands for a few hundred, behind which no frame can be drawn.
func FuzzKeys(f *testing.F) {
	f.Add(uint64(1), uint8(80), uint8(24))
	f.Add(uint64(2), uint8(200), uint8(50))
	f.Add(uint64(3), uint8(30), uint8(8))
	f.Fuzz(func(_ *testing.T, seed uint64, w, h uint8) {
		r := rand.New(rand.NewPCG(seed, 0))
		scenes := keyScenes()
		st := anyState(r)
		st.Width, st.Height = int(w), int(h)
		for range 5 { // the host changes meanwhile
			s := scenes[r.IntN(len(scenes))]()
			for range 60 {
				st, _ = Update(st, anyKey(r, st.Width, st.Height), s)
			}
			Render(s, st, st.Width, st.Height)
		}
	})
}
