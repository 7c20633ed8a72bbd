package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// program holds what bpftool reports about a loaded program.
type program struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Nanos uint64 `json:"run_time_ns"`
	Runs  uint64 `json:"run_cnt"`
}

func loadedPrograms() ([]program, error) {
	out, err := exec.Command("bpftool", "prog", "show", "-j").Output()
	if err != nil {
		return nil, fmt.Errorf("bpftool: %w", err)
	}
	var all []program
	return all, json.Unmarshal(out, &all)
}

const statistics = "/proc/sys/kernel/bpf_stats_enabled"

// programCosts causes forks, execs, signals and exits on the host, and prints the time that each of nsviz's
// programs took for one run, beside an empty program on the same hook.
func programCosts(binary string) (err error) {
	before, err := os.ReadFile(statistics)
	if err != nil {
		return err
	}
	if err := os.WriteFile(statistics, []byte("1"), 0); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.WriteFile(statistics, before, 0)) }()

	others, err := loadedPrograms()
	if err != nil {
		return err
	}
	script := `BEGIN { printf("ready\n") }`
	for _, h := range hooks() {
		script += " tracepoint:" + h.tracepoint + " { }"
	}
	empty, err := startBpftrace(script)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, empty.stop()) }()
	floors, err := loadedPrograms()
	if err != nil {
		return err
	}
	// bpftrace loads in the order of the script.
	floors = slices.DeleteFunc(floors, func(p program) bool {
		return slices.ContainsFunc(others, func(o program) bool { return o.ID == p.ID })
	})
	if len(floors) != len(hooks()) {
		return fmt.Errorf("bpftrace loaded %d programs for %d hooks", len(floors), len(hooks()))
	}
	// The second is for kernels that do not allow the first.
	for _, method := range []string{"tp_btf", "raw_tp"} {
		if err := costsByMethod(binary, method, floors); err != nil {
			return err
		}
	}
	return nil
}

// costsByMethod prints the medians of several rounds, since a single interrupt that falls into a run takes as long as
// thousands of runs. floors are the empty programs, in the order of hooks.
func costsByMethod(binary, method string, floors []program) (err error) {
	const rounds, n = 11, 400
	nsviz, err := startNsviz(binary, "--probe-methods", method)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, nsviz.stop()) }()

	seen, err := loadedPrograms()
	if err != nil {
		return err
	}
	ratios := make([][]float64, len(hooks()))
	ours, floor := slices.Clone(ratios), slices.Clone(ratios)
	for range rounds {
		// Each child also executes a program; its death sends the parent a SIGCHLD.
		loop := fmt.Sprintf(`for (1..%d) { my $p = fork(); if (!$p) { exec "/bin/true" } waitpid($p, 0) }`, n)
		if err := exec.Command("perl", "-e", loop).Run(); err != nil {
			return err
		}
		now, err := loadedPrograms()
		if err != nil {
			return err
		}
		for i, hook := range hooks() {
			a, okA := nanosPerRun(seen, now, func(p program) bool { return strings.HasPrefix(p.Name, hook.program) })
			b, okB := nanosPerRun(seen, now, func(p program) bool { return p.ID == floors[i].ID })
			if !okA || !okB {
				return fmt.Errorf("no statistics for %s", hook.label)
			}
			ours[i], floor[i], ratios[i] = append(ours[i], a), append(floor[i], b), append(ratios[i], a/b)
		}
		seen = now
	}
	fmt.Printf("  %-8s %10s %10s %8s %12s\n", method, "nsviz ns", "empty ns", "ratio", "of rounds")
	for i, hook := range hooks() {
		fmt.Printf("  %-8s %10.0f %10.0f %8.2f %7.2f–%.2f\n", hook.label, middle(ours[i]), middle(floor[i]), middle(ratios[i]),
			slices.Min(ratios[i]), slices.Max(ratios[i]))
	}
	return nil
}

// nanosPerRun returns the time of a program's run between two readings of the statistics, and false if it did not run.
func nanosPerRun(before, after []program, match func(program) bool) (nanos float64, ok bool) {
	i, j := slices.IndexFunc(before, match), slices.IndexFunc(after, match)
	if i < 0 || j < 0 || after[j].Runs == before[i].Runs {
		return 0, false
	}
	return float64(after[j].Nanos-before[i].Nanos) / float64(after[j].Runs-before[i].Runs), true
}

// hook is a hook that every process of the host passes.
type hook struct{ label, program, tracepoint string }

func hooks() []hook {
	return []hook{
		{"fork", "namespaces_fork", "sched:sched_process_fork"},
		{"exec", "lifecycle_exec", "sched:sched_process_exec"},
		{"exit", "lifecycle_exit", "sched:sched_process_exit"},
		{"signal", "lifecycle_signal", "signal:signal_generate"},
	}
}

// forkLoop measures a loop of forks alone, with nsviz, and with bpftrace, in turn.
func forkLoop(binary string) error {
	const rounds, n = 15, 2000
	var alone, nsviz, bpftrace []float64
	if err := forks(n); err != nil { // warm up
		return err
	}
	timed := func() (float64, error) {
		began := time.Now()
		err := forks(n)
		return float64(time.Since(began).Microseconds()) / n, err
	}
	for range rounds {
		for _, with := range []struct {
			list  *[]float64
			start func() (*background, error)
		}{
			{&alone, nil},
			{&nsviz, func() (*background, error) { return startNsviz(binary) }},
			{&bpftrace, func() (*background, error) { return startBpftrace(bpftraceScript) }},
		} {
			var b *background
			var err error
			if with.start != nil {
				if b, err = with.start(); err != nil {
					return err
				}
			}
			us, err := timed()
			if err != nil {
				return err
			}
			*with.list = append(*with.list, us)
			if b != nil {
				if err := b.stop(); err != nil {
					return err
				}
			}
		}
	}
	ratios := func(list []float64) []float64 {
		out := make([]float64, len(list))
		for i := range list {
			out[i] = list[i] / alone[i]
		}
		return out
	}
	fmt.Printf("  %-12s %10s %8s %16s\n", "", "µs a fork", "ratio", "of pairs (range)")
	for _, row := range []struct {
		name string
		list []float64
	}{{"alone", alone}, {"nsviz", nsviz}, {"bpftrace", bpftrace}} {
		r := ratios(row.list)
		fmt.Printf("  %-12s %10.1f %8.3f %9.3f–%.3f\n", row.name, middle(row.list), middle(r), slices.Min(r), slices.Max(r))
	}
	fmt.Println("  wanted: nsviz at most 1.05")
	return nil
}

func middle(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}
