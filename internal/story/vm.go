package story

import (
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// VM describes what the host can see of a virtual machine and what it cannot.
func VM(v *model.VM) Text {
	t := text(Strong, vmKind(v))
	if v.Container != "" {
		t = t.add(Plain, " in ").add(Name, v.Container)
	}
	var has []string
	if v.VCPUs != nil {
		has = append(has, Count(uint64(*v.VCPUs), "vCPU", "vCPUs"))
	}
	if v.MemoryBytes != nil {
		has = append(has, Bytes(*v.MemoryBytes)+" of guest memory")
	}
	switch v.Acceleration {
	case "":
	case fact.AccelerationEmulation:
		has = append(has, "emulated")
	default:
		has = append(has, "by "+strings.ToUpper(string(v.Acceleration)))
	}
	if len(has) > 0 {
		t = t.add(Plain, ": "+strings.Join(has, ", "))
	}
	if v.Kind == fact.KindGVisor {
		return t.add(Plain, "; its kernel is this process, and nothing inside is visible from the host")
	}
	return t.add(Plain, "; one process with a kernel of its own, and nothing inside is visible from the host")
}

// VMInWords explains a virtual machine at length, to somebody who knows containers.
func VMInWords(v *model.VM) Text {
	t := text(Name, v.Label()).add(Plain, " is ").add(Strong, "one ordinary process").add(Plain, " of this host, PID ").
		add(Number, strconv.Itoa(int(v.PID)))
	if v.Name != "" || v.Manager != "" {
		t = t.add(Plain, ", and runs "+vmKind(v))
	}
	if v.Container != "" {
		t = t.add(Plain, "; it is in the container ").add(Name, v.Container).
			add(Plain, ", which counts this process, too")
	}
	t = t.add(Plain, ".")
	if v.Kind == fact.KindGVisor {
		return t.sentence(text(Plain, "There is no machine: the process is ").add(Strong, "itself a kernel").
			add(Plain, ". It answers the system calls of the programs inside, so that this host's kernel does not see what they ask for.")).
			sentence(text(Plain, "What they do is ").add(Strong, "not visible from here").add(Plain, "."))
	}
	return t.sentence(vmProcessors(v)).sentence(vmMemory(v)).
		sentence(text(Plain, "Inside runs ").add(Strong, "a kernel of its own").add(Plain, ": its processes, its containers and its OOM kills are ").
			add(Strong, "not visible from here").add(Plain, ". Run nsviz inside to see them."))
}

func vmProcessors(v *model.VM) Text {
	var t Text
	switch {
	case v.VCPUs == nil:
		t = text(Plain, "Its guest's processors are threads of that process")
	case *v.VCPUs == 1:
		t = text(Plain, "Its guest's processor is a thread of that process")
	default:
		t = text(Plain, "Its guest's "+strconv.Itoa(*v.VCPUs)+" processors are threads of that process")
	}
	switch v.Acceleration {
	case "":
		return t.add(Plain, ".")
	case fact.AccelerationEmulation:
		return t.add(Plain, ", in which "+string(v.Kind)+" ").add(Strong, "emulates").add(Plain, " every instruction: slow, and possible on any host.")
	}
	return t.add(Plain, "; this host's own processors run its instructions, guarded by ").add(Strong, strings.ToUpper(string(v.Acceleration))).add(Plain, ".")
}

func vmMemory(v *model.VM) Text {
	if v.MemoryBytes == nil {
		return nil
	}
	t := text(Plain, "Its guest's "+Bytes(*v.MemoryBytes)+" of memory are part of that process")
	if v.ResidentBytes == nil {
		return t.add(Plain, ".")
	}
	return t.add(Plain, ", which takes "+Bytes(*v.ResidentBytes)+" of the host's by now, "+string(v.Kind)+" itself included.")
}

// vmKind returns what to call the program that a VM is.
func vmKind(v *model.VM) string {
	if v.Manager != "" {
		return v.Manager + "'s " + string(v.Kind)
	}
	return string(v.Kind)
}
