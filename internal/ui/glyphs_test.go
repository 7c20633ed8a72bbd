package ui

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/nsviz/nsviz/internal/foreign"
)

func ascii(r rune) bool { return r < 0x80 }

func TestGlyphs(t *testing.T) {
	for _, tt := range []struct {
		name    string
		charset encoding.Encoding
		env     map[string]string
		wide    bool
		drawn   string
		want    string
	}{
		{"everything", unicode.UTF8, nil, false, "● ○ é 日 ▃", "● ○ é 日 ▃"},
		{"ASCII", nil, map[string]string{"LC_ALL": "C"}, false, "●○×·?│▃█░é日", "*ox.?|:#.???"},
		{"the kernel's console", unicode.UTF8, map[string]string{"TERM": "linux", "LANG": "en_US.UTF-8"}, false, "●○█░─▃é日↓", "*o█░─:é??↓"},
		{"a Chinese encoding", simplifiedchinese.GBK, map[string]string{"LC_ALL": "zh_CN.GBK"}, false, "●○─日é", "*o-日?"},
		{"Western European", charmap.ISO8859_1, nil, false, "●─é×日", "*-é×??"},
		{"Russian", charmap.KOI8R, nil, false, "●─█éд", "*─█?д"},
		{"another locale", unicode.UTF8, map[string]string{"LC_ALL": "de_DE.UTF-8", "LANG": "zh_CN.GBK"}, false, "●─", "●─"},
		{"wide symbols by the terminal's word", unicode.UTF8, nil, true, "●─日▸", "*-日▸"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := glyphsFor(tt.charset, func(name string) string { return tt.env[name] })
			if tt.wide {
				g = g.withWideSymbols()
			}
			for range 2 { // the second time from memory
				var b strings.Builder
				for cluster := range foreign.Clusters(tt.drawn) {
					b.WriteString(g.draw(cluster))
				}
				if b.String() != tt.want {
					t.Errorf("draws %q, want %q", b.String(), tt.want)
				}
			}
		})
	}
}

// Every symbol in the source of this package has a replacement of the same width, and none becomes the mark for unknown.
func TestEverySymbolHasAReplacement(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		source, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range string(source) {
			if ascii(r) || foreign.Width(string(r)) == 0 {
				continue
			}
			replacement, known := inASCII[r]
			if !known || foreign.Width(string(r)) != 1 || replacement == '?' || !ascii(replacement) {
				t.Errorf("%s draws %c (%U), which becomes %q", f.Name(), r, r, replacement)
			}
		}
	}
}

// Symbols that stand in the same place, and mean different things, differ in ASCII too.
func TestReplacementsDiffer(t *testing.T) {
	for _, together := range []string{"●○×", "━╌═○▒█▓░×", "█▓▒░×", "▁▂▃▄▅▆▇█×", "▶❚●", "▸▾", "─│", "━╌═", "┃╎║", "↑↓→←"} {
		meanings := map[rune]rune{}
		for _, r := range together {
			if other, taken := meanings[inASCII[r]]; taken {
				t.Errorf("%c and %c are both %c", other, r, inASCII[r])
			}
			meanings[inASCII[r]] = r
		}
	}
}
