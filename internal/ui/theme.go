package ui

import (
	"fmt"
	"slices"
	"strings"
)

// Theme names a choice of colours.
type Theme string

// The themes. Auto asks the terminal for its background and takes Dark or Light; until it answers, or if it does not, the colours are
// those that are legible on both.
const (
	Auto  Theme = "auto"
	Dark  Theme = "dark"
	Light Theme = "light"
	// ColorBlind is Auto with colours that people with any colour vision tell apart.
	ColorBlind Theme = "colorblind"
	// Mono has no colours: bold, underlined and reversed text are the only marks.
	Mono Theme = "mono"
)

// Themes returns the names of all themes, the default first.
func Themes() []string {
	return []string{string(Auto), string(Dark), string(Light), string(ColorBlind), string(Mono)}
}

// ParseTheme returns the theme with a name.
func ParseTheme(name string) (Theme, error) {
	if !slices.Contains(Themes(), name) {
		return "", fmt.Errorf("want one of %s", strings.Join(Themes(), ", "))
	}
	return Theme(name), nil
}

// background says what is behind the text.
type background int

const (
	backgroundUnknown background = iota
	backgroundDark
	backgroundLight
)

// backgroundOf returns whether a colour is dark or light.
func backgroundOf(rgb int32) background {
	// The point where black and white text contrast alike (WCAG 2.2, contrast ratio).
	if luminance(rgb) > 0.179 {
		return backgroundLight
	}
	return backgroundDark
}

// onGround returns the theme that Auto stands for where the background is light.
func (t Theme) onGround(bg background) Theme {
	if t == Auto && bg == backgroundLight {
		return Light
	}
	return t
}

// fullColors is the least number of colours of a terminal on which the colours of a theme look as they should. Those of smaller
// palettes are chosen by the user's settings.
const fullColors = 256

// paletteFor returns the palette of a theme on a terminal with a number of colours and a background.
func paletteFor(t Theme, colors int, bg background) *palette {
	switch {
	case t == Mono || colors < 8:
		return nil
	case colors < fullColors && (t == Light || bg == backgroundLight && t != Dark):
		return &fewOnLight
	case colors < fullColors:
		return &fewColors
	case t == ColorBlind && bg == backgroundLight:
		return &safeOnLight
	case t == ColorBlind && bg == backgroundDark:
		return &safeOnDark
	case t == ColorBlind:
		return &safeAnywhere
	case t == Light || t == Auto && bg == backgroundLight:
		return &onLight
	case t == Dark || t == Auto && bg == backgroundDark:
		return &onDark
	}
	return &anywhere
}
