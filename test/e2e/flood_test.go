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
// other until its input ends. It writes their number.
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
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := syscall.Kill(int(pid), syscall.SIGKILL); err != nil {
		return err
	}
	if _, err := syscall.Wait4(int(pid), nil, 0, nil); err != nil {
		return err
	}
	fmt.Println(atomic.LoadUint64(made))
	return nil
}

// startFlood starts a flood; end ends it and returns the number of namespaces that it made.
func startFlood(t *testing.T) (end func() int) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), floodVariable+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	line := func() string {
		text, err := lines.ReadString('\n')
		if err != nil {
			t.Errorf("the flood ended early: %v", err)
		}
		return strings.TrimSpace(text)
	}
	line()
	made := -1
	end = func() int {
		if made < 0 {
			_ = in.Close()
			made, _ = strconv.Atoi(line())
			_ = cmd.Wait()
		}
		return made
	}
	t.Cleanup(func() { end() })
	return end
}

// TestFlood: two users make namespaces as fast as they can for 14 seconds. nsviz still reports every container that starts
// meanwhile, and each of its kills, as the containers' own counters have them.
func TestFlood(t *testing.T) {
	const containers, duration, patience = 8, 14 * time.Second, 5 * time.Second
	address := startServe(t)
	before := metrics(t, address)
	deadline := time.After(duration)
	floods := []func() int{startFlood(t), startFlood(t)}
	name := func(i int) string { return fmt.Sprintf("nsviz-test-flood-%d", i) }
	for i := range containers {
		removeContainer(t, name(i))
		docker(t, "run", "--detach", "--net=none", "--memory=16m", "--name", name(i), busyboxImage, "sh", "-c",
			"tail /dev/zero; tail /dev/zero; "+readOwnCounter+"; exec sleep 3600")
	}
	<-deadline
	made := 0
	for _, end := range floods {
		made += end()
	}
	ended := time.Now()

	var missing []string
	for {
		samples := metrics(t, address)
		missing = nil
		for i := range containers {
			own := ownCount(t, docker(t, "logs", name(i)))
			if own == 0 {
				t.Fatalf("nothing was killed in %s", name(i))
			}
			sample := fmt.Sprintf(`nsviz_oom_kills_total{container=%q,scope="cgroup"}`, name(i))
			if samples[sample] != strconv.Itoa(own) {
				missing = append(missing, fmt.Sprintf("%s is %q, want %d", sample, samples[sample], own))
			}
			if usage := fmt.Sprintf(`nsviz_container_memory_usage_bytes{container=%q}`, name(i)); samples[usage] == "" {
				missing = append(missing, name(i)+" is not among the containers")
			}
		}
		if len(missing) == 0 || time.Since(ended) > patience {
			break
		}
	}
	if len(missing) > 0 {
		t.Errorf("%v after the flood: %s", time.Since(ended).Round(time.Millisecond), strings.Join(missing, "\n"))
	}
	after := metrics(t, address)
	for sample, value := range after {
		kills, isKills := strings.CutPrefix(sample, "nsviz_oom_kills_total{container=")
		if isKills && (strings.HasPrefix(kills, `""`) || strings.HasPrefix(kills, `"(unknown)"`)) && value != "0" && value != before[sample] {
			t.Errorf("%s is %s, was %q", sample, value, before[sample])
		}
		if strings.HasPrefix(sample, "nsviz_events_lost_total") {
			t.Logf("%s %s", sample, value)
		}
	}
	t.Logf("%d namespaces were made in %v; all is known %v after that", made, duration, time.Since(ended).Round(time.Millisecond))
	if made < 50_000 {
		t.Errorf("only %d namespaces were made: that is no flood", made)
	}
}
