package ui

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// TestWriteSVG checks that a picture is well-formed, carries all words of the screen in order, and has no look of its own besides
// the theme's.
func TestWriteSVG(t *testing.T) {
	for _, name := range Themes() {
		f := Render(scene(), State{}, 120, 36)
		var b strings.Builder
		if err := f.WriteSVG(&b, Theme(name)); err != nil {
			t.Fatal(err)
		}
		if path := os.Getenv("NSVIZ_TEST_SVG"); path != "" { // for looking at it
			if err := os.WriteFile(path+name+".svg", []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		var words []string
		d := xml.NewDecoder(strings.NewReader(b.String()))
		for inText := false; ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch token := token.(type) {
			case xml.StartElement:
				inText = token.Name.Local == "text"
				if token.Name.Local == "script" || token.Name.Local == "style" || token.Name.Local == "image" {
					t.Errorf("%s: an element %s", name, token.Name.Local)
				}
			case xml.EndElement:
				inText = false
			case xml.CharData:
				if inText {
					words = append(words, string(token))
				}
			}
		}
		screen := strings.Map(func(r rune) rune {
			if r >= 0x2500 && r <= 0x259f {
				return ' '
			}
			return r
		}, f.Text())
		if got, want := strings.Join(words, ""), strings.Join(strings.Fields(screen), ""); got != want {
			t.Errorf("%s: the words are\n%s\nwant\n%s", name, got, want)
		}
	}
}
