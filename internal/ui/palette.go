package ui

// Ink is the look of a style. Colours are 0xRRGGBB; NoColor leaves the terminal's own.
type Ink struct {
	FG, BG                        int32
	Bold, Dim, Underline, Reverse bool
}

// NoColor is the terminal's own colour.
const NoColor int32 = -1

// hue is one colour in two strengths: mid is for the terminal's own background, dark or light,
// and bright for the backgrounds that nsviz paints itself. A test checks the contrasts.
type hue struct{ mid, bright int32 }

// The hues. Plain text has no hue of its own on the terminal's background. A terminal with 256
// colours uses the nearest; for none of these is that one of the first 16, which themes redefine.
var (
	none   = hue{NoColor, white}
	grey   = hue{0x868a90, 0xb4bcc8}
	blue   = hue{0x2f80d0, 0x8cc8ff}
	teal   = hue{0x128a82, 0x6fdcd0}
	green  = hue{0x1a8a38, 0x86e09a}
	amber  = hue{0xb3680c, 0xffcf70}
	red    = hue{0xdb3f36, 0xffa29c}
	violet = hue{0xa45fd9, 0xd6b4ff}
)

// The backgrounds that nsviz paints.
const (
	barBG      int32 = 0x1d3446
	selectedBG int32 = 0x2b4256
	killBG     int32 = 0xb3261e
	white      int32 = 0xeeeeee
)

// look is a style's hue and attributes; bg and reverse are for the few that paint a background.
type look struct {
	hue             hue
	bold, underline bool
	dim             bool // in place of the hue where there is no colour
	bg              int32
	reverse         bool // in place of the background where there is no colour
}

func (s Style) look() look {
	l := look{hue: none, bg: NoColor}
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
		l.hue, l.bold, l.bg, l.reverse = hue{white, white}, true, killBG, true
	case KeyCap:
		l.hue, l.bold = teal, true
	case TabOn:
		l.hue, l.bold, l.underline = blue, true, true
	case Bar:
		l.bg, l.reverse = barBG, true
	case BarName:
		l.hue, l.bold, l.bg, l.reverse = hue{white, white}, true, barBG, true
	case BarDim:
		l.hue, l.bg, l.reverse = grey, barBG, true
	case BarLive:
		l.hue, l.bold, l.bg, l.reverse = green, true, barBG, true
	case BarAlarm:
		l.hue, l.bold, l.bg, l.reverse = red, true, barBG, true
	case BarFrozen:
		l.hue, l.bold, l.bg, l.reverse = amber, true, barBG, true
	}
	return l
}

// Ink returns the look of a style, in colour or by attributes alone.
func (s Style) Ink(color bool) Ink {
	l := s.look()
	ink := Ink{FG: NoColor, BG: NoColor, Bold: l.bold, Underline: l.underline}
	if s&Matched != 0 {
		ink.Bold, ink.Underline = true, true
	}
	if !color {
		ink.Reverse = l.reverse || s&Selected != 0
		ink.Dim = l.dim && !ink.Reverse // some terminals dim the background then
		return ink
	}
	ink.FG, ink.BG = l.hue.mid, l.bg
	if s&Selected != 0 && ink.BG == NoColor {
		ink.BG = selectedBG
	}
	if ink.BG != NoColor {
		ink.FG = l.hue.bright
	}
	return ink
}
