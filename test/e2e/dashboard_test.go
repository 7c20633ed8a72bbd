//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// startHog runs a container that is killed several times a second, until the end of the test.
func startHog(t *testing.T, name string) {
	t.Helper()
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, "--memory=64m", stressImage,
		"sh", "-c", "stress-ng --vm 1 --vm-bytes 200M --timeout 60s >/dev/null 2>&1")
}

// The kill is reported in one sentence on a screen of any size, which may change at any time.
func TestDashboardShowsKill(t *testing.T) {
	const name = "nsviz-test-screen"
	term := tmux(t, 120, 40, nil, binary(), "--web.listen-address=")
	term.await(t, match(`\d+ namespaces`))
	startHog(t, name)
	const ordinal = `\d+(st|nd|rd|th) kill`
	story := func(screen string) bool {
		return match(name + `: the kernel killed stress-ng-vm \(PID \d+, \d+\.\d MiB\)\. ` + name +
			` had reached its 64 MiB limit when stress-ng-vm asked for more\. ` + ordinal + `; ` + name +
			` lives on, because its PID 1 \(sh, \d+\) was not the victim\.`)(prose(screen))
	}
	row := match(`(?m)^..nsviz-tes\S* +\d+ .* \d+(\.\d)?/64 MiB`) // the name is cut to the width of its column
	for _, size := range []struct {
		w, h int
		head string
	}{
		{120, 40, "mnt pid net ipc uts usr cgr tim"},
		{80, 24, "m p n i u U c t"},
		{120, 40, "mnt pid net ipc uts usr cgr tim"},
	} {
		term.resize(t, size.w, size.h)
		term.await(t, func(screen string) bool { return strings.Contains(screen, size.head) && story(screen) && row(screen) })
	}
	// A screen without room for anything shows what fits, and is complete again when it grows.
	term.resize(t, 20, 5)
	term.await(t, match(`(?m)^nsviz .* \d+ OOM`))
	term.resize(t, 120, 40)
	term.await(t, story)
	term.keys(t, "q")
	term.awaitEnd(t, 0)
}

// Each key in the bottom line does what that line says.
func TestDashboardKeys(t *testing.T) {
	const name = "nsviz-test-keys"
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, "--memory=64m", busyboxImage, "sleep", "1000")
	term := tmux(t, 120, 40, nil, binary(), "--web.listen-address=")
	row := match(`(?m)^..` + name)
	term.await(t, func(screen string) bool { return row(screen) && strings.Contains(screen, "● live") })

	press := func(key string, ok func(string) bool) {
		t.Helper()
		term.keys(t, key)
		term.await(t, ok)
	}
	lacks := func(part string) func(string) bool {
		return func(screen string) bool { return !strings.Contains(screen, part) }
	}
	press("Tab", contains("one kernel under all containers"))
	press("Tab", contains("WHO IS IN IT"))
	press("1", row)
	press("?", contains("Keys here, in Workloads"))
	press("Escape", lacks("Keys here"))
	press("Space", contains("frozen"))
	press("Space", contains("● live"))
	press("/", contains("enter keep"))
	press("nobody's", contains("No container matches “nobody's”"))
	press("Escape", row)
	press("/", contains("enter keep"))
	press("keys", contains("keys▏"))
	press("Enter", contains("only what matches “keys”"))
	press("Enter", contains("Workloads › "+name, "what it is made of: files", "read-only layer")) // the anatomy of the only row
	press("Escape", func(screen string) bool {
		return contains("only what matches “keys”", "CONTAINER  ")(screen) && lacks(" › ")(screen)
	})
	press("Escape", lacks("only what matches"))
	press("Tab", contains("one kernel under all containers"))
	press("BTab", row)
	term.keys(t, "q")
	term.awaitEnd(t, 0)
}

// colour matches an escape sequence that sets a colour, but none that sets the default.
var colour = regexp.MustCompile(`\x1b\[(\d+;)*(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]`)

func TestDashboardColours(t *testing.T) {
	for name, env := range map[string][]string{"coloured": nil, "NO_COLOR": {"NO_COLOR=1"}} {
		t.Run(name, func(t *testing.T) {
			term := tmux(t, 120, 40, env, binary(), "--web.listen-address=")
			term.await(t, match(`\d+ namespaces`))
			if coloured := colour.MatchString(term.styled(t)); coloured != (env == nil) {
				t.Errorf("coloured is %v:\n%q", coloured, term.styled(t))
			}
			term.keys(t, "q")
			term.awaitEnd(t, 0)
		})
	}
}

// The first frame is drawn before the probes are attached.
func TestFirstFrame(t *testing.T) {
	term := tmux(t, 100, 30, nil, "sh", "-c", `read -r _; exec "$0" --web.listen-address=`, binary())
	transcript := filepath.Join(t.TempDir(), "transcript")
	term.run(t, "pipe-pane", "-o", "cat >"+transcript)
	term.keys(t, "Enter")
	term.await(t, match(`\d+ namespaces`))
	term.keys(t, "q")
	term.awaitEnd(t, 0)
	var output []byte
	var frames []string
	eventually(t, func() bool { // what writes the transcript is a process of its own
		var err error
		if output, err = os.ReadFile(transcript); err != nil {
			t.Fatal(err)
		}
		frames = regexp.MustCompile(`is attaching its probes|\d+ namespaces`).FindAllString(string(output), 2)
		return len(frames) == 2
	}, func() string { return fmt.Sprintf("two frames: %q", output) })
	if frames[0] != "is attaching its probes" {
		t.Errorf("reported in this order: %q\n%q", frames, output)
	}
}

// The dashboard also works without metrics.
func TestDashboardWherePortIsInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	term := tmux(t, 80, 24, nil, binary(), "--web.listen-address", address)
	term.await(t, func(screen string) bool {
		return match(`\d+ namespaces`)(screen) && strings.Contains(screen, address+" is in use")
	})
	term.keys(t, "q")
	term.awaitEnd(t, 0)
}

// A library's log line becomes a note above the table, and no line across the screen. net/http logs if an engine answers HEAD
// with a body.
func TestDashboardNotesWhatLibrariesLog(t *testing.T) {
	engine, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	go func() {
		for {
			conn, err := engine.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				defer conn.Close()
				for request := make([]byte, 4096); ; {
					if _, err := conn.Read(request); err != nil {
						return
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK")
				}
			}()
		}
	}()
	term := tmux(t, 160, 40, nil, binary(), "--web.listen-address=", "--docker-host=tcp://"+engine.Addr().String())
	screen := term.await(t, contains("Unsolicited response"))
	for line := range strings.Lines(screen) {
		if strings.Contains(line, "Unsolicited") && !strings.HasPrefix(line, "── ") {
			t.Errorf("over the screen:\n%s", screen)
		}
	}
	term.keys(t, "q")
	if screen := term.awaitEnd(t, 0); strings.Contains(screen, "Unsolicited") {
		t.Errorf("on the screen that was there before:\n%s", screen)
	}
}

// If nsviz may not watch, it says so on the screen that was there before.
func TestDashboardNotRoot(t *testing.T) {
	_, open := openDir(t)
	term := tmux(t, 160, 24, nil, asNobody(open, "--web.listen-address=")...)
	if screen := term.awaitEnd(t, notSupported); !match(`(?m)^nsviz: .*needs root.*sudo nsviz`)(screen) {
		t.Errorf("no word about root:\n%s", screen)
	}
}
