package demo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// VM is a virtual machine to boot beside the containers: a kernel, and nsviz as its only program. QEMU runs it.
type VM struct {
	// QEMU and Kernel are paths.
	QEMU, Kernel string
	// KVM is whether the processor's own virtualization can be used; without it QEMU emulates one.
	KVM bool

	board, console string
}

// vmPatience is how long a virtual machine may take until its program runs, kvmPatience how long with KVM, which takes
// a second or two.
const (
	vmPatience  = time.Minute
	kvmPatience = 15 * time.Second
)

// VMHost is the host on which FindVM looks.
type VMHost struct {
	// Arch is the host's architecture as Go calls it, Release its kernel's release.
	Arch, Release string
	// Root is the prefix of the paths that are looked at; "" is the host's own /.
	Root string
	// LookPath finds a program, as exec.LookPath does.
	LookPath func(string) (string, error)
}

// ThisHost returns the host that nsviz runs on.
func ThisHost() VMHost {
	var uts unix.Utsname
	_ = unix.Uname(&uts) // only an invalid address would make it fail
	return VMHost{Arch: runtime.GOARCH, Release: unix.ByteSliceToString(uts.Release[:]), LookPath: exec.LookPath}
}

// FindVM looks for QEMU and for a kernel: the given file or, if that is "", the host's own, else the newest in
// /boot. The error is a sentence about what is missing.
func FindVM(h VMHost, kernel string) (VM, error) {
	vm := VM{board: "q35", console: "ttyS0"}
	program := "qemu-system-x86_64"
	switch h.Arch {
	case "amd64":
	case "arm64":
		program, vm.board, vm.console = "qemu-system-aarch64", "virt", "ttyAMA0"
	default:
		return VM{}, fmt.Errorf("nsviz does not know how to boot a virtual machine on %s", h.Arch)
	}
	var err error
	if vm.QEMU, err = h.LookPath(program); err != nil {
		return VM{}, fmt.Errorf("there is no %s on this host", program)
	}
	if kernel != "" {
		if err := readableFile(kernel); err != nil {
			return VM{}, err
		}
		vm.Kernel = kernel
	} else if vm.Kernel = h.kernel(); vm.Kernel == "" {
		return VM{}, errors.New("there is no kernel in /boot to boot; --kernel FILE names one")
	}
	if f, err := os.OpenFile(filepath.Join(h.Root, "/dev/kvm"), os.O_RDWR, 0); err == nil {
		vm.KVM = true
		_ = f.Close()
	}
	return vm, nil
}

// kernel returns the path of a kernel that can be read; "" if there is none.
func (h VMHost) kernel() string {
	candidates := []string{
		filepath.Join(h.Root, "/boot/vmlinuz-"+h.Release),
		filepath.Join(h.Root, "/lib/modules", h.Release, "vmlinuz"),
	}
	others, _ := filepath.Glob(filepath.Join(h.Root, "/boot/vmlinuz-*")) // the pattern is right
	times := map[string]time.Time{}
	for _, path := range others {
		if info, err := os.Stat(path); err == nil {
			times[path] = info.ModTime()
		}
	}
	slices.SortStableFunc(others, func(a, b string) int { return times[b].Compare(times[a]) })
	for _, path := range append(candidates, others...) {
		if readableFile(path) == nil {
			return path
		}
	}
	return ""
}

// readableFile fails if path is not a regular file that can be read.
func readableFile(path string) error {
	info, err := os.Stat(path) // before the open, which would wait on a FIFO
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// Boot describes how a virtual machine booted.
type Boot struct {
	// Total is the time from the start of QEMU to the first output of the program in it.
	Total time.Duration
	// Guest is how much of that the kernel inside was up, by its own clock.
	Guest time.Duration
	// KVM is whether the processor's virtualization was used in the end, WithKVM why it failed if it was
	// tried in vain.
	KVM     bool
	WithKVM error
}

// guestWord begins the output of the program in the virtual machine; the uptime of its kernel follows, in ns.
const guestWord = "nsviz-guest"

var guestWords = regexp.MustCompile(guestWord + ` (\d{1,18})\b`)

// guest runs as the first program of the virtual machine.
func guest(out io.Writer) error {
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, guestWord, up.Nano())
	return err
}

// Boot boots the machine until its program runs, and ends it. It fails if that takes more than a minute or if
// the kernel does not get there; if ctx is done, it returns only that. Nothing of it is left: its files are
// in memory, and it is killed when nsviz ends, in any way.
func (vm VM) Boot(ctx context.Context) (Boot, error) {
	if !vm.KVM {
		return vm.boot(ctx, vmPatience)
	}
	boot, withKVM := vm.boot(ctx, kvmPatience)
	if withKVM == nil || ctx.Err() != nil {
		return boot, withKVM
	}
	// On some hosts that are virtual machines themselves, /dev/kvm exists but does not work: QEMU gives up, or nothing
	// ever runs.
	vm.KVM = false
	boot, err := vm.boot(ctx, vmPatience)
	boot.WithKVM = withKVM
	return boot, err
}

