package terminal

import (
	"strings"
	"testing"
)

func TestClipboard(t *testing.T) {
	const set = "\x1b]52;c;aG9n\a"
	for _, tt := range []struct {
		name, env, value, want string
	}{
		{"a terminal", "TERM", "xterm-256color", set},
		{"tmux", "TMUX", "/tmp/tmux,1,0", set + "\x1bPtmux;\x1b" + set + "\x1b\\"},
		{"screen", "STY", "1.tty", "\x1bP" + set + "\x1b\\"},
		{"the console", "TERM", "linux", ""},
	} {
		getenv := func(name string) string {
			if name == tt.env {
				return tt.value
			}
			return ""
		}
		if got := clipboard("hog", getenv); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	// Screen drops strings that are too long.
	long := clipboard(strings.Repeat("x", 1024), func(name string) string { return strings.TrimPrefix(name, "TMUX") })
	for _, part := range strings.Split(long, "\x1b\\") {
		if len(part) > screenString+len("\x1bP") {
			t.Errorf("a part has %d bytes", len(part))
		}
	}
	if !strings.Contains(strings.ReplaceAll(long, "\x1b\\\x1bP", ""), strings.Repeat("eHh4", 300)) {
		t.Errorf("the parts do not make the whole: %q", long)
	}
}

func TestSetClipboard(t *testing.T) {
	master, device := openPTY(t)
	term := open(t, Options{Path: device.Name()})
	if err := term.SetClipboard("hog", func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	someone := person{from: master}
	someone.await(t, "\x1b]52;c;aG9n\a")
}
