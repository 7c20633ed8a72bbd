//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// listed is the part of a container's `nsviz ps -o json` that the tests check.
type listed struct {
	Name        string
	PID         int32
	PIDsRefused *uint64      `json:"pids_refused"`
	Unheld      *fact.Unheld `json:"unheld"`
	Stuck       *fact.Stuck  `json:"stuck"`
	State       model.ContainerState
	Paused      *fact.Paused
}

// ps finds a container in the list.
func ps(t *testing.T, name string) listed {
	t.Helper()
	var list []listed
	nsvizJSON(t, &list, "ps", "-o", "json")
	i := slices.IndexFunc(list, func(l listed) bool { return l.Name == name })
	if i < 0 {
		t.Fatalf("%s is not among %+v", name, list)
	}
	return list[i]
}

// row returns a container's row in the table of `nsviz ps`.
func row(t *testing.T, name string) string {
	t.Helper()
	stdout, _, _ := nsviz(t, "ps")
	for line := range strings.Lines(stdout) {
		if strings.HasPrefix(line, name+" ") {
			return line
		}
	}
	t.Fatalf("no row of %s in\n%s", name, stdout)
	return ""
}

// trackedHierarchy returns the hierarchy that nsviz follows on this host.
func trackedHierarchy(t *testing.T) cgroupfs.Layout {
	t.Helper()
	host, err := host.Open(host.Roots{})
	if err != nil {
		t.Fatal(err)
	}
	layout, err := host.Cgroups.Layout()
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

// TestMovedOut moves the PID 1 of a container out of its cgroup, so that its limit no longer holds. An nsviz that watched
// reports who did it; one that comes later reports that it is so.
func TestMovedOut(t *testing.T) {
	const name = "nsviz-test-moved"
	layout := trackedHierarchy(t)
	address := startServe(t)
	pid := run(t, name, "--memory=64m", busyboxImage, "sh", "-c", waits)
	awaitWhy := func(what string, is func(*report.ContainerAnswer) bool) report.ContainerAnswer {
		t.Helper()
		var a report.ContainerAnswer
		eventually(t, func() bool {
			var known bool
			a, known = why(t, address, name)
			return known && is(&a)
		}, func() string { return what + ": " + a.Sentence })
		return a
	}
	awaitWhy("it runs", func(a *report.ContainerAnswer) bool { return a.State == model.Running })
	home, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	move := func(to string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(layout.Dir, to, "cgroup.procs"), []byte(fmt.Sprint(pid)), 0); err != nil {
			t.Fatal(err)
		}
	}
	limits := "its memory limit"
	if layout.Version == cgroupfs.V2 {
		limits = "its limits"
	}
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	me := fmt.Sprintf("%s (PID %d, of the host)", strings.TrimSpace(string(comm)), os.Getpid())

	move("/")
	a := awaitWhy("moved out", func(a *report.ContainerAnswer) bool { return a.Unheld != nil && a.Unheld.By != nil })
	for _, part := range []string{"It has not been held by " + limits + " since ", ": PID 1 was moved to / by " + me + "."} {
		if !strings.Contains(a.Sentence, part) {
			t.Errorf("%q is not in %s", part, a.Sentence)
		}
	}
	if a.State != model.Running || a.Unheld.Cgroup != "/" || int(a.Unheld.By.PID) != os.Getpid() || a.Unheld.Since.IsZero() {
		t.Errorf("%+v", a.Unheld)
	}
	if !slices.ContainsFunc(words(&a.Container, a.History), func(line string) bool {
		return strings.HasPrefix(line, me+fmt.Sprintf(" moved its PID 1 (%d) out of its own cgroup, to /", pid))
	}) {
		t.Errorf("its history is\n%s", strings.Join(words(&a.Container, a.History), "\n"))
	}

	// An nsviz that is started later finds it, too.
	if l := ps(t, name); int(l.PID) != pid || l.Unheld == nil || l.Unheld.Cgroup != "/" || !l.Unheld.Since.IsZero() {
		t.Errorf("ps: %+v", l)
	}
	if r := row(t, name); !strings.Contains(r, "not held, in /") {
		t.Errorf("ps: %s", r)
	}
	var taken anatomy.Anatomy
	nsvizJSON(t, &taken, "inspect", name, "-o", "json")
	if f := finding(&taken, "outside_its_cgroup"); f == nil || f.Severity != anatomy.High || len(taken.Processes) == 0 {
		t.Errorf("inspect: %+v, %+v", f, taken.Processes)
	}
	if text, _, code := nsviz(t, "inspect", name, "--fail-on", "high"); code != failed || !strings.Contains(text, "HIGH") || !strings.Contains(text, "not held") {
		t.Errorf("inspect: exit code %d\n%s", code, text)
	}
	if _, stderr, code := nsviz(t, "inspect", fmt.Sprint(pid)); code != 0 {
		t.Errorf("inspect %d: %s", pid, stderr)
	}
	late := startServe(t)
	eventually(t, func() bool {
		a, known := why(t, late, name)
		return known && strings.Contains(a.Sentence, "It is not held by "+limits+": PID 1 is in /, which was so when nsviz looked.")
	}, func() string { return "the nsviz that came later does not say so" })

	gauge := fmt.Sprintf("nsviz_container_outside_cgroup{container=%q}", name)
	for _, address := range []string{address, late} {
		if got := metrics(t, address)[gauge]; got != "1" {
			t.Errorf("%s is %q", gauge, got)
		}
	}
	if strings.Contains(string(home), "/docker/") { // systemd has removed its empty scope
		back, ok := "", false
		for line := range strings.Lines(string(home)) {
			fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
			if fields[0] == fmt.Sprint(layout.HierarchyID) {
				back, ok = fields[2], true
			}
		}
		if !ok {
			t.Fatalf("no cgroup of its own in %s", home)
		}
		move(back)
		awaitWhy("moved back", func(a *report.ContainerAnswer) bool { return a.Unheld == nil })
		eventually(t, func() bool { return metrics(t, late)[gauge] == "0" }, func() string { return gauge + " stays" })
		move("/")
		awaitWhy("moved out again", func(a *report.ContainerAnswer) bool { return a.Unheld != nil })
	}
	docker(t, "kill", name)
	for _, address := range []string{address, late} {
		var a report.ContainerAnswer
		eventually(t, func() bool {
			a, _ = why(t, address, name)
			return a.End != nil && a.End.Exit != nil
		}, func() string { return "its end: " + a.Sentence })
		if a.End.Exit.Signal != 9 || !strings.Contains(a.Sentence, "At its end it was not held by "+limits) && !strings.Contains(a.Sentence, "At its end it had not been held by "+limits) {
			t.Errorf("its end: %+v, %s", a.End.Exit, a.Sentence)
		}
	}
}

