//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/story"
)

// why asks the nsviz that serves at an address; it returns false while that does not know the container, or is too busy to answer.
func why(t *testing.T, address, name string) (answer report.ContainerAnswer, known bool) {
	t.Helper()
	stdout, stderr, code := nsviz(t, "why", name, "-o", "json", "--from", "http://"+address)
	if code == failed && (strings.Contains(stderr, "nothing is known of") || strings.Contains(stderr, "has not answered within")) {
		return answer, false
	}
	if code != 0 || stderr != "" {
		t.Fatalf("nsviz why %s: exit code %d\n%s", name, code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &answer); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	return answer, true
}

// whyEnded asks until nsviz has seen the container's end and the engine's report.
func whyEnded(t *testing.T, address, name string) report.ContainerAnswer {
	t.Helper()
	var answer report.ContainerAnswer
	eventually(t, func() bool {
		var known bool
		answer, known = why(t, address, name)
		return known && hasEngineReport(&answer)
	}, func() string { return fmt.Sprintf("the end of %s is %+v", name, answer.End) })
	return answer
}

// run starts a container and returns the host's PID of its program once that reports that it is ready.
func run(t *testing.T, name string, args ...string) (pid int) {
	t.Helper()
	removeContainer(t, name)
	docker(t, append([]string{"run", "-d", "--name", name}, args...)...)
	eventually(t, func() bool {
		out, err := exec.Command("docker", "logs", name).CombinedOutput()
		return err == nil && strings.Contains(string(out), "ready")
	}, func() string { return name + " is not ready" })
	pid, err := strconv.Atoi(docker(t, "inspect", "-f", "{{.State.Pid}}", name))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// waits is a shell script that reports that it is ready and then lives on; as a PID 1 it ignores SIGTERM.
const waits = "echo ready; while :; do sleep 1000; done"

// An end describes who and what ended a container, and the expected answer.
type whyCase struct {
	name string
	// act ends the container of that name and returns the PID of the killer; 0 if that is unknown.
	act func(t *testing.T, name string) (killer int)

	code   int32
	cause  event.Cause
	sender story.Sender
	uid    int64 // of the killer; -1 nobody
	flag   story.Judgement
	kills  bool
	says   string // a regular expression; PID is the killer's
}

// TestWhy ends containers in all ways. It asks a running nsviz about them and, as a user who may not watch the kernel, a
// recording.
func TestWhy(t *testing.T) {
	dir, open := openDir(t)
	recording := filepath.Join(dir, "recording")
	address := startServe(t)
	recorder := start(t, io.Discard, "record", recording)
	recorder.stderr.await(t, "recording")

	cases := []whyCase{
		{
			name: "nsviz-test-why-kill", act: func(t *testing.T, name string) int {
				run(t, name, busyboxImage, "sh", "-c", waits)
				docker(t, "kill", name)
				return 0
			},
			code: 137, cause: event.CauseSignal, sender: story.SenderEngine, uid: 0, flag: story.JudgementRight,
			says: "was ended by its engine: .* sent SIGKILL without asking before, as `docker kill`",
		},
		{
			name: "nsviz-test-why-stop", act: func(t *testing.T, name string) int {
				run(t, name, busyboxImage, "sh", "-c", waits)
				docker(t, "stop", "--time", "1", name)
				return 0
			},
			code: 137, cause: event.CauseSignal, sender: story.SenderEngine, uid: 0, flag: story.JudgementRight,
			says: "sent SIGKILL [0-9]+\\.[0-9] s after SIGTERM, which had not ended it: that is the second step of `docker stop`",
		},
		{
			name: "nsviz-test-why-stop-handler", act: func(t *testing.T, name string) int {
				run(t, name, busyboxImage, "sh", "-c", "trap : TERM; "+strings.Replace(waits, "sleep 1000", "sleep 0.1", 1))
				docker(t, "stop", "--time", "1", name)
				return 0
			},
			code: 137, cause: event.CauseSignal, sender: story.SenderEngine, uid: 0, flag: story.JudgementRight,
			says: "the second step of `docker stop`",
		},
		{
			name: "nsviz-test-why-obeys", act: func(t *testing.T, name string) int {
				run(t, name, busyboxImage, "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done")
				docker(t, "stop", name)
				return 0
			},
			code: 7, cause: event.CauseExited, uid: -1, flag: story.JudgementRight,
			says: "ended by itself with exit code 7\\. .* before, .* had sent it SIGTERM, as `docker stop` does first",
		},
		{
			// Without a pid namespace of its own, nothing protects its first process from its children.
			name: "nsviz-test-why-inside", act: func(t *testing.T, name string) int {
				run(t, name, "--pid=host", "--user", "4321", busyboxImage, "sh", "-c",
					"sh -c 'echo ready; sleep 0.2; kill -KILL $PPID; sleep 1000' & wait")
				return 0
			},
			code: 137, cause: event.CauseSignal, sender: story.SenderInside, uid: 4321, flag: story.JudgementRight,
			says: "was ended by a process of its own: sh \\(PID [0-9]+, uid 4321\\) sent SIGKILL to its PID 1",
		},
		{
			name: "nsviz-test-why-outside", act: func(t *testing.T, name string) int {
				pid := run(t, name, busyboxImage, "sh", "-c", waits)
				cmd := exec.Command("setpriv", "--reuid=12345", "--clear-groups", "--inh-caps=+kill", "--ambient-caps=+kill",
					"sh", "-c", fmt.Sprintf("kill -KILL %d", pid))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				return cmd.Process.Pid
			},
			code: 137, cause: event.CauseSignal, sender: story.SenderHost, uid: 12345, flag: story.JudgementRight,
			says: "was ended by a process of the host: sh \\(PID PID, uid 12345\\) sent SIGKILL",
		},
		{
			name: "nsviz-test-why-neighbour", act: func(t *testing.T, name string) int {
				pid := run(t, name, busyboxImage, "sh", "-c", waits)
				const killer = "nsviz-test-why-killer"
				removeContainer(t, killer)
				docker(t, "run", "--name", killer, "--pid=host", busyboxImage, "kill", "-KILL", strconv.Itoa(pid))
				return 0
			},
			code: 137, cause: event.CauseSignal, sender: story.SenderContainer, uid: 0, flag: story.JudgementRight,
			says: "was ended by a process of another container, nsviz-test-why-killer: kill \\(PID [0-9]+, uid 0\\) sent SIGKILL",
		},
		{
			name: "nsviz-test-why-joined", act: func(t *testing.T, name string) int {
				const first = "nsviz-test-why-first"
				run(t, first, busyboxImage, "sh", "-c", waits)
				run(t, name, "--pid=container:"+first, busyboxImage, "sh", "-c", waits)
				docker(t, "kill", first)
				return 0
			},
			code: 137, cause: event.CauseSignal, uid: -1, flag: story.JudgementRight,
			says: "was ended by SIGKILL: nsviz-test-why-first's PID namespace ended with its first process, sh \\(PID [0-9]+, uid 0\\), " +
				"so the kernel killed everything in it\\.",
		},
		{
			name: "nsviz-test-why-oom", act: func(t *testing.T, name string) int {
				removeContainer(t, name)
				docker(t, "run", "-d", "--name", name, "--memory=32m", busyboxImage, "tail", "/dev/zero")
				return 0
			},
			code: 137, cause: event.CauseOOMKill, uid: -1, kills: true,
			says: "^The kernel's OOM killer ended nsviz-test-why-oom: it killed its PID 1, tail .* had reached its 32 MiB limit .* of 32 MiB were in use",
		},
		{
			name: "nsviz-test-why-child", act: func(t *testing.T, name string) int {
				removeContainer(t, name)
				docker(t, "run", "-d", "--name", name, "--memory=32m", busyboxImage, "sh", "-c", "tail /dev/zero; exit 0")
				return 0
			},
			code: 0, cause: event.CauseExited, uid: -1, kills: true,
			says: "ended by itself with exit code 0\\. While it ran, the kernel's OOM killer killed 1 process in it: tail .* Its exit code shows nothing of that",
		},
		{
			name: "nsviz-test-why-shell", act: func(t *testing.T, name string) int {
				removeContainer(t, name)
				docker(t, "run", "-d", "--name", name, "--memory=32m", busyboxImage, "sh", "-c", "tail /dev/zero; exit $?")
				return 0
			},
			code: 137, cause: event.CauseExited, uid: -1, kills: true,
			says: "ended by itself with exit code 137\\. No signal ended its PID 1 \\(sh, [0-9]+\\)",
		},
		{
			name: "nsviz-test-why-fault", act: func(t *testing.T, name string) int {
				removeContainer(t, name)
				docker(t, "run", "-d", "--name", name, "--pid=host", busyboxImage, "sh", "-c", "kill -ABRT $$")
				return 0
			},
			code: 134, cause: event.CauseSignal, sender: story.SenderInside, uid: 0, flag: story.JudgementRight,
			says: "ended itself: its PID 1, sh \\(PID [0-9]+, uid 0\\) sent SIGABRT, to itself",
		},
	}
	// They are removed when all is done: of a container that is gone the engine reports nothing to the recorder, if that asks late.
	killers := map[string]int{}
	for _, c := range cases {
		killers[c.name] = c.act(t, c.name)
	}
	served := map[string]report.ContainerAnswer{}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answer := whyEnded(t, address, c.name)
			served[c.name] = answer
			c.check(t, answer, killers[c.name])
		})
	}

	const removed = "nsviz-test-why-removed"
	t.Run("removed by the engine", func(t *testing.T) {
		removeContainer(t, removed)
		docker(t, "run", "--rm", "--name", removed, busyboxImage, "true")
		answer := whyEnded(t, address, removed)
		if !strings.HasPrefix(answer.Sentence, removed+" ended by itself with exit code 0.") {
			t.Errorf("it says: %s", answer.Sentence)
		}
	})
	t.Run("it lives", func(t *testing.T) { whyLives(t, address) })
	t.Run("started again", func(t *testing.T) { whyStartedAgain(t, address) })

	for name := range served {
		awaitRecorded(t, recording, name, "the engine's report", hasEngineReport)
	}
	recorder.stop(t)
	if err := os.Chmod(recording, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range served {
		t.Run("recorded/"+name, func(t *testing.T) {
			ask := asNobody(open, "why", name, "-o", "json", "--recording", recording)
			stdout, stderr, code := outcome(t, exec.CommandContext(t.Context(), ask[0], ask[1:]...))
			var got report.ContainerAnswer
			if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
				t.Fatalf("exit code %d, %v\n%s", code, err, stderr)
			}
			if diff := cmp.Diff(timeless(want.End), timeless(got.End)); diff != "" {
				t.Errorf("(-served +recorded):\n%s", diff)
			}
			text := asNobody(open, "why", name, "--recording", recording)
			stdout, _, code = outcome(t, exec.CommandContext(t.Context(), text[0], text[1:]...))
			if code != 0 || !strings.HasPrefix(stdout, got.Sentence+"\n\n") {
				t.Errorf("exit code %d, says %q, want %q", code, stdout, got.Sentence)
			}
		})
	}
	checkRefusals(t, []refusal{
		{"unknown, recorded", []string{open, "why", "nope", "--recording", recording}, nil, failed, []string{recording, "nope"}},
		{"unknown, served", []string{open, "why", "no\x1b[31mpe", "--from", "http://" + address}, nil, failed, []string{address, `no\x1b[31mpe`}},
	})
}

