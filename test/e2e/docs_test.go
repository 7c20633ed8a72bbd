//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/test/pages"
)

// elsewhere are the commands of the pages that are not run here, with who runs them, or why nobody can. What they say to nsviz is checked
// with all others (TestCommandsOfTheDocs in cmd/nsviz).
var elsewhere = []struct {
	command *regexp.Regexp
	why     string
}{
	{regexp.MustCompile(`^nsviz( --(columns|sort) \S+)?$`), "the dashboard: TestDashboardKeys and others"},
	{regexp.MustCompile(`^nsviz demo`), "TestDemoOOM, TestDemoStart, TestTour"},
	{regexp.MustCompile(`^nsviz serve`), "TestExportToCollector, TestAskedFromAfar and others"},
	{regexp.MustCompile(`^nsviz record`), "TestReplay"},
	{regexp.MustCompile(`^nsviz replay \S+( --speed 10)?$`), "the dashboard of a recording: TestReplay"},
	{regexp.MustCompile(`^nsviz events( -o json)?( --filter ('[^']*'|\S+))?$`), "goes on until a signal: TestFilters and others"},
	{regexp.MustCompile(`^nsviz events --from`), "goes on until a signal: TestAskedFromAfar"},
	{regexp.MustCompile(`^nsviz ps --watch`), "TestPsWatchInPipe"},
	{regexp.MustCompile(`^curl -sN -m 1 `), "has a second, which may be too little here: internal/server runs all commands of docs/API.md"},
	{regexp.MustCompile(`^make( demo)?$`), "builds, which no test does as root: test/make and CI do, and TestDemoOOM runs the demo"},
	{regexp.MustCompile(`^(docker load|docker run -d --name nsviz )`), "TestImage"},
	{regexp.MustCompile(`^docker exec nsviz /nsviz`), "what nsviz answers there is in TestImage"},
	{regexp.MustCompile(`^(dpkg|systemctl)`), "TestInstalledPackage"},
	{regexp.MustCompile(`^journalctl`), "wants the journal of a system: TestAskedFromAfar"},
	{regexp.MustCompile(`^rpm`), "there is no system with rpm; deploy/packages asks rpm itself about the package"},
	{regexp.MustCompile(`^go install`), "downloads; deploy/packages tests what the version is then"},
	{regexp.MustCompile(`^(helm|kubectl)`), "there is no cluster; deploy/kubernetes renders the chart"},
	{regexp.MustCompile(`^(NSVIZ_IMAGE=\S+ docker compose|docker run -d --name grafana)`), "downloads images; deploy/check reads the compose file"},
	{regexp.MustCompile(`^prometheus`), "deploy has promtool check the file"},
}

// standIn is what a page writes for something of the reader's, and what that is here.
type standIn struct {
	written *regexp.Regexp
	here    string
}

// word matches a word of a command, also one within a quoted expression.
func word(text string) *regexp.Regexp {
	return regexp.MustCompile(`(?:^|\B|\b)` + regexp.QuoteMeta(text) + `\b`)
}

// standIns returns what takes the place of the names and times of the pages.
func standIns(hog, id, pid, kill, namespace string, killed time.Time) []standIn {
	return []standIn{
		{word("https://node7:10064"), "http://127.0.0.1:10064"},
		{regexp.MustCompile(`~/\.nsviz-password`), "secret"},
		{word("--password-file FILE"), "--password-file secret"},
		{word("status=exited"), "status=running"},
		{regexp.MustCompile(`\b(shop/cart/hog|shop/cart-7d9f|shop/worker|cron\.service|NAME)\b|\bhog\b`), hog},
		{regexp.MustCompile(`([ =(~])web\b`), "${1}" + hog},
		{word("7edab7c9fba3"), id},
		{word("4242"), pid},
		{word("2251"), pid},
		{word("kill:9f2c4e1ab37d0f55"), kill},
		{word("net:4026532184"), namespace},
		{word("14:03:10"), killed.Format(time.RFC3339Nano)},
		{word("2026-03-01T12:00:00Z"), killed.Add(-time.Minute).UTC().Format(time.RFC3339)},
		{word("cgroup:/system.slice"), "cgroup:/docker"},
		{word("alpine"), busyboxImage},
		{word("--report FILE"), "--report report.json"},
		{regexp.MustCompile(`\bFILE\b`), "night.nsviz"},
	}
}

