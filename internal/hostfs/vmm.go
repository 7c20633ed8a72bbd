package hostfs

import (
	"bytes"
	"errors"
	"os"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// VMMKind is the program that runs a virtual machine or, as gVisor, a kernel of its own.
type VMMKind string

// The kinds of virtual machine monitors that are recognised.
const (
	QEMU            VMMKind = "qemu"
	Firecracker     VMMKind = "firecracker"
	CloudHypervisor VMMKind = "cloud-hypervisor"
	Dragonball      VMMKind = "dragonball" // Kata's own, a part of its shim
	GVisor          VMMKind = "gvisor"     // no machine, but a kernel that is a process
)

// Acceleration is what runs the code of a guest.
type Acceleration string

// The accelerations; "" is unknown.
const (
	KVM       Acceleration = "kvm"
	MSHV      Acceleration = "mshv" // Microsoft's hypervisor, below a Linux that is its root partition
	Emulation Acceleration = "emulation"
)

// VMM is a process that is a virtual machine.
type VMM struct {
	Process

	Kind VMMKind
	// Name is what its command line calls the guest; "" where it says nothing.
	Name string
	// Kata is set where Kata runs it.
	Kata bool
	// VCPUs and MemoryBytes are what the guest has; nil is unknown, and for gVisor there is no such number.
	VCPUs        *int
	MemoryBytes  *uint64
	Acceleration Acceleration
	// ResidentBytes is what the whole process takes of the host's memory; nil is unknown.
	ResidentBytes *uint64
}

// VMM reports whether a process is a virtual machine, and reads what the host can see of it. The name that
// a process gives itself counts for nothing: the program that it runs makes it a candidate, which takes one
// system call, and its open files and threads decide. A monitor that has made no machine yet is none.
func (f *FS) VMM(pid int32, layout Layout) (VMM, bool, error) {
	kind, ok := vmmKind(f.Program(pid))
	if !ok {
		return VMM{}, false, nil
	}
	dir, err := openDirectory(f.pidDir(pid))
	if err != nil {
		return VMM{}, false, err
	}
	defer dir.close()
	r := vmmReader{dir: dir, kind: kind, patient: f.memory}
	for _, read := range []func() error{r.readFiles, r.readThreads, r.readArguments} {
		if err := read(); err != nil {
			return VMM{}, false, err
		}
	}
	if !r.isVMM() {
		return VMM{}, false, nil
	}
	vmm := VMM{
		Kind: kind, Name: r.name(), VCPUs: r.vcpus(), MemoryBytes: r.memory(), Acceleration: r.acceleration(),
		ResidentBytes: r.resident(),
	}
	if vmm.Process, err = f.Process(pid, layout); err != nil {
		return VMM{}, false, err
	}
	vmm.Kata = kind == Dragonball || f.Program(vmm.PPID) == kataShim
	return vmm, true, nil
}

const kataShim = "containerd-shim-kata-v2"

// Program returns the name of the file that a process runs, without its folders; "" where it runs none, as a zombie and a
// thread of the kernel, and where it may not be known. A file that was replaced by an update keeps its name.
func (f *FS) Program(pid int32) string {
	var space [smallFile]byte
	n, err := unix.Readlink(f.pidDir(pid)+"/exe", space[:])
	if err != nil {
		return ""
	}
	exe := bytes.TrimSuffix(space[:n], []byte(" (deleted)"))
	return string(exe[bytes.LastIndexByte(exe, '/')+1:])
}

// vmmKind returns what a program may be, by its name.
func vmmKind(program string) (VMMKind, bool) {
	switch {
	// Not qemu-x86_64 and the like, which run a single program and have no guest.
	case strings.HasPrefix(program, "qemu-system-"), program == "qemu-kvm":
		return QEMU, true
	case strings.HasPrefix(program, "firecracker"):
		return Firecracker, true
	case strings.HasPrefix(program, "cloud-hypervisor"):
		return CloudHypervisor, true
	case program == kataShim:
		return Dragonball, true
	case program == "runsc":
		return GVisor, true
	}
	return "", false
}

// vmmReader holds what tells of one candidate.
type vmmReader struct {
	dir     directory
	kind    VMMKind
	patient *patientReader

	// Of its open files:
	kvmDevice, kvmVM, mshv bool
	kvmVCPUs               int
	signalfd, eventfd      bool
	sentryMemory           bool
	// Of its threads:
	threads, vcpuThreads int
	tcg                  bool
	// Its command line:
	arguments []string
}

func (r *vmmReader) readFiles() error {
	return r.dir.each("fd", func(fds directory, name string) {
		var space [256]byte
		n, err := unix.Readlinkat(fds.fd, name, space[:])
		if err != nil {
			return // closed meanwhile
		}
		switch link := string(space[:n]); {
		case link == "anon_inode:kvm-vm":
			r.kvmVM = true
		case strings.HasPrefix(link, "anon_inode:kvm-vcpu"): // since Linux 4.19 with its number
			r.kvmVCPUs++
		case link == "anon_inode:[signalfd]":
			r.signalfd = true
		case link == "anon_inode:[eventfd]":
			r.eventfd = true
		case strings.HasSuffix(link, "/dev/kvm"): // with the path of a jail before it
			r.kvmDevice = true
		case strings.HasSuffix(link, "/dev/mshv"):
			r.mshv = true
		case strings.HasPrefix(link, "/memfd:runsc-memory"), strings.Contains(link, "/.gvisor.filestore."):
			r.sentryMemory = true
		}
	})
}

func (r *vmmReader) readThreads() error {
	return r.dir.each("task", func(tasks directory, name string) {
		if _, ok := parsePID([]byte(name)); !ok {
			return
		}
		var space [64]byte
		comm, err := tasks.read(name+"/comm", space[:])
		if err != nil {
			return // gone meanwhile
		}
		r.threads++
		switch thread := strings.TrimSuffix(string(comm), "\n"); {
		case r.kind == QEMU && thread == "ALL CPUs/TCG": // one thread for all, in turn
			r.tcg = true
		case r.isVCPU(thread):
			r.vcpuThreads++
			r.tcg = r.tcg || strings.HasSuffix(thread, "/TCG")
		}
	})
}

// isVCPU reports whether a thread's name is that of a vCPU. QEMU gives its threads names only with
// `-name debug-threads=on`, as libvirt and Kata have it.
func (r *vmmReader) isVCPU(thread string) bool {
	var number string
	switch r.kind {
	case QEMU:
		rest, found := strings.CutPrefix(thread, "CPU ")
		before, _, cut := strings.Cut(rest, "/")
		if !found || !cut {
			return false
		}
		number = before
	case Firecracker:
		number, _ = strings.CutPrefix(thread, "fc_vcpu ")
	case CloudHypervisor:
		number, _ = strings.CutPrefix(thread, "vcpu")
	}
	_, err := strconv.ParseUint(number, 10, 16)
	return err == nil
}

func (r *vmmReader) readArguments() error {
	data, err := r.patient.read(r.dir, "cmdline")
	if errors.Is(err, errNoAnswer) {
		return nil // what it would say stays unknown
	}
	if err != nil {
		return err
	}
	if len(data) > 0 {
		r.arguments = strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
	}
	return nil
}

func (r *vmmReader) isVMM() bool {
	switch r.kind {
	case QEMU:
		// One that emulates and names no thread has neither vCPUs to be seen nor KVM; but its main loop
		// takes signals by a signalfd, and its vCPUs are threads.
		return r.kvmVM || r.vcpuThreads > 0 || r.tcg || r.signalfd && r.eventfd && r.threads > 1
	case GVisor:
		// Its gofer and its shim run the same program.
		return len(r.arguments) > 0 && path.Base(r.arguments[0]) == "runsc-sandbox" && (r.sentryMemory || r.kvmVM)
	case Dragonball:
		return r.kvmVM // else the machine is another process's
	}
	return r.kvmVM || r.vcpuThreads > 0
}

func (r *vmmReader) acceleration() Acceleration {
	switch {
	case r.kvmVM || r.kvmDevice:
		return KVM
	case r.mshv:
		return MSHV
	case r.kind == QEMU:
		return Emulation
	}
	return ""
}

func (r *vmmReader) vcpus() *int {
	switch {
	case r.kind == GVisor: // those of its KVM are how it runs threads, and no promise
	case r.vcpuThreads > 0:
		return new(r.vcpuThreads)
	case r.kvmVCPUs > 0:
		return new(r.kvmVCPUs)
	case r.kind == QEMU:
		return parseSMP(r.option("-smp"))
	}
	return nil
}

func (r *vmmReader) memory() *uint64 {
	switch r.kind {
	case GVisor:
		return nil // it takes what its programs need
	case QEMU:
		return parseQEMUMemory(r.option("-m"))
	case CloudHypervisor:
		if size := parseSize(property(r.option("--memory"), "size", ""), 0); size != nil && *size > 0 {
			return size
		}
	}
	return r.mapped()
}

// maxVMName is how many bytes of a name are kept: longer than any that people give, shorter than a command line.
const maxVMName = 128

func (r *vmmReader) name() string {
	name := ""
	switch r.kind {
	case QEMU:
		name = property(r.option("-name"), "guest", "guest")
	case Firecracker:
		name = r.option("--id")
	}
	end := min(len(name), maxVMName)
	for end > 0 && end < len(name) && !utf8.RuneStart(name[end]) {
		end--
	}
	return strings.Clone(name[:end]) // the command line need not be kept
}

// option is the value of the last option of a name; "" where there is none. QEMU takes one dash for two.
func (r *vmmReader) option(name string) string {
	value := ""
	for i := 1; i < len(r.arguments); i++ {
		argument, inOne, cut := r.arguments[i], "", false
		if r.kind != QEMU {
			argument, inOne, cut = strings.Cut(argument, "=")
		}
		switch {
		case argument != name && (r.kind != QEMU || argument != "-"+name):
		case cut:
			value = inOne
		case i+1 < len(r.arguments):
			value = r.arguments[i+1]
			i++
		}
	}
	return value
}

// property finds one in "key=value,key=value". first is the key of a first value that is given without one.
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

// parseSMP reads QEMU's -smp. Without one the number is the board's.
func parseSMP(text string) *int {
	if text == "" {
		return nil
	}
	if n, err := strconv.ParseUint(property(text, "cpus", "cpus"), 10, 16); err == nil && n > 0 {
		return new(int(n))
	}
	return nil // what QEMU makes of sockets and cores alone differs between its versions
}

// parseQEMUMemory reads -m, which counts in MiB where it does not say otherwise. Without one the size is the board's.
func parseQEMUMemory(text string) *uint64 { return parseSize(property(text, "size", "size"), 20) }

// parseSize reads a size with a suffix as VMMs write it; shift is how to scale one without a suffix.
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

// Guest memory is mapped in whole mebibytes; threads' stacks and heaps, which are smaller or odd, are not it.
const (
	mebibyte           = 1 << 20
	smallestGuestRange = 16 * mebibyte
)

// mapped sums up the mappings that look like guest memory; nil where there are none.
func (r *vmmReader) mapped() *uint64 {
	maps, err := r.patient.read(r.dir, "maps")
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

// guestRange is the size of a mapping of /proc/PID/maps that looks like guest memory; 0 is any other one.
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
func (r *vmmReader) resident() *uint64 {
	var space [128]byte
	data, err := r.dir.read("statm", space[:])
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
