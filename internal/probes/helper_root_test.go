//go:build root

package probes

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// helperVariable makes the test binary do one thing that has to happen in a process of its own.
const helperVariable = "NSVIZ_TEST_HELPER"

// helper waits for a line on stdin, does what task says and writes a line when it is done.
func helper(task string) error {
	runtime.LockOSThread()
	in := bufio.NewReader(os.Stdin)
	if _, err := in.ReadString('\n'); err != nil {
		return nil //nolint:nilerr // nobody needs it any more
	}
	what, argument, _ := strings.Cut(task, " ")
	n, _ := strconv.Atoi(argument)
	switch what {
	case "hog":
		return hog()
	case "hold":
		if err := take(n); err != nil {
			return err
		}
	case "hogs":
		return hogs(argument)
	case "unshare":
		// UTS and IPC at once: two namespaces a call, one record.
		for range n {
			if err := unix.Unshare(unix.CLONE_NEWUTS | unix.CLONE_NEWIPC); err != nil {
				return err
			}
		}
	case "unshare-refused":
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
		if err := unix.Unshare(unix.CLONE_NEWUTS); !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("unshare: %w", err)
		}
	case "setns":
		fd, err := unix.PidfdOpen(n, 0)
		if err != nil {
			return err
		}
		if err := unix.Setns(fd, unix.CLONE_NEWUTS|unix.CLONE_NEWIPC|unix.CLONE_NEWNET); err != nil {
			return err
		}
	case "contain":
		// As a runtime does: a mount namespace of its own, then the container's program.
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return err
		}
		path, err := exec.LookPath("sh")
		if err != nil {
			return err
		}
		return unix.Exec(path, []string{"sh", "-c", argument}, []string{"PATH=" + os.Getenv("PATH")})
	case "exit-thread":
		// exit(2) of all threads by another one than the first, after one has ended by itself.
		ended := make(chan struct{})
		go func() {
			runtime.LockOSThread() // and never unlocks, so that the thread ends with the goroutine
			close(ended)
		}()
		<-ended
		go func() {
			runtime.LockOSThread()
			unix.Exit(n)
		}()
		select {}
	default:
		return fmt.Errorf("no task %q", task)
	}
	fmt.Println("done")
	_, err := in.ReadString('\n')
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// hog takes memory until it is killed.
func hog() error {
	for {
		if err := take(1); err != nil {
			return err
		}
	}
}

// take takes and touches memory that the Go runtime does not know of.
func take(megabytes int) error {
	chunk, err := unix.Mmap(-1, 0, megabytes<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	for i := 0; i < len(chunk); i += os.Getpagesize() {
		chunk[i] = 1
	}
	return nil
}

// hogs has as many hogs killed in a cgroup as its argument says, "24 /sys/fs/cgroup/name", four at a
// time. It is not in that cgroup itself, so that it is not chosen.
func hogs(argument string) error {
	var n int
	var dir string
	if _, err := fmt.Sscan(argument, &n, &dir); err != nil {
		return err
	}
	slots := make(chan error, 4)
	for range cap(slots) {
		slots <- nil
	}
	for range n {
		if err := <-slots; err != nil {
			return err
		}
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{helperVariable + "=hog", "GOGC=off"}
		in, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		if err := os.WriteFile(dir+"/cgroup.procs", []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
			return err
		}
		if _, err := io.WriteString(in, "\n"); err != nil {
			return err
		}
		go func() {
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
				slots <- fmt.Errorf("a hog ended with: %w", err)
				return
			}
			slots <- nil
		}()
	}
	for range cap(slots) {
		if err := <-slots; err != nil {
			return err
		}
	}
	fmt.Println("done")
	return nil
}

// process is a child of the test.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	pid int32
}

// start runs a command that ends with the test at the latest.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd}
	var err error
	if p.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.pid = int32(cmd.Process.Pid)
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return p
}

func startHelper(t *testing.T, task string) *process {
	t.Helper()
	return start(t, helperCommand(task))
}

func helperCommand(task string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperVariable+"="+task, "GOGC=off")
	return cmd
}

// isolated gives a command a namespace of its own, as a container's init has several: the exit of a
// process that has none is not looked at.
func isolated(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUTS}
	return cmd
}

// release lets a helper begin, or a shell's read return.
func (p *process) release() {
	p.t.Helper()
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		p.t.Fatal(err)
	}
}

// line is the next one that the process writes.
func (p *process) line() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%v ended early: %v", p.cmd.Args, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// wait returns how the process ended.
func (p *process) wait() syscall.WaitStatus {
	p.t.Helper()
	_, _ = io.Copy(io.Discard, p.out)
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return p.cmd.ProcessState.Sys().(syscall.WaitStatus)
}
