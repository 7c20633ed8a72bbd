//go:build root

package probes

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// helperVariable makes the test binary do one thing that has to happen in a process of its own.
const helperVariable = "NSVIZ_TEST_HELPER"

// helper waits for a line on stdin, does the task and writes a line when it is done.
func helper(task string) error {
	runtime.GOMAXPROCS(2) // one for a thread that never returns
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
	case "hog-all":
		return hogAll()
	case "hog-node":
		var nodes unix.CPUSet
		nodes.Set(n)
		if err := unix.SetMemPolicy(unix.MPOL_BIND, &nodes); err != nil {
			return err
		}
		return hogAll()
	case "hog-thread":
		go func() {
			for !firstThreadHasEnded() {
				runtime.Gosched()
			}
			_ = hog()
		}()
		onFirstThread(func() {
			name := []byte("first\x00")
			_, _, _ = unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0)
			_, _, _ = unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
		})
		select {} // the hog is on its own
	case "titled-hog":
		// Over all of its arguments, to the last byte: the memory after them belongs to the title, too.
		for _, a := range os.Args {
			title := unsafe.Slice(unsafe.StringData(a), len(a)+1)
			for i := range title {
				title[i] = 't'
			}
		}
		fmt.Println("titled")
		if _, err := in.ReadString('\n'); err != nil {
			return nil //nolint:nilerr // nobody needs it any more
		}
		return hog()
	case "hog-shared":
		return hogShared(in)
	case "filter-bpf":
		return checkBehindFilter(uint32(n))
	case "check":
		fmt.Println(Gather(btf.NewCache()).Check())
		return nil
	case "rights":
		config, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		return tryRights(argument, string(config))
	case "hold":
		if err := take(n); err != nil {
			return err
		}
	case "hogs":
		return hogs(argument)
	case "unshare-later":
		fmt.Println("its thread is chosen")
		if _, err := in.ReadString('\n'); err != nil {
			return nil //nolint:nilerr // nobody needs it any more
		}
		if err := unix.Unshare(unix.CLONE_NEWUTS | unix.CLONE_NEWIPC); err != nil {
			return err
		}
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
	case "calls-refused":
		if err := callFiltered(refuse, n); err != nil {
			return err
		}
	case "calls-faked":
		if err := callFiltered(fake, n); err != nil {
			return err
		}
	case "flood":
		if err := floodNamespaces(65533, n); err != nil {
			return err
		}
	case "flood-cgroups":
		if err := floodCgroups(argument); err != nil {
			return err
		}
	case "as-user", "in-user-namespace":
		if err := syscall.Setuid(65533); err != nil {
			return err
		}
		if what == "in-user-namespace" {
			return inUserNamespace(argument)
		}
		_, rest, _ := strings.Cut(argument, " ")
		if err := floodCgroups(rest); err != nil {
			return err
		}
	case "exec":
		fmt.Println("exec")
		if err := os.Setenv(helperVariable, argument); err != nil {
			return err
		}
		return unix.Exec("/proc/self/exe", os.Args, os.Environ())
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
	case "root":
		fmt.Println("up")
		if _, err := in.ReadString('\n'); err != nil {
			return nil //nolint:nilerr // nobody needs it any more
		}
		how, dir, _ := strings.Cut(argument, " ")
		return buildRoot(how, dir, how == "rootless")
	case "exit-thread":
		// exit_group(2) by another thread than the first, after one has ended by itself.
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

// hogAll is a hog for much memory.
func hogAll() error {
	for {
		if err := populate(16); err != nil {
			return err
		}
	}
}

// onFirstThread runs something on the thread that has the process's number. If the first thread has ended,
// the kernel keeps what the others need of it.
func onFirstThread(do func()) {
	if unix.Gettid() == os.Getpid() {
		do()
		return
	}
	found := make(chan bool)
	for {
		go func() {
			runtime.LockOSThread()
			if unix.Gettid() != os.Getpid() {
				found <- false
				select {} // and keeps its thread, so that the next one gets another
			}
			found <- true
			do()
		}()
		if <-found {
			return
		}
	}
}

// firstThreadHasEnded looks for the Z of a zombie in its state.
func firstThreadHasEnded() bool {
	var space [256]byte // without the heap: nothing is collected here, and the memory is limited
	fd, err := unix.Open("/proc/self/task/"+strconv.Itoa(os.Getpid())+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	n, err := unix.Read(fd, space[:])
	return err == nil && bytes.Contains(space[:n], []byte(") Z "))
}

// hogShared is a hog beside another process that has the same memory: a child of vfork(2) that never execs. The
// calling thread never returns; it could not, since the child has changed its stack.
func hogShared(in *bufio.Reader) error {
	go func() {
		runtime.LockOSThread()
		if pid, _, _ := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_VM|unix.CLONE_VFORK|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0); pid == 0 {
			for {
				_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0) // for good
			}
		}
	}()
	for {
		lists, err := filepath.Glob("/proc/self/task/*/children")
		if err != nil {
			return err
		}
		for _, list := range lists {
			if child, err := os.ReadFile(list); err == nil && len(child) > 0 {
				fmt.Println(strings.TrimSpace(string(child)))
				if _, err := in.ReadString('\n'); err != nil {
					return err
				}
				return hog()
			}
		}
		runtime.Gosched()
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

// populate takes memory in one system call: on an emulated machine that takes a tenth of the time of a fault for each page.
func populate(megabytes int) error {
	flags := unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_POPULATE
	_, err := unix.Mmap(-1, 0, megabytes<<20, unix.PROT_READ|unix.PROT_WRITE, flags)
	return err
}

// hogs runs a number of hogs until they are killed in a cgroup ("24 /sys/fs/cgroup/name"), four at a
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
// process without one is ignored.
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

// line returns the next line that the process writes.
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
