//go:build root

package pipeline_test

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
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/engine/docker"
	"github.com/nsviz/nsviz/internal/demo"
	"github.com/nsviz/nsviz/internal/host"
)

// helperVariable makes the test binary do one thing that has to happen in a process of its own.
const helperVariable = "NSVIZ_TEST_HELPER"

// patience is how long a test waits for something that should come soon.
const patience = 90 * time.Second

// nobody is an engine that is not there.
func nobody(t *testing.T) engine.Engine {
	t.Helper()
	e, err := docker.New(docker.Config{Host: "unix://" + t.TempDir() + "/docker.sock"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestMain is also what runs inside the demo's containers, which are made of the program that makes
// them.
func TestMain(m *testing.M) {
	var err error
	switch task := os.Getenv(helperVariable); {
	case len(os.Args) > 1 && os.Args[1] == demo.Command:
		err = demo.Inside(os.Args[2:], os.Stdout)
	case task != "":
		err = helper(task)
	case os.Geteuid() != 0:
		err = errors.New("these tests need root")
	default:
		goleak.VerifyTestMain(m)
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// helper does what task says, in a thread that is not the first one, writes a line with what it has made
// and waits for one.
func helper(task string) error {
	acted := make(chan error)
	var inThread func()
	inThread = func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			go inThread() // and that gets another one
		} else {
			acted <- act(task)
		}
		select {} // the thread ends with the goroutine
	}
	go inThread()
	if err := <-acted; err != nil {
		return err
	}
	_, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func act(task string) error {
	what, argument, _ := strings.Cut(task, " ")
	var link string
	switch what {
	case "thread":
		link = "uts"
		if err := unix.Unshare(unix.CLONE_NEWUTS); err != nil {
			return err
		}
	case "socket":
		return socketElsewhere()
	case "hostname":
		pid, err := strconv.Atoi(argument)
		if err != nil {
			return err
		}
		host, err := host.Open(host.Roots{})
		if err != nil {
			return err
		}
		name, err := host.NS.Hostname(int32(pid))
		fmt.Println(name)
		return err
	case "time":
		link = "time_for_children"
		if err := unix.Unshare(unix.CLONE_NEWTIME); err != nil {
			return err
		}
	case "pid":
		// It can be seen once a first process is there, which ends at once. Package os tries out at its
		// first command whether it may use pidfds, by a process: that is not to be it.
		link = "pid_for_children"
		if err := exec.Command("true").Run(); err != nil {
			return err
		}
		if err := unix.Unshare(unix.CLONE_NEWPID); err != nil {
			return err
		}
		if err := exec.Command("true").Run(); err != nil {
			return err
		}
	case "unentered-pid":
		if err := unix.Unshare(unix.CLONE_NEWPID); err != nil {
			return err
		}
		fmt.Println("done")
		return nil
	case "storm":
		// UTS and IPC at once: two namespaces a call.
		n, _ := strconv.Atoi(argument)
		for range n {
			if err := unix.Unshare(unix.CLONE_NEWUTS | unix.CLONE_NEWIPC); err != nil {
				return err
			}
		}
		link = "uts"
	default:
		return fmt.Errorf("no task %q", task)
	}
	id, err := os.Readlink("/proc/thread-self/ns/" + link)
	if err != nil {
		return err
	}
	fmt.Println(id)
	return nil
}

// socketElsewhere opens a socket in a net namespace of its own, leaves that, and says which one it was.
func socketElsewhere() error {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	id, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	if _, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	fmt.Println(id)
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
func start(t *testing.T, command ...string) *process {
	t.Helper()
	return run(t, exec.Command(command[0], command[1:]...))
}

func startHelper(t *testing.T, task string) *process {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperVariable+"="+task)
	return run(t, cmd)
}

func run(t *testing.T, cmd *exec.Cmd) *process {
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
	t.Cleanup(p.end)
	return p
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

// number is a line with a PID.
func (p *process) number() int32 {
	p.t.Helper()
	n, err := strconv.ParseInt(p.line(), 10, 32)
	if err != nil {
		p.t.Fatal(err)
	}
	return int32(n)
}

// end closes what the process reads, which all of them take for their end, and waits for it.
func (p *process) end() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.in.Close()
	_, _ = io.Copy(io.Discard, p.out)
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("%v: %v", p.cmd.Args, err)
	}
}
