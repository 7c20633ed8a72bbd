package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Bare makes containers from namespaces and a cgroup only: the work of an engine on one page.
type Bare struct {
	// root is the directory of the cgroup hierarchy that limits memory.
	root    string
	unified bool
	running []*bareContainer
}

type bareContainer struct {
	spec   Spec
	cgroup string
	// lock marks the cgroup as in use for other demos.
	lock *os.File
	init *exec.Cmd
	// gate is the pipe at which the init waits; it stays open for as long as this process lives.
	gate *os.File
	// reaped is closed when the init has ended and was reaped.
	reaped chan struct{}
}

// NewBare makes containers below root, the mount of the hierarchy that limits memory; unified is
// whether that is cgroup v2.
func NewBare(root string, unified bool) *Bare { return &Bare{root: root, unified: unified} }

// Clean removes the cgroups that an earlier demo left, and waits until its processes are gone. A
// locked cgroup belongs to a running demo.
func (b *Bare) Clean(context.Context) (others bool, err error) {
	left, err := filepath.Glob(filepath.Join(b.root, Prefix+"*"))
	if err != nil {
		return false, err
	}
	var errs []error
	for _, dir := range left {
		lock, err := lockLeft(dir)
		switch {
		case errors.Is(err, unix.EWOULDBLOCK):
			others = true
		case errors.Is(err, fs.ErrNotExist): // its demo has removed it
		case err != nil:
			errs = append(errs, err)
		default:
			errs = append(errs, removeCgroup(dir), lock.Close())
		}
	}
	return others, errors.Join(errs...)
}

// lockLeft is lockDir for what may be left of a demo that was killed. The process that it was about to start has the lock, too, until it
// runs its program; so an empty cgroup that is locked gets another try.
func lockLeft(dir string) (*os.File, error) {
	for range 50 {
		lock, err := lockDir(dir)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return lock, err
		}
		if procs, err := os.ReadFile(filepath.Join(dir, "cgroup.procs")); err != nil || len(procs) > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return lockDir(dir)
}

// lockDir locks a folder until it is closed again or this process ends in any way.
func lockDir(path string) (*os.File, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), dir.Close())
	}
	return dir, nil
}

// Start creates the cgroup and the namespaces and puts the role's process into them.
func (b *Bare) Start(_ context.Context, spec Spec) error {
	c := &bareContainer{spec: spec, cgroup: filepath.Join(b.root, spec.Name), reaped: make(chan struct{})}
	if err := b.makeCgroup(c); err != nil {
		return err
	}
	if err := b.limit(c); err != nil {
		return errors.Join(err, c.removeCgroup())
	}
	if err := b.launch(c); err != nil {
		return errors.Join(err, c.removeCgroup())
	}
	b.running = append(b.running, c)
	return nil
}

func (b *Bare) makeCgroup(c *bareContainer) error {
	if b.unified {
		// Without this the cgroup has no memory.max. It is always on under systemd.
		if err := write(filepath.Join(b.root, "cgroup.subtree_control"), "+memory"); err != nil {
			return fmt.Errorf("let cgroups limit memory: %w", err)
		}
	}
	if err := os.Mkdir(c.cgroup, 0o755); err != nil {
		return fmt.Errorf("make cgroup: %w", err)
	}
	var err error
	if c.lock, err = lockDir(c.cgroup); err != nil {
		return errors.Join(err, removeCgroup(c.cgroup))
	}
	return nil
}

func (c *bareContainer) removeCgroup() error {
	return errors.Join(removeCgroup(c.cgroup), c.lock.Close())
}

// limit sets the memory limit, with no swap beside it.
func (b *Bare) limit(c *bareContainer) error {
	if c.spec.MemoryBytes == 0 {
		return nil
	}
	limit := strconv.FormatUint(c.spec.MemoryBytes, 10)
	file, swap, none := "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", limit
	if b.unified {
		file, swap, none = "memory.max", "memory.swap.max", "0"
	}
	if err := write(filepath.Join(c.cgroup, file), limit); err != nil {
		return fmt.Errorf("limit memory: %w", err)
	}
	// The file is missing if the kernel does not account for swap.
	if err := write(filepath.Join(c.cgroup, swap), none); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("limit swap: %w", err)
	}
	return nil
}

