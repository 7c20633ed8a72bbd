//go:build root

package resources

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// TestRootMeter lets a process with a quota run in cgroups of its own, and compares the meter with what the kernel says of the process at
// its end.
func TestRootMeter(t *testing.T) {
	layout, err := cgroupfs.New(pseudofs.DefaultProc, "").Layout()
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/nsviz-meter-%d", os.Getpid())
	enough := filepath.Join(t.TempDir(), "enough")
	cmd := exec.Command("sh", "-c", `read x; until [ -e "$0" ]; do :; done`, enough)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	made := map[string]bool{}
	for _, controller := range []string{"memory", "cpu", "cpuacct", "pids", ""} {
		hierarchy, found := layout.Hierarchy(controller)
		if !found || made[hierarchy.Dir] {
			continue
		}
		made[hierarchy.Dir] = true
		dir := hierarchy.Dir + path
		if hierarchy.Controller == "" && layout.Controller == "" {
			hosttest.SetFile(t, hierarchy.Dir+"/cgroup.subtree_control", "+memory +cpu +pids")
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			for range 1000 { // the dead process leaves it a moment later
				if os.Remove(dir) == nil {
					return
				}
			}
		})
		hosttest.SetFile(t, dir+"/cgroup.procs", strconv.Itoa(cmd.Process.Pid))
	}
	cpu, _ := layout.Hierarchy("cpu")
	quota := map[bool][2]string{true: {"/cpu.cfs_quota_us", "20000"}, false: {"/cpu.max", "20000 100000"}}[cpu.Controller != ""]
	hosttest.SetFile(t, cpu.Dir+path+quota[0], quota[1])

	m := New(pseudofs.DefaultProc).Meter(int32(cmd.Process.Pid), layout, path)
	defer m.Close()
	// What it took to start, in nanoseconds: much on an emulated machine.
	schedstat, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	start, _, _ := strings.Cut(string(schedstat), " ")
	starting, err := time.ParseDuration(start + "ns")
	if err != nil {
		t.Fatal(err)
	}
	before, err := m.Read(nil)
	if err != nil || before.CPUMicros == nil || before.Periods == nil || before.Tasks == nil || *before.Tasks != 1 {
		t.Fatalf("before: %+v, %v", before, err)
	}
	if _, err := fmt.Fprintln(stdin); err != nil {
		t.Fatal(err)
	}
	// The process says by what it has used when it has run enough: an emulated machine takes many times as long for the same work.
	patience, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		during, err := m.Read(nil)
		if err != nil || during.CPUMicros == nil || during.ThrottledMicros == nil || patience.Err() != nil {
			t.Fatalf("during: %+v, %v, %v", during, err, patience.Err())
		}
		if *during.CPUMicros-*before.CPUMicros > 50_000 && *during.ThrottledMicros > 0 {
			break
		}
	}
	if err := os.WriteFile(enough, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	after, err := m.Read(nil)
	if err != nil || after.CPUMicros == nil || after.ThrottledPeriods == nil || after.ThrottledMicros == nil {
		t.Fatalf("after: %+v, %v", after, err)
	}
	ran := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() - starting
	counted := time.Duration(*after.CPUMicros-*before.CPUMicros) * time.Microsecond
	// The kernel counts both to the nanosecond; the process may still have been starting between the two readings.
	if counted > ran+5*time.Millisecond || counted < ran-20*time.Millisecond || ran < 40*time.Millisecond {
		t.Errorf("the meter counted %v, the process took %v", counted, ran)
	}
	if *after.ThrottledPeriods == 0 || *after.ThrottledMicros == 0 || *after.ThrottledPeriods > *after.Periods {
		t.Errorf("it was throttled in %d of %d periods, for %d µs", *after.ThrottledPeriods, *after.Periods, *after.ThrottledMicros)
	}
}
