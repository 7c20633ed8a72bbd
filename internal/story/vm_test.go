package story

import (
	"testing"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func TestVM(t *testing.T) {
	const unseen = "nothing inside is visible from the host"
	const machine = "; one process with a kernel of its own, and " + unseen
	for _, test := range []struct {
		vm   model.VM
		want string
	}{
		{
			model.VM{VM: fact.VM{Kind: "qemu", VCPUs: new(2), MemoryBytes: new(uint64(64 * mib)), Acceleration: "emulation"}},
			"qemu: 2 vCPUs, 64 MiB of guest memory, emulated" + machine,
		},
		{model.VM{VM: fact.VM{Kind: "firecracker", VCPUs: new(1), Acceleration: "kvm"}}, "firecracker: 1 vCPU, by KVM" + machine},
		{model.VM{VM: fact.VM{Kind: "qemu", Manager: "kata"}, Container: "web"}, "kata's qemu in web" + machine},
		{model.VM{VM: fact.VM{Kind: "gvisor"}, Container: "web"}, "gvisor in web; its kernel is this process, and " + unseen},
	} {
		if got := VM(&test.vm).String(); got != test.want {
			t.Errorf("%+v:\n got %s\nwant %s", test.vm, got, test.want)
		}
	}
}

func TestVMInWords(t *testing.T) {
	const unseen = " Inside runs a kernel of its own: its processes, its containers and its OOM kills are not visible from here. Run nsviz inside to see them."
	for _, test := range []struct {
		vm   model.VM
		want string
	}{
		{
			model.VM{VM: fact.VM{PID: 9, Kind: "qemu", Name: "lesson", VCPUs: new(2), Acceleration: "emulation", MemoryBytes: new(uint64(64 * mib)), ResidentBytes: new(uint64(37 * mib))}},
			"lesson is one ordinary process of this host, PID 9, and runs qemu. Its guest's 2 processors are threads of that process, in which qemu " +
				"emulates every instruction: slow, and possible on any host. Its guest's 64 MiB of memory are part of that process, which takes 37 MiB of the host's by now, qemu itself included." + unseen,
		},
		{
			model.VM{VM: fact.VM{PID: 9, Kind: "firecracker", VCPUs: new(1), Acceleration: "kvm", MemoryBytes: new(uint64(64 * mib))}},
			"firecracker is one ordinary process of this host, PID 9. Its guest's processor is a thread of that process; this host's own processors " +
				"run its instructions, guarded by KVM. Its guest's 64 MiB of memory are part of that process." + unseen,
		},
		{
			model.VM{VM: fact.VM{PID: 9, Kind: "qemu", Manager: "kata"}, Container: "web"},
			"qemu is one ordinary process of this host, PID 9, and runs kata's qemu; it is in the container web, which counts this process, too. " +
				"Its guest's processors are threads of that process." + unseen,
		},
		{
			model.VM{VM: fact.VM{PID: 9, Kind: "gvisor", ResidentBytes: new(uint64(37 * mib))}},
			"gvisor is one ordinary process of this host, PID 9. There is no machine: the process is itself a kernel. It answers the system calls of the " +
				"programs inside, so that this host's kernel does not see what they ask for. What they do is not visible from here.",
		},
	} {
		if got := VMInWords(&test.vm).String(); got != test.want {
			t.Errorf("%+v:\n got %s\nwant %s", test.vm, got, test.want)
		}
	}
}
