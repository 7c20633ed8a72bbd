package story

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
)

func phase(name string, atMS float64) event.Phase { return event.Phase{Name: name, AtMS: atMS} }

// dockersStart returns a start as Docker and runc make it.
func dockersStart() []event.Phase {
	took := new(0.67)
	return []event.Phase{
		phase("create", -153), phase("cgroup", 0), phase("entered", 0.2), phase("namespaces", 21),
		{Name: "namespace_mnt", AtMS: 21, TookMS: took}, {Name: "namespace_net", AtMS: 21, TookMS: took},
		phase("clone", 22), phase("mounts", 80), {Name: "mounts_last", AtMS: 92, Count: new(uint32(33))},
		phase("network", 167), phase("network_last", 332), phase("pivot_root", 343), phase("exec", 412), phase("engine_start", 431.5),
	}
}

func inShort(steps []Step) []string {
	list := make([]string, len(steps))
	for i, s := range steps {
		list[i] = fmt.Sprintf("%s %v to %v", s.Label, s.From, s.To)
		if s.Kernel > 0 {
			list[i] += fmt.Sprint(", the kernel ", s.Kernel)
		}
	}
	return list
}

// The length of a start is that of its steps, whatever its phases are.
func TestStartLength(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"create", "cgroup", "entered", "namespaces", "namespace_mnt", "joined_net", "clone", "mounts", "exec", "engine_start", "?"}
	for range 2000 {
		phases := make([]event.Phase, random.IntN(9))
		for i := range phases {
			phases[i] = phase(names[random.IntN(len(names))], float64(random.IntN(9)-2))
		}
		before := slices.Clone(phases)
		steps := StartSteps(phases)
		if took, n := StartLength(phases); took != StartTook(steps) || n != len(steps) {
			t.Fatalf("%v take %v in %d steps, want %v in %d", phases, took, n, StartTook(steps), len(steps))
		}
		if !slices.Equal(phases, before) {
			t.Fatalf("%v has become %v", before, phases)
		}
	}
}