// TestCommandsOfTheDocs runs what the pages tell their readers to run, beside an nsviz that runs as they say, and on a recording: each
// command ends with 0 and answers. A command that cannot be run here is in the list above.
func TestCommandsOfTheDocs(t *testing.T) {
	dir, top := t.TempDir(), filepath.Join("..", "..")
	programs := filepath.Join(dir, "bin")
	for _, err := range []error{
		os.Mkdir(programs, 0o700), os.Symlink(binary(), filepath.Join(programs, "nsviz")),
		os.WriteFile(filepath.Join(dir, "secret"), []byte("secret"), 0o600),
		os.WriteFile(filepath.Join(programs, "sudo"), []byte("#!/bin/sh\nexec \"$@\"\n"), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	// What is tested is what is installed: nothing builds as root.
	if err := os.Chtimes(binary(), time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	const hog = "nsviz-test-docs-hog"
	removeContainer(t, hog)
	server := start(t, io.Discard, "serve")
	server.stderr.await(t, "watching")
	night := filepath.Join(dir, "night.nsviz")
	recording := start(t, io.Discard, "record", night)
	recording.stderr.await(t, "recording")
	events := startEvents(t)
	id := docker(t, "run", "-d", "--name", hog, "--memory=32m", "--stop-signal=KILL", busyboxImage, "sh", "-c", "tail /dev/zero; exec sleep 1000")
	killed := events.await(t, 1, of(event.OOMKill, hog))[0].Time
	var kills []event.Event
	eventually(t, func() bool {
		answer, _ := why(t, "127.0.0.1:10064", hog)
		kills = answer.Kills
		return len(kills) > 0
	}, func() string { return "the server knows no kill" })
	pid := docker(t, "inspect", "--format", "{{.State.Pid}}", hog)
	namespace, err := os.Readlink("/proc/" + pid + "/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	awaitRecorded(t, night, hog, "the kill", hasKill)
	recording.stop(t)

	found, err := pages.All(top)
	if err != nil {
		t.Fatal(err)
	}
	var commands, last []pages.Command
	seen, used := map[string]bool{}, map[int]bool{}
	for _, page := range found {
		blocks, err := pages.Blocks(top, page)
		if err != nil {
			t.Error(err)
		}
		for _, c := range blocks {
			c.Text = regexp.MustCompile(`(^| )bin/nsviz`).ReplaceAllString(c.Text, "${1}nsviz")
			if seen[c.Text] {
				continue
			}
			seen[c.Text] = true
			if strings.HasPrefix(c.Text, "docker stop") {
				last = append(last, c)
			} else {
				commands = append(commands, c)
			}
		}
	}
	ran := map[string]bool{}
	here := standIns(hog, id[:12], pid, kills[0].OOM.ID, namespace, killed.Add(time.Millisecond))
	for _, c := range append(commands, last...) {
		command := strings.TrimPrefix(c.Text, "sudo ")
		listed := false
		for i, e := range elsewhere {
			if e.command.MatchString(command) {
				used[i], listed = true, true
			}
		}
		for _, s := range here {
			command = s.written.ReplaceAllString(command, s.here)
		}
		if !listed && !ran[command] { // pages that differ in the name of a container have the same command here
			ran[command] = true
			t.Run(c.String(), func(t *testing.T) { runHere(t, dir, command) })
		}
	}
	tests := declaredTests(t)
	for i, e := range elsewhere {
		if !used[i] {
			t.Errorf("no page has a command like %s any more", e.command)
		}
		for _, name := range regexp.MustCompile(`Test\w+`).FindAllString(e.why, -1) {
			if !tests[name] {
				t.Errorf("there is no test %s, which is said to run commands like %s", name, e.command)
			}
		}
	}
}

// declaredTests returns the names of the tests of this package, also of those for other systems.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(source, -1) {
			declared[string(match[1])] = true
		}
	}
	return declared
}

// runHere runs a command of a page, in which what is here has taken the place of what a page says of the reader's own.
func runHere(t *testing.T, dir, command string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-eo", "pipefail", "-c", command)
	cmd.Dir = dir
	if strings.Contains(command, "make ") {
		cmd.Dir = filepath.Join("..", "..")
	}
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "DESTDIR="+filepath.Join(dir, "installed"))
	out, err := cmd.CombinedOutput()
	// What is written to a file is the answer, too.
	if file := regexp.MustCompile(`(?:> |-o |--report )(\S+\.\w+|/dev/null)`).FindStringSubmatch(command); err == nil && file != nil {
		out, err = fmt.Append(out, file[1]), nil
		if file[1] != os.DevNull {
			out, err = os.ReadFile(filepath.Join(dir, file[1]))
		}
	}
	if err != nil || len(out) == 0 {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
}
