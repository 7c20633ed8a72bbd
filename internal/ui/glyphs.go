package ui

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/width"

	"github.com/nsviz/nsviz/internal/foreign"
)

// glyphs replaces what a terminal cannot show, or would show in another width than the dashboard counts with. Its zero value
// replaces nothing.
type glyphs struct {
	// shows reports whether the terminal has a rune; nil is that it has all.
	shows func(rune) bool
	// wideSymbols is set if runes of ambiguous width take two columns.
	wideSymbols bool
	replaced    map[string]string
}

// glyphsFor returns what suits a character set, nil being ASCII, and the environment of the process: the fonts of the kernel's
// console have some 256 characters. The line drawing of terminals without such characters (ACS) is not used: on a terminal that
// shows UTF-8 in a locale without it, it may come out as letters.
func glyphsFor(charset encoding.Encoding, getenv func(string) string) glyphs {
	g := glyphs{replaced: make(map[string]string)}
	console := getenv("TERM") == "linux"
	g.shows = func(r rune) bool { return encodes(charset, r) && (!console || inConsoleFont(r)) }
	// Terminals for Chinese, Japanese and Korean encodings show symbols two columns wide. Those that show UTF-8 are asked.
	g.wideSymbols = eastAsian(locale(getenv))
	return g
}

// asciiSub is what an encoder writes in place of what it lacks.
const asciiSub = '\x1a'

// encodes reports whether an encoding has a rune.
func encodes(charset encoding.Encoding, r rune) bool {
	if charset == nil {
		return r < utf8.RuneSelf
	}
	out, err := charset.NewEncoder().String(string(r))
	return err == nil && out != "" && out[0] != asciiSub
}

// locale returns the locale that applies to characters, as in POSIX.
func locale(getenv func(string) string) string {
	for _, variable := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if l := getenv(variable); l != "" {
			return l
		}
	}
	return ""
}

// eastAsian reports whether a locale has one of the older encodings for Chinese, Japanese or Korean.
func eastAsian(locale string) bool {
	_, charset, _ := strings.Cut(strings.ToLower(locale), ".")
	charset = strings.NewReplacer("-", "", "_", "").Replace(charset)
	for _, prefix := range []string{"gb", "big5", "euc", "sjis", "shiftjis", "iso2022", "cp932", "cp936", "cp949", "cp950"} {
		if strings.HasPrefix(charset, prefix) {
			return true
		}
	}
	return false
}

// inConsoleFont reports whether the fonts of the kernel's console have a rune (drivers/tty/vt/cp437.uni).
func inConsoleFont(r rune) bool {
	_, ok := charmap.CodePage437.EncodeRune(r)
	return ok || strings.ContainsRune("↑↓→←", r)
}

// withWideSymbols returns the glyphs for a terminal that shows symbols two columns wide.
func (g glyphs) withWideSymbols() glyphs {
	g.wideSymbols, g.replaced = true, make(map[string]string)
	return g
}

// draw returns a grapheme cluster as the terminal can show it, in the same number of columns.
func (g glyphs) draw(cluster string) string {
	if len(cluster) == 1 || g.shows == nil {
		return cluster
	}
	if shown, known := g.replaced[cluster]; known {
		return shown
	}
	shown := g.replacement(cluster)
	if len(g.replaced) < maxReplaced {
		g.replaced[cluster] = shown
	}
	return shown
}

// maxReplaced limits the clusters that are remembered: names may have any.
const maxReplaced = 4096

func (g glyphs) replacement(cluster string) string {
	ok := true
	for _, r := range cluster {
		ok = ok && g.shows(r) && (!g.wideSymbols || width.LookupRune(r).Kind() != width.EastAsianAmbiguous)
	}
	if ok {
		return cluster
	}
	first := []rune(cluster)[0]
	if ascii, known := inASCII[first]; known {
		return string(ascii)
	}
	return strings.Repeat("?", foreign.Width(cluster))
}

// inASCII has the replacements for what nsviz draws with. Symbols that mean different things in one place differ, and none is "?",
// the mark for unknown.
var inASCII = replacements(
	"●*", "○o", "×x", "✓v", "▶>", "▸>", "▹>", "▷>", "▾v", "▼v", "▲^", "◀<", "❚|", "·.", "…~", "“\"", "”\"", "’'", "µu", "–-", "—-",
	"↑^", "↓v", "→>", "←<", "›>", "↳>", "▏|", // where a line begins or the cursor stands
	// Fill, from empty to full, and the heights of a graph.
	"░.", "▒:", "▓%", "█#", "▁_", "▂.", "▃:", "▄-", "▅=", "▆+", "▇%", "▀\"", "▎.", "▍:", "▌-", "▋=", "▊+", "▉%", "▐#", "▕|",
	// Lines: thin, thick and double, then dashed ones.
	"─-", "━=", "═&", "│|", "┃|", "║&", "╌-", "╍-", "┄-", "┅-", "┈-", "┉-", "╎'", "╏'", "┆'", "┇'", "┊'", "┋'",
	"┌+", "┐+", "└+", "┘+", "┏+", "┓+", "┗+", "┛+", "╔&", "╗&", "╚&", "╝&", "╭+", "╮+", "╰+", "╯+",
	"├+", "┤+", "┬+", "┴+", "┼+", "┣+", "┫+", "┳+", "┻+", "╋+", "╠&", "╣&", "╦&", "╩&", "╬&",
	"┝+", "┥+", "┠+", "┨+", "┯+", "┷+", "┰+", "┸+", "╞+", "╡+", "╟+", "╢+", "╶-", "╴-", "╵|", "╷|", "╸=", "╺=", "╹|", "╻|",
	"■#", "□o", "◆*", "◇o", "⚠!", "∞~", "≥>", "≤<", "≈~", "±~",
)

// replacements returns pairs of runes as a map.
func replacements(pairs ...string) map[rune]rune {
	m := make(map[rune]rune, len(pairs))
	for _, pair := range pairs {
		runes := []rune(pair)
		m[runes[0]] = runes[1]
	}
	return m
}

// asks reports whether a terminal of a type can be asked. The kernel's console and the simplest terminals would show the question.
func asks(term string) bool {
	for _, prefix := range []string{"linux", "dumb", "vt", "cons", "ansi", "sun", "hp"} {
		if strings.HasPrefix(term, prefix) {
			return false
		}
	}
	return term != ""
}
