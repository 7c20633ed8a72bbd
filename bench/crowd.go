package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

const (
	crowdSize  = 1000
	crowdWatch = 30 * time.Second
	// crowdSettles is the time between nsviz's reading of the host and a measurement, crowdRests the same for one at rest: the time in which it
	// inspects most of the containers once.
	crowdSettles = 10 * time.Second
	crowdRests   = time.Minute
)

// crowdShare measures how much of one CPU nsviz takes while it watches 1,000 idle containers. Each of them
// is a sleeping process in a cgroup and in five namespaces of its own, as an engine would make them.
func crowdShare(binary string) error {
	return serveCrowd(binary, crowdSize, func(pid int) error {
		share, err := shareOf(pid)
		resident, residentErr := residentKiB(pid)
		if err := errors.Join(err, residentErr); err != nil {
			return err
		}
		fmt.Printf("  serve:     %5.1f %% of one CPU with %d containers, %.1f MiB resident\n", 100*share, crowdSize, float64(resident)/1024)
		return nil
	})
}

// serveCrowd measures `nsviz serve`, a process with that PID, while it watches so many idle containers.
func serveCrowd(binary string, containers int, measure func(pid int) error) (err error) {
	crowd, err := gather(containers)
	defer func() { err = errors.Join(err, crowd.disperse()) }()
	if err != nil {
		return err
	}
	serve, err := startNsviz(binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, serve.stop()) }()
	return measure(serve.cmd.Process.Pid)
}

// screenShare measures how much of one CPU the dashboard takes while it shows idle containers, and how much it writes to its terminal.
func screenShare(binary string) error {
	for _, of := range []struct {
		containers int
		wanted     float64 // percent
	}{{50, 0.5}, {crowdSize, 4}} {
		if err := screenWith(binary, of.containers, of.wanted); err != nil {
			return err
		}
	}
	return nil
}

func screenWith(binary string, containers int, wanted float64) (err error) {
	crowd, err := gather(containers)
	defer func() { err = errors.Join(err, crowd.disperse()) }()
	if err != nil {
		return err
	}
	screen, terminal, err := startDashboard(binary, "")
	if err != nil {
		return err
	}
	var written atomic.Int64
	go func() { // ends when nsviz has closed its side
		chunk := make([]byte, 64<<10)
		for n, err := terminal.Read(chunk); err == nil; n, err = terminal.Read(chunk) {
			written.Add(int64(n))
		}
	}()
	time.Sleep(crowdRests)
	before := written.Load()
	share, err := shareOf(screen.Process.Pid)
	bytes := float64(written.Load()-before) / (crowdRests + crowdWatch).Seconds()
	resident, residentErr := residentKiB(screen.Process.Pid)
	if err := errors.Join(err, residentErr, screen.Process.Signal(unix.SIGINT), screen.Wait(), terminal.Close()); err != nil {
		return err
	}
	fmt.Printf("  %4d containers: %6.2f %% of one CPU, %.0f bytes a second to the terminal, %.1f MiB resident; wanted: at most %.1f %%\n",
		containers, 100*share, bytes, float64(resident)/1024, wanted)
	return nil
}

// shareOf returns how much of one CPU a process takes, including the kernel's work for it.
func shareOf(pid int) (float64, error) {
	time.Sleep(crowdRests)
	before, err := cpuTime(pid)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	time.Sleep(crowdWatch)
	after, err := cpuTime(pid)
	return (after - before).Seconds() / time.Since(began).Seconds(), err
}

// cpuTime returns the CPU time in /proc/PID/stat, in hundredths of a second.
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks uint64
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// crowd holds many containers made by hand.
type crowd struct {
	dirs      []string // of cgroups, each behind the one that it is in
	memory    []string // those of the containers in the hierarchy that counts memory
	processes []*exec.Cmd
}

// hierarchies returns the directories in which an engine makes cgroups for a container: on cgroup v1 one in each hierarchy.
func hierarchies(layout cgroupfs.Layout) (list []string, err error) {
	if layout.Controller == "" {
		return []string{layout.Dir}, nil
	}
	mounts, err := filepath.Glob(filepath.Join(filepath.Dir(layout.Dir), "*", "cgroup.procs"))
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, file := range mounts {
		dir, err := filepath.EvalSymlinks(filepath.Dir(file)) // cpu and cpuacct may be one
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(filepath.Join(dir, "cpuset.cpus")); err == nil || seen[dir] {
			continue // a cpuset takes no process before it is set up
		}
		seen[dir] = true
		list = append(list, dir)
	}
	return list, nil
}

// gather makes n containers. After an error it also returns those made before.
func gather(n int) (*crowd, error) {
	c := &crowd{}
	host, err := host.Open(host.Roots{})
	if err != nil {
		return c, err
	}
	layout, err := host.Cgroups.Layout()
	if err != nil {
		return c, err
	}
	tops, err := hierarchies(layout)
	if err != nil {
		return c, err
	}
	parent := filepath.Join(fmt.Sprintf("nsviz-bench-%d", os.Getpid()), "docker")
	for _, top := range tops {
		for _, dir := range []string{filepath.Join(top, filepath.Dir(parent)), filepath.Join(top, parent)} {
			if err := c.makeCgroup(dir); err != nil {
				return c, err
			}
		}
	}
	if layout.Controller == "" {
		for _, above := range []string{layout.Dir, c.dirs[0], c.dirs[1]} {
			if err := os.WriteFile(filepath.Join(above, "cgroup.subtree_control"), []byte("+memory"), 0); err != nil {
				return c, err
			}
		}
	}
	for i := range n {
		cmd := exec.Command("sleep", "infinity")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		}
		if err := cmd.Start(); err != nil {
			return c, err
		}
		c.processes = append(c.processes, cmd)
		for _, top := range tops {
			dir := filepath.Join(top, parent, fmt.Sprintf("%064x", i+1))
			if err := c.makeCgroup(dir); err != nil {
				return c, err
			}
			if top == layout.Dir {
				c.memory = append(c.memory, dir)
			}
			if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

func (c *crowd) makeCgroup(dir string) error {
	err := os.Mkdir(dir, 0o755)
	if err == nil {
		c.dirs = append(c.dirs, dir)
	}
	return err
}

func (c *crowd) disperse() error {
	var errs []error
	for _, cmd := range c.processes {
		errs = append(errs, cmd.Process.Kill())
	}
	for _, cmd := range c.processes {
		_ = cmd.Wait() // it was killed
	}
	for _, dir := range slices.Backward(c.dirs) {
		errs = append(errs, removeCgroup(dir))
	}
	return errors.Join(errs...)
}

// removeCgroup removes an empty cgroup; the kernel takes a moment to release dead processes.
func removeCgroup(dir string) error {
	err := os.Remove(dir)
	for range 50 {
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
		err = os.Remove(dir)
	}
	return err
}
