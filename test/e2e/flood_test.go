//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// floodVariable makes the test binary a flood: an ordinary user makes a user namespace, and in it one UTS namespace after the
// other until its input ends. It writes their number for each line that it reads, and at the end.
const floodVariable = "NSVIZ_TEST_FLOOD"

// floodUser is an ordinary user without a name.
const floodUser = 61337

func flood() error {
	runtime.LockOSThread()
	if err := syscall.Setgid(floodUser); err != nil {
		return err
	}
	if err := syscall.Setuid(floodUser); err != nil {
		return err
	}
	shared, err := syscall.Mmap(-1, 0, os.Getpagesize(), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANON)
	if err != nil {
		return err
	}
	made := (*uint64)(unsafe.Pointer(&shared[0]))
	// As after fork, the child has only a copy of this thread, so it calls nothing that needs the Go runtime.
	pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, syscall.CLONE_NEWUSER|uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("clone: %w", errno)
	}
	if pid == 0 {
		for {
			if _, _, errno := syscall.RawSyscall(syscall.SYS_UNSHARE, syscall.CLONE_NEWUTS, 0, 0); errno == 0 {
				atomic.AddUint64(made, 1)
			}
		}
	}
	fmt.Println("up")
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
		fmt.Println(atomic.LoadUint64(made))
	}
	if err := syscall.Kill(int(pid), syscall.SIGKILL); err != nil {
		return err
	}
	if _, err := syscall.Wait4(int(pid), nil, 0, nil); err != nil {
		return err
	}
	fmt.Println(atomic.LoadUint64(made))
	return nil
}

// flooding is a running flood.
type flooding struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Reader
	total int // what it made, when it has ended; -1 before
}

// startFlood starts a flood, which lasts until end, or the end of the test.
func startFlood(t *testing.T) *flooding {
	t.Helper()
	f := &flooding{t: t, cmd: exec.Command("/proc/self/exe"), total: -1}
	f.cmd.Env = append(os.Environ(), floodVariable+"=1")
	var err error
	if f.in, err = f.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	f.cmd.Stderr = os.Stderr
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f.lines = bufio.NewReader(out)
	t.Cleanup(func() { f.end() })
	f.line()
	return f
}

func (f *flooding) line() string {
	text, err := f.lines.ReadString('\n')
	if err != nil {
		f.t.Errorf("the flood ended early: %v", err)
	}
	return strings.TrimSpace(text)
}

func (f *flooding) number() int {
	n, err := strconv.Atoi(f.line())
	if err != nil {
		f.t.Error(err)
	}
	return n
}

// made returns the number of namespaces so far.
func (f *flooding) made() int {
	if f.total >= 0 {
		return f.total
	}
	_, _ = io.WriteString(f.in, "\n") // if it has ended, number says so
	return f.number()
}

// end ends the flood and returns the number of namespaces that it made.
func (f *flooding) end() int {
	if f.total < 0 {
		_ = f.in.Close()
		f.total = f.number()
		_ = f.cmd.Wait()
	}
	return f.total
}

// TestFlood: two users make namespaces as fast as they can for 14 seconds, and on a slow host until they have made many. nsviz still
// reports every container that starts meanwhile, and each of its kills, as the containers' own counters have them.
func TestFlood(t *testing.T) {
	const containers, duration, many = 8, 14 * time.Second, 50_000
	address := startServe(t)
	before := metrics(t, address)
	deadline := time.After(duration)
	floods := []*flooding{startFlood(t), startFlood(t)}
	name := func(i int) string { return fmt.Sprintf("nsviz-test-flood-%d", i) }
	for i := range containers {
		removeContainer(t, name(i))
		docker(t, "run", "--detach", "--net=none", "--memory=16m", "--name", name(i), busyboxImage, "sh", "-c",
			"tail /dev/zero; tail /dev/zero; "+readOwnCounter+"; exec sleep 3600")
	}
	own := make([]int, containers)
	for i := range containers {
		eventually(t, func() bool { return strings.Contains(docker(t, "logs", name(i)), "own count: ") },
			func() string { return name(i) + " has not come to its end" })
		if own[i] = ownCount(t, docker(t, "logs", name(i))); own[i] == 0 {
			t.Fatalf("nothing was killed in %s", name(i))
		}
	}
	made := 0
	eventually(t, func() bool { made = floods[0].made() + floods[1].made(); return made >= many },
		func() string { return fmt.Sprintf("only %d namespaces were made: that is no flood", made) })
	<-deadline
	made = floods[0].end() + floods[1].end()
	ended := time.Now()

	var missing []string
	eventually(t, func() bool {
		samples := metrics(t, address)
		missing = nil
		for i := range containers {
			sample := fmt.Sprintf(`nsviz_oom_kills_total{container=%q,scope="cgroup"}`, name(i))
			if samples[sample] != strconv.Itoa(own[i]) {
				missing = append(missing, fmt.Sprintf("%s is %q, want %d", sample, samples[sample], own[i]))
			}
			if usage := fmt.Sprintf(`nsviz_container_memory_usage_bytes{container=%q}`, name(i)); samples[usage] == "" {
				missing = append(missing, name(i)+" is not among the containers")
			}
		}
		return len(missing) == 0
	}, func() string { return "after the flood: " + strings.Join(missing, "\n") })
	t.Logf("%d namespaces were made; all is known %v after that", made, time.Since(ended).Round(time.Millisecond))
	for sample, value := range metrics(t, address) {
		kills, isKills := strings.CutPrefix(sample, "nsviz_oom_kills_total{container=")
		if isKills && (strings.HasPrefix(kills, `""`) || strings.HasPrefix(kills, `"(unknown)"`)) && value != "0" && value != before[sample] {
			t.Errorf("%s is %s, was %q", sample, value, before[sample])
		}
		if strings.HasPrefix(sample, "nsviz_events_lost_total") {
			t.Logf("%s %s", sample, value)
		}
	}
}
