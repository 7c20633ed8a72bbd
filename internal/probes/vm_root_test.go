//go:build root && vm

package probes

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
)

// The tests that also have this tag take a machine of their own: they use up all of its memory, or change how
// it swaps. test/vm has such machines.
func machineCases() []methodCase {
	return []methodCase{
		{"swap has a limit", swapLimit},
		{"system runs out", systemRunsOut},
		{"cpuset runs out", cpusetRunsOut},
		{"memory policy runs out", policyRunsOut},
	}
}

// systemRunsOut: the whole machine runs out of memory and takes a container that is below its limit.
func systemRunsOut(t *testing.T, w *watch) {
	home := makeCgroup(t, "bystander")
	runOut(t, w, home, startHelper(t, "hog-all"), event.ScopeSystem, "CONSTRAINT_NONE")
}

// cpusetRunsOut: so does one of the machine's two memory nodes, the only one that a cpuset allows.
func cpusetRunsOut(t *testing.T, w *watch) {
	cpuset := makeCpuset(t)
	home := cpuset
	if hostLayout(t).Controller != "" {
		home = makeCgroup(t, "bystander")
	}
	cpuset.write("cpuset.mems", farNode(t))
	p := startHelper(t, "hog-all")
	cpuset.add(p)
	runOut(t, w, home, p, event.ScopeCpuset, "CONSTRAINT_CPUSET")
}

// policyRunsOut: the same node, the only one to which a process has bound itself.
func policyRunsOut(t *testing.T, w *watch) {
	home := makeCgroup(t, "bystander")
	runOut(t, w, home, startHelper(t, "hog-node "+farNode(t)), event.ScopeMempolicy, "CONSTRAINT_MEMORY_POLICY")
}

// runOut lets a hog use up all memory that it may have, in a cgroup far below its limit.
func runOut(t *testing.T, w *watch, home cgroup, p *process, scope event.Scope, constraint string) {
	t.Helper()
	home.limit(64 << 30)
	log := openKernelLog(t)
	home.add(p)
	p.oomScoreAdj(1000)
	spareTest(t)
	p.release()
	if status := p.wait(); status.Signal() != unix.SIGKILL {
		t.Fatalf("the hog ended with %v", status)
	}
	e := w.killedOnce(home)
	if e.PID != p.pid || e.OOM.Scope != scope {
		t.Errorf("%d, scope %q, want %d, %q", e.PID, e.OOM.Scope, p.pid, scope)
	}
	if e.OOM.CgroupID != 0 || e.OOM.LimitBytes != nil || e.OOM.UsageBytes != nil {
		t.Errorf("no cgroup reached a limit, and still: %d, limit %s, usage %s", e.OOM.CgroupID, number(e.OOM.LimitBytes), number(e.OOM.UsageBytes))
	}
	want := log.of(e.OOM.Victim.TID)
	if want.constraint != constraint {
		t.Errorf("the kernel says %q, want %q", want.constraint, constraint)
	}
	if got := reported(e.OOM.Victim); !got.agrees(want, countsExactly(w.facts.Kernel)) {
		t.Errorf("sizes\nreported %+v\nlog  %+v", got, want)
	}
}

// farNode is the second memory node.
func farNode(t *testing.T) string {
	t.Helper()
	nodes, err := os.ReadFile("/sys/devices/system/node/has_memory")
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.TrimSpace(string(nodes)); text != "0-1" {
		t.Fatalf("this machine has the memory nodes %s: test/vm gives it two", text)
	}
	return "1"
}

// makeCpuset makes a cgroup with the cpuset controller, which on cgroup v1 has a hierarchy of its own.
func makeCpuset(t *testing.T) cgroup {
	t.Helper()
	if hostLayout(t).Controller == "" {
		return makeCgroup(t, "cpuset")
	}
	c := makeCgroupIn(t, "/../cpuset", "nsviz-test") // beside that of the memory controller
	c.write("cpuset.cpus", "0")
	return c
}

// spareTest keeps the kernel from killing the test itself. If the machine is slow, the kernel may want another
// victim before it has the memory of the first one back; some processes are kept for it.
func spareTest(t *testing.T) {
	t.Helper()
	const path = "/proc/self/oom_score_adj"
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(path, before, 0); err != nil {
			t.Error(err)
		}
	})
	for range 3 {
		spare := startHelper(t, "hold 8")
		spare.oomScoreAdj(500)
		spare.release()
		spare.line()
	}
	// Not -1000: if it may kill no process any more, the kernel panics (out_of_memory, mm/oom_kill.c).
	if err := os.WriteFile(path, []byte("-999"), 0); err != nil {
		t.Fatal(err)
	}
}

// swapLimit: a cgroup that may swap a little runs out when memory and swap are full. The reported limit is that of its
// memory; on cgroup v1, where the second limit is on both together, it is the limit that is full.
func swapLimit(t *testing.T, w *watch) {
	const swapBytes = 8 << 20
	makeSwap(t)
	home := makeCgroup(t, "swaps")
	unified := hostLayout(t).Controller == ""
	if unified {
		home.write("memory.max", strconv.Itoa(limitBytes))
		home.write("memory.swap.max", strconv.Itoa(swapBytes))
	} else {
		home.write("memory.limit_in_bytes", strconv.Itoa(limitBytes))
		home.write("memory.memsw.limit_in_bytes", strconv.Itoa(limitBytes+swapBytes))
	}
	p := startHelper(t, "hog")
	home.add(p)
	p.release()
	if status := p.wait(); status.Signal() != unix.SIGKILL {
		t.Fatalf("the hog ended with %v", status)
	}
	e := w.killedOnce(home)
	if e.OOM.Scope != event.ScopeCgroup || e.OOM.CgroupID != home.id || e.OOM.LimitBytes == nil || e.OOM.UsageBytes == nil {
		t.Fatalf("scope %q, cgroup %d, limit %s, usage %s; want that of %d", e.OOM.Scope, e.OOM.CgroupID, number(e.OOM.LimitBytes),
			number(e.OOM.UsageBytes), home.id)
	}
	limit := *e.OOM.LimitBytes
	if limit != limitBytes && (unified || limit != limitBytes+swapBytes) {
		t.Errorf("limit %d, want %d", limit, limitBytes)
	}
	if usage := *e.OOM.UsageBytes; usage > limit*21/20 || usage < limit*8/10 {
		t.Errorf("usage %d of %d", usage, limit)
	}
}

// makeSwap lets the machine swap to a RAM disk until the end of the test.
func makeSwap(t *testing.T) {
	t.Helper()
	const disk = "/dev/ram0"
	if _, err := os.Stat(disk); errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("this machine has no %s: test/vm loads the module brd", disk)
	}
	for _, command := range []string{"mkswap", "swapon"} {
		if out, err := exec.Command(command, disk).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command("swapoff", disk).CombinedOutput(); err != nil {
			t.Errorf("swapoff: %v: %s", err, out)
		}
	})
}
