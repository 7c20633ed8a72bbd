//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// onScreen returns the output that draws the dashboard.
func onScreen(t *testing.T) map[string][]string {
	t.Helper()
	recording := filepath.Join(t.TempDir(), "recording")
	recordWhile(t, recording, func() {})
	return map[string][]string{
		"dashboard": {binary(), "--web.listen-address="},
		"replay":    {binary(), "replay", recording},
		"demo":      {binary(), "demo", "--no-docker", "--web.listen-address="},
	}
}

// Keys and signals still work after any input from a keyboard or a terminal.
func TestKeysThatAreNoText(t *testing.T) {
	for name, command := range onScreen(t) {
		t.Run(name, func(t *testing.T) {
			term := tmux(t, 120, 40, nil, command...)
			term.await(t, match(`● live|▶ replay`))
			term.keys(t, "-H", "ff", "e9", "1b", "5b", "31", "3b") // with a sequence that does not end
			term.keys(t, "-H", "1b", "5f", "71")                   // begins an APC
			eventually(t, func() bool {
				term.keys(t, "7") // the first ones may be read as part of the APC
				return strings.Contains(term.screen(t), "How nsviz learns each fact")
			}, func() string { return "the screen is\n" + term.screen(t) })
			if err := syscall.Kill(term.pid(t), syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			term.awaitEnd(t, 0)
		})
	}
}

// Keys that the settings choose do what the last line and the help say of them, and the usual ones nothing any more.
func TestChosenKeys(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.yaml")
	settings := "keys:\n  host: f5\n  filter: ctrl-t\n  freeze: x\n  help: h\n  quit: Q\n"
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	term := tmux(t, 160, 40, nil, binary(), "--web.listen-address=", "--config", config)
	term.await(t, match(`\d+ namespaces.*● live`))
	term.await(t, contains("F5 Host", "ctrl-T filter", "x freeze", "h what is this?", "Q quit"))
	term.keys(t, "C-t")
	term.await(t, contains("filter workloads"))
	term.keys(t, "Escape")
	term.await(t, contains("ctrl-T filter"))
	term.keys(t, "q", "7", "f", "?", "F5") // all but the last one do nothing
	term.await(t, contains("How nsviz learns each fact"))
	term.keys(t, "x")
	term.await(t, contains("❚❚ frozen", "x goes on"))
	term.keys(t, "h")
	term.await(t, contains("Keys here, in Host"))
	term.keys(t, "Q")
	term.awaitEnd(t, 0)
}

// A dashboard that is killed, or aborts with a dump of its goroutines, leaves a usable terminal.
func TestTerminalOfAKilledDashboard(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "aborted": syscall.SIGABRT} {
		t.Run(name, func(t *testing.T) {
			term := tmux(t, 120, 40, nil, binary(), "--web.listen-address=")
			term.await(t, match(`\d+ namespaces`))
			if err := syscall.Kill(term.pid(t), signal); err != nil {
				t.Fatal(err)
			}
			device := strings.TrimSpace(term.run(t, "display-message", "-p", "#{pane_tty}"))
			const state = "screen #{alternate_on} cursor #{cursor_flag} mouse #{mouse_any_flag}"
			var settings, screen string
			eventually(t, func() bool {
				out, err := exec.Command("stty", "-F", device, "-a").CombinedOutput()
				if err != nil {
					t.Fatalf("stty: %v\n%s", err, out)
				}
				settings, screen = string(out), strings.TrimSpace(term.run(t, "display-message", "-p", state))
				return match(`[^-]icanon`)(settings) && match(`[^-]echo `)(settings) && screen == "screen 0 cursor 1 mouse 0"
			}, func() string { return screen + "\n" + settings })
			if signal == syscall.SIGABRT {
				eventually(t, func() bool { return strings.Contains(term.run(t, "capture-pane", "-p", "-S", "-"), "SIGABRT: abort") },
					func() string { return term.screen(t) })
			}
		})
	}
}

// A terminal or an environment may report any size.
func TestSizesThatAreNone(t *testing.T) {
	for _, size := range []string{"COLUMNS=-5", "LINES=-5", "COLUMNS=0", "COLUMNS=2000000000", "COLUMNS=junk"} {
		t.Run(size, func(t *testing.T) {
			term := tmux(t, 120, 40, []string{size}, binary(), "--web.listen-address=")
			term.await(t, match(`\d+ namespaces`))
			term.keys(t, "q")
			term.awaitEnd(t, 0)
		})
	}
}
