package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// idleWatch is the time for which an idle nsviz is measured.
const idleWatch = 60 * time.Second

// idleShare measures the CPU time of `nsviz serve` while nothing happens that it watches: without containers and with as many
// as most hosts have. It includes work for other processes of the host, since nsviz looks at all of them.
func idleShare(binary string) error {
	for _, of := range []struct {
		containers int
		wanted     string
	}{
		{0, "; wanted: at most 0.1 % and 10 wake-ups"},
		{50, "; wanted: at most 0.3 %"},
	} {
		share, wakeups, err := idleWith(binary, of.containers)
		if err != nil {
			return err
		}
		fmt.Printf("  %4d containers: %6.3f %% of one CPU, %6.1f wake-ups a second%s\n", of.containers, 100*share, wakeups, of.wanted)
	}
	return nil
}

func idleWith(binary string, containers int) (share, wakeups float64, err error) {
	err = serveCrowd(binary, containers, func(pid int) error {
		share, wakeups, err = idleOf(pid, idleWatch)
		return err
	})
	return share, wakeups, err
}

// idleOf measures the share of one CPU that a process takes and how often one of its threads wakes, in a second.
func idleOf(pid int, watch time.Duration) (share, wakeups float64, err error) {
	time.Sleep(crowdRests)
	began := time.Now()
	cpu, err := cpuTime(pid)
	sleeps, sleepsErr := voluntarySwitches(pid)
	if err := errors.Join(err, sleepsErr); err != nil {
		return 0, 0, err
	}
	time.Sleep(watch)
	cpuAfter, err := cpuTime(pid)
	sleepsAfter, sleepsErr := voluntarySwitches(pid)
	over := time.Since(began).Seconds()
	return (cpuAfter - cpu).Seconds() / over, float64(sleepsAfter-sleeps) / over, errors.Join(err, sleepsErr)
}

// voluntarySwitches returns how often the threads of a process went to sleep, without those that have ended; Go keeps its
// threads.
func voluntarySwitches(pid int) (sum uint64, err error) {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		status, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
			if value, found := strings.CutPrefix(lines.Text(), "voluntary_ctxt_switches:"); found {
				n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
				if err != nil {
					return 0, err
				}
				sum += n
			}
		}
	}
	return sum, nil
}
