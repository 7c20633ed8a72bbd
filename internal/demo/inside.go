package demo

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// Command is the hidden subcommand of nsviz that starts a demo container's processes:
// nsviz demo-inside ROLE.
const Command = "demo-inside"

// The other words after Command: the worker that a hog starts, the first steps of a
// container made by hand, and the program in a virtual machine.
const (
	roleWorker  = "worker"
	rolePrepare = "prepare"
	roleGuest   = "guest"
)

// Inside runs within a demo container, as its PID 1 or below. It writes what it does to out,
// which `docker logs` shows.
func Inside(args []string, out io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("%s: no role given", Command)
	}
	switch Role(args[0]) {
	case rolePrepare:
		return prepare(args[1:])
	case roleWorker:
		return takeMemory()
	case roleGuest:
		return guest(out)
	case Hog:
		return hog(out)
	case Idle:
		return idle(out)
	case Brief:
		rename("demo-brief")
		fmt.Fprintln(out, "hello from inside, process", os.Getpid())
		return nil
	}
	return fmt.Errorf("%s: no role %q", Command, args[0])
}

// rename sets the kernel's name of this process; without it the process would have the name
// of the nsviz binary.
func rename(name string) {
	// Only cosmetic: if /proc is missing, the old name stays.
	_ = os.WriteFile("/proc/self/comm", []byte(name), 0)
}

// respawnPause is the hog's pause between two workers, so that people can follow.
const respawnPause = 1500 * time.Millisecond

func hog(out io.Writer) error {
	rename("demo-hog")
	stop := stopSignals()
	for n := 1; ; n++ {
		worker := exec.Command("/proc/self/exe", Command, roleWorker)
		worker.Stdout, worker.Stderr = out, out
		if err := worker.Start(); err != nil {
			return fmt.Errorf("start worker %d: %w", n, err)
		}
		ended := make(chan error, 1)
		go func() { ended <- worker.Wait() }()
		select {
		case <-stop:
			return nil // the others in this pid namespace end with its PID 1
		case err := <-ended:
			fmt.Fprintf(out, "worker %d: %v\n", n, err)
		}
		select {
		case <-stop:
			return nil
		case <-time.After(respawnPause):
		}
	}
}

// takeMemory takes memory at some 20 MiB a second until something ends it.
func takeMemory() error {
	rename("demo-worker")
	// The victim should be this process, not the PID 1 beside it, which has hardly any memory. The
	// kernel would probably choose it anyway.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	stop := stopSignals()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for taken := 0; ; taken += mib {
		page, err := unix.Mmap(-1, 0, mib, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
		if err != nil {
			return fmt.Errorf("no more memory after %d MiB: %w", taken/mib, err)
		}
		for i := 0; i < len(page); i += os.Getpagesize() {
			page[i] = 1
		}
		select {
		case <-stop:
			return nil
		case <-tick.C:
		}
	}
}

func idle(out io.Writer) error {
	rename("demo-idle")
	fmt.Fprintln(out, "idle, process", os.Getpid())
	<-stopSignals()
	return nil
}

func stopSignals() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGTERM, unix.SIGINT)
	return c
}
