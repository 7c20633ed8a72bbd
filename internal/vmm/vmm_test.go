package vmm

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// madeUp describes what a made-up process has in procfs.
type madeUp struct {
	exe, comm string
	arguments []string
	threads   []string // besides the first one
	fds       []string
	maps      string
	parent    int
}

const machinePID = 700

func (p madeUp) write(t *testing.T, proc string, pid int) {
	t.Helper()
	dir := filepath.Join(proc, fmt.Sprint(pid))
	hosttest.Link(t, filepath.Join(dir, "exe"), p.exe)
	write := func(name, content string) { hosttest.WriteFile(t, filepath.Join(dir, name), content) }
	write("stat", fmt.Sprintf("%d (%s) S %d %s 4242 0\n", pid, p.comm, p.parent, strings.Repeat(" 0", 17)))
	write("status", fmt.Sprintf("Name:\t%s\nTgid:\t%d\nPPid:\t%d\nUid:\t0\t0\t0\t0\nNSpid:\t%d\n", p.comm, pid, p.parent, pid))
	write("cgroup", "0::"+hosttest.DockerScope+"\n")
	write("statm", "351795 9280 5513 1431 0 291417 0\n")
	write("cmdline", strings.Join(p.arguments, "\x00")+"\x00")
	write("maps", p.maps)
	hosttest.WriteNamespaces(t, dir, nsfs.Initial())
	for i, comm := range append([]string{p.comm}, p.threads...) {
		write(fmt.Sprintf("task/%d/comm", pid+i), comm+"\n")
	}
	write("fd/.kept", "") // the folder exists even if it is empty
	for i, text := range p.fds {
		hosttest.Link(t, filepath.Join(dir, "fd", fmt.Sprint(i)), text)
	}
}

// mainLoop lists the files that QEMU 7.2 always has open.
var mainLoop = []string{"/dev/null", "anon_inode:[eventpoll]", "anon_inode:[eventfd]", "anon_inode:[signalfd]"}

func kvm(vcpus int, others ...string) []string {
	list := append([]string{"/dev/kvm", "anon_inode:kvm-vm"}, others...)
	for i := range vcpus {
		list = append(list, fmt.Sprintf("anon_inode:kvm-vcpu:%d", i))
	}
	return list
}

func qemu(arguments ...string) []string { return append([]string{"qemu-system-x86_64"}, arguments...) }

// guestMaps has 3 GiB below and 1 GiB above the hole of a PC, and other mappings: a heap, a stack, code, a file.
const guestMaps = `559297ef2000-559298eb6000 rw-p 00000000 00:00 0                          [heap]
7fef00000000-7fefc0000000 rw-p 00000000 00:00 0
7ff000000000-7ff040000000 rw-s 00000000 00:01 1034                       /memfd:ch_ram (deleted)
7ff050000000-7ff054000000 rwxp 00000000 00:00 0
7ff060000000-7ff063fff000 rw-p 00000000 00:00 0
7ff0245b9000-7ff024db9000 rw-p 00000000 00:00 0
7ff070000000-7ff074000000 rw-s 00000000 fe:00 77                         /var/lib/disk
`

// openHost opens a made-up host and also returns the path of its procfs.
func openHost(t testing.TB) (procs *procfs.Reader, layout cgroupfs.Layout, proc string) {
	t.Helper()
	proc, cgroup := hosttest.Unpack(t, "v2")
	layout, err := cgroupfs.New(pseudofs.Proc(proc), cgroup).Layout()
	if err != nil {
		t.Fatal(err)
	}
	return procfs.New(pseudofs.Proc(proc)), layout, proc
}

