package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
)

// firstFrame measures the time from the start of nsviz on a terminal of its own to its first frame, and from
// the start of `nsviz serve` until it sees all events.
func firstFrame(binary string) error {
	const rounds = 9
	var first, attached []time.Duration
	for range rounds {
		f, err := timeFrame(binary)
		if err != nil {
			return err
		}
		first = append(first, f)
		began := time.Now()
		b, err := startNsviz(binary)
		if err != nil {
			return err
		}
		attached = append(attached, time.Since(began))
		if err := b.stop(); err != nil {
			return err
		}
	}
	for _, row := range []struct {
		name, wanted string
		list         []time.Duration
	}{{"first frame", "; wanted: at most 300ms", first}, {"all attached", "", attached}} {
		fmt.Printf("  %-14s median %v, worst %v of %d%s\n", row.name, median(row.list).Round(time.Millisecond),
			quantile(row.list, 1).Round(time.Millisecond), rounds, row.wanted)
	}
	return nil
}

func timeFrame(binary string) (time.Duration, error) {
	began := time.Now()
	cmd, master, err := startDashboard(binary, "")
	if err != nil {
		return 0, err
	}
	defer func() { _ = master.Close() }()
	var seen bytes.Buffer
	chunk := make([]byte, 64<<10)
	for !bytes.Contains(seen.Bytes(), []byte("nsviz")) {
		n, err := master.Read(chunk)
		if err != nil {
			return 0, fmt.Errorf("read the terminal: %w", err)
		}
		seen.Write(chunk[:n])
	}
	took := time.Since(began)
	if err := cmd.Process.Signal(unix.SIGINT); err != nil {
		return 0, err
	}
	go func() { _, _ = io.Copy(io.Discard, master) }() // ends when nsviz has closed its side
	return took, cmd.Wait()
}

// The size of the terminals.
const screenRows, screenColumns = 50, 200

// startDashboard runs nsviz on a terminal, with metrics at an address; "" is none. The caller has to read and close the other side.
func startDashboard(binary, address string) (*exec.Cmd, *os.File, error) {
	master, slave, err := openTerminal()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(binary, "--web.listen-address", address)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	_ = slave.Close()
	if err != nil {
		return nil, nil, errors.Join(err, master.Close())
	}
	return cmd, master, nil
}

func openTerminal() (master, slave *os.File, err error) {
	if master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: screenRows, Col: screenColumns})
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, master.Close())
	}
	return master, slave, nil
}

const (
	quietContainers = 50
	image           = "nsviz-bench"
)

// latencyAndMemory runs 50 quiet containers and the stress demo, reads events as a user would, and
// looks at the memory of nsviz meanwhile.
func latencyAndMemory(binary string) (err error) {
	for program, tag := range map[string]string{"busybox": image + "-quiet", "stress-ng": image + "-stress"} {
		if out, err := exec.Command("test/images/make", program, tag).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	names := []string{image + "-hog"}
	for i := range quietContainers {
		names = append(names, fmt.Sprintf("%s-%d", image, i))
	}
	remove := func() { _ = exec.Command("docker", append([]string{"rm", "-f"}, names...)...).Run() }
	remove() // what an earlier run may have left
	defer func() {
		remove()
		_ = exec.Command("docker", "rmi", image+"-quiet", image+"-stress").Run()
	}()
	for _, name := range names[1:] {
		out, err := exec.Command("docker", "run", "-d", "--net=none", "--name", name, image+"-quiet", "sleep", "3600").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}

	serve, err := startNsviz(binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, serve.stop()) }()
	delays, eventsKiB, err := measureKills(binary)
	if err != nil {
		return err
	}
	serveKiB, err := residentKiB(serve.cmd.Process.Pid)
	if err != nil {
		return err
	}
	fmt.Printf("  %d kills: median %v, 99th percentile %v, worst %v; wanted: 99th at most 10ms\n", len(delays),
		median(delays).Round(time.Microsecond), quantile(delays, 0.99).Round(time.Microsecond), quantile(delays, 1).Round(time.Microsecond))
	fmt.Printf("  resident with %d containers: serve %.1f MiB, events %.1f MiB; wanted: at most 40 MiB\n",
		quietContainers+1, float64(serveKiB)/1024, float64(eventsKiB)/1024)
	return nil
}

func measureKills(binary string) (delays []time.Duration, residentEvents int, err error) {
	cmd := exec.Command(binary, "events", "-o", "json")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, 0, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, 0, err
	}
	if err := cmd.Start(); err != nil {
		return nil, 0, err
	}
	log := bufio.NewScanner(stderr)
	for log.Scan() && !bytes.Contains(log.Bytes(), []byte("watching")) {
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }() // ends with nsviz

	var reader sync.WaitGroup
	reader.Go(func() {
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			arrived := time.Now()
			var e event.Event
			if json.Unmarshal(lines.Bytes(), &e) == nil && e.Type == event.OOMKill {
				delays = append(delays, arrived.Sub(e.Time))
			}
		}
	})
	out, err := exec.Command("docker", "run", "--name", image+"-hog", "--net=none", "--memory=64m", image+"-stress",
		"stress-ng", "--vm", "1", "--vm-bytes", "200M", "--timeout", "15s").CombinedOutput()
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %s", err, out)
	}
	if residentEvents, err = residentKiB(cmd.Process.Pid); err != nil {
		return nil, 0, err
	}
	if err := cmd.Process.Signal(unix.SIGINT); err != nil {
		return nil, 0, err
	}
	reader.Wait()
	if len(delays) == 0 {
		return nil, 0, errors.New("nothing was killed")
	}
	return delays, residentEvents, cmd.Wait()
}
