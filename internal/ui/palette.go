package ui

import "math"

// Ink is the look of a style. Colours are 0xRRGGBB; NoColor leaves the terminal's own; others below 0 are the terminal's own
// colours 0 to 7 (ansi).
type Ink struct {
	FG, BG                        int32
	Bold, Dim, Underline, Reverse bool
}

// NoColor is the terminal's own colour.
const NoColor int32 = -1

// ansi returns one of the first eight colours of the terminal: black, red, green, yellow, blue, magenta, cyan, white.
func ansi(i int32) int32 { return NoColor - 1 - i }

// hue is what a colour is for. Its looks are in a palette.
type hue int

const (
	none hue = iota // plain text
	grey
	blue
	teal
	green
	amber
	red
	violet

	hueCount
)

// shades are the looks of one hue: on the terminal's own background, on the header's and on the selected row's.
type shades struct{ plain, onBar, onSelected int32 }

// palette has the colours of a theme on one kind of background. A test checks the contrasts.
type palette struct {
	hues [hueCount]shades
	// What nsviz paints behind text; NoColor reverses the text instead.
	bar, selected, kill int32
	// onKill is text on kill.
	onKill int32
	// dimGrey shows grey by dimming the terminal's own colour, which is not among the first eight.
	dimGrey bool
}

const white int32 = 0xeeeeee

// barShades are the hues on the header and, except where a theme has its own, on the selected row: both are dark in most themes.
var barShades = [hueCount]int32{none: white, grey: 0xb4bcc8, blue: 0x8cc8ff, teal: 0x6fdcd0, green: 0x86e09a, amber: 0xffcf70, red: 0xffa29c, violet: 0xd6b4ff}

// safeBarShades are the same for people of any colour vision.
var safeBarShades = [hueCount]int32{none: white, grey: 0xb4bcc8, blue: 0x8cc8ff, teal: 0x8fd6d6, green: 0x4fd6ae, amber: 0xf0e442, red: 0xffaf87, violet: 0xe0b0d0}

// newPalette returns a palette that paints dark backgrounds.
func newPalette(plain, painted [hueCount]int32) palette {
	p := palette{bar: 0x1d3446, selected: 0x2b4256, kill: 0xb3261e, onKill: white}
	for h := range hueCount {
		p.hues[h] = shades{plain[h], painted[h], painted[h]}
	}
	return p
}

// lightPalette returns a palette for light terminals, whose selected row is light, too.
func lightPalette(plain, painted [hueCount]int32) palette {
	p := newPalette(plain, painted)
	p.selected = 0xe4eef8
	for h := range hueCount {
		p.hues[h].onSelected = plain[h]
	}
	p.hues[none].onSelected = 0x16181c
	return p
}

// The palettes. A terminal with 256 colours uses the nearest; for none of these is that one of the first 16, which themes redefine.
// The colours for any colour vision start from those of Okabe and Ito (Color Universal Design, 2008).
var (
	// anywhere is legible on dark and light backgrounds.
	anywhere = newPalette([hueCount]int32{none: NoColor, grey: 0x868a90, blue: 0x2f80d0, teal: 0x128a82, green: 0x1a8a38,
		amber: 0xb3680c, red: 0xdb3f36, violet: 0xa45fd9}, barShades)
	onDark = newPalette([hueCount]int32{none: NoColor, grey: 0x9aa2ad, blue: 0x6cb6ff, teal: 0x4fd1c5, green: 0x6fd58a,
		amber: 0xf0b24a, red: 0xff7b72, violet: 0xc9a0ff}, barShades)
	onLight = lightPalette([hueCount]int32{none: NoColor, grey: 0x59616b, blue: 0x0b559f, teal: 0x0a625c, green: 0x13632a,
		amber: 0x844600, red: 0xb01f16, violet: 0x7429aa}, barShades)

	safeAnywhere = newPalette([hueCount]int32{none: NoColor, grey: 0x868a90, blue: 0x2f80d0, teal: 0x3f8a98, green: 0x008787,
		amber: 0x878700, red: 0xd75f5f, violet: 0x875fff}, safeBarShades)
	safeOnDark = newPalette([hueCount]int32{none: NoColor, grey: 0x9aa2ad, blue: 0x56b4e9, teal: 0x8fd6d6, green: 0x1cc497,
		amber: 0xf0e442, red: 0xff875f, violet: 0xd995bc}, safeBarShades)
	safeOnLight = lightPalette([hueCount]int32{none: NoColor, grey: 0x59616b, blue: 0x005a92, teal: 0x235f6e, green: 0x005f5f,
		amber: 0x875f00, red: 0x870000, violet: 0x8700d7}, safeBarShades)

	// fewColors is for terminals with 8 or 16 colours. Their user has chosen these to suit the background.
	fewColors = palette{
		hues: [hueCount]shades{
			none: {NoColor, NoColor, NoColor}, grey: {NoColor, NoColor, NoColor}, blue: {ansi(6), NoColor, NoColor},
			teal: {ansi(6), NoColor, NoColor}, green: {ansi(2), NoColor, NoColor}, amber: {ansi(3), NoColor, NoColor},
			red: {ansi(1), NoColor, NoColor}, violet: {ansi(5), NoColor, NoColor},
		},
		bar: NoColor, selected: NoColor, kill: ansi(1), onKill: ansi(7), dimGrey: true,
	}
	// fewOnLight is the same for a background that is light for sure. Many terminals leave their colours as they are on black then, on
	// which cyan and yellow are hardly seen: names are blue, and what is amber elsewhere has the colour of text, most of it bold.
	fewOnLight = func() palette {
		p := fewColors
		p.hues[blue].plain, p.hues[teal].plain, p.hues[amber].plain = ansi(4), ansi(4), NoColor
		return p
	}()
)

