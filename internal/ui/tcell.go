package ui

import (
	"time"

	"github.com/gdamore/tcell/v2"
)

const (
	// doubleClick is the longest time between the two clicks of a double click.
	doubleClick = 400 * time.Millisecond
	// unsteady is how many columns the mouse may move during a click; farther is a try to select text.
	unsteady = 1
)

// mouse returns what the mouse did just now. A click is complete when the button is released, so that no report comes behind one that
// ends the program.
func (sh *shell) mouse(ev *tcell.EventMouse, now time.Time) Mouse {
	buttons := ev.Buttons()
	pressed, released := buttons&^sh.held, sh.held&^buttons
	sh.held = buttons &^ (tcell.WheelUp | tcell.WheelDown) // nobody releases a wheel
	m := Mouse{}
	m.X, m.Y = ev.Position()
	switch {
	case pressed&tcell.WheelUp != 0:
		m.Button = MouseWheelUp
	case pressed&tcell.WheelDown != 0:
		m.Button = MouseWheelDown
	case pressed&tcell.ButtonPrimary != 0:
		sh.pressed = m
	case released&tcell.ButtonPrimary != 0 && m.Y == sh.pressed.Y && max(m.X-sh.pressed.X, sh.pressed.X-m.X) <= unsteady:
		m = Mouse{X: sh.pressed.X, Y: m.Y, Button: MouseLeft}
		m.Double = sh.clicked == m && now.Sub(sh.clickedAt) <= doubleClick
		sh.clicked, sh.clickedAt = m, now // a third click is none that doubles: it differs
	}
	return m
}

// lendMouse takes the mouse from the terminal, or leaves it there.
func (sh *shell) lendMouse() {
	if sh.noMouse == sh.state.NoMouse {
		return
	}
	if sh.noMouse = sh.state.NoMouse; sh.noMouse {
		sh.screen.DisableMouse()
	} else {
		sh.screen.EnableMouse(tcell.MouseButtonEvents)
	}
}

// tcellStyles returns a palette in the terminal library's terms.
func tcellStyles(p *palette) (styles [256]tcell.Style) {
	for i := range styles {
		if Style(i).base() >= styleCount {
			continue
		}
		ink := Style(i).ink(p)
		styles[i] = tcell.StyleDefault.Bold(ink.Bold).Dim(ink.Dim).Underline(ink.Underline).Reverse(ink.Reverse).
			Foreground(tcellColor(ink.FG)).Background(tcellColor(ink.BG))
	}
	return styles
}

// tcellColor returns a colour of an Ink in the terminal library's terms.
func tcellColor(c int32) tcell.Color {
	switch {
	case c == NoColor:
		return tcell.ColorDefault
	case c < NoColor:
		return tcell.PaletteColor(int(ansi(0) - c))
	}
	return tcell.NewHexColor(c)
}

// translate returns our key for a key of the terminal.
func translate(ev *tcell.EventKey) Key {
	switch ev.Key() {
	case tcell.KeyRune:
		return Key{Name: KeyRune, Rune: ev.Rune()}
	case tcell.KeyUp:
		return Key{Name: KeyUp}
	case tcell.KeyDown:
		return Key{Name: KeyDown}
	case tcell.KeyLeft:
		if ev.Modifiers()&tcell.ModShift != 0 {
			return Key{Name: KeyShiftLeft}
		}
		return Key{Name: KeyLeft}
	case tcell.KeyRight:
		if ev.Modifiers()&tcell.ModShift != 0 {
			return Key{Name: KeyShiftRight}
		}
		return Key{Name: KeyRight}
	case tcell.KeyPgUp:
		return Key{Name: KeyPageUp}
	case tcell.KeyPgDn:
		return Key{Name: KeyPageDown}
	case tcell.KeyHome:
		return Key{Name: KeyHome}
	case tcell.KeyEnd:
		return Key{Name: KeyEnd}
	case tcell.KeyEnter:
		return Key{Name: KeyEnter}
	case tcell.KeyEsc:
		return Key{Name: KeyEsc}
	case tcell.KeyTab:
		return Key{Name: KeyTab}
	case tcell.KeyBacktab:
		return Key{Name: KeyBackTab}
	case tcell.KeyBackspace, tcell.KeyBackspace2:
		return Key{Name: KeyBackspace}
	case tcell.KeyInsert:
		return Key{Name: KeyInsert}
	case tcell.KeyDelete:
		return Key{Name: KeyDelete}
	}
	switch k := ev.Key(); {
	case k >= tcell.KeyCtrlA && k <= tcell.KeyCtrlZ:
		return Key{Name: KeyCtrlA + KeyName(k-tcell.KeyCtrlA)}
	case k >= tcell.KeyF1 && k <= tcell.KeyF12:
		return Key{Name: KeyF1 + KeyName(k-tcell.KeyF1)}
	}
	return Key{}
}
