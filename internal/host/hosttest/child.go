package hosttest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Child is a process that lives until End is called or the test is over.
type Child struct {
	PID   int32
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
}

// Start runs a program that ends at the end of its input.
func Start(t testing.TB, attr *syscall.SysProcAttr, argv ...string) *Child {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = attr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &Child{PID: int32(cmd.Process.Pid), cmd: cmd, stdin: stdin, out: bufio.NewReader(stdout)}
	// exec closes the pipe that Start waits for shortly before it sets the new name (begin_new_exec in the kernel's
	// fs/exec.c).
	own, err := os.ReadFile("/proc/self/comm")
	for err == nil {
		var comm []byte
		if comm, err = os.ReadFile(fmt.Sprintf("/proc/%d/comm", c.PID)); !bytes.Equal(comm, own) {
			break
		}
		runtime.Gosched()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			c.End(t)
			c.Reap(t)
		}
	})
	return c
}

// Line returns the next line that the process writes.
func (c *Child) Line(t testing.TB) string {
	t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// Say writes a line that the process reads.
func (c *Child) Say(t testing.TB, line string) {
	t.Helper()
	if _, err := io.WriteString(c.stdin, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// End waits until the process is a zombie.
func (c *Child) End(t testing.TB) {
	t.Helper()
	_ = c.stdin.Close() // a second time it only says so
	if err := unix.Waitid(unix.P_PID, int(c.PID), nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
}

// Reap ends the zombie.
func (c *Child) Reap(t testing.TB) {
	t.Helper()
	if err := c.cmd.Wait(); err != nil {
		t.Error(err)
	}
}
