package ui

import (
	"cmp"
	"errors"
	"os"

	"github.com/gdamore/tcell/v2"
	_ "github.com/gdamore/tcell/v2/encoding" // the encodings that a locale may name
	"golang.org/x/text/encoding"

	"github.com/nsviz/nsviz/internal/terminal"
)

// openScreen opens a terminal for the library to draw on. The terminal's answers go to a channel; those for which it has no room are
// dropped.
func openScreen(o Options, answers chan<- terminal.Answer) (tcell.Screen, *terminal.Terminal, error) {
	var screen tcell.Screen
	device, err := terminal.Open(terminal.Options{
		Path: cmp.Or(o.Terminal, terminal.Device), Guard: o.Guard,
		Columns: terminal.Side(os.Getenv("COLUMNS")), Rows: terminal.Side(os.Getenv("LINES")),
		Answered: func(a terminal.Answer) {
			select {
			case answers <- a:
			default:
			}
		},
		Encoding: func() encoding.Encoding { return tcell.GetEncoding(screen.CharacterSet()) },
	})
	if err != nil {
		return nil, nil, err
	}
	// The library makes a screen of this size before it asks the terminal for its own, and panics if one is negative.
	for _, variable := range []string{"COLUMNS", "LINES"} {
		if err := os.Unsetenv(variable); err != nil {
			return nil, nil, errors.Join(err, device.Close())
		}
	}
	// The dashboard is also drawn in a locale that the library does not know.
	tcell.SetEncodingFallback(tcell.EncodingFallbackASCII)
	if screen, err = tcell.NewTerminfoScreenFromTty(tty{device}); err != nil {
		return nil, nil, errors.Join(err, device.Close())
	}
	return screen, device, nil
}

// tty is a terminal as the library wants it.
type tty struct{ *terminal.Terminal }

// WindowSize returns the terminal's size.
func (t tty) WindowSize() (tcell.WindowSize, error) {
	columns, rows, err := t.Size()
	return tcell.WindowSize{Width: columns, Height: rows}, err
}