func TestStartSteps(t *testing.T) {
	for _, test := range []struct {
		name   string
		phases []event.Phase
		want   []string
	}{
		{"by Docker", dockersStart(), []string{
			"engine prepares -153ms to 0s", "into the cgroup 0s to 200µs", "namespaces 200µs to 21ms, the kernel 670µs",
			"clones PID 1 21ms to 22ms", "gets ready 22ms to 80ms", "mounts 80ms to 92ms", "calls the engine 92ms to 167ms",
			"network 167ms to 332ms", "changes its root 332ms to 343ms", "waits, and execs 343ms to 412ms",
			"engine reports 412ms to 431.5ms",
		}},
		{"of a recording by an earlier version", []event.Phase{phase("cgroup", 0), phase("namespaces", 1.5), phase("exec", 164)}, []string{
			"namespaces 0s to 1.5ms", "waits, and execs 1.5ms to 164ms",
		}},
		{"joins before it unshares, cloned before its cgroup", []event.Phase{
			phase("clone", -2), phase("cgroup", 0), {Name: "joined_net", AtMS: 5, TookMS: new(0.02)}, {Name: "namespace_mnt", AtMS: 6, TookMS: new(0.1)},
			phase("exec", 9),
		}, []string{
			"makes a cgroup -2ms to 0s", "joins net 0s to 5ms, the kernel 20µs", "namespaces 5ms to 6ms, the kernel 100µs",
			"waits, and execs 6ms to 9ms",
		}},
		{"in no order", []event.Phase{phase("exec", 9), phase("chroot", 5), phase("cgroup", 0)}, []string{
			"changes its root 0s to 5ms", "waits, and execs 5ms to 9ms",
		}},
		{"nothing", nil, nil},
		{"one moment", []event.Phase{phase("cgroup", 0)}, nil},
		{"nonsense", []event.Phase{
			phase("cgroup", 0), phase("\x1b[31m", 1), phase("namespace_\x1b[31m", 2), phase("joined_\u202e", 3), phase("exec", 1e300),
			phase("clone", -1e300), phase("mounts", math.NaN()), {Name: "namespace_pid", AtMS: 4, TookMS: new(1e300)}, {Name: "exec", AtMS: 5},
		}, []string{"namespaces 0s to 2ms", "namespaces 2ms to 3ms", "namespaces 3ms to 4ms", "waits, and execs 4ms to 5ms"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			steps := StartSteps(test.phases)
			if diff := cmp.Diff(test.want, inShort(steps), cmp.Transformer("empty", func(l []string) string { return strings.Join(l, "\n") })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for i, s := range steps {
				if s.Sentence == "" || len(s.Label) > StepLabel || strings.ContainsAny(s.Sentence+s.Label, "\x1b\u202e") {
					t.Errorf("step %d: %q, %q", i, s.Label, s.Sentence)
				}
				if s.To < s.From || i > 0 && s.From != steps[i-1].To {
					t.Errorf("step %d: from %v to %v", i, s.From, s.To)
				}
			}
		})
	}
}

// Every phase that there is has a label that fits.
func TestEveryPhaseIsWorded(t *testing.T) {
	for _, name := range []string{
		event.PhaseCgroup, event.PhaseEntered, event.PhaseNamespaces, event.PhaseNamespace + "pid", event.PhaseJoined + "cgroup",
		event.PhaseClone, event.PhaseMounts, event.PhaseMountsLast, event.PhaseNetwork, event.PhaseNetworkLast, event.PhasePivotRoot,
		event.PhaseChroot, event.PhaseExec, event.PhaseEngineStart,
	} {
		for _, from := range []string{event.PhaseCreate, event.PhaseExec} {
			steps := StartSteps([]event.Phase{phase(from, -1), phase(name, 1)})
			if len(steps) != 1 || steps[0].Label == "" || len(steps[0].Label) > StepLabel || !strings.HasSuffix(steps[0].Sentence, ".") {
				t.Errorf("from %s to %s: %+v", from, name, steps)
			}
		}
	}
}

func TestStartSummary(t *testing.T) {
	for _, test := range []struct {
		phases []event.Phase
		want   string
	}{
		{dockersStart(), "Of 565 ms the engine's preparation took 153 ms, its network 240 ms and the runtime's work 172 ms; the " +
			"kernel took 0.67 ms of that to make the namespaces. The engine reported the start 19.5 ms later."},
		{[]event.Phase{phase("cgroup", 0), phase("exec", 9)}, "All of the 9.00 ms were the runtime's work."},
		{[]event.Phase{phase("cgroup", 0), {Name: "joined_net", AtMS: 1, TookMS: new(0.5)}, phase("exec", 9)}, "All of the 9.00 ms were the runtime's work."},
		{[]event.Phase{phase("cgroup", 0), phase("exec", 0)}, ""},
		{nil, ""},
	} {
		if got := StartSummary(StartSteps(test.phases)); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
	if got := ExecAt(StartSteps(dockersStart())); got != 412*time.Millisecond {
		t.Errorf("exec at %v", got)
	}
	if got := StartTook(StartSteps(dockersStart())); got != 565*time.Millisecond {
		t.Errorf("took %v", got)
	}
	if got := StartTook(nil); got != 0 {
		t.Errorf("nothing took %v", got)
	}
	if got := ExecAt(nil); got != 0 {
		t.Errorf("exec of nothing at %v", got)
	}
}

func TestBars(t *testing.T) {
	steps := StartSteps(dockersStart())
	for _, w := range []int{-1, 0, 1, 2, 7, 80, 1000} {
		bars := Bars(steps, w)
		if len(bars) != len(steps) {
			t.Fatalf("%d bars in %d columns for %d steps", len(bars), w, len(steps))
		}
		for i, bar := range bars {
			if w > 0 && (bar[0] < 0 || bar[1] < 1 || bar[0]+bar[1] > w) {
				t.Errorf("bar %d in %d columns: %v", i, w, bar)
			}
		}
	}
	// 584.5 ms in 1169 columns: half a millisecond each.
	want := [][2]int{{0, 306}, {306, 1}, {306, 42}}
	if diff := cmp.Diff(want, Bars(steps, 1169)[:3]); diff != "" {
		t.Errorf("bars (-want +got):\n%s", diff)
	}
	if got := Bars(StartSteps([]event.Phase{phase("cgroup", 0), phase("exec", 0)}), 10); len(got) != 1 || got[0] != [2]int{0, 1} {
		t.Errorf("a start that took no time: %v", got)
	}
	if got := Bars(nil, 10); len(got) != 0 {
		t.Errorf("bars of nothing: %v", got)
	}
}
