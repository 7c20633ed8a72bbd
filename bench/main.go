// Command bench measures the cost of nsviz on this host, and prints it beside that of its
// comparison: ratios within one run, since machines are shared and noisy. `make bench` runs it; `bin/bench
// crowd` and the like choose among the measurements.
//
// It needs root, a built bin/nsviz, bpftool, bpftrace, perl, stress-ng, Prometheus, and a Docker engine that
// answers.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("needs root")
	}
	binary, err := filepath.Abs("bin/nsviz")
	if err != nil {
		return err
	}
	for _, measure := range []struct {
		name, title string
		run         func(binary string) error
	}{
		{"programs", "in-kernel cost per run, by the kernel's own statistics", programCosts},
		{"forks", "a loop of forks, beside it with nsviz and with a bpftrace script for the same facts", forkLoop},
		{"start", "from start to the first frame", firstFrame},
		{"kills", "from the kernel's time stamp of an OOM kill to stdout, and resident memory", latencyAndMemory},
		{"idle", "what watching takes while nothing happens", idleShare},
		{"crowd", "what watching 1,000 quiet containers takes", crowdShare},
		{"series", "what a Prometheus needs for the series of hosts with 1,000 containers, of which one is replaced every two seconds", seriesBudget},
		{"screen", "what the dashboard takes while nothing happens, on a terminal of 200x50", screenShare},
		{"page", "what serving takes while browsers show the page, and nothing happens", pageShare},
		{"keys", "from a key to the terminal of 200x50", keysInAFlood},
		{"shown", "from the kernel's time stamp of an OOM kill to the terminal of 200x50", killsOnScreen},
	} {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], measure.name) {
			continue
		}
		fmt.Printf("\n%s\n", measure.title)
		if err := measure.run(binary); err != nil {
			return fmt.Errorf("%s: %w", measure.title, err)
		}
	}
	return nil
}

// quantile returns a quantile of durations in any order.
func quantile(d []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func median(d []time.Duration) time.Duration { return quantile(d, 0.5) }
