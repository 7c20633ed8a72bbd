package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/server"
	"github.com/nsviz/nsviz/internal/store"
)

// guardedHost serves the facts of the other tests to alice, who has a password, and returns its address and a file with that.
func guardedHost(t *testing.T) (live *store.Live, feed *server.Feed, address, passwordFile string) {
	t.Helper()
	past := store.NewTimeline(1 << 20)
	live = store.NewLiveWithPast(model.DefaultLimits(), past)
	for _, f := range troubledFacts() {
		live.Apply(f, f.Time)
	}
	live.Apply(fact.Fact{Time: sessionStart.Add(2 * time.Minute), Namespaces: &fact.Survey{Namespaces: []fact.Namespace{
		{Type: event.Net, ID: 33, Processes: []int32{80}}, {Type: event.Net, ID: 3, Processes: []int32{1, 2}},
	}}}, sessionStart)
	feed = server.NewFeed()
	address = serveAs(t, server.Config{Snapshot: live.Snapshot, Full: live.Full, Past: past, Feed: feed, WebConfigFile: "../../internal/server/testdata/web-config.yml"})
	passwordFile = filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(passwordFile, []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return live, feed, address, passwordFile
}

// outcomeWith runs nsviz in a process of its own, with variables in its environment.
func outcomeWith(t *testing.T, variables []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), beNsviz+"=yes", "TZ=UTC"), variables...)
	var out, notes bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &notes
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return out.String(), notes.String(), cmd.ProcessState.ExitCode()
}

