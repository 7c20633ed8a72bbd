//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/story"
)

// TestHistory has a container go through all events of a history. When it is gone, the test asks about it, as nobody, a running
// nsviz and a recording.
func TestHistory(t *testing.T) {
	const name, side = "nsviz-test-history", "nsviz-test-history-side"
	dir, open := openDir(t)
	recording := filepath.Join(dir, "recording")
	address := startServe(t)
	from := "http://" + address
	recorder := start(t, io.Discard, "record", recording)
	recorder.stderr.await(t, "recording")
	began := engineTime(t)

	// awaits waits until an entry is as wanted.
	awaits := func(what string, is func(*model.Entry) bool) {
		t.Helper()
		var a report.ContainerAnswer
		eventually(t, func() bool {
			a, _ = why(t, address, name)
			return slices.ContainsFunc(a.History, func(m model.Entry) bool { return is(&m) })
		}, func() string { return what + " is not in\n" + strings.Join(words(&a.Container, a.History), "\n") })
	}
	// bothAwait is awaits for the recorder, too. A write has no time of its own, only that at which an nsviz learns of it: for what
	// comes next to stand behind it, both must have learned of it.
	bothAwait := func(what string, is func(*model.Entry) bool) {
		t.Helper()
		awaits(what, is)
		awaitRecorded(t, recording, name, what, func(a *report.ContainerAnswer) bool {
			return slices.ContainsFunc(a.History, func(m model.Entry) bool { return is(&m) })
		})
	}
	changed := func(r fact.Resource) func(*model.Entry) bool {
		return func(m *model.Entry) bool {
			return m.Kind == model.EntryLimitsChanged &&
				slices.ContainsFunc(m.Limits, func(l model.LimitChange) bool { return l.Resource == r })
		}
	}
	visited := func(pid int) func(*model.Entry) bool {
		return func(m *model.Entry) bool {
			return m.Kind == model.EntryKind(event.NamespaceJoined) && m.By != nil && int(m.By.PID) == pid
		}
	}

	pid := run(t, name, "--memory=64m", "--cpus=0.5", "--pids-limit=50", busyboxImage, "sh", "-c", waits)
	id := docker(t, "inspect", "-f", "{{.Id}}", name)
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		t.Fatal(err)
	}
	bothAwait("a reading of the limits", func(m *model.Entry) bool { return m.Kind == model.EntryLimits })
	removeContainer(t, side)
	docker(t, "run", "-d", "--name", side, "--network=container:"+name, busyboxImage, "sleep", "1000")
	docker(t, "exec", name, "true")
	docker(t, "exec", name, "true")
	awaits("two visits by docker exec", func(m *model.Entry) bool {
		return m.Kind == model.EntryKind(event.ContainerEntered) && m.Count == 2 && m.Entered.CommandLine == "true"
	})
	docker(t, "update", "--memory=96m", "--memory-swap=96m", name)
	awaits("a change of the memory's limit", changed(fact.ResourceMemory))
	if err := os.WriteFile(fileOfCgroup(t, pid, "pids", "pids.max"), []byte("60"), 0); err != nil {
		t.Fatal(err)
	}
	bothAwait("a change of the processes' limit", changed(fact.ResourcePIDs))
	_ = exec.Command("docker", "exec", name, "tail", "/dev/zero").Run() // it is killed
	awaits("the kill", func(m *model.Entry) bool { return m.Kind == model.EntryKind(event.OOMKill) })
	// On v1 this limit covers memory and swap together, and the engine has set it to 96 MiB. Not every kernel has one.
	swapped := false
	for file, limit := range map[string]int{"memory.swap.max": 32 << 20, "memory.memsw.limit_in_bytes": 128 << 20} {
		file := fileOfCgroup(t, pid, "memory", file)
		if _, err := os.Stat(file); err != nil {
			continue
		}
		if err := os.WriteFile(file, []byte(fmt.Sprint(limit)), 0); err != nil {
			t.Fatal(err)
		}
		bothAwait("a change of the swap's limit", func(m *model.Entry) bool {
			return m.Kind == model.EntryLimitsChanged && slices.ContainsFunc(m.Limits, func(l model.LimitChange) bool {
				return l.Resource == fact.ResourceSwap && l.To.Value != nil && *l.To.Value == 32<<20
			})
		})
		swapped = true
	}
	enter := exec.Command("nsenter", "--net", "--target", fmt.Sprint(pid), "true")
	if out, err := enter.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	awaits("the visit by nsenter", visited(enter.Process.Pid))
	docker(t, "stop", "--time", "1", name)
	docker(t, "rm", name)
	docker(t, "rm", "-f", side)
	awaits("its removal", func(m *model.Entry) bool { return m.Action == fact.ActionRemove })
	awaits("the engine's word", func(m *model.Entry) bool { return m.Kind == model.EntryEngineReport })
	awaits("the removal of its cgroup", func(m *model.Entry) bool { return m.Kind == model.EntryKind(event.CgroupRemoved) })

	if err := os.Chmod(recording, 0o644); err != nil {
		t.Fatal(err)
	}
	// If the end of namespaces is not hooked, each nsviz finds it at its own pace.
	for _, flags := range [][]string{{"--from", from}, {"--recording", recording}} {
		var a report.NamespaceAnswer
		eventually(t, func() bool {
			stdout, _, _ := nsviz(t, append([]string{"why", link, "-o", "json"}, flags...)...) // a recording in progress is cut short
			return json.Unmarshal([]byte(stdout), &a) == nil && !a.Freed.IsZero()
		}, func() string { return fmt.Sprintf("%s is not freed: %+v", link, a) })
	}
	recorder.stop(t)

	served, recorded := report.Known{}, report.Known{}
	nsvizJSON(t, &served, "inspect", name, "-o", "json", "--from", from)
	asks(t, &recorded, asNobody(open, "inspect", name, "-o", "json", "--from", recording)...)
	for source, k := range map[string]*report.Known{"served": &served, "recorded": &recorded} {
		t.Run(source, func(t *testing.T) {
			t.Log(strings.Join(words(&k.Container, k.History), "\n"))
			if k.Container.ID != id || k.PID != int32(pid) || k.State != model.Exited || k.OOMKills == nil || *k.OOMKills != 1 || k.End == nil || k.End.Sender != story.SenderEngine {
				t.Errorf("%+v", k)
			}
			swapWords := ""
			if swapped {
				swapWords = fmt.Sprintf("\\(PID %d, of the host\\) changed its swap limit from 0 B to 32 MiB", os.Getpid())
			}
			inOrder(t, k, []string{
				"made its cgroup /docker/" + id[:12],
				"made mnt, .*namespaces by (unshare|clone)",
				"its own program started \\(sh, " + fmt.Sprint(pid) + "\\)",
				"the first reading of its limits found 64 MiB of memory, (64 MiB of swap, )?0.5 CPUs and 50 processes",
				"in " + side + "\\) joined its net namespace",
				"ran `true` in it \\(uid 0\\), as `docker exec` does, 2 times",
				// The runtime, or systemd for it; it may have ended before it could be asked for its name.
				"(" + authorOfTheHost + " changed|a reading found) its memory limit .*from 64 MiB to 96 MiB",
				fmt.Sprintf("\\(PID %d, of the host\\) changed its limit of processes from 50 processes to 60 processes", os.Getpid()),
				"ran `tail /dev/zero` in it \\(PID .*, uid 0\\), as `docker exec` does",
				"the kernel's OOM killer killed tail \\(PID .*\\), called tail /dev/zero\\. " + name + " had reached its 96 MiB limit",
				swapWords,
				"nsenter \\(PID " + fmt.Sprint(enter.Process.Pid) + ", uid 0, of the host\\) joined its net namespace",
				"its PID 1 was ended by SIGKILL from .*, exit code 137; .* before, .* had sent it SIGTERM",
				"removed its cgroup",
			})
			checkEngineLog(t, k, began)
			if net := k.Namespaces[event.Net]; fmt.Sprintf("net:[%d]", net.ID) != link || net.Creator == nil || net.Freed.IsZero() ||
				!slices.Equal(net.SharedWith, []string{side}) || *net.SharedWithHost {
				t.Errorf("its net namespace is %+v", net)
			}
		})
	}
	if diff := cmp.Diff(agreed(&served), agreed(&recorded)); diff != "" {
		t.Errorf("they do not agree (-served +recorded):\n%s", diff)
	}
	t.Run("why", func(t *testing.T) { checkWhyHistory(t, name, served.Sentence, served.History, from, recording) })
	t.Run("namespace", func(t *testing.T) { checkNamespaceHistory(t, link, name, side, enter.Process.Pid, from, recording) })

	stdout, stderr, code := nsviz(t, "inspect", name)
	if said := sentence(t, stderr); code != failed || stdout != "" || !strings.Contains(said, "nsviz inspect "+name+" --from http://") || !strings.Contains(said, "--recording") {
		t.Errorf("exit code %d, says %s", code, stderr)
	}
}

