package ui

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/nsviz/nsviz/internal/drawing"
)

// The page for browsers has the colours of the themes dark and light.
func TestBrowsersHaveTheSamePalette(t *testing.T) {
	for name, want := range map[string][2]int32{
		"ground": {own[backgroundLight].ground, own[backgroundDark].ground}, "text": {own[backgroundLight].text, own[backgroundDark].text},
		"grey": {onLight.hues[grey].plain, onDark.hues[grey].plain}, "blue": {onLight.hues[blue].plain, onDark.hues[blue].plain},
		"teal": {onLight.hues[teal].plain, onDark.hues[teal].plain}, "green": {onLight.hues[green].plain, onDark.hues[green].plain},
		"amber": {onLight.hues[amber].plain, onDark.hues[amber].plain}, "red": {onLight.hues[red].plain, onDark.hues[red].plain},
		"violet": {onLight.hues[violet].plain, onDark.hues[violet].plain}, "selected": {onLight.selected, onDark.selected},
	} {
		declared := fmt.Sprintf("--%s: light-dark(#%06x, #%06x);", name, want[0], want[1])
		if !regexp.MustCompile(regexp.QuoteMeta(declared)).MatchString(drawing.Palette) {
			t.Errorf("palette.css lacks %s", declared)
		}
	}
	// Text stays legible on what the page paints below it: levels of memory, panels and the selected row.
	below := regexp.MustCompile(`--(?:level-\w+|panel|selected): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)`).FindAllStringSubmatch(drawing.Palette, -1)
	if len(below) < 6 {
		t.Fatalf("%d grounds", len(below))
	}
	for _, b := range below {
		for i, over := range []int32{own[backgroundLight].text, own[backgroundDark].text} {
			rgb, err := strconv.ParseInt(b[i+1], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			if ratio := contrast(over, int32(rgb)); ratio < 4.5 {
				t.Errorf("%s: the contrast of text is %.1f", b[0], ratio)
			}
		}
	}
}
