//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/nsviz/nsviz/internal/event"
)

// renameSelf is shell code by which the shell takes a name that would clear the screen, ring the bell, begin a new line,
// reverse the rest of a line and end with half a rune.
const (
	renameSelf  = `printf 'x\033[2J\007\n"\\\342\200\256\342\202' >/proc/self/comm; `
	hostileName = "x\x1b[2J\a\n\"\\\u202e\xe2\x82"
	// escapedName is the form in which terminals get it.
	escapedName = `x\x1b[2J\x07\x0a"\\u202e\xe2\x82`
)

// hostileLabel is a container's label of the same kind; nsviz keeps no such label.
const hostileLabel = "hostile=\x1b]0;owned\a\n\x1b[2J"

// A process may take any name. No terminal and no parser may suffer from it.
func TestHostileProcessName(t *testing.T) {
	const name = "nsviz-test-hostile"
	removeContainer(t, name)
	address := freeAddress(t)
	screen := tmux(t, 120, 40, nil, binary(), "--web.listen-address", address)
	screen.await(t, match(`\d+ namespaces`))
	text := newLines()
	textProcess := start(t, text, "events")
	textProcess.stderr.await(t, "watching")
	raw := newLines()
	rawProcess := start(t, raw, "events", "-o", "json")
	rawProcess.stderr.await(t, "watching")
	events := startEvents(t)

	// The string doubles until the kernel kills the process.
	docker(t, "run", "-d", "--name", name, "--label", hostileLabel, "--memory=32m", busyboxImage, "sh", "-c",
		renameSelf+`a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done`)
	events.await(t, 1, of(event.ContainerExited, name))
	kill := events.await(t, 1, of(event.OOMKill, name))[0]

	// JSON cannot hold half a rune: a replacement character stands for it.
	if want := strings.ToValidUTF8(hostileName, "\ufffd"); strings.ReplaceAll(kill.Comm, "\ufffd\ufffd", "\ufffd") != want {
		t.Errorf("the victim is %q, want %q", kill.Comm, want)
	}
	raw.await(t, `"cause":"oom_kill"`)
	for line := range bytes.Lines([]byte(raw.whole())) {
		if !json.Valid(line) || !utf8.Valid(line) {
			t.Errorf("this line is no JSON: %q", line)
		}
	}
	checkHarmless(t, "nsviz events -o json", raw.whole())

	text.await(t, "OOM-killed")
	checkHarmless(t, "nsviz events", text.whole())
	text.await(t, escapedName)

	screen.find(t, name)
	screen.await(t, contains("oom kill", escapedName)) // in the event stream below the containers
	screen.keys(t, "4", "Enter")
	screen.await(t, func(screen string) bool {
		return strings.Contains(prose(screen), name+": the kernel killed "+escapedName)
	})

	_, body := scrape(t, address)
	checkHarmless(t, "the metrics", body)
	checkMetrics(t, address)
	docker(t, "rm", name)
	for _, args := range [][]string{
		{"why", name, "--history"}, {"why", name, "-o", "json"}, {"inspect", name}, {"inspect", name, "-o", "json"},
		{"why", fmt.Sprintf("mnt:%d", events.await(t, 1, of(event.ContainerStarted, name))[0].Start.Namespaces[event.Mnt])},
	} {
		stdout, _, code := nsviz(t, append(args, "--from", "http://"+address)...)
		// The answer is JSON, which cannot hold half a rune.
		whole := strings.TrimSuffix(escapedName, `\xe2\x82`)
		if code != 0 || args[len(args)-1] == name && !strings.Contains(stdout, whole) {
			t.Errorf("nsviz %v: exit code %d, without %s\n%s", args, code, whole, stdout)
		}
		checkHarmless(t, "nsviz "+strings.Join(args, " "), stdout)
	}
	for _, args := range [][]string{{"ps"}, {"ps", "-o", "json"}, {"ns"}, {"ns", "-o", "json"}, {"ns", "-o", "dot"}, {"ns", "-o", "mermaid"}} {
		stdout, _, code := nsviz(t, args...)
		if code != 0 {
			t.Errorf("nsviz %v: exit code %d", args, code)
		}
		checkHarmless(t, "nsviz "+strings.Join(args, " "), stdout)
	}
}