// TestProcessesRefused has containers reach their limit of processes: one lives on, one ends at once.
func TestProcessesRefused(t *testing.T) {
	const lives, ends = "nsviz-test-refused", "nsviz-test-refused-ends"
	address := startServe(t)
	const limit = 20 // which leaves room for the threads of the runtime, while it starts the container
	many := strings.Repeat("sleep 1000 & ", limit) + "sleep 1000"
	pidsLimit := fmt.Sprint("--pids-limit=", limit)
	run(t, lives, pidsLimit, busyboxImage, "sh", "-c", `sh -c "`+many+`"; echo ready; exec sleep 1000`)
	removeContainer(t, ends)
	docker(t, "run", "-d", "--name", ends, pidsLimit, busyboxImage, "sh", "-c", many+" & wait")
	counter := func(name string) string { return fmt.Sprintf("nsviz_container_pids_refused_total{container=%q}", name) }

	var a report.ContainerAnswer
	eventually(t, func() bool {
		a, _ = why(t, address, lives)
		return a.PIDsRefused != nil && *a.PIDsRefused == 1
	}, func() string { return fmt.Sprintf("refused: %+v, %s", a.PIDsRefused, a.Sentence) })
	if !strings.HasSuffix(a.Sentence, fmt.Sprintf("The kernel refused it a new process or thread once, since a limit of processes was reached: its own of %d processes, or that of a cgroup above or inside it.", limit)) {
		t.Error(a.Sentence)
	}
	if got := metrics(t, address)[counter(lives)]; got != "1" {
		t.Errorf("%s is %q", counter(lives), got)
	}
	if l := ps(t, lives); l.PIDsRefused == nil || *l.PIDsRefused != 1 {
		t.Errorf("ps: %+v", l)
	}
	if taken := inspect(t, lives); taken.Resources.PIDs.Refused == nil || *taken.Resources.PIDs.Refused != 1 {
		t.Errorf("inspect: %+v", taken.Resources.PIDs)
	}
	if text, _, _ := nsviz(t, "inspect", lives); !strings.Contains(text, fmt.Sprintf("limit %d, refused once", limit)) {
		t.Errorf("inspect:\n%s", text)
	}

	// The other container was gone before anybody could read its count, except the BPF program.
	b := whyEnded(t, address, ends)
	if b.End.Exit.PIDsRefused == nil || *b.End.Exit.PIDsRefused != 1 || b.PIDsRefused == nil || *b.PIDsRefused != 1 ||
		!strings.HasPrefix(b.Sentence, ends+" ended by itself with exit code ") || !strings.Contains(b.Sentence, "The kernel refused it a new process or thread once, since ") {
		t.Errorf("%+v, %s", b.End.Exit, b.Sentence)
	}
	docker(t, "rm", "-f", ends)
	if got := metrics(t, address)[counter(ends)]; got != "1" {
		t.Errorf("%s is %q", counter(ends), got)
	}
}

