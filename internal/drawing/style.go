package drawing

import (
	_ "embed"
	"regexp"
	"strings"
)

// Palette declares the colours for light and dark pages as variables of Cascading Style Sheets.
//
//go:embed palette.css
var Palette string

// Rooms has the rules for what is drawn, in the variables of Palette.
//
//go:embed rooms.css
var Rooms string

var (
	variable = regexp.MustCompile(`--([a-z-]+): (?:light-dark\(([^,]+), ([^)]+)\)|([^;]+));`)
	use      = regexp.MustCompile(`var\(--([a-z-]+)\)`)
)

// documentStyles returns Rooms for a document of its own, with the colours in place of the variables: programs besides browsers draw such
// documents, and few of them know variables. The dark colours are for where dark pages are preferred.
func documentStyles() string {
	light, dark := map[string]string{}, map[string]string{}
	for _, v := range variable.FindAllStringSubmatch(Palette, -1) {
		light[v[1]], dark[v[1]] = v[2]+v[4], v[3]+v[4]
	}
	with := func(rule string, values map[string]string) string {
		return use.ReplaceAllStringFunc(rule, func(name string) string { return values[use.FindStringSubmatch(name)[1]] })
	}
	var usual, other strings.Builder
	for rule := range strings.Lines(Rooms) {
		if strings.HasPrefix(rule, "/*") {
			continue
		}
		one, two := with(rule, light), with(rule, dark)
		usual.WriteString(one)
		if one != two {
			other.WriteString(two)
		}
	}
	return usual.String() + "@media (prefers-color-scheme: dark) {\n" + other.String() + "}\n"
}