// While a hostile init runs, ps, ns and the dashboard's rows show it.
func TestHostileInit(t *testing.T) {
	const name = "nsviz-test-hostile-init"
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, "--label", hostileLabel, busyboxImage, "sh", "-c", renameSelf+"while :; do sleep 1000; done")
	docker(t, "exec", name, "true")
	for _, args := range [][]string{{"ps"}, {"ps", "-o", "json"}, {"ns"}, {"ns", "-o", "json"}, {"ns", "-o", "dot"}, {"ns", "-o", "mermaid"}, {"inspect", name}, {"inspect", name, "-o", "json"}} {
		stdout, _, code := nsviz(t, args...)
		if code != 0 || !strings.Contains(stdout, name) {
			t.Errorf("nsviz %v: exit code %d, without %s:\n%s", args, code, name, stdout)
		}
		checkHarmless(t, "nsviz "+strings.Join(args, " "), stdout)
	}
	file := t.TempDir() + "/recording"
	recordWhile(t, file, func() { docker(t, "exec", name, "true") })
	checkWhole(t, file)
	p := start(t, io.Discard, "serve", "--web.listen-address", freeAddress(t))
	p.stderr.await(t, "watching")
	checkHarmless(t, "the log of nsviz serve", p.stderr.String())
}

// checkHarmless checks that nothing in an output acts on a reader's terminal.
func checkHarmless(t *testing.T, what, output string) {
	t.Helper()
	if !utf8.ValidString(output) {
		t.Errorf("%s is not UTF-8: %q", what, output)
	}
	for line := range strings.Lines(output) {
		acts := func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }
		if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), acts) {
			t.Errorf("%s has control or format characters: %q", what, line)
		}
	}
}

// What no engine made has its name from whoever made it: the maker's own name, or one of a cgroup that takes any letters.
func TestHostileMakers(t *testing.T) {
	const lxcName = "nsviz-test hostile\x1b[2J\u202e\xe2\x82"
	maker := filepath.Join(t.TempDir(), hostileName)
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Fatal(err)
	}
	copyFile(t, unshare, maker, 0o755)
	root := rootWithBusybox(t)
	lxc := newLXC(t, root, lxcName, "busybox tail /dev/zero; exec busybox sleep 1000")
	var sandbox *exec.Cmd
	t.Cleanup(func() { _ = sandbox.Wait() }) // what is in the cgroup is killed before
	sandbox = exec.Command("sh", "-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, limitedCgroup(t, "nsviz-test-maker", isolatedLimit),
		maker, "--pid", "--fork", "sh", "-c", "tail /dev/zero; exec sleep 1000")

	address := startServe(t)
	text, raw := newLines(), newLines()
	start(t, text, "events").stderr.await(t, "watching")
	start(t, raw, "events", "-o", "json").stderr.await(t, "watching")
	events := startEvents(t)
	if err := sandbox.Start(); err != nil {
		t.Fatal(err)
	}
	must(t, lxc)
	// JSON cannot hold half a rune: a replacement character stands for each byte.
	want := map[string]string{ // beginnings of names, by runtime
		"": strings.ToValidUTF8(hostileName, "\ufffd\ufffd"), "lxc": strings.ToValidUTF8(lxcName, "\ufffd\ufffd"),
	}
	for _, kill := range events.await(t, len(want), func(e *event.Event) bool { return e.Type == event.OOMKill }) {
		c := kill.Container
		if c == nil || want[c.Runtime] == "" || !strings.HasPrefix(c.Name, want[c.Runtime]) {
			t.Errorf("killed in %+v, want %q", c, want)
			continue
		}
		id := c.ID
		if c.Runtime == "lxc" {
			id = lxcName
		}
		stdout, stderr, code := nsviz(t, "why", id, "--from", "http://"+address)
		if code != 0 {
			t.Errorf("why %q: exit code %d\n%s", id, code, stderr)
		}
		checkHarmless(t, "nsviz why", stdout)
	}
	for _, victim := range []string{"tail", "busybox"} {
		raw.await(t, `"comm":"`+victim+`"`)
		text.await(t, "  "+victim+" (")
	}
	checkHarmless(t, "nsviz events -o json", raw.whole())
	checkHarmless(t, "nsviz events", text.whole())
	_, body := scrape(t, address)
	checkHarmless(t, "the metrics", body)
	checkMetrics(t, address)
	for _, args := range [][]string{{"ps"}, {"ps", "-o", "json"}, {"ps", "--kind", "container,sandbox"}} {
		stdout, stderr, code := nsviz(t, append(args, "--from", "http://"+address)...)
		if code != 0 {
			t.Errorf("nsviz %v: exit code %d\n%s", args, code, stderr)
		}
		checkHarmless(t, "nsviz "+strings.Join(args, " "), stdout)
	}
}