// check compares an answer with what was done and with the engine's own report.
func (c whyCase) check(t *testing.T, a report.ContainerAnswer, killer int) {
	t.Helper()
	t.Log(a.Sentence)
	x := a.End.Exit
	if *x.Code != c.code || x.Cause != c.cause || a.End.Sender != c.sender {
		t.Errorf("code %d, cause %s, sender %q; want %d, %s, %q", *x.Code, x.Cause, a.End.Sender, c.code, c.cause, c.sender)
	}
	switch {
	case c.uid < 0:
		if x.By != nil {
			t.Errorf("done by %+v", x.By)
		}
	case x.By == nil || x.By.UID == nil:
		t.Errorf("done by %+v", x.By)
	case int64(*x.By.UID) != c.uid || killer != 0 && int(x.By.PID) != killer:
		t.Errorf("done by PID %d, uid %d; want %d, %d", x.By.PID, *x.By.UID, killer, c.uid)
	}
	if a.OOMKills == nil || c.kills != (*a.OOMKills > 0) || c.kills != (len(a.Kills) > 0) {
		t.Errorf("%v kills, %d of them reported", a.OOMKills, len(a.Kills))
	}
	if !regexp.MustCompile(strings.ReplaceAll(c.says, "PID PID", fmt.Sprintf("PID %d", killer))).MatchString(a.Sentence) {
		t.Errorf("it says: %s\nwant %s", a.Sentence, c.says)
	}

	docker(t, "wait", c.name)
	inspected := docker(t, "inspect", "-f", "{{.State.ExitCode}} {{.State.OOMKilled}}", c.name)
	e := a.End.Engine
	if e.ExitCode == nil || e.OOMKilled == nil {
		t.Fatalf("of the engine is known %+v, it says %s", e, inspected)
	}
	if said := fmt.Sprintf("%d %t", *e.ExitCode, *e.OOMKilled); said != inspected {
		t.Errorf("of the engine is known %s, it says %s", said, inspected)
	}
	want := c.flag
	switch {
	case c.cause == event.CauseOOMKill && *e.OOMKilled: // whether it is right depends on the engine
		want = story.JudgementRight
	case c.cause == event.CauseOOMKill:
		want = story.JudgementWrong
	case c.kills:
		want = story.JudgementMisleading
	}
	if e.Judgement != want || !strings.Contains(a.Sentence, fmt.Sprintf("OOMKilled=%t, which is %s", *e.OOMKilled, want)) {
		t.Errorf("the engine's flag is called %q, want %q: %s", e.Judgement, want, a.Sentence)
	}
}

