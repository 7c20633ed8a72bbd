//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// psOf lists workloads by nsviz ps, by name.
func psOf(t *testing.T, args ...string) map[string]report.Workload {
	t.Helper()
	var list []report.Workload
	nsvizJSON(t, &list, append([]string{"ps", "-o", "json"}, args...)...)
	byName := map[string]report.Workload{}
	for _, w := range list {
		byName[w.Name] = w
	}
	return byName
}

// TestPsAll asks a running nsviz, and somebody who recorded, for what has ended; the engine says the same.
func TestPsAll(t *testing.T) {
	const lives, again, oom, job = "nsviz-test-ps-lives", "nsviz-test-ps-again", "nsviz-test-ps-oom", "nsviz-test-ps-job"
	recording := filepath.Join(t.TempDir(), "recording")
	address := startServe(t)
	recorder := start(t, io.Discard, "record", recording)
	recorder.stderr.await(t, "recording")
	from := "http://" + address

	run(t, lives, busyboxImage, "sh", "-c", waits)
	run(t, again, busyboxImage, "sh", "-c", waits)
	docker(t, "restart", "--time", "0", again)
	for _, name := range []string{oom, job} {
		removeContainer(t, name)
	}
	docker(t, "run", "-d", "--name", oom, "--memory", "16m", busyboxImage, "tail", "/dev/zero")
	docker(t, "run", "--name", job, busyboxImage, "true")

	var all map[string]report.Workload
	eventually(t, func() bool {
		all = psOf(t, "--all", "--from", from)
		return all[oom].State == model.Exited && all[job].State == model.Exited && all[again].Restarts != nil && *all[again].Restarts == 1
	}, func() string { return fmt.Sprintf("it lists %+v", all) })
	for name, want := range map[string]struct {
		state, status string
		restarts      uint64
	}{
		lives: {"running", "Up ", 0}, again: {"running", "Up ", 1},
		oom: {"exited", "Exited (137) ", 0}, job: {"exited", "Exited (0) ", 0},
	} {
		w := all[name]
		if got := docker(t, "inspect", "-f", "{{.Id}} {{.State.Status}}", name); got != w.ID+" "+string(w.State) || string(w.State) != want.state {
			t.Errorf("%s is %s %s, the engine has %s", name, w.ID, w.State, got)
		}
		if !strings.HasPrefix(w.Status, want.status) || w.Restarts == nil || *w.Restarts != want.restarts {
			t.Errorf("%s: %q, %v restarts", name, w.Status, w.Restarts)
		}
	}
	if status := all[oom].Status; !strings.HasSuffix(status, " ago, OOM-killed") {
		t.Errorf("%s: %q", oom, status)
	}

	// Without --all there are the live ones, as a look at the host has them, but for what only who watched knows.
	served, looked := psOf(t, "--from", from), psOf(t)
	for _, name := range []string{lives, again} {
		s, l := served[name], looked[name]
		if s.ID != l.ID || s.PID != l.PID || len(s.Namespaces) != len(l.Namespaces) || l.Restarts != nil {
			t.Errorf("%s: served %+v, looked %+v", name, s, l)
		}
		for typ, m := range s.Namespaces {
			if other := l.Namespaces[typ]; other == nil || other.ID != m.ID || other.Relation != m.Relation || fmt.Sprint(other.SharedWith) != fmt.Sprint(m.SharedWith) {
				t.Errorf("%s: %s served %+v, looked %+v", name, typ, m, other)
			}
		}
	}
	if _, listed := served[oom]; listed {
		t.Error("what has ended is listed without --all")
	}
	ids := strings.Fields(docker(t, "ps", "-aq", "--no-trunc", "--filter", "name="+oom))
	stdout, stderr, code := nsviz(t, "ps", "-q", "--no-trunc", "--from", from, "--filter", "status=exited", "--filter", "name=nsviz-test-ps", "--filter", "oom=true")
	if code != 0 || strings.TrimSpace(stdout) != ids[0] {
		t.Errorf("exit code %d, %q, want %s\n%s", code, stdout, ids[0], stderr)
	}
	stdout, _, _ = nsviz(t, "ps", "-a", "--from", from, "--filter", "name="+job, "--format", `table {{.Name}}\t{{.State}}\t{{.Runtime}}`)
	if want := "NAME               STATE   RUNTIME\n" + job + "  exited  docker\n"; stdout != want {
		t.Errorf("%q, want %q", stdout, want)
	}

	for _, name := range []string{oom, job} {
		awaitRecorded(t, recording, name, "the engine's report", hasEngineReport)
	}
	recorder.stop(t)
	recorded := psOf(t, "--all", "--recording", recording)
	for _, name := range []string{lives, again, oom, job} {
		if r, w := recorded[name], all[name]; r.ID != w.ID || r.State != w.State || r.Restarts == nil || *r.Restarts != *w.Restarts {
			t.Errorf("%s: recorded %+v, served %+v", name, r, w)
		}
	}
}

