package ui

import (
	"math"
	"testing"

	"github.com/gdamore/tcell/v2"
)

// luminance and contrast are those of the Web Content Accessibility Guidelines.
func luminance(rgb int32) float64 {
	part := func(shift int) float64 {
		c := float64(rgb>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}

func contrast(a, b int32) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// TestPaletteIsLegible checks that every style is legible on dark and light terminals, selected or not.
func TestPaletteIsLegible(t *testing.T) {
	const dark, light int32 = 0x16181c, 0xffffff
	for s := range styleCount {
		for _, style := range []Style{s, s | Selected} {
			ink := style.Ink(true)
			if ink.BG != NoColor {
				if ink.FG == NoColor {
					t.Errorf("%v: text in the terminal's colour on a background of ours", style)
				} else if c := contrast(ink.FG, ink.BG); c < 4.5 {
					t.Errorf("%v: contrast %.1f on its background", style, c)
				}
				continue
			}
			if ink.FG == NoColor {
				continue
			}
			for _, bg := range []int32{dark, light} {
				if c := contrast(ink.FG, bg); c < 3.4 {
					t.Errorf("%v: contrast %.1f on %06x", style, c, bg)
				}
			}
		}
	}
}

// TestNoColor checks that without colour only attributes are left, and that they still distinguish the
// selected row and the loudest things.
func TestNoColor(t *testing.T) {
	for s := range styleCount {
		for _, style := range []Style{s, s | Selected, s | Matched} {
			if ink := style.Ink(false); ink.FG != NoColor || ink.BG != NoColor {
				t.Errorf("%v has a colour: %+v", style, ink)
			}
		}
		if !(s | Selected).Ink(false).Reverse {
			t.Errorf("%v: a selected row does not show", s)
		}
		if ink := (s | Matched).Ink(false); !ink.Bold || !ink.Underline {
			t.Errorf("%v: a match does not show", s)
		}
	}
	for _, s := range []Style{KillMark, Alarm, Warn, Name, Strong} {
		if !s.Ink(false).Bold {
			t.Errorf("%v is not bold", s)
		}
	}
}

// TestPaletteOn256Colors checks nearly the same for terminals that use the nearest of 256 colours. The first
// 16 of those may be anything, a theme may even make one the colour of the background.
func TestPaletteOn256Colors(t *testing.T) {
	palette := make([]tcell.Color, 256)
	for i := range palette {
		palette[i] = tcell.PaletteColor(i)
	}
	nearest := func(rgb int32) int32 {
		c := tcell.FindColor(tcell.NewHexColor(rgb), palette)
		if c < palette[16] {
			t.Errorf("%06x becomes colour %d", rgb, c-palette[0])
		}
		return c.Hex()
	}
	for s := range styleCount {
		for _, style := range []Style{s, s | Selected} {
			ink := style.Ink(true)
			switch {
			case ink.FG == NoColor:
			case ink.BG != NoColor:
				if c := contrast(nearest(ink.FG), nearest(ink.BG)); c < 4.5 {
					t.Errorf("%v: contrast %.1f on its background", style, c)
				}
			default:
				for _, bg := range []int32{0x16181c, 0xffffff} {
					if c := contrast(nearest(ink.FG), bg); c < 2.8 {
						t.Errorf("%v: contrast %.1f on %06x", style, c, bg)
					}
				}
			}
		}
	}
}
