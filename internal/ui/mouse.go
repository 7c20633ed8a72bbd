package ui

import "github.com/nsviz/nsviz/internal/model"

// MouseButton is what was pressed or turned.
type MouseButton int

// The buttons that the dashboard knows.
const (
	MouseNone MouseButton = iota
	MouseLeft
	MouseWheelUp
	MouseWheelDown
)

// Mouse is one click, or one step of the wheel.
type Mouse struct {
	// X and Y are the cell, which count from 0.
	X, Y   int
	Button MouseButton
	// Double is set for the second of two quick clicks on the same cell.
	Double bool
}

// wheelRows is how many rows one step of the wheel moves.
const wheelRows = 3

// zone is a part of a row of the screen that answers a click.
type zone struct {
	from, to int // columns; to is the first one behind it
	click    func(at place) (State, Action)
	// key is that of a row whose drawing has the zone, in place of click.
	key string
}

// spots are what a row of the screen has for the mouse: a row of a list, and zones in it.
type spots struct {
	key   string
	zones []zone
}

// pointed handles what the mouse did. It looks at the frame that the user sees, so that a click and the drawing cannot differ.
func (st State) pointed(m Mouse, s *model.Snapshot) (State, Action) {
	at := here(st, s)
	switch m.Button {
	case MouseWheelUp, MouseWheelDown:
		key := KeyUp
		if m.Button == MouseWheelDown {
			key = KeyDown
		}
		for range wheelRows {
			st = here(st, s).step(key)
		}
	case MouseLeft:
		f := Render(s, st, st.Width, st.Height)
		if m.X < 0 || m.X >= f.Width || m.Y < 0 || m.Y >= f.Height {
			return st, Stay
		}
		spots := f.spots[m.Y]
		st.Exporting, at.Exporting = false, false // unless a form is clicked on
		for _, z := range spots.zones {
			if z.from > m.X || m.X >= z.to {
				continue
			}
			if z.click != nil {
				return z.click(at)
			}
			spots.key = z.key
			break
		}
		sc := screen{s: st.shown(s), live: s, state: st, w: st.Width, h: st.Height}
		if column := sc.headAt(m.X, m.Y); column != "" {
			return st.sortBy(column), Stay
		}
		if spots.key == "" {
			return st, Stay
		}
		st.Cursor[st.Tab] = spots.key
		if m.Double {
			st.Typing, st.Filtering, st.Draft = false, false, ""
			return st.open(s), Stay
		}
	}
	return st, Stay
}