// In a pipe --watch writes a block each time, and holds nothing from one to the next.
func TestPsWatchInPipe(t *testing.T) {
	const name = "nsviz-test-ps-watched"
	removeContainer(t, name)
	out := newLines()
	p := start(t, out, "ps", "--watch", "200ms", "--filter", "name="+name, "--format", "{{.Name}} is {{.State}}")
	out.await(t, "\n\n") // blocks without a row
	files := func() int {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	run(t, name, busyboxImage, "sh", "-c", waits)
	row := name + " is running\n"
	out.await(t, row+"\n"+row)
	before, blocks := files(), strings.Count(out.String(), "\n\n")
	eventually(t, func() bool {
		return strings.Count(out.String(), row) > 10 && strings.Count(out.String(), "\n\n") > blocks+10
	}, out.String)
	if now := files(); now > before+8 { // some are open during a look
		t.Errorf("%d files are open after ten looks, %d were", now, before)
	}
	docker(t, "rm", "-f", name)
	out.await(t, row+"\n\n\n")
	p.stop(t)
}

// On a terminal of 80 columns --watch draws a table that fits, follows what happens and the terminal's size, and gives it back.
func TestPsWatchOnTerminal(t *testing.T) {
	const name = "nsviz-test-ps-drawn"
	removeContainer(t, name)
	for _, key := range []string{"q", "C-c"} {
		term := tmux(t, 80, 24, nil, binary(), "ps", "--watch", "500ms")
		term.await(t, contains("every 500ms", "q quits", "NAME"))
		run(t, name, busyboxImage, "sh", "-c", waits)
		screen := term.await(t, contains(name, " Up "))
		for line := range strings.Lines(screen) {
			if n := foreign.Width(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%d columns: %s", n, line)
			}
		}
		if !strings.Contains(screen, "NAMESPACES") || strings.Contains(screen, "STARTED") {
			t.Errorf("in 80 columns:\n%s", screen)
		}
		term.resize(t, 250, 24)
		term.await(t, contains("STARTED", "cgroup", name+" "))
		docker(t, "rm", "-f", name)
		term.await(t, func(screen string) bool { return !strings.Contains(screen, name) })
		term.keys(t, key)
		term.awaitEnd(t, 0)
	}
}

// The shell completes names, from a running nsviz as well as from the engine.
func TestCompletionOfContainers(t *testing.T) {
	const name = "nsviz-test-ps-complete"
	run(t, name, busyboxImage, "sh", "-c", waits)
	address := startServe(t)
	for _, args := range [][]string{
		{"inspect", name[:len(name)-3]}, {"inspect", "--from", "http://" + address, name[:len(name)-3]},
		{"why", "--from", "http://" + address, name[:len(name)-3]}, {"ps", "--filter", "name=" + name[:len(name)-3]},
	} {
		var stdout string
		eventually(t, func() bool {
			stdout, _, _ = nsviz(t, append([]string{"__complete"}, args...)...)
			return strings.Contains(stdout, name+"\t") || strings.Contains(stdout, "name="+name)
		}, func() string { return fmt.Sprintf("%v: %q", args, stdout) })
	}
	var w report.Workload
	stdout, _, _ := nsviz(t, "ps", "--filter", "name="+name, "--format", "json")
	if err := json.Unmarshal([]byte(stdout), &w); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	number := fmt.Sprintf("net:%d", w.Namespaces[event.Net].ID)
	eventually(t, func() bool { // a shell does not wait for an answer that is late
		stdout, _, _ = nsviz(t, "__complete", "why", "--from", "http://"+address, number[:len(number)-1])
		return strings.Contains(stdout, number+"\tof ")
	}, func() string { return fmt.Sprintf("no %s in %q", number, stdout) })
}