// authorOfTheHost matches a process of the host that wrote to a cgroup's file, or those one of which did. fanotify gives the number of
// the writer; its name is read from /proc, and one that has ended by then has none.
const authorOfTheHost = `(\(PID \d+(, uid \d+)?, of the host\)|a process( \(PID \d+\))? that had ended)`

// fileOfCgroup returns a file of a process's cgroup, in the hierarchy that has a controller.
func fileOfCgroup(t *testing.T, pid int, controller, file string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	unified := ""
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if slices.Contains(strings.Split(fields[1], ","), controller) {
			return filepath.Join("/sys/fs/cgroup", controller, fields[2], file)
		}
		if fields[1] == "" {
			unified = filepath.Join("/sys/fs/cgroup", fields[2], file)
		}
	}
	return unified
}

// engineTime returns the engine's clock.
func engineTime(t *testing.T) time.Time {
	t.Helper()
	now, err := time.Parse(time.RFC3339Nano, docker(t, "info", "-f", "{{.SystemTime}}"))
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// asks runs a command and decodes its output.
func asks(t *testing.T, into any, command ...string) {
	t.Helper()
	stdout, stderr, code := outcome(t, exec.CommandContext(t.Context(), command[0], command[1:]...))
	if err := json.Unmarshal([]byte(stdout), into); err != nil || code != 0 {
		t.Fatalf("%q: exit code %d, %v\n%s%s", command, code, err, stdout, stderr)
	}
}

// words describes entries as the commands do.
func words(of *event.Container, history []model.Entry) []string {
	c := &model.Container{ID: of.ID, Label: of.Label(), Runtime: of.Runtime}
	if of.Parent != nil {
		c.Parent = of.Parent.ID
	}
	list := make([]string, len(history))
	for i := range history {
		list[i] = story.Entry(&history[i], c).String()
	}
	return list
}

// inOrder checks that matches of regular expressions follow each other, at times that do not run back.
func inOrder(t *testing.T, k *report.Known, steps []string) {
	t.Helper()
	list := words(&k.Container, k.History)
	next := 0
	for _, step := range steps {
		i := slices.IndexFunc(list[next:], regexp.MustCompile(step).MatchString)
		if i < 0 {
			t.Errorf("after moment %d there is none of %s", next, step)
			continue
		}
		next += i // one reading may find both changes
	}
	if !slices.IsSortedFunc(k.History, func(a, b model.Entry) int { return a.Time.Compare(b.Time) }) {
		t.Error("the moments are not in the order of their time")
	}
}

// checkEngineLog compares the engine's events with the engine's own log: how often each occurs, and the order of their first
// occurrences.
func checkEngineLog(t *testing.T, k *report.Known, began time.Time) {
	t.Helper()
	log := docker(t, "events", "--since", began.Format(time.RFC3339Nano), "--until", engineTime(t).Format(time.RFC3339Nano),
		"--filter", "container="+k.Container.ID, "--format", "{{.Action}}")
	var order, logged []string
	counts, want := map[string]uint64{}, map[string]uint64{}
	for i := range k.History {
		m := &k.History[i]
		action := string(m.Action)
		if m.Kind == model.EntryKind(event.ContainerEntered) { // the engine's event of it is a part of that
			action = string(fact.ActionExec)
		}
		if action != "" {
			if counts[action] == 0 {
				order = append(order, action)
			}
			counts[action] += m.Times()
		}
	}
	for line := range strings.Lines(log) {
		action, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch action {
		case "create", "attach", "exec_create", "exec_die": // before its cgroup was made, or not an action of the engine
			continue
		}
		if want[action] == 0 {
			logged = append(logged, action)
		}
		want[action]++
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("the engine's log says (-logged +reported):\n%s", diff)
	}
	if diff := cmp.Diff(logged, order); diff != "" {
		t.Errorf("in the engine's log the order is (-logged +reported):\n%s", diff)
	}
}

var instants = regexp.MustCompile(`[0-9:.]+ (ms|s)\b|(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d+( UTC)?`)

// agreement holds what two nsviz must agree on. The times of their readings and surveys, and of the engine's answers, may
// differ. While a runtime writes one file after the other, one of them may also read a limit that is on its way to another one.
type agreement struct {
	Sentence          string
	Kernel            []string
	Engine            map[string]uint64
	Limits            map[fact.Resource]string
	Now               fact.CgroupLimits
	Namespaces        map[event.NamespaceType]report.KnownNamespace
	End               report.Ending
	Unknown           []string
	PID               int32
	Comm, Cgroup      string
	State             model.ContainerState
	OOMKills          *uint64
	Created, Finished bool
}

func agreed(k *report.Known) agreement {
	a := agreement{
		Sentence: instants.ReplaceAllString(k.Sentence, ""), Now: *k.Limits, Engine: map[string]uint64{}, Limits: map[fact.Resource]string{}, Namespaces: map[event.NamespaceType]report.KnownNamespace{},
		End: timeless(k.End), Unknown: k.Unknown, PID: k.PID, Comm: k.Comm, Cgroup: k.Cgroup, State: k.State, OOMKills: k.OOMKills,
		Created: !k.Created.IsZero(), Finished: !k.End.Time.IsZero(),
	}
	for typ, n := range k.Namespaces {
		n.Created, n.Freed = time.Time{}, time.Time{}
		a.Namespaces[typ] = n
	}
	list := words(&k.Container, k.History)
	for i := range k.History {
		m := &k.History[i]
		reported := instants.ReplaceAllString(list[i], "")
		switch m.Kind {
		case model.EntryEngineEvent:
			a.Engine[string(m.Action)] += m.Times()
		case model.EntryEngineReport:
			a.Engine[reported]++
		case model.EntryLimits, model.EntryLimitsChanged:
			for _, l := range m.Limits {
				first, _, known := strings.Cut(a.Limits[l.Resource], " to ")
				switch {
				case known:
				case l.From != nil:
					first = story.LimitWords(l.Resource, *l.From)
				default:
					first = "?"
				}
				a.Limits[l.Resource] = first + " to " + story.LimitWords(l.Resource, l.To)
			}
		default:
			a.Kernel = append(a.Kernel, reported)
		}
	}
	return a
}

// checkWhyHistory checks the history below the sentence, and that both sources agree.
func checkWhyHistory(t *testing.T, name, sentence string, history []model.Entry, from, recording string) {
	for _, flags := range [][]string{{"--from", from}, {"--recording", recording}} {
		brief, _, code := nsviz(t, append([]string{"why", name}, flags...)...)
		if code != 0 || !strings.HasPrefix(instants.ReplaceAllString(brief, ""), instants.ReplaceAllString(sentence, "")+"\n\n") {
			t.Errorf("exit code %d\n%s", code, brief)
		}
		for _, says := range []string{"to 96 MiB", "to 60 processes", "killed tail", "nsenter", "SIGKILL", "docker reported: destroy", "things more: --history shows them"} {
			if !strings.Contains(brief, says) {
				t.Errorf("%v: nothing of %q in\n%s", flags, says, brief)
			}
		}
		if strings.Contains(brief, "made its cgroup") || strings.Count(brief, "\n") > 16 {
			t.Errorf("that is not short:\n%s", brief)
		}
		whole, _, code := nsviz(t, append([]string{"why", name, "--history"}, flags...)...)
		if code != 0 || strings.Count(whole, "\n") < len(history) || !strings.Contains(whole, "made its cgroup") || strings.Contains(whole, "--history") {
			t.Errorf("exit code %d\n%s", code, whole)
		}
		text, _, code := nsviz(t, append([]string{"inspect", name}, flags...)...)
		for _, says := range []string{"exited\n", "What it saw\n", "limit 96 MiB", "made its cgroup", "What is unknown\n", "shared with nsviz-test-history-side"} {
			if code != 0 || !strings.Contains(text, says) {
				t.Errorf("exit code %d, nothing of %q in\n%s", code, says, text)
			}
		}
	}
}

// checkNamespaceHistory checks the history of the net namespace of name, in which side was, too.
func checkNamespaceHistory(t *testing.T, link, name, side string, visitor int, from, recording string) {
	for _, flags := range [][]string{{"--from", from}, {"--from", recording}} {
		var a report.NamespaceAnswer
		nsvizJSON(t, &a, append([]string{"why", link, "-o", "json"}, flags...)...)
		if a.Created.IsZero() || a.Creator == nil || a.Owner == 0 || a.Freed.IsZero() || a.FreedVia == "" {
			t.Errorf("%+v", a)
		}
		text, stderr, code := nsviz(t, append([]string{"why", strings.NewReplacer("[", "", "]", "").Replace(link)}, flags...)...)
		if code != 0 || stderr != "" || !strings.HasPrefix(instants.ReplaceAllString(text, ""), instants.ReplaceAllString(a.Sentence, "")+"\n\n") {
			t.Errorf("exit code %d\n%s%s", code, text, stderr)
		}
		steps := []string{
			"made it by", name + " started in it", side + " started in it", fmt.Sprintf("nsenter (PID %d, uid 0, of the host) joined it", visitor),
			name + ", which was in it, ended", side + ", which was in it, ended",
		}
		rest := text
		for _, step := range steps {
			_, after, found := strings.Cut(rest, step)
			if !found {
				t.Errorf("nothing of %q, or not in its place:\n%s", step, text)
				continue
			}
			rest = after
		}
		if !strings.Contains(rest, "freed it") && !strings.Contains(rest, "found gone") {
			t.Errorf("how it ended is not reported:\n%s", text)
		}
	}
	checkRefusals(t, []refusal{
		{"unknown namespace", []string{binary(), "why", "uts:[1]", "--from", from}, nil, failed, []string{"nothing is known of a namespace uts:[1]", from}},
		{"unknown namespace, recorded", []string{binary(), "why", "uts:1", "--from", recording}, nil, failed, []string{recording, "uts:[1]"}},
		{"unknown container", []string{binary(), "inspect", "no\x1bpe", "--from", from}, nil, failed, []string{`no\x1bpe`, from}},
		{"unknown container, recorded", []string{binary(), "inspect", "nope", "--recording", recording}, nil, failed, []string{recording, "nope"}},
		{"findings of the dead", []string{binary(), "inspect", name, "--from", from, "--fail-on", "high"}, nil, badUsage, []string{"--fail-on"}},
		{"both sources", []string{binary(), "inspect", name, "--from", from, "--recording", recording}, nil, badUsage, []string{"--from", "--recording"}},
		{"no address", []string{binary(), "inspect", name, "--from", "nowhere"}, nil, badUsage, []string{"--from", "http://"}},
	})
}
