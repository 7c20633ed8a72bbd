//go:build root

package descent

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Descendants are known that have ended and whose parents have, and others are not.
func TestFollow(t *testing.T) {
	f, err := Follow()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, err := exec.Command("sh", "-c", `echo $$; sh -c 'echo $$; (sh -c "echo \$\$") & wait'`).Output()
	if err != nil {
		t.Fatal(err)
	}
	pids := strings.Fields(string(out))
	if len(pids) != 3 {
		t.Fatalf("%q", out)
	}
	for _, pid := range pids {
		if n, _ := strconv.Atoi(pid); !f.Descends(int32(n)) {
			t.Errorf("process %s does not descend", pid)
		}
	}
	for _, pid := range []int{1, os.Getpid(), os.Getppid()} {
		if f.Descends(int32(pid)) {
			t.Errorf("process %d descends", pid)
		}
	}
	if f.Missed() {
		t.Error("reports were dropped")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if n, _ := strconv.Atoi(pids[0]); !f.Descends(int32(n)) {
		t.Error("it is forgotten at the end")
	}
	if err := f.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// In a PID namespace of its own the kernel does not answer.
func TestFollowInAnotherNamespace(t *testing.T) {
	if os.Getenv("NSVIZ_TEST_INSIDE") != "" {
		f, err := Follow()
		if err == nil {
			_ = f.Close()
			t.Fatal("the kernel reports forks")
		}
		return
	}
	inside := exec.Command("/proc/self/exe", "-test.run=^TestFollowInAnotherNamespace$")
	inside.Env = append(os.Environ(), "NSVIZ_TEST_INSIDE=1")
	inside.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	if out, err := inside.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
