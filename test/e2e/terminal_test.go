//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// terminal is a tmux session with a program in it.
type terminal struct{ socket string }

func tmux(t *testing.T, w, h int, env []string, command ...string) *terminal {
	t.Helper()
	dir, err := os.MkdirTemp("", "nsviz-test-") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{socket: filepath.Join(dir, "tmux")}
	args := []string{"-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(w), "-y", fmt.Sprint(h), "-e", "TERM=xterm-256color"}
	for _, e := range slices.Concat([]string{"DOCKER_HOST=" + os.Getenv("DOCKER_HOST"), "XDG_CONFIG_HOME=" + dir}, env) {
		args = append(args, "-e", e)
	}
	// The shell around it stays, so that the test sees what the program leaves on the terminal.
	args = append(args, "sh", "-c", `"$0" "$@"; echo "exit code $?"; stty -a | grep -o -- '-\?icanon\|-\?echo\b'; cat`)
	term.run(t, append(args, command...)...)
	t.Cleanup(func() {
		_ = exec.Command("tmux", "-S", term.socket, "kill-server").Run()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return term
}

func (term *terminal) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", term.socket}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (term *terminal) screen(t *testing.T) string { return term.run(t, "capture-pane", "-p") }

// styled returns the screen with the escape sequences for its colours and attributes.
func (term *terminal) styled(t *testing.T) string { return term.run(t, "capture-pane", "-p", "-e") }

func (term *terminal) resize(t *testing.T, w, h int) {
	t.Helper()
	term.run(t, "resize-window", "-x", fmt.Sprint(w), "-y", fmt.Sprint(h))
}

func (term *terminal) keys(t *testing.T, keys ...string) {
	t.Helper()
	term.run(t, append([]string{"send-keys"}, keys...)...)
}

// find filters for the rows that contain a text.
func (term *terminal) find(t *testing.T, text string) {
	t.Helper()
	term.keys(t, "/")
	term.await(t, contains("enter keep"))
	term.keys(t, text)
	term.await(t, contains("/"+text))
	term.keys(t, "Enter")
	term.await(t, contains("only what matches “"+text+"”"))
}

// await waits until the screen matches, and returns it.
func (term *terminal) await(t *testing.T, ok func(screen string) bool) string {
	t.Helper()
	var screen string
	eventually(t, func() bool {
		screen = term.screen(t)
		return ok(screen)
	}, func() string { return "the screen is\n" + screen })
	return screen
}

func contains(parts ...string) func(string) bool {
	return func(s string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(s, p) })
	}
}

// match is like contains, with a regular expression.
func match(pattern string) func(string) bool { return regexp.MustCompile(pattern).MatchString }

// prose returns a screen's text without its line breaks, for sentences that may be wrapped anywhere.
func prose(screen string) string { return strings.Join(strings.Fields(screen), " ") }

// pid returns the PID of the running program.
func (term *terminal) pid(t *testing.T) int {
	t.Helper()
	shell := strings.TrimSpace(term.run(t, "display-message", "-p", "#{pane_pid}"))
	children, err := os.ReadFile("/proc/" + shell + "/task/" + shell + "/children")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(children)))
	if err != nil {
		t.Fatalf("the shell's children are %q: %v", children, err)
	}
	return pid
}

// awaitEnd waits until the program has ended. It checks that the terminal is restored: the earlier screen, with a cursor, and
// the line discipline of a shell. It returns that screen.
func (term *terminal) awaitEnd(t *testing.T, code int) string {
	t.Helper()
	screen := term.await(t, match(`(?m)^exit code \d+$[^$]*^-?icanon$[^$]*^-?echo$`))
	if !match(fmt.Sprintf(`(?m)^exit code %d$`, code))(screen) {
		t.Errorf("want exit code %d:\n%s", code, screen)
	}
	if !match(`(?m)^icanon$`)(screen) || !match(`(?m)^echo$`)(screen) {
		t.Errorf("the terminal is left raw:\n%s", screen)
	}
	const state = "screen #{alternate_on} cursor #{cursor_flag} mouse #{mouse_any_flag}"
	if got := strings.TrimSpace(term.run(t, "display-message", "-p", state)); got != "screen 0 cursor 1 mouse 0" {
		t.Errorf("the terminal is left with %s", got)
	}
	return screen
}
