//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	sys "golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
)

// tracer is bpftrace, which reads the same times from the kernel's clock with its own programs.
type tracer struct {
	mu    sync.Mutex
	lines []string // "unshare 123 45678": event, process, CLOCK_MONOTONIC in ns
}

const tracerScript = `BEGIN { printf("ready\n") }
tracepoint:syscalls:sys_exit_unshare /args->ret == 0/ { printf("unshare %d %lld\n", pid, nsecs) }
tracepoint:syscalls:sys_exit_pivot_root /args->ret == 0/ { printf("pivot_root %d %lld\n", pid, nsecs) }
tracepoint:syscalls:sys_exit_setns /args->ret == 0/ { printf("setns %d %lld\n", pid, nsecs) }
tracepoint:sched:sched_process_exec { printf("exec %d %lld\n", pid, nsecs) }`

// startTracer returns once bpftrace watches. It needs tracefs, which is mounted in a mount namespace of its own.
func startTracer(t *testing.T) *tracer {
	t.Helper()
	cmd := exec.Command("unshare", "--mount", "sh", "-c",
		`mount -t tracefs tracefs /sys/kernel/tracing && exec bpftrace -B line -e "$0"`, tracerScript)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tr := &tracer{}
	ready, read := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if lines.Text() == "ready" {
				close(ready)
				continue
			}
			tr.mu.Lock()
			tr.lines = append(tr.lines, lines.Text())
			tr.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		<-read
		_ = cmd.Wait()
	})
	select {
	case <-ready:
	case <-read:
		t.Fatal("bpftrace ended before it was ready")
	}
	return tr
}

// moments are the times at which a process did something, by the wall clock.
func (tr *tracer) moments(what string, pid int32) []time.Time {
	offset := wallOffset()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	var found []time.Time
	for _, line := range tr.lines {
		var name string
		var who int32
		var ns int64
		if _, err := fmt.Sscanf(line, "%s %d %d", &name, &who, &ns); err == nil && name == what && (who == pid || pid == 0) {
			found = append(found, time.Unix(0, ns+offset))
		}
	}
	return found
}

// wallOffset returns how far the wall clock is ahead of CLOCK_MONOTONIC, in ns. A busy host may stop the test between two readings, so
// the one of many counts that took the least time.
func wallOffset() (offset int64) {
	read := func(clock int32) int64 {
		var t sys.Timespec
		_ = sys.ClockGettime(clock, &t) // which has been there since Linux 2.6
		return t.Nano()
	}
	least := int64(math.MaxInt64)
	for range 20 {
		before, wall, after := read(sys.CLOCK_MONOTONIC), read(sys.CLOCK_REALTIME), read(sys.CLOCK_MONOTONIC)
		if took := after - before; took < least {
			least, offset = took, wall-before-took/2
		}
	}
	return offset
}

// apart limits the difference between two clocks. nsviz reads the offset of the kernel's clock with every batch of events, the
// test reads it once, and the machine may stop in between.
const apart = 20 * time.Millisecond

// near reports whether one of the times is close to when.
func near(moments []time.Time, when time.Time) bool {
	return slices.ContainsFunc(moments, func(m time.Time) bool { return m.Sub(when).Abs() < apart })
}

// engineSays returns the time at which the engine reports an event of a container.
func engineSays(t *testing.T, id, action string) []time.Time {
	t.Helper()
	now := time.Now()
	out := docker(t, "events", "--since", fmt.Sprint(now.Add(-5*time.Minute).Unix()), "--until", fmt.Sprint(now.Unix()+1),
		"--filter", "container="+id, "--filter", "event="+action, "--format", "{{json .}}")
	var times []time.Time
	for _, line := range strings.Fields(strings.ReplaceAll(out, " ", "")) {
		var m struct{ TimeNano int64 }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		times = append(times, time.Unix(0, m.TimeNano))
	}
	return times
}

func phaseNames(phases []event.Phase) []string {
	names := make([]string, len(phases))
	for i, p := range phases {
		names[i] = p.Name
	}
	return names
}