func TestDetect(t *testing.T) {
	const qemuExe = "/usr/bin/qemu-system-x86_64"
	const mib = uint64(1 << 20)
	tests := []struct {
		name    string
		process madeUp
		want    *fact.VM // nil is none
	}{
		{
			"QEMU that emulates and names no threads",
			madeUp{
				exe: qemuExe, comm: "qemu-system-x86", arguments: qemu("-machine", "accel=tcg", "-m", "64", "-smp", "2", "-S"),
				threads: []string{"qemu-system-x86", "qemu-system-x86"}, fds: mainLoop,
			},
			&fact.VM{Kind: fact.KindQEMU, VCPUs: new(2), MemoryBytes: new(64 * mib), Acceleration: fact.AccelerationEmulation},
		},
		{
			"QEMU that emulates, as libvirt starts it",
			madeUp{
				exe: qemuExe, comm: "qemu-system-x86", fds: mainLoop, threads: []string{"qemu-system-x86", "CPU 0/TCG", "CPU 1/TCG", "CPU 2/TCG"},
				arguments: qemu("-name", "guest=lesson,debug-threads=on", "-m", "size=2097152k", "-smp", "1"),
			},
			&fact.VM{Kind: fact.KindQEMU, Name: "lesson", VCPUs: new(3), MemoryBytes: new(2048 * mib), Acceleration: fact.AccelerationEmulation},
		},
		{
			"QEMU with KVM, renamed and updated since it was started",
			madeUp{
				exe: "/usr/libexec/qemu-kvm (deleted)", comm: "web", fds: kvm(4, mainLoop...), threads: []string{"web"},
				arguments: qemu("--m", "4G,slots=2,maxmem=8G", "-name", "web"),
			},
			&fact.VM{Kind: fact.KindQEMU, Name: "web", VCPUs: new(4), MemoryBytes: new(4096 * mib), Acceleration: fact.AccelerationKVM},
		},
		{
			"QEMU with a name that is no name",
			madeUp{
				exe: qemuExe, comm: "qemu-system-x86", threads: []string{"ALL CPUs/TCG"},
				arguments: qemu("-name", "a"+strings.Repeat("é", 1<<20)),
			},
			&fact.VM{Kind: fact.KindQEMU, Name: "a" + strings.Repeat("é", 63), Acceleration: fact.AccelerationEmulation},
		},
		{
			"QEMU with one thread for all vCPUs and no size",
			madeUp{exe: qemuExe, comm: "qemu-system-x86", arguments: qemu(), threads: []string{"ALL CPUs/TCG"}},
			&fact.VM{Kind: fact.KindQEMU, Acceleration: fact.AccelerationEmulation},
		},
		{
			"Kata's QEMU",
			madeUp{
				exe: "/opt/kata/bin/qemu-system-x86_64", comm: "qemu-system-x86", parent: 70, fds: kvm(1),
				threads:   []string{"CPU 0/KVM"},
				arguments: qemu("-name", "sandbox-1,debug-threads=on", "-m", "2048M,slots=10,maxmem=3949M", "-smp", "1,cores=1,threads=1,sockets=2"),
			},
			&fact.VM{Kind: fact.KindQEMU, Name: "sandbox-1", Manager: fact.ManagerKata, VCPUs: new(1), MemoryBytes: new(2048 * mib), Acceleration: fact.AccelerationKVM},
		},
		{
			"Firecracker in a jail",
			madeUp{
				exe: "/firecracker", comm: "firecracker", arguments: []string{"/firecracker", "--id", "vm-1", "--start-time-us", "1"},
				threads: []string{"fc_api", "fc_vcpu 0", "fc_vcpu 1"}, maps: guestMaps,
				fds: []string{"/srv/jailer/firecracker/vm-1/root/dev/kvm", "anon_inode:kvm-vm"},
			},
			&fact.VM{Kind: fact.KindFirecracker, Name: "vm-1", VCPUs: new(2), MemoryBytes: new(4096 * mib), Acceleration: fact.AccelerationKVM},
		},
		{
			"Cloud Hypervisor",
			madeUp{
				exe: "/usr/bin/cloud-hypervisor", comm: "cloud-hyperviso", threads: []string{"vmm", "vcpu0", "http-server"},
				fds: kvm(1), arguments: []string{"cloud-hypervisor", "--memory", "size=512M,shared=on"}, maps: guestMaps,
			},
			&fact.VM{Kind: fact.KindCloudHypervisor, VCPUs: new(1), MemoryBytes: new(512 * mib), Acceleration: fact.AccelerationKVM},
		},
		{
			"Cloud Hypervisor that gets what to run by its socket, under Kata",
			madeUp{
				exe: "/usr/bin/cloud-hypervisor", comm: "cloud-hyperviso", threads: []string{"vcpu0", "vcpu1"}, parent: 70,
				fds: []string{"/dev/mshv"}, arguments: []string{"cloud-hypervisor", "--api-socket=/run/vc/vm/1/clh-api.sock"}, maps: guestMaps,
			},
			&fact.VM{Kind: fact.KindCloudHypervisor, Manager: fact.ManagerKata, VCPUs: new(2), MemoryBytes: new(4096 * mib), Acceleration: fact.AccelerationMSHV},
		},
		{
			"Kata's shim that is the monitor itself",
			madeUp{exe: "/opt/kata/bin/containerd-shim-kata-v2", comm: "containerd-shim", fds: kvm(2), maps: guestMaps},
			&fact.VM{Kind: fact.KindDragonball, Manager: fact.ManagerKata, VCPUs: new(2), MemoryBytes: new(4096 * mib), Acceleration: fact.AccelerationKVM},
		},
		{
			"gVisor",
			madeUp{
				exe: "/usr/local/bin/runsc", comm: "exe", arguments: []string{"runsc-sandbox", "--platform=systrap", "boot", "1"},
				fds: []string{"/memfd:runsc-memory (deleted)"}, maps: guestMaps,
			},
			&fact.VM{Kind: fact.KindGVisor},
		},
		{
			"gVisor with KVM",
			madeUp{exe: "/usr/local/bin/runsc", comm: "exe", arguments: []string{"runsc-sandbox", "boot"}, fds: kvm(2)},
			&fact.VM{Kind: fact.KindGVisor, Acceleration: fact.AccelerationKVM},
		},
		{"a shell that is called QEMU", madeUp{exe: "/bin/dash", comm: "qemu-system-x86", arguments: qemu("-m", "64"), threads: []string{"CPU 0/KVM"}}, nil},
		{"another program in a file called QEMU", madeUp{exe: "/tmp/qemu-system-x86_64", comm: "qemu-system-x86", arguments: qemu("-m", "64"), fds: []string{"/dev/null"}}, nil},
		{"QEMU that runs a program and no machine", madeUp{exe: "/usr/bin/qemu-x86_64", comm: "qemu-x86_64", fds: mainLoop, threads: []string{"qemu-x86_64"}}, nil},
		{"Firecracker before it has a machine", madeUp{exe: "/usr/bin/firecracker", comm: "firecracker", threads: []string{"fc_api"}, fds: []string{"/dev/kvm"}}, nil},
		{"Kata's shim of a machine elsewhere", madeUp{exe: "/opt/kata/bin/containerd-shim-kata-v2", comm: "containerd-shim", fds: mainLoop}, nil},
		{"gVisor's gofer", madeUp{exe: "/usr/local/bin/runsc", comm: "exe", arguments: []string{"runsc-gofer"}, fds: []string{"/memfd:runsc-memory (deleted)"}}, nil},
		{"another program called gVisor", madeUp{exe: "/tmp/runsc", comm: "exe", arguments: []string{"runsc-sandbox"}}, nil},
		{"no arguments at all", madeUp{exe: "/tmp/runsc", comm: "exe"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			procs, layout, proc := openHost(t)
			if test.process.parent != 0 {
				hosttest.Link(t, filepath.Join(proc, "70", "exe"), "/usr/local/bin/containerd-shim-kata-v2")
			}
			test.process.write(t, proc, machinePID)
			got, ok, err := Detect(procs, machinePID, layout)
			if err != nil || ok != (test.want != nil) {
				t.Fatalf("found: %t, %v", ok, err)
			}
			if test.want == nil {
				return
			}
			want := Machine{VM: *test.want}
			want.PID, want.NamespaceIDs = machinePID, nsfs.Initial()
			want.Process = procfs.Process{
				PID: machinePID, PPID: int32(test.process.parent), Comm: test.process.comm, NSPID: []int32{machinePID}, StartTime: 4242,
				Namespaces: nsfs.Initial(), Cgroup: hosttest.DockerScope,
			}
			if want.ResidentBytes = got.ResidentBytes; got.ResidentBytes == nil || *got.ResidentBytes < 9280*4096 {
				t.Error("its resident memory is unknown, or wrong")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	procs, _, _ := openHost(t)
	if _, ok, err := Detect(procs, machinePID, cgroupfs.Layout{}); ok || err != nil {
		t.Errorf("of a process that is gone: %t, %v", ok, err)
	}
}

// A process whose memory does not answer delays nobody: what would have been read there stays unknown.
func TestMemoryThatDoesNotAnswer(t *testing.T) {
	procs, layout, proc := openHost(t)
	p := madeUp{
		exe: "/usr/bin/firecracker", comm: "firecracker", threads: []string{"fc_vcpu 0", "fc_vcpu 1"}, fds: kvm(2), maps: guestMaps,
	}
	p.write(t, proc, machinePID)
	m, ok, err := Detect(procs, machinePID, layout)
	if err != nil || !ok || m.MemoryBytes == nil {
		t.Fatalf("%+v, %t, %v", m, ok, err)
	}
	dir := filepath.Join(proc, fmt.Sprint(machinePID))
	hosttest.Block(t, dir+"/cmdline")
	hosttest.Block(t, dir+"/maps")
	for range 2 {
		m, ok, err = Detect(procs, machinePID, layout)
		if err != nil || !ok || m.Acceleration != fact.AccelerationKVM || m.VCPUs == nil || *m.VCPUs != 2 || m.MemoryBytes != nil || m.ResidentBytes == nil {
			t.Errorf("%+v, %t, %v", m, ok, err)
		}
	}
	hosttest.Answer(t, dir+"/cmdline")
	hosttest.Answer(t, dir+"/maps")
}

func TestParseSizes(t *testing.T) {
	for text, want := range map[string]uint64{
		"64": 64 << 20, "64M": 64 << 20, "64m": 64 << 20, "2G,slots=2": 2 << 30, "size=1T": 1 << 40, "slots=2,size=8k": 8 << 10, "5b": 5,
		"": 0, "1.5G": 0, "-1": 0, "M": 0, "slots=2": 0, "99999999999T": 0, "18446744073709551616": 0, "\x00": 0,
	} {
		got := parseQEMUMemory(text)
		if got == nil {
			got = new(uint64)
		}
		if *got != want {
			t.Errorf("-m %q: %d, want %d", text, *got, want)
		}
	}
	for text, want := range map[string]int{"2": 2, "cpus=4,maxcpus=8": 4, "2,sockets=2": 2, "sockets=2": 0, "": 0, "-1": 0, "0": 0} {
		got := parseSMP(text)
		if got == nil {
			got = new(int)
		}
		if *got != want {
			t.Errorf("-smp %q: %d, want %d", text, *got, want)
		}
	}
}

// Processes that are no candidates, as nearly all on a host, must cost next to nothing.
func BenchmarkDetectNone(b *testing.B) {
	procs := procfs.New(pseudofs.DefaultProc)
	pid, err := procs.Self()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, ok, err := Detect(procs, pid, cgroupfs.Layout{}); ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