func write(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// launch starts the init. It waits at its first step (prepare) until it has been put into the
// cgroup, and only then becomes the container's own program, as under an engine. It is killed when this
// process ends, in any way.
func (b *Bare) launch(c *bareContainer) error {
	flags := uintptr(unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS)
	if !c.spec.HostPID {
		flags |= unix.CLONE_NEWPID
	}
	joined := "-"
	switch {
	case c.spec.NetworkOf != "":
		other := b.find(c.spec.NetworkOf)
		if other == nil {
			return fmt.Errorf("no container %s to share a network with", c.spec.NetworkOf)
		}
		joined = fmt.Sprintf("/proc/%d/ns/net", other.init.Process.Pid)
	case !c.spec.HostNetwork:
		flags |= unix.CLONE_NEWNET
	}
	waiting, gate, err := os.Pipe()
	if err != nil {
		return err
	}
	report, reporting, err := os.Pipe()
	if err != nil {
		return errors.Join(err, waiting.Close(), gate.Close())
	}
	defer func() { _ = report.Close() }()
	c.gate = gate
	c.init = exec.Command("/proc/self/exe", Command, rolePrepare, c.spec.Name, joined, string(c.spec.Role))
	c.init.ExtraFiles = []*os.File{gateFD - 3: waiting, reportFD - 3: reporting}
	c.init.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: unix.SIGKILL}

	started := make(chan error, 1)
	go func() {
		// Pdeathsig is sent when the thread that started the process ends, not when nsviz does: so
		// that thread stays.
		runtime.LockOSThread()
		defer close(c.reaped)
		err := c.init.Start()
		_, _ = waiting.Close(), reporting.Close() // the init has its own
		started <- err
		if err == nil {
			_ = c.init.Wait() // it is killed or ends by itself
		}
	}()
	if err := <-started; err != nil {
		_ = gate.Close()
		return fmt.Errorf("make the namespaces: %w", err)
	}
	if err := write(filepath.Join(c.cgroup, "cgroup.procs"), strconv.Itoa(c.init.Process.Pid)); err != nil {
		return errors.Join(fmt.Errorf("enter the cgroup: %w", err), c.end())
	}
	if _, err := gate.Write([]byte{0}); err != nil {
		return errors.Join(fmt.Errorf("open the gate: %w", err), c.end())
	}
	failure, err := io.ReadAll(report) // the exec closes it
	if err == nil && len(failure) > 0 {
		err = errors.New(string(failure))
	}
	if err != nil {
		return errors.Join(err, c.end())
	}
	return nil
}

// The init's ends of the pipes: it waits at one and reports a failure on the other.
const (
	gateFD   = 3
	reportFD = 4
)

func (b *Bare) find(name string) *bareContainer {
	for _, c := range b.running {
		if c.spec.Name == name {
			return c
		}
	}
	return nil
}

// prepare runs the first step inside. If it fails, it reports why to the process outside.
func prepare(args []string) error {
	unix.CloseOnExec(reportFD)
	err := become(args)
	fmt.Fprint(os.NewFile(reportFD, "report"), err)
	return err
}

// become waits for the cgroup, sets up the namespaces as an engine does (a host name of its
// own, mounts that do not leak out, a /proc that shows its own processes), and executes the role.
func become(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("%s %s: want NAME NETWORK ROLE", Command, rolePrepare)
	}
	// A thread has its own network namespace and its own signal for the parent's death; those of the thread that
	// execs remain.
	runtime.LockOSThread()
	if err := awaitGate(); err != nil {
		return err
	}
	name, network, role := args[0], args[1], args[2]
	if network != "-" {
		fd, err := unix.Open(network, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open the network namespace to share: %w", err)
		}
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("join the network namespace: %w", err)
		}
	}
	if err := unix.Sethostname([]byte(strings.TrimPrefix(name, Prefix))); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts to ourselves: %w", err)
	}
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return unix.Exec(self, []string{"nsviz", Command, role}, os.Environ())
}

// awaitGate waits until the process outside has done its part. From here on this thread dies with it.
func awaitGate() error {
	if n, err := unix.Read(gateFD, make([]byte, 1)); err != nil || n == 0 {
		return fmt.Errorf("nsviz has gone away (%w)", cmp.Or(err, io.EOF))
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("ask to end with nsviz: %w", err)
	}
	// It may have ended right before that, which closed its end of the gate.
	state := []unix.PollFd{{Fd: gateFD}}
	if _, err := unix.Poll(state, 0); err != nil {
		return fmt.Errorf("look at the gate: %w", err)
	}
	if state[0].Revents&unix.POLLHUP != 0 {
		return errors.New("nsviz has gone away")
	}
	return unix.Close(gateFD)
}

// end kills the init and waits until it is gone; its pid namespace goes with it.
func (c *bareContainer) end() error {
	err := c.init.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-c.reaped
	return errors.Join(err, c.gate.Close())
}

// Remove ends the named container and removes its cgroup.
func (b *Bare) Remove(_ context.Context, name string) error {
	for i, c := range b.running {
		if c.spec.Name == name {
			b.running = append(b.running[:i], b.running[i+1:]...)
			return errors.Join(c.end(), c.removeCgroup())
		}
	}
	return nil
}

// Close removes all containers, the latest first.
func (b *Bare) Close(ctx context.Context) error {
	var errs []error
	for len(b.running) > 0 {
		errs = append(errs, b.Remove(ctx, b.running[len(b.running)-1].spec.Name))
	}
	return errors.Join(errs...)
}

// removeCgroup removes an empty cgroup. The kernel takes a moment to release dead processes.
func removeCgroup(dir string) error {
	var err error
	for range 50 {
		if err = os.Remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("remove cgroup: %w", err)
}