// The steps of a start match the options, are in order, and have the times that bpftrace and the engine report.
func TestPhases(t *testing.T) {
	const other = "nsviz-test-phases-other"
	removeContainer(t, other)
	docker(t, "run", "-d", "--name", other, busyboxImage, "sleep", "1000")
	tracer := startTracer(t)
	events := startEvents(t)

	usual := []string{"create", "cgroup", "entered", "namespaces", "namespace_mnt", "namespace_ipc", "namespace_uts", "clone", "mounts", "mounts_last", "pivot_root", "exec"}
	network := []string{"namespace_net", "network", "network_last"}
	for _, test := range []struct {
		options, more []string
	}{
		{nil, slices.Concat(network, []string{"namespace_pid"})},
		{[]string{"--network=none"}, []string{"namespace_net", "network", "namespace_pid"}},
		{[]string{"--network=host"}, []string{"namespace_pid"}},
		{[]string{"--network=container:" + other}, []string{"joined_net", "namespace_pid"}},
		{[]string{"--pid=host"}, network},
		{[]string{"--pid=container:" + other, "--ipc=shareable", "--network=none"}, []string{"namespace_net", "network", "joined_pid"}},
	} {
		t.Run(strings.Join(append(test.options, "x"), " "), func(t *testing.T) {
			const name = "nsviz-test-phases"
			removeContainer(t, name)
			before := time.Now()
			id := docker(t, slices.Concat([]string{"run", "-d", "--name", name}, test.options, []string{busyboxImage, "sleep", "1000"})...)
			started := events.await(t, 1, func(e *event.Event) bool {
				return e.Type == event.ContainerStarted && e.Container != nil && e.Container.ID == id
			})[0]
			start := started.Start
			checkOrder(t, start)
			got := phaseNames(start.Phases)
			// The engine may enter the net namespace any number of times.
			got = slices.DeleteFunc(got, func(name string) bool { return name == "network_last" && !slices.Contains(test.more, name) })
			slices.Sort(got)
			want := slices.Concat(usual, test.more)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("phases %v, want %v", got, want)
			}

			at := map[string]time.Time{}
			cgroup := started.Time.Add(-time.Duration(*start.DurationMS * 1e6))
			for _, p := range start.Phases {
				at[p.Name] = cgroup.Add(time.Duration(p.AtMS * 1e6))
				if strings.HasPrefix(p.Name, "namespace_") && (p.TookMS == nil || *p.TookMS <= 0) {
					t.Errorf("%s: it took %v", p.Name, p.TookMS)
				}
				if p.Name == "mounts_last" && (p.Count == nil || *p.Count < 5) {
					t.Errorf("%v mounts", p.Count)
				}
			}
			// bpftrace writes what one CPU after the other has.
			traced := func(what, phase string, pid int32) {
				t.Helper()
				when, took := at[phase]
				if !took {
					return
				}
				eventually(t, func() bool { return near(tracer.moments(what, pid), when) }, func() string {
					return fmt.Sprintf("%s at %v, bpftrace says %v", phase, when, tracer.moments(what, pid))
				})
			}
			for _, what := range []string{"exec", "pivot_root"} {
				traced(what, what, started.PID)
			}
			for what, phases := range map[string][]string{
				"unshare": {"namespaces", "namespace_mnt", "namespace_net"}, "setns": {"network", "network_last", "joined_net", "joined_pid"},
			} {
				for _, phase := range phases {
					traced(what, phase, 0)
				}
			}
			// The times of the engine's steps come from the engine.
			if log := engineSays(t, id, "create"); !near(log, at["create"]) {
				t.Errorf("created at %v, the engine says %v", at["create"], log)
			}
			if at["create"].Before(before) {
				t.Errorf("created at %v, asked for at %v", at["create"], before)
			}
			if log := engineSays(t, id, "start"); len(log) != 1 || log[0].Before(at["exec"].Add(-apart)) {
				t.Errorf("exec at %v, the engine says started %v", at["exec"], log)
			}
		})
	}
}

// checkOrder checks the order of steps that every start has.
func checkOrder(t *testing.T, start *event.Start) {
	t.Helper()
	if !slices.IsSortedFunc(start.Phases, func(a, b event.Phase) int { return int(math.Copysign(1, a.AtMS-b.AtMS)) }) {
		t.Errorf("phases in no order: %+v", start.Phases)
	}
	seen := map[string]float64{}
	for _, p := range start.Phases {
		if _, twice := seen[p.Name]; twice {
			t.Errorf("%s is there twice", p.Name)
		}
		seen[p.Name] = p.AtMS
	}
	if at, ok := seen["cgroup"]; !ok || at != 0 {
		t.Errorf("the cgroup was made at %v, %v", at, ok)
	}
	if start.DurationMS == nil || seen["exec"] != *start.DurationMS || start.Phases[len(start.Phases)-1].Name != "exec" {
		t.Errorf("exec at %v, it took %v", seen["exec"], start.DurationMS)
	}
	if seen["entered"] > seen["clone"] || seen["clone"] > seen["mounts"] || seen["mounts"] > seen["mounts_last"] ||
		seen["mounts_last"] > seen["pivot_root"] || seen["pivot_root"] > seen["exec"] {
		t.Errorf("phases that cannot be: %+v", start.Phases)
	}
}

// A restart has no create of its own.
func TestPhasesOfARestart(t *testing.T) {
	const name = "nsviz-test-phases-restart"
	removeContainer(t, name)
	events := startEvents(t)
	docker(t, "run", "-d", "--name", name, busyboxImage, "sleep", "1000")
	docker(t, "restart", "-t", "0", name)
	starts := events.await(t, 2, of(event.ContainerStarted, name))
	for i, want := range []bool{true, false} {
		checkOrder(t, starts[i].Start)
		if got := slices.Contains(phaseNames(starts[i].Start.Phases), "create"); got != want {
			t.Errorf("start %d: created %v in %+v", i, got, starts[i].Start.Phases)
		}
	}
}

// Without pivot_root, as on an initramfs, the root is moved. Without an engine there are no steps of one.
func TestPhasesByHand(t *testing.T) {
	events := startEvents(t)
	p := startDemo(t, "start", "--no-docker")
	started := events.await(t, 1, madeBy(event.ContainerStarted, p, "nsviz-demo-start1"))[0]
	got := phaseNames(started.Start.Phases)
	slices.Sort(got)
	want := []string{
		"cgroup", "clone", "entered", "exec", "mounts", "mounts_last", "namespace_ipc", "namespace_mnt", "namespace_net",
		"namespace_pid", "namespace_uts",
	}
	if !slices.Equal(got, want) {
		t.Errorf("phases %v, want %v", got, want)
	}
	for _, phase := range started.Start.Phases {
		if phase.AtMS < 0 || phase.AtMS > *started.Start.DurationMS {
			t.Errorf("%+v", phase)
		}
	}
}
