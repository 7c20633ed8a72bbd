package vmm

import (
	"bytes"
	"errors"
	"os"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Machine is a process that is a virtual machine. Its VM lacks the start time and the container.
type Machine struct {
	fact.VM

	Process procfs.Process
}

// Detect reports whether a process is a virtual machine, and reads what the host can see of it. The program that the process runs
// makes it a candidate, which takes one system call. Its open files and threads decide; its own name does not matter. A monitor
// that has not created a machine yet does not count.
func Detect(procs *procfs.Reader, pid int32, layout cgroupfs.Layout) (Machine, bool, error) {
	kind, ok := candidate(procs.Program(pid))
	if !ok {
		return Machine{}, false, nil
	}
	dir, err := procs.Open(pid)
	if err != nil {
		return Machine{}, false, err
	}
	defer dir.Close()
	r := reader{dir: dir, kind: kind, procs: procs}
	for _, read := range []func() error{r.readFiles, r.readThreads, r.readArguments} {
		if err := read(); err != nil {
			return Machine{}, false, err
		}
	}
	if !r.isVMM() {
		return Machine{}, false, nil
	}
	m := Machine{VM: fact.VM{
		PID: pid, Kind: kind, Name: r.name(), VCPUs: r.vcpus(), MemoryBytes: r.memory(), Acceleration: r.acceleration(),
		ResidentBytes: r.resident(),
	}}
	if m.Process, err = procs.Process(pid, layout); err != nil {
		return Machine{}, false, err
	}
	m.NamespaceIDs = m.Process.Namespaces
	if kind == fact.KindDragonball || procs.Program(m.Process.PPID) == kataShim {
		m.Manager = fact.ManagerKata
	}
	return m, true, nil
}

const kataShim = "containerd-shim-kata-v2"

// IsProgram reports whether a program of that name may be a virtual machine. Detect decides.
func IsProgram(name string) bool {
	_, ok := candidate(name)
	return ok
}

// candidate returns the monitor that a program is by its name.
func candidate(program string) (fact.VMKind, bool) {
	switch {
	// qemu-x86_64 and the like do not count: they run a single program and have no guest.
	case strings.HasPrefix(program, "qemu-system-"), program == "qemu-kvm":
		return fact.KindQEMU, true
	case strings.HasPrefix(program, "firecracker"):
		return fact.KindFirecracker, true
	case strings.HasPrefix(program, "cloud-hypervisor"):
		return fact.KindCloudHypervisor, true
	case program == kataShim:
		return fact.KindDragonball, true
	case program == "runsc":
		return fact.KindGVisor, true
	}
	return "", false
}

// reader holds what nsviz reads about one candidate.
type reader struct {
	dir   pseudofs.Dir
	kind  fact.VMKind
	procs *procfs.Reader

	// From its open files:
	kvmDevice, kvmVM, mshv bool
	kvmVCPUs               int
	signalfd, eventfd      bool
	sentryMemory           bool
	// From its threads:
	threads, vcpuThreads int
	tcg                  bool
	// Its command line:
	arguments []string
}

func (r *reader) readFiles() error {
	return r.dir.Each("fd", func(fds pseudofs.Dir, name string) {
		var space [256]byte
		n, err := unix.Readlinkat(fds.FD(), name, space[:])
		if err != nil {
			return // closed meanwhile
		}
		switch link := string(space[:n]); {
		case link == "anon_inode:kvm-vm":
			r.kvmVM = true
		case strings.HasPrefix(link, "anon_inode:kvm-vcpu"): // since Linux 4.19 followed by its number
			r.kvmVCPUs++
		case link == "anon_inode:[signalfd]":
			r.signalfd = true
		case link == "anon_inode:[eventfd]":
			r.eventfd = true
		case strings.HasSuffix(link, "/dev/kvm"): // may follow the path of a jail
			r.kvmDevice = true
		case strings.HasSuffix(link, "/dev/mshv"):
			r.mshv = true
		case strings.HasPrefix(link, "/memfd:runsc-memory"), strings.Contains(link, "/.gvisor.filestore."):
			r.sentryMemory = true
		}
	})
}

func (r *reader) readThreads() error {
	return r.dir.Each("task", func(tasks pseudofs.Dir, name string) {
		if _, ok := pseudofs.ParsePID([]byte(name)); !ok {
			return
		}
		var space [64]byte
		comm, err := tasks.Read(name+"/comm", space[:])
		if err != nil {
			return // gone meanwhile
		}
		r.threads++
		switch thread := strings.TrimSuffix(string(comm), "\n"); {
		case r.kind == fact.KindQEMU && thread == "ALL CPUs/TCG": // one thread runs all vCPUs in turn
			r.tcg = true
		case r.isVCPU(thread):
			r.vcpuThreads++
			r.tcg = r.tcg || strings.HasSuffix(thread, "/TCG")
		}
	})
}

// isVCPU reports whether a thread's name is that of a vCPU. QEMU names its threads only with `-name debug-threads=on`, which
// libvirt and Kata set.
func (r *reader) isVCPU(thread string) bool {
	var number string
	switch r.kind {
	case fact.KindQEMU:
		rest, found := strings.CutPrefix(thread, "CPU ")
		before, _, cut := strings.Cut(rest, "/")
		if !found || !cut {
			return false
		}
		number = before
	case fact.KindFirecracker:
		number, _ = strings.CutPrefix(thread, "fc_vcpu ")
	case fact.KindCloudHypervisor:
		number, _ = strings.CutPrefix(thread, "vcpu")
	}
	_, err := strconv.ParseUint(number, 10, 16)
	return err == nil
}

func (r *reader) readArguments() error {
	data, err := r.procs.ReadMemory(r.dir, "cmdline")
	if errors.Is(err, procfs.ErrNoAnswer) {
		return nil // what it would show stays unknown
	}
	if err != nil {
		return err
	}
	if len(data) > 0 {
		r.arguments = strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
	}
	return nil
}

func (r *reader) isVMM() bool {
	switch r.kind {
	case fact.KindQEMU:
		// Without acceleration and thread names, neither vCPUs nor KVM are visible. But QEMU's main loop receives signals by a
		// signalfd, and its vCPUs are threads.
		return r.kvmVM || r.vcpuThreads > 0 || r.tcg || r.signalfd && r.eventfd && r.threads > 1
	case fact.KindGVisor:
		// Its gofer and its shim run the same program.
		return len(r.arguments) > 0 && path.Base(r.arguments[0]) == "runsc-sandbox" && (r.sentryMemory || r.kvmVM)
	case fact.KindDragonball:
		return r.kvmVM // otherwise another process has the machine
	}
	return r.kvmVM || r.vcpuThreads > 0
}

func (r *reader) acceleration() fact.Acceleration {
	switch {
	case r.kvmVM || r.kvmDevice:
		return fact.AccelerationKVM
	case r.mshv:
		return fact.AccelerationMSHV
	case r.kind == fact.KindQEMU:
		return fact.AccelerationEmulation
	}
	return ""
}

func (r *reader) vcpus() *int {
	switch {
	case r.kind == fact.KindGVisor: // its KVM's vCPUs serve to run threads, and their number promises nothing
	case r.vcpuThreads > 0:
		return new(r.vcpuThreads)
	case r.kvmVCPUs > 0:
		return new(r.kvmVCPUs)
	case r.kind == fact.KindQEMU:
		return parseSMP(r.option("-smp"))
	}
	return nil
}

func (r *reader) memory() *uint64 {
	switch r.kind {
	case fact.KindGVisor:
		return nil // it takes what its programs need
	case fact.KindQEMU:
		return parseQEMUMemory(r.option("-m"))
	case fact.KindCloudHypervisor:
		if size := parseSize(property(r.option("--memory"), "size", ""), 0); size != nil && *size > 0 {
			return size
		}
	}
	return r.mapped()
}

// maxName limits the bytes of a name that are kept: longer than any that people give, shorter than a command line.
const maxName = 128

func (r *reader) name() string {
	name := ""
	switch r.kind {
	case fact.KindQEMU:
		name = property(r.option("-name"), "guest", "guest")
	case fact.KindFirecracker:
		name = r.option("--id")
	}
	end := min(len(name), maxName)
	for end > 0 && end < len(name) && !utf8.RuneStart(name[end]) {
		end--
	}
	return strings.Clone(name[:end]) // the command line need not be kept
}

// option returns the value of the last option with a name; "" if there is none. Like QEMU it accepts one dash or two.
func (r *reader) option(name string) string {
	value := ""
	for i := 1; i < len(r.arguments); i++ {
		argument, inOne, cut := r.arguments[i], "", false
		if r.kind != fact.KindQEMU {
			argument, inOne, cut = strings.Cut(argument, "=")
		}
		switch {
		case argument != name && (r.kind != fact.KindQEMU || argument != "-"+name):
		case cut:
			value = inOne
		case i+1 < len(r.arguments):
			value = r.arguments[i+1]
			i++
		}
	}
	return value
}

// property finds a key's value in "key=value,key=value". first is the key of a first value without one.
func property(list, key, first string) string {
	for i, part := range strings.Split(list, ",") {
		k, value, found := strings.Cut(part, "=")
		if !found && i == 0 && first == key {
			return part
		}
		if found && k == key {
			return value
		}
	}
	return ""
}

// parseSMP parses QEMU's -smp. Without that option the number is the board's.
func parseSMP(text string) *int {
	if text == "" {
		return nil
	}
	if n, err := strconv.ParseUint(property(text, "cpus", "cpus"), 10, 16); err == nil && n > 0 {
		return new(int(n))
	}
	return nil // what QEMU makes of sockets and cores alone differs between versions
}

// parseQEMUMemory parses -m, which is in MiB without a unit. Without that option the size is the board's.
func parseQEMUMemory(text string) *uint64 { return parseSize(property(text, "size", "size"), 20) }

// parseSize parses a size with a suffix as VMMs write it; shift scales a size without a suffix.
func parseSize(text string, shift uint) *uint64 {
	if text == "" {
		return nil
	}
	if i := strings.IndexByte("BKMGT", text[len(text)-1]&^0x20); i >= 0 {
		text, shift = text[:len(text)-1], uint(10*i)
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > 1<<(63-shift) {
		return nil
	}
	return new(n << shift)
}

// Guest memory is mapped in full mebibytes; the stacks and heaps of threads are smaller or odd.
const (
	mebibyte           = 1 << 20
	smallestGuestRange = 16 * mebibyte
)

// mapped adds up the mappings that look like guest memory; nil if there are none.
func (r *reader) mapped() *uint64 {
	maps, err := r.procs.ReadMemory(r.dir, "maps")
	if err != nil {
		return nil
	}
	var sum uint64
	for line := range bytes.Lines(maps) {
		sum += guestRange(line)
	}
	if sum == 0 {
		return nil
	}
	return &sum
}

// guestRange returns the size of a mapping of /proc/PID/maps that looks like guest memory; 0 for any other one.
func guestRange(line []byte) uint64 {
	fields := bytes.Fields(line)
	if len(fields) < 5 || !bytes.HasPrefix(fields[1], []byte("rw-")) {
		return 0
	}
	if len(fields) > 5 && !bytes.HasPrefix(fields[5], []byte("/memfd:")) && !bytes.HasPrefix(fields[5], []byte("/anon_hugepage")) {
		return 0
	}
	from, to, _ := strings.Cut(string(fields[0]), "-")
	begin, err := strconv.ParseUint(from, 16, 64)
	if err != nil {
		return 0
	}
	end, err := strconv.ParseUint(to, 16, 64)
	if err != nil || end < begin+smallestGuestRange || (end-begin)%mebibyte != 0 {
		return 0
	}
	return end - begin
}

// resident reads the second number of statm, which counts in pages.
func (r *reader) resident() *uint64 {
	var space [128]byte
	data, err := r.dir.Read("statm", space[:])
	if err != nil {
		return nil
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return nil
	}
	pages, err := strconv.ParseUint(fields[1], 10, 40)
	if err != nil {
		return nil
	}
	return new(pages * uint64(os.Getpagesize()))
}