// All five commands ask another nsviz, by flags, by the environment or by a file of settings.
func TestAskAnother(t *testing.T) {
	_, _, address, passwordFile := guardedHost(t)
	settings := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(settings, []byte("user: alice\npassword-file: "+passwordFile+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	commands := map[string][]string{
		`"status": "`:         {"ps", "--all", "-o", "json"},
		`"id": 33`:            {"ns", "-o", "json"},
		"the host's":          {"ns"},
		"flowchart":           {"ns", "-o", "mermaid"},
		"container_exited":    {"events", "--since", "2026-11-01T12:00:00Z", "-o", "json"},
		`"sentence": "`:       {"why", "stuck", "-o", "json"},
		`"as_of": "2026`:      {"inspect", "stuck", "-o", "json"},
		`"containers": [`:     {"ns", "abandoned", "-o", "json"},
		"mnt\npid\nnet\n  33": {"ns", "--filter", "id=33"},
	}
	for how, with := range map[string]struct{ variables, flags []string }{
		"flags":       {nil, []string{"--from", "http://" + address, "--user", "alice", "--password-file", passwordFile}},
		"environment": {[]string{"NSVIZ_URL=" + address, "NSVIZ_USER=alice", "NSVIZ_PASSWORD=open sesame"}, nil},
		"a file":      {[]string{"NSVIZ_URL=" + address, "NSVIZ_USER=alice", "NSVIZ_PASSWORD_FILE=" + passwordFile}, nil},
		"settings":    {nil, []string{"--from", address, "--config", settings}},
		"a flag before the environment": {
			[]string{"NSVIZ_URL=http://127.0.0.1:1", "NSVIZ_USER=mallory", "NSVIZ_PASSWORD=guess"}, []string{"--from", address, "--user", "alice", "--password-file", passwordFile},
		},
		"the environment before settings": {[]string{"NSVIZ_USER=alice", "NSVIZ_PASSWORD=open sesame"}, []string{"--from", address, "--config", settings}},
	} {
		for want, args := range commands {
			stdout, stderr, code := outcomeWith(t, with.variables, append(args, with.flags...)...)
			if code != exitDone || stderr != "" || !strings.Contains(stdout, want) {
				t.Errorf("%s, by %s: exit code %d, %s%s, want %q", args, how, code, stderr, stdout, want)
			}
		}
	}
	// The shell's completion knows the names that are there.
	flags := []string{"--from", address, "--user", "alice", "--password-file", passwordFile}
	for _, args := range [][]string{{"why"}, {"inspect"}, {"ns"}} {
		args = append(append([]string{"__complete"}, args...), append(flags, "aban")...)
		awaitCompletion(t, func() error {
			if stdout, _, _ := outcomeWith(t, nil, args...); !strings.Contains(stdout, "abandoned") {
				return fmt.Errorf("%s: %s", args, stdout)
			}
			return nil
		})
	}
}

// What is wrong with the way to another nsviz has an exit code that scripts can tell apart, and no password in its sentence.
func TestAskAnotherInVain(t *testing.T) {
	_, _, address, passwordFile := guardedHost(t)
	for _, tt := range []struct {
		variables, args []string
		code            int
		says            string
	}{
		{nil, []string{"ps", "--from", address}, exitNotSupported, "wants a password: give --user"},
		{[]string{"NSVIZ_USER=alice", "NSVIZ_PASSWORD=guess"}, []string{"why", "x", "--from", address}, exitNotSupported, "refuses the password of the user alice"},
		{nil, []string{"events", "--from", "http://alice:guess@" + address}, exitNotSupported, "refuses the password of the user alice"},
		{nil, []string{"ns", "--from", address, "--user", "alice", "--password-file", passwordFile + "-not"}, exitUsage, "read the password"},
		{nil, []string{"ps", "--from", "https://" + address, "--cacert", passwordFile}, exitUsage, "no certificate in PEM form"},
		{nil, []string{"events", "--from", "https://" + address}, exitFailed, "write http://"},
		{nil, []string{"ns", "--from", "ftp://" + address}, exitUsage, "want an address"},
		{[]string{"NSVIZ_URL=http://127.0.0.1:1"}, []string{"inspect", "x"}, exitFailed, "no nsviz is running"},
		{[]string{"NSVIZ_URL=http://127.0.0.1:1"}, []string{"inspect", "x", "--fail-on", "low"}, exitUsage, "--fail-on"},
		{nil, []string{"events", "--from", address, "--recording", "x"}, exitUsage, "exclude each other"},
		{nil, []string{"events", "--recording", troubledRecording(t), "--follow"}, exitUsage, "a recording does not change"},
		{nil, []string{"ns", "nope", "--from", address, "--user", "alice", "--password-file", passwordFile}, exitFailed, "knows those that were there"},
		{nil, []string{"serve", "--log-events", "oom_kil"}, exitUsage, "oom_kill"},
		{nil, []string{"serve", "--log-format", "xml"}, exitUsage, "want text, json, logfmt or journald"},
	} {
		stdout, stderr, code := outcomeWith(t, tt.variables, tt.args...)
		if code != tt.code || !strings.Contains(stderr, tt.says) || stdout != "" || strings.Contains(stderr, "guess") || strings.Contains(stderr, "open sesame") {
			t.Errorf("%q: exit code %d, want %d: %s%s, want %q", tt.args, code, tt.code, stderr, stdout, tt.says)
		}
	}
}

// A recording has namespaces, too.
func TestNamespacesOfARecording(t *testing.T) {
	file := troubledRecording(t)
	stdout, stderr, code := outcomeWith(t, nil, "ns", "-o", "json", "--recording", file)
	var list []report.Namespace
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || code != exitDone || len(list) == 0 {
		t.Errorf("exit code %d, %v: %s%s", code, err, stderr, stdout)
	}
	if stdout, stderr, code := outcomeWith(t, nil, "ns", "-o", "dot", "--from", file); code != exitDone || !strings.Contains(stdout, "abandoned") {
		t.Errorf("exit code %d: %s%s", code, stderr, stdout)
	}
}

// writing is a writer that hands over what it gets.
type writing struct {
	mu    sync.Mutex
	text  strings.Builder
	lines chan string
}

func (w *writing) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.text.Write(p)
	w.mu.Unlock()
	w.lines <- string(p)
	return len(p), nil
}

// nsviz events --from prints what happens there, as --filter says, and ends in good order.
func TestFollowAnother(t *testing.T) {
	live, feed, address, passwordFile := guardedHost(t)
	for _, since := range []string{"", "2026-11-01T12:00:00Z"} {
		out, notes := &writing{lines: make(chan string, 64)}, &writing{lines: make(chan string, 64)}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan int)
		args := []string{"events", "-o", "json", "--from", address, "--user", "alice", "--password-file", passwordFile, "--filter", "type=cgroup_created || type=container_exited"}
		if since != "" {
			args = append(args, "--since", since, "--follow")
		}
		go func() { done <- run(ctx, args, out, notes) }()
		if line := <-notes.lines; !strings.Contains(line, "watching") {
			t.Fatal(line)
		}
		before := 0
		for n := 0; since != "" && n < 5; n++ { // cgroups of four, and an end
			<-out.lines
			before++
		}
		for _, typ := range []event.Type{event.CgroupRemoved, event.CgroupCreated} {
			at := sessionStart.Add(time.Hour)
			f := fact.Fact{Time: at, Event: &event.Event{Time: at, Type: typ, PID: 4711, Comm: "app", Cgroup: &event.Cgroup{Path: "/x" + since}}}
			live.Apply(f, at)
			feed.Put(f)
		}
		for {
			line := <-out.lines
			if strings.Contains(line, "4711") && strings.Contains(line, `"/x`+since+`"`) {
				if !strings.Contains(line, "cgroup_created") {
					t.Errorf("since %q: %s", since, line)
				}
				break
			}
		}
		stop()
		if code := <-done; code != exitDone {
			t.Errorf("since %q: exit code %d: %s", since, code, &notes.text)
		}
	}
}
