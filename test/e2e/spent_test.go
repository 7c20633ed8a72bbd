//go:build e2e

package e2e

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What a container has taken is as the kernel counts it, and goes on when it is started again.
func TestSpentAgreesWithTheKernel(t *testing.T) {
	const name = "nsviz-test-spent"
	address := startServe(t)
	run(t, name, "--cpus=0.2", "--pids-limit=77", busyboxImage, "sh", "-c", "echo ready; while :; do :; done")
	metric := func(of string) string {
		return metrics(t, address)[fmt.Sprintf("nsviz_container_%s{container=%q}", of, name)]
	}
	seconds := func(of string) float64 {
		n, err := strconv.ParseFloat(metric(of), 64)
		if err != nil {
			return -1
		}
		return n
	}
	kernel := func() (usage, throttled float64) {
		pid, err := strconv.Atoi(docker(t, "inspect", "--format", "{{.State.Pid}}", name))
		if err != nil {
			t.Fatal(err)
		}
		read := func(controller, file string) string {
			text, err := os.ReadFile(fileOfCgroup(t, pid, controller, file))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		stat := read("cpu", "cpu.stat")
		field := func(key string, unit float64) float64 {
			for line := range strings.Lines(stat) {
				if words := strings.Fields(line); len(words) == 2 && words[0] == key {
					n, err := strconv.ParseFloat(words[1], 64)
					if err != nil {
						t.Fatal(err)
					}
					return n / unit
				}
			}
			return -1
		}
		if usage, throttled = field("usage_usec", 1e6), field("throttled_usec", 1e6); usage < 0 { // cgroup v1
			n, err := strconv.ParseFloat(strings.TrimSpace(read("cpuacct", "cpuacct.usage")), 64)
			if err != nil {
				t.Fatal(err)
			}
			usage, throttled = n/1e9, field("throttled_time", 1e9)
		}
		return usage, throttled
	}
	same := func(a, b float64) bool { return math.Abs(a-b) < 1e-5 } // nsviz has microseconds
	eventually(t, func() bool { return seconds("cpu_throttled_periods_total") > 0 }, func() string { return "it is not throttled" })
	docker(t, "pause", name) // so that all stands still
	eventually(t, func() bool {
		usage, throttled := kernel()
		return same(seconds("cpu_usage_seconds_total"), usage) && same(seconds("cpu_throttled_seconds_total"), throttled)
	}, func() string {
		usage, throttled := kernel()
		return fmt.Sprintf("the kernel counts %v s and %v s throttled, nsviz %s and %s", usage, throttled, metric("cpu_usage_seconds_total"), metric("cpu_throttled_seconds_total"))
	})
	// It was started in between.
	made, started := engineSeconds(t, name)
	const grain = 1.5 // as procfs has it
	if at := seconds("start_time_seconds"); at < made-grain || at > started+grain || metric("pids_limit") != "77" || metric("pids") != "1" || metric("restarts") != "0" {
		t.Errorf("started at %v (docker: from %v to %v), %s of %s processes, %s restarts", at, made, started, metric("pids"), metric("pids_limit"), metric("restarts"))
	}
	before, unpaused := seconds("cpu_usage_seconds_total"), time.Now()
	docker(t, "unpause", name)
	docker(t, "restart", "-t", "0", name)
	eventually(t, func() bool { return metric("restarts") == "1" }, func() string { return "the restart is not seen" })
	docker(t, "pause", name)
	most := 0.2*time.Since(unpaused).Seconds() + 1 // which its limit allows it all in all
	eventually(t, func() bool {
		usage, _ := kernel()
		// Between the last reading before the restart and the restart something was taken, too.
		now := seconds("cpu_usage_seconds_total")
		return usage > 0 && now >= before+usage-1e-5 && now < before+most
	}, func() string {
		usage, _ := kernel()
		return fmt.Sprintf("it was %v s, the kernel counts %v s since, nsviz has %s", before, usage, metric("cpu_usage_seconds_total"))
	})
	docker(t, "unpause", name)
}