func (vm VM) boot(ctx context.Context, patience time.Duration) (Boot, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience,
		fmt.Errorf("no program ran in the virtual machine within %v", patience))
	defer cancel()
	files, err := guestFiles("/proc/self/exe")
	if err != nil {
		return Boot{}, fmt.Errorf("make the files of the virtual machine: %w", err)
	}
	defer func() { _ = files.Close() }()
	serial, line, err := os.Pipe()
	if err != nil {
		return Boot{}, err
	}
	defer func() { _ = serial.Close() }()
	complaints := &bounded{limit: 4 << 10}
	cmd := exec.CommandContext(ctx, vm.QEMU, vm.arguments()...)
	cmd.ExtraFiles = []*os.File{files} // 3
	cmd.Stdout, cmd.Stderr = line, complaints
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}

	began := time.Now()
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		// Pdeathsig is sent when the thread that started the process ends: so that thread stays.
		runtime.LockOSThread()
		defer close(ended)
		err := cmd.Start()
		_ = line.Close() // QEMU has its own
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed, or its output on the line shows why it ended
		}
	}()
	if err := <-started; err != nil {
		return Boot{}, fmt.Errorf("start QEMU: %w", err)
	}
	up, panicked := listen(serial)
	boot := Boot{Total: time.Since(began), Guest: up}
	cause := context.Cause(ctx)
	cancel()
	<-ended
	boot.KVM = vm.KVM && !strings.Contains(complaints.String(), "falling back to")
	switch {
	case up > 0:
		return boot, nil
	case cause != nil:
		return Boot{}, cause
	case panicked != "":
		return Boot{}, fmt.Errorf("the kernel in the virtual machine gave up: %s", panicked)
	}
	what := strings.TrimSpace(complaints.String())
	if what == "" {
		what = "it printed nothing"
	}
	return Boot{}, fmt.Errorf("QEMU ended before a program ran in the virtual machine: %s", what)
}

// arguments returns those of QEMU: one processor, 256 MiB, a serial line, and nothing else.
func (vm VM) arguments() []string {
	args := []string{
		"-M", vm.board, "-cpu", "max", "-smp", "1", "-m", "256", "-name", Prefix + "vm",
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "file:/proc/self/fd/1",
	}
	if vm.KVM {
		args = append(args, "-accel", "kvm")
	}
	return append(args, "-accel", "tcg", "-kernel", vm.Kernel, "-initrd", "/proc/self/fd/3",
		"-append", "console="+vm.console+" quiet panic=-1 rdinit=/nsviz -- "+Command+" "+roleGuest)
}

// listen reads the serial line until the program reports the uptime of its kernel, 0 if it never does; panicked is
// the kernel's last message before that.
func listen(serial io.Reader) (up time.Duration, panicked string) {
	in := bufio.NewReaderSize(serial, 4<<10)
	for {
		text, err := in.ReadSlice('\n') // a line, or 4 KiB of one
		if m := guestWords.FindSubmatch(text); m != nil {
			n, _ := strconv.ParseInt(string(m[1]), 10, 64) // at most 18 digits
			return time.Duration(n), ""
		}
		if i := bytes.Index(text, []byte("Kernel panic")); i >= 0 && panicked == "" {
			panicked = strings.TrimSpace(string(text[i:]))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return 0, panicked
		}
	}
}

// guestFiles returns an initramfs in memory that has a console and the program of that path
// (Documentation/driver-api/early-userspace/buffer-format.rst).
func guestFiles(program string) (*os.File, error) {
	fd, err := unix.MemfdCreate(Prefix+"vm", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	files := os.NewFile(uintptr(fd), Prefix+"vm")
	if err := writeGuestFiles(files, program); err != nil {
		return nil, errors.Join(err, files.Close())
	}
	return files, nil
}

func writeGuestFiles(to io.Writer, program string) error {
	binary, err := os.Open(program)
	if err != nil {
		return err
	}
	defer func() { _ = binary.Close() }()
	info, err := binary.Stat()
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(to, 256<<10)
	written := int64(0)
	pad := func() {
		for ; written%4 != 0; written++ {
			_ = out.WriteByte(0) // Flush returns the error
		}
	}
	entry := func(inode int, name string, mode uint32, size int64, major, minor uint32) {
		n, _ := fmt.Fprintf(out, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
			inode, mode, 0, 0, 1, 0, size, 0, 0, major, minor, len(name)+1, 0, name)
		written += int64(n)
		pad()
	}
	entry(1, "dev", unix.S_IFDIR|0o755, 0, 0, 0)
	entry(2, "dev/console", unix.S_IFCHR|0o600, 0, 5, 1)
	entry(3, "nsviz", unix.S_IFREG|0o755, info.Size(), 0, 0)
	n, err := io.Copy(out, io.LimitReader(binary, info.Size()))
	if err == nil && n != info.Size() {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	written += n
	pad()
	entry(0, "TRAILER!!!", 0, 0, 0, 0)
	return out.Flush()
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	kept  []byte
	limit int
}

func (b *bounded) Write(p []byte) (int, error) {
	b.kept = append(b.kept, p[:min(len(p), b.limit-len(b.kept))]...)
	return len(p), nil
}

func (b *bounded) String() string { return string(b.kept) }
