package terminal

import (
	"encoding/base64"
	"strings"
)

// screenString is less than the longest string that GNU screen passes on.
const screenString = 256

// SetClipboard copies a text to the clipboard of the terminal, which may refuse that and does not answer. Getenv is os.Getenv.
//
// The sequence is OSC 52 of xterm. tmux takes it for its own buffer, and passes it on, with "set -g set-clipboard on"; it is also wrapped, for
// tmux with "set -g allow-passthrough on", and for screen, which knows no OSC 52.
func (t *Terminal) SetClipboard(words string, getenv func(string) string) error {
	_, err := t.Write([]byte(clipboard(words, getenv)))
	return err
}

// clipboard returns what is written for SetClipboard.
func clipboard(words string, getenv func(string) string) string {
	set := "\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte(words)) + "\a"
	switch {
	case getenv("TMUX") != "":
		return set + "\x1bPtmux;" + strings.ReplaceAll(set, "\x1b", "\x1b\x1b") + "\x1b\\"
	case getenv("STY") != "":
		var b strings.Builder
		for set != "" {
			n := min(len(set), screenString)
			b.WriteString("\x1bP" + set[:n] + "\x1b\\")
			set = set[n:]
		}
		return b.String()
	case getenv("TERM") == "linux": // the console prints what it does not know
		return ""
	}
	return set
}
