package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
)

const (
	// floodSources processes, each in a cgroup of its own since each may send 1,000 events a second, make floodRate events a second.
	floodSources = 50
	floodRate    = 50_000
	floodKeys    = 200
	floodAddress = "127.0.0.1:10165"
	screenKills  = 120
	// killedBytes is the limit of the container in which there are kills.
	killedBytes = 16 << 20
)

// keysInAFlood measures how long the dashboard takes to answer a key: at rest, and while namespaces are made and freed.
func keysInAFlood(binary string) (err error) {
	crowd, err := gather(quietContainers)
	defer func() { err = errors.Join(err, crowd.disperse()) }()
	if err != nil {
		return err
	}
	screen, terminal, err := startDashboard(binary, floodAddress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, screen.Process.Signal(unix.SIGINT), screen.Wait(), terminal.Close()) }()
	m := watchTerminal(terminal)
	m.expect(shows(fmt.Sprint(quietContainers, " containers")))
	if _, err := m.await("list of containers"); err != nil {
		return err
	}
	time.Sleep(crowdSettles)
	for _, flood := range []bool{false, true} {
		end := func() error { return nil }
		if flood {
			if end, err = startFlood(crowd); err != nil {
				return errors.Join(err, end())
			}
			time.Sleep(crowdSettles) // what may be sent at once is used up
		}
		delays, rates, err := pressKeys(terminal, m)
		if err := errors.Join(err, end()); err != nil {
			return err
		}
		what := "at rest:"
		if flood {
			what = fmt.Sprintf("flood of %d events a second (%.0f handled, %.0f refused or lost):", floodRate, rates[0], rates[1])
		}
		fmt.Printf("  %s %d keys: median %v, 99th percentile %v, worst %v%s\n", what, len(delays), median(delays).Round(10*time.Microsecond),
			quantile(delays, 0.99).Round(10*time.Microsecond), quantile(delays, 1).Round(10*time.Microsecond), "; wanted: at most a frame, 100ms")
	}
	return nil
}

// pressKeys searches for a letter and deletes it again, and returns how long each took, and how many events a second were handled meanwhile
// and how many were not.
func pressKeys(terminal io.Writer, m *monitor) (delays []time.Duration, rates [2]float64, err error) {
	press := func(key string, wanted func(rows []string) bool) error {
		m.expect(wanted)
		pressed := time.Now()
		if _, err := terminal.Write([]byte(key)); err != nil {
			return err
		}
		shown, err := m.await("answer to " + strconv.Quote(key))
		delays = append(delays, shown.Sub(pressed))
		return err
	}
	before, err := countEvents()
	if err != nil {
		return nil, rates, err
	}
	began := time.Now()
	if err := press("/", shows(" /▏")); err != nil {
		return nil, rates, err
	}
	for i := range floodKeys {
		time.Sleep(time.Duration(20+rand.IntN(80)) * time.Millisecond)
		key, wanted := "0", " /0▏"
		if i%2 == 1 {
			key, wanted = "\x7f", " /▏"
		}
		if err := press(key, shows(wanted)); err != nil {
			return nil, rates, err
		}
	}
	after, err := countEvents()
	for i := range rates {
		rates[i] = (after[i] - before[i]) / time.Since(began).Seconds()
	}
	if err != nil {
		return nil, rates, err
	}
	return delays, rates, press("\x1b", shows("/ find"))
}

// countEvents returns how many events nsviz has handled, and how many it has not.
func countEvents() (counts [2]float64, err error) {
	answer, err := http.Get("http://" + floodAddress + "/metrics")
	if err != nil {
		return counts, err
	}
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		for i, name := range []string{"nsviz_events_total{", "nsviz_events_lost_total{"} {
			if strings.HasPrefix(lines.Text(), name) {
				n, err := strconv.ParseFloat(lines.Text()[strings.LastIndexByte(lines.Text(), ' ')+1:], 64)
				if err != nil {
					return counts, err
				}
				counts[i] += n
			}
		}
	}
	return counts, lines.Err()
}

// startFlood starts processes that make UTS namespaces; each one frees the one before.
func startFlood(c *crowd) (end func() error, err error) {
	const pause = 10 * time.Millisecond
	const each = floodRate / floodSources / 2 * int(pause) / int(time.Second) // two events
	var processes []*exec.Cmd
	end = func() error {
		var errs []error
		for _, cmd := range processes {
			errs = append(errs, cmd.Process.Kill())
			_ = cmd.Wait() // it was killed
		}
		return errors.Join(errs...)
	}
	for i := range floodSources {
		dir := filepath.Join(filepath.Dir(filepath.Dir(c.memory[0])), fmt.Sprint("flood", i))
		if err := c.makeCgroup(dir); err != nil {
			return end, err
		}
		// The process keeps up with the clock, since many of them share a CPU.
		cmd := exec.Command("perl", "-MTime::HiRes=time,sleep", "-e", fmt.Sprintf(
			`open(my $f, ">", "%s/cgroup.procs") or die; print $f $$; close($f) or die; my $began = time; my $n = 0;
			while (1) { while ($n < (time - $began) * %d) { syscall(%d, %d); $n++ } sleep(%f) }`,
			dir, each*int(time.Second/pause), unix.SYS_UNSHARE, unix.CLONE_NEWUTS, pause.Seconds()))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return end, err
		}
		processes = append(processes, cmd)
	}
	return end, nil
}