// timeless removes the times: the wall-clock times of two nsviz differ by some microseconds.
func timeless(e *report.Ending) report.Ending {
	out := *e
	out.Time, out.Kill = time.Time{}, nil
	if e.Exit != nil {
		exit := *e.Exit
		if exit.EarlierSignal != nil {
			earlier := *exit.EarlierSignal
			earlier.Time = time.Time{}
			exit.EarlierSignal = &earlier
		}
		out.Exit = &exit
	}
	return out
}

// whyLives asks about a live container in which a process was killed.
func whyLives(t *testing.T, address string) {
	const name = "nsviz-test-why-lives"
	run(t, name, "--memory=32m", busyboxImage, "sh", "-c", "tail /dev/zero; "+waits)
	var answer report.ContainerAnswer
	eventually(t, func() bool {
		answer, _ = why(t, address, name)
		return answer.OOMKills != nil && *answer.OOMKills > 0 && len(answer.Kills) > 0 // a reading of the count may come before the event
	}, func() string { return fmt.Sprintf("%+v", answer) })
	if answer.State != model.Running || answer.End != nil || len(answer.Kills) != 1 ||
		!strings.HasPrefix(answer.Sentence, name+" runs. The kernel's OOM killer has killed 1 process in it since it started: tail (PID ") {
		t.Errorf("%+v", answer)
	}
	// By the beginning of its id, and as text.
	stdout, stderr, code := nsviz(t, "why", answer.Container.ID[:12], "--from", "http://"+address)
	if code != 0 || stderr != "" || !strings.HasPrefix(stdout, answer.Sentence+"\n\n") {
		t.Errorf("exit code %d, says %q, %q", code, stdout, stderr)
	}
}

