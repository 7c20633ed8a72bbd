package ui

import (
	"io"

	"github.com/nsviz/nsviz/internal/picture"
)

// own has the colours of text and background in pictures, which a palette leaves to the terminal.
var own = map[background]struct{ text, ground int32 }{
	backgroundDark:  {0xd8dee6, 0x10161d},
	backgroundLight: {0x1c2128, 0xffffff},
}

// WriteSVG writes a frame as a Scalable Vector Graphics document, in the colours of a theme; its background is light with the theme
// Light, else dark.
func (f Frame) WriteSVG(w io.Writer, theme Theme) error {
	ground := backgroundDark
	if theme == Light {
		ground = backgroundLight
	}
	colors := paletteFor(theme, 1<<24, ground)
	grid := picture.Grid{Title: "nsviz", Width: f.Width, Height: f.Height, Ground: own[ground].ground}
	grid.At = func(x, y int) picture.Cell {
		c := f.At(x, y)
		ink := c.Style.ink(colors)
		look := picture.Look{Text: ink.FG, Ground: ink.BG, Bold: ink.Bold, Underline: ink.Underline}
		if look.Text == NoColor {
			look.Text = own[ground].text
		}
		if look.Ground == NoColor {
			look.Ground = own[ground].ground
		}
		if ink.Reverse {
			look.Text, look.Ground = look.Ground, look.Text
		}
		return picture.Cell{Text: c.Text, Look: look}
	}
	return grid.WriteSVG(w)
}