// killsOnScreen measures the time from the kernel's time stamp of an OOM kill to the terminal.
func killsOnScreen(binary string) (err error) {
	crowd, err := gather(quietContainers)
	defer func() { err = errors.Join(err, crowd.disperse()) }()
	if err != nil {
		return err
	}
	dir := crowd.memory[len(crowd.memory)-1]
	if err := limitMemory(dir, killedBytes); err != nil {
		return err
	}
	times, err := startKillTimes(binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, times.end()) }()
	screen, terminal, err := startDashboard(binary, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, screen.Process.Signal(unix.SIGINT), screen.Wait(), terminal.Close()) }()
	m := watchTerminal(terminal)
	m.expect(shows(fmt.Sprint(quietContainers, " containers")))
	if _, err := m.await("list of containers"); err != nil {
		return err
	}
	time.Sleep(crowdSettles)
	var delays []time.Duration
	for range screenKills {
		time.Sleep(time.Duration(50+rand.IntN(250)) * time.Millisecond)
		hog := exec.Command("perl", "-e", fmt.Sprintf(
			`<STDIN>; open(my $f, ">", "%s/cgroup.procs") or die; print $f $$; close($f) or die; my $x = "x" x %d`, dir, 4*killedBytes))
		start, err := hog.StdinPipe()
		if err == nil {
			err = hog.Start()
		}
		if err != nil {
			return err
		}
		pid := strconv.Itoa(hog.Process.Pid)
		m.expect(shows("oom kill", "perl ("+pid+")"))
		if err := start.Close(); err != nil {
			return err
		}
		_ = hog.Wait() // it is killed
		shown, err := m.await("kill of " + pid)
		if err != nil {
			return err
		}
		killed, err := times.of(hog.Process.Pid)
		if err != nil {
			return err
		}
		delays = append(delays, shown.Sub(killed))
	}
	fmt.Printf("  %d kills beside %d containers: median %v, 99th percentile %v, worst %v; wanted: at most 50ms\n", len(delays), quietContainers,
		median(delays).Round(10*time.Microsecond), quantile(delays, 0.99).Round(10*time.Microsecond), quantile(delays, 1).Round(10*time.Microsecond))
	return nil
}

// limitMemory limits a cgroup and, where the kernel counts swap, lets it have none.
func limitMemory(dir string, limit int) error {
	for _, files := range [][2]string{{"memory.max", "memory.swap.max"}, {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes"}} {
		if _, err := os.Stat(filepath.Join(dir, files[0])); err != nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, files[0]), []byte(strconv.Itoa(limit)), 0); err != nil {
			return err
		}
		swap := limit
		if files[1] == "memory.swap.max" {
			swap = 0
		}
		err := os.WriteFile(filepath.Join(dir, files[1]), []byte(strconv.Itoa(swap)), 0)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) { // it is not counted
			err = nil
		}
		return err
	}
	return fmt.Errorf("%s has no limit on memory", dir)
}

// killTimes has when the kernel killed processes, as another nsviz reports it.
type killTimes struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	list map[int32]time.Time
	more chan struct{}
}

func startKillTimes(binary string) (*killTimes, error) {
	cmd := exec.Command(binary, "events", "-o", "json")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	log := bufio.NewScanner(stderr)
	for log.Scan() && !bytes.Contains(log.Bytes(), []byte("watching")) {
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }() // ends with nsviz
	k := &killTimes{cmd: cmd, list: map[int32]time.Time{}, more: make(chan struct{}, 1)}
	go func() { // ends with nsviz
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e event.Event
			if json.Unmarshal(lines.Bytes(), &e) != nil || e.OOM == nil {
				continue
			}
			k.mu.Lock()
			k.list[e.OOM.Victim.PID] = e.Time
			k.mu.Unlock()
			select {
			case k.more <- struct{}{}:
			default:
			}
		}
	}()
	return k, nil
}

// of waits until the kill of a process is known, and returns when it was.
func (k *killTimes) of(pid int) (time.Time, error) {
	late := time.After(awaitPatience)
	for {
		k.mu.Lock()
		at, known := k.list[int32(pid)]
		k.mu.Unlock()
		if known {
			return at, nil
		}
		select {
		case <-k.more:
		case <-late:
			return time.Time{}, fmt.Errorf("no event has the kill of process %d", pid)
		}
	}
}

func (k *killTimes) end() error { return errors.Join(k.cmd.Process.Signal(unix.SIGINT), k.cmd.Wait()) }