// TestStuckAtLimit has a container reach its limit with the OOM killer off, which cgroup v1 allows: its processes wait for
// ever. nsviz reports that, and none of its commands waits.
func TestStuckAtLimit(t *testing.T) {
	const name = "nsviz-test-stuck"
	address := startServe(t)
	gauge := fmt.Sprintf("nsviz_container_stuck_at_memory_limit{container=%q}", name)
	if trackedHierarchy(t).Controller == "" {
		// There the engine ignores the option.
		run(t, name, "--memory=32m", busyboxImage, "sh", "-c", waits)
		eventually(t, func() bool {
			a, known := why(t, address, name)
			return known && a.State == model.Running
		}, func() string { return name + " does not run" })
		if got, known := metrics(t, address)[gauge]; known {
			t.Errorf("%s is %q", gauge, got)
		}
		return
	}
	// The program itself writes to a string that doubles. A write by the kernel on its behalf would fail instead of waiting.
	run(t, name, "--memory=32m", "--oom-kill-disable", busyboxImage, "sh", "-c",
		`echo ready; awk 'BEGIN { s = "xxxxxxxx"; while (1) s = s s }' & wait`)
	var a report.ContainerAnswer
	eventually(t, func() bool {
		a, _ = why(t, address, name)
		return a.Stuck != nil && slices.ContainsFunc(a.History, func(m model.Entry) bool { return m.Kind == model.EntryStuck })
	}, func() string { return "stuck: " + a.Sentence })
	if !strings.Contains(a.Sentence, name+" runs. It has been stuck at its limit of 32 MiB since ") || !strings.Contains(a.Sentence, "; the OOM killer is off for it, ") {
		t.Error(a.Sentence)
	}
	if got := metrics(t, address)[gauge]; got != "1" {
		t.Errorf("%s is %q", gauge, got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, command := range [][]string{{"ps"}, {"ps", "-o", "json"}, {"ns"}, {"inspect", name}, {"inspect", name, "-o", "json", "--sizes"}, {"doctor"}} {
		cmd := exec.CommandContext(ctx, binary(), command...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("nsviz %v: %v\n%s", command, err, out)
		}
	}
	if l := ps(t, name); l.Stuck == nil || !strings.HasSuffix(l.Stuck.Cgroup, a.Container.ID) {
		t.Errorf("ps: %+v", l.Stuck)
	}
	if r := row(t, name); !strings.Contains(r, "32 MiB, stuck: the OOM killer is off") {
		t.Errorf("ps: %s", r)
	}
	docker(t, "update", "--memory=256m", "--memory-swap=256m", name)
	eventually(t, func() bool {
		a, _ = why(t, address, name)
		return a.Stuck == nil || strings.Contains(a.Sentence, "256 MiB")
	}, func() string { return "it has room: " + a.Sentence })
	docker(t, "rm", "-f", name)
	eventually(t, func() bool { _, known := metrics(t, address)[gauge]; return !known }, func() string { return gauge + " outlives it" })
}
