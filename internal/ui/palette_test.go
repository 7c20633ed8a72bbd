package ui

import (
	"fmt"
	"math"
	"testing"

	"github.com/gdamore/tcell/v2"
)

// contrast is that of the Web Content Accessibility Guidelines.
func contrast(a, b int32) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// grounds are the backgrounds of terminals.
var grounds = map[background][]int32{
	backgroundDark: {0x000000, 0x16181c, 0x282c34}, backgroundLight: {0xffffff, 0xfdf6e3},
	backgroundUnknown: {0x16181c, 0xffffff},
}

// eachPalette calls f with each palette that terminals with many colours get, and with the backgrounds that it is for.
func eachPalette(t *testing.T, f func(t *testing.T, p *palette, grounds []int32, least float64)) {
	t.Helper()
	for _, name := range Themes() {
		theme := Theme(name)
		for bg, colours := range grounds {
			p := paletteFor(theme, 1<<24, bg)
			if p == nil || theme == Dark && bg != backgroundDark || theme == Light && bg != backgroundLight {
				continue
			}
			least := 4.5
			if bg == backgroundUnknown {
				least = 3.4 // nothing contrasts more with both black and white
			}
			t.Run(fmt.Sprint(theme, bg), func(t *testing.T) { f(t, p, colours, least) })
		}
	}
}

// TestPaletteIsLegible checks that every style is legible on the backgrounds that its palette is for, selected or not.
func TestPaletteIsLegible(t *testing.T) {
	eachPalette(t, func(t *testing.T, p *palette, grounds []int32, least float64) {
		for s := range styleCount {
			for _, style := range []Style{s, s | Selected} {
				ink := style.ink(p)
				switch {
				case ink.BG != NoColor && ink.FG == NoColor:
					t.Errorf("%v: text in the terminal's colour on a background of ours", style)
				case ink.BG != NoColor:
					if c := contrast(ink.FG, ink.BG); c < 4.5 {
						t.Errorf("%v: contrast %.1f on its background", style, c)
					}
				case ink.FG != NoColor:
					for _, bg := range grounds {
						if c := contrast(ink.FG, bg); c < least {
							t.Errorf("%v: contrast %.1f on %06x", style, c, bg)
						}
					}
				}
			}
		}
	})
}

// TestNoColor checks that without colour only attributes are left, and that they still distinguish the
// selected row and the loudest things.
func TestNoColor(t *testing.T) {
	for s := range styleCount {
		for _, style := range []Style{s, s | Selected, s | Matched} {
			if ink := style.ink(nil); ink.FG != NoColor || ink.BG != NoColor {
				t.Errorf("%v has a colour: %+v", style, ink)
			}
		}
		if !(s | Selected).ink(nil).Reverse {
			t.Errorf("%v: a selected row does not show", s)
		}
		if ink := (s | Matched).ink(nil); !ink.Bold || !ink.Underline {
			t.Errorf("%v: a match does not show", s)
		}
	}
	for _, s := range []Style{KillMark, Alarm, Warn, Name, Strong} {
		if !s.ink(nil).Bold {
			t.Errorf("%v is not bold", s)
		}
	}
}

// TestPaletteOn256Colors checks nearly the same for terminals that use the nearest of 256 colours. The first
// 16 of those may be anything, a theme may even make one the colour of the background.
func TestPaletteOn256Colors(t *testing.T) {
	colours := make([]tcell.Color, 256)
	for i := range colours {
		colours[i] = tcell.PaletteColor(i)
	}
	eachPalette(t, func(t *testing.T, p *palette, grounds []int32, least float64) {
		nearest := func(rgb int32) int32 {
			c := tcell.FindColor(tcell.NewHexColor(rgb), colours)
			if c < colours[16] {
				t.Errorf("%06x becomes colour %d", rgb, c-colours[0])
			}
			return c.Hex()
		}
		for s := range styleCount {
			for _, style := range []Style{s, s | Selected} {
				ink := style.ink(p)
				switch {
				case ink.FG == NoColor:
				case ink.BG != NoColor:
					if c := contrast(nearest(ink.FG), nearest(ink.BG)); c < 4.5 {
						t.Errorf("%v: contrast %.1f on its background", style, c)
					}
				default:
					for _, bg := range grounds {
						if c := contrast(nearest(ink.FG), bg); c < least-0.7 {
							t.Errorf("%v: contrast %.1f on %06x", style, c, bg)
						}
					}
				}
			}
		}
	})
}