// ground is what a style has behind its text.
type ground int

const (
	ownGround ground = iota // the terminal's own
	barGround
	killGround
)

// look is a style's hue and attributes.
type look struct {
	hue             hue
	bold, underline bool
	dim             bool // in place of the hue where there is no colour
	ground          ground
}

func (s Style) look() look {
	var l look
	switch s.base() {
	case Strong:
		l.bold = true
	case Dim, HostUsual:
		l.hue, l.dim = grey, true
	case TabOff:
		l.hue = grey
	case Title:
		l.hue, l.bold = grey, true
	case Name:
		l.hue, l.bold = blue, true
	case Number:
		l.hue = teal
	case Own, Calm, Creation:
		l.hue = green
	case HostBare, Warn:
		l.hue, l.bold = amber, true
	case Death:
		l.hue = amber
	case Shared:
		l.hue, l.bold = violet, true
	case Moved:
		l.hue = violet
	case Unknown:
		l.hue = amber
	case Alarm, KillMark:
		l.hue, l.bold = red, true
	case KillLabel:
		l.bold, l.ground = true, killGround
	case KeyCap:
		l.hue, l.bold = teal, true
	case TabOn:
		l.hue, l.bold, l.underline = blue, true, true
	case Bar:
		l.ground = barGround
	case BarName:
		l.bold, l.ground = true, barGround
	case BarDim:
		l.hue, l.ground = grey, barGround
	case BarLive:
		l.hue, l.bold, l.ground = green, true, barGround
	case BarAlarm:
		l.hue, l.bold, l.ground = red, true, barGround
	case BarFrozen:
		l.hue, l.bold, l.ground = amber, true, barGround
	}
	return l
}

// ink returns the look of a style in a palette; nil leaves attributes alone.
func (s Style) ink(p *palette) Ink {
	l := s.look()
	ink := Ink{FG: NoColor, BG: NoColor, Bold: l.bold, Underline: l.underline}
	if s&Matched != 0 {
		ink.Bold, ink.Underline = true, true
	}
	if p == nil {
		ink.Reverse = l.ground != ownGround || s&Selected != 0
		ink.Dim = l.dim && !ink.Reverse // some terminals dim the background then
		return ink
	}
	switch shades := p.hues[l.hue]; {
	case l.ground == killGround:
		ink.FG, ink.BG = p.onKill, p.kill
	case l.ground == barGround:
		ink.FG, ink.BG, ink.Reverse = shades.onBar, p.bar, p.bar == NoColor
	case s&Selected != 0:
		ink.FG, ink.BG, ink.Reverse = shades.onSelected, p.selected, p.selected == NoColor
	default:
		ink.FG, ink.Dim = shades.plain, p.dimGrey && l.hue == grey && !l.bold
	}
	return ink
}

// luminance returns the relative luminance of a colour, from 0 to 1 (WCAG 2.2).
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