// whyStartedAgain asks about a container that was killed and started again.
func whyStartedAgain(t *testing.T, address string) {
	const name = "nsviz-test-why-again"
	run(t, name, busyboxImage, "sh", "-c", waits)
	docker(t, "kill", name)
	docker(t, "wait", name)
	whyEnded(t, address, name)
	docker(t, "start", name)
	var answer report.ContainerAnswer
	eventually(t, func() bool {
		answer, _ = why(t, address, name)
		return answer.State == model.Running && answer.Previous != nil
	}, func() string { return fmt.Sprintf("%+v", answer) })
	if answer.Previous.Sender != story.SenderEngine || answer.End != nil ||
		!strings.Contains(answer.Sentence, "Of its run before this one: "+name+" was ended by its engine") {
		t.Errorf("%+v", answer)
	}
}

func TestWhyRefuses(t *testing.T) {
	nobody := freeAddress(t)
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	locked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer locked.Close()
	chatty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer chatty.Close()
	dir := t.TempDir()
	ask := func(args ...string) []string { return append([]string{binary(), "why"}, args...) }
	checkRefusals(t, []refusal{
		{"no argument", ask(), nil, badUsage, []string{"wants NAME|ID"}},
		{"two arguments", ask("one", "two"), nil, badUsage, []string{"wants NAME|ID"}},
		{"form", ask("web", "-o", "yaml"), nil, badUsage, []string{"text or json"}},
		{"both sources", ask("web", "--from", "http://"+nobody, "--recording", "file"), nil, badUsage, []string{"--from", "--recording"}},
		{"no address", ask("web", "--from", "nonsense"), nil, badUsage, []string{"--from", "http://"}},
		{"another scheme", ask("web", "--from", "ftp://user:secret@host"), nil, badUsage, []string{"--from", "http://"}},
		{"nobody there", ask("web", "--from", "http://"+nobody), nil, failed, []string{"no nsviz is running at http://" + nobody, "sudo nsviz serve", "--recording"}},
		{"nobody there, and no scheme", ask("web", "--from", nobody), nil, failed, []string{"no nsviz is running at http://" + nobody}},
		{"somebody else", ask("web", "--from", other.URL), nil, failed, []string{other.URL, "no nsviz"}},
		{"somebody chatty", ask("web", "--from", chatty.URL), nil, failed, []string{chatty.URL, "no nsviz"}},
		{"locked", ask("web", "--from", locked.URL), nil, notSupported, []string{locked.URL, "password"}},
		{"no recording", ask("web", "--recording", filepath.Join(dir, "missing")), nil, failed, []string{"missing", "no such file"}},
		{"text as recording", ask("web", "--recording", writeFile(t, dir, "text", []byte("hello\n"))), nil, failed, []string{"not a recording of nsviz"}},
	})
}
