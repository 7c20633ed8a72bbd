//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// child returns the only child of a process.
func child(t *testing.T, pid string) string {
	t.Helper()
	children, err := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	if err != nil || len(strings.Fields(string(children))) != 1 {
		t.Fatalf("the children of %s are %q: %v", pid, children, err)
	}
	return strings.TrimSpace(string(children))
}

// Ctrl-Z leads back to a usable shell, fg back to the dashboard, which is still guarded.
func TestStopAndGoOn(t *testing.T) {
	term := tmux(t, 120, 40, []string{"PS1=ready: "}, "bash", "--norc", "-i")
	term.await(t, contains("ready:"))
	term.keys(t, binary()+" --web.listen-address=", "Enter")
	term.await(t, match(`\d+ namespaces.*● live`))
	shell := child(t, strings.TrimSpace(term.run(t, "display-message", "-p", "#{pane_pid}")))
	pid := child(t, shell)
	device := strings.TrimSpace(term.run(t, "display-message", "-p", "#{pane_tty}"))
	const state = "screen #{alternate_on} cursor #{cursor_flag} mouse #{mouse_any_flag}"
	settings := func() string {
		out, err := exec.Command("stty", "-F", device, "-a").CombinedOutput()
		if err != nil {
			t.Fatalf("stty: %v\n%s", err, out)
		}
		return string(out)
	}
	usable := func() bool {
		return strings.TrimSpace(term.run(t, "display-message", "-p", state)) == "screen 0 cursor 1 mouse 0" && match(`[^-]isig`)(settings())
	}
	if got := strings.TrimSpace(term.run(t, "display-message", "-p", state)); got != "screen 1 cursor 0 mouse 1" {
		t.Errorf("the dashboard has %s", got)
	}
	for range 2 {
		term.keys(t, "C-z")
		term.await(t, match(`Stopped.*nsviz`))
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || !strings.Contains(string(stat), ") T ") {
			t.Errorf("it is not stopped: %s: %v", stat, err)
		}
		eventually(t, usable, func() string { return term.screen(t) + settings() })
		term.keys(t, "clear; echo $((6*7))", "Enter")
		term.await(t, match(`(?m)^42$`))
		term.keys(t, "fg", "Enter")
		term.await(t, match(`\d+ namespaces.*● live`))
	}
	term.keys(t, "3")
	term.await(t, contains("WHO IS IN IT"))
	var number int
	if _, err := fmt.Sscan(pid, &number); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(number, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	term.await(t, contains("Killed"))
	eventually(t, usable, func() string { return term.screen(t) + settings() })
}

// A click selects, a double click opens, and y copies through tmux.
func TestMouseAndClipboard(t *testing.T) {
	term := tmux(t, 120, 40, nil, binary(), "--web.listen-address=")
	term.run(t, "set-option", "-s", "set-clipboard", "on")
	term.await(t, match(`\d+ namespaces`))
	// press sends clicks on a cell, all at once: two of them are a double click only if they are quick.
	press := func(times, x, y int) {
		t.Helper()
		keys := []string{"-H"}
		one := fmt.Sprintf("\x1b[<0;%[1]d;%[2]dM\x1b[<0;%[1]d;%[2]dm", x+1, y+1)
		for _, b := range strings.Repeat(one, times) {
			keys = append(keys, fmt.Sprintf("%x", b))
		}
		term.keys(t, keys...)
	}
	click := func(x, y int) { t.Helper(); press(1, x, y) }
	// at returns the cell of a text.
	at := func(words string) (x, y int) {
		t.Helper()
		for y, row := range strings.Split(term.screen(t), "\n") {
			if before, _, found := strings.Cut(row, words); found {
				return len([]rune(before)), y
			}
		}
		t.Fatalf("no %q on\n%s", words, term.screen(t))
		return 0, 0
	}
	click(at("3 Namespaces"))
	term.await(t, contains("WHO IS IN IT"))
	host, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSuffix(strings.TrimPrefix(host, "net:["), "]")
	x, y := at(id)
	click(x, y)
	term.await(t, match(`(?m)^▸ net +`+id))
	term.keys(t, "y")
	term.await(t, contains("copied the number of a net namespace"))
	eventually(t, func() bool {
		out, err := exec.Command("tmux", "-S", term.socket, "show-buffer").Output() // there is none at first
		return err == nil && string(out) == id
	}, func() string { return "tmux has not got it" })
	term.keys(t, "w")
	term.await(t, contains("by hand: lsns -o PID,PPID,USER,COMMAND "+id))
	term.keys(t, "Escape")
	term.await(t, func(screen string) bool { return !strings.Contains(screen, "by hand: lsns") }) // else it may be read as part of the clicks
	press(2, x, y)
	term.await(t, contains("net namespace "+id, "sets apart"))
	click(at("q quit"))
	term.awaitEnd(t, 0)
}