// TestFewColors checks that a terminal with 8 or 16 colours gets its own colours only, and that what nsviz paints shows without
// them.
func TestFewColors(t *testing.T) {
	light := map[Theme][3]bool{ // by the background: unknown, dark, light
		Auto: {false, false, true}, Light: {true, true, true}, Dark: {}, ColorBlind: {false, false, true},
	}
	for theme, on := range light {
		for bg, want := range on {
			ink := Name.ink(paletteFor(theme, 8, background(bg)))
			if legible := ink.FG == ansi(4); legible != want {
				t.Errorf("%s on background %d: a name is %+v", theme, bg, ink)
			}
		}
	}
	for i, colors := range []int{8, 16, 88} {
		p := paletteFor(Auto, colors, background(i))
		for s := range styleCount {
			if ink := s.ink(p); ink.FG > 0 || ink.BG > 0 || ink.FG < ansi(7) || ink.BG < ansi(7) {
				t.Errorf("%v has a colour that such a terminal lacks: %+v", s, ink)
			}
			if s.look().ground == ownGround && !(s | Selected).ink(p).Reverse {
				t.Errorf("%v: a selected row does not show", s)
			}
		}
		if !Bar.ink(p).Reverse || KillLabel.ink(p).BG != ansi(1) {
			t.Error("the header or a kill does not show")
		}
	}
	if paletteFor(Auto, 0, backgroundDark) != nil {
		t.Error("a terminal without colours gets some")
	}
}

// seen returns a colour as people without one kind of cones see it (Machado, Oliveira and Fernandes 2009, severity 1), as CIE Lab.
func seen(rgb int32, by [9]float64) [3]float64 {
	var linear, out [3]float64
	for i := range linear {
		c := float64(rgb>>(16-8*i)&0xff) / 255
		if linear[i] = c / 12.92; c > 0.04045 {
			linear[i] = math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	for i := range out {
		out[i] = min(max(by[3*i]*linear[0]+by[3*i+1]*linear[1]+by[3*i+2]*linear[2], 0), 1)
	}
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	x := f((0.4124*out[0] + 0.3576*out[1] + 0.1805*out[2]) / 0.9505)
	y := f(0.2126*out[0] + 0.7152*out[1] + 0.0722*out[2])
	z := f((0.0193*out[0] + 0.1192*out[1] + 0.9505*out[2]) / 1.089)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// TestColorBlind checks that the colours that mean well, attention and danger differ for people with any colour vision.
func TestColorBlind(t *testing.T) {
	visions := map[string][9]float64{
		"trichromacy":  {1, 0, 0, 0, 1, 0, 0, 0, 1},
		"protanopia":   {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998},
		"deuteranopia": {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881},
		"tritanopia":   {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900},
	}
	for bg := range grounds {
		p := paletteFor(ColorBlind, 1<<24, bg)
		for vision, matrix := range visions {
			for _, pair := range [][2]hue{{green, red}, {green, amber}, {amber, red}, {blue, violet}, {green, violet}} {
				a, b := seen(p.hues[pair[0]].plain, matrix), seen(p.hues[pair[1]].plain, matrix)
				if d := math.Hypot(math.Hypot(a[0]-b[0], a[1]-b[1]), a[2]-b[2]); d < 12 {
					t.Errorf("%s, background %d: hues %v differ by %.0f", vision, bg, pair, d)
				}
			}
		}
	}
}
