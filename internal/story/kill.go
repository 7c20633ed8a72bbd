package story

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// Kill describes an OOM kill: what the kernel did, why, and what follows. It leaves out what is unknown, or says that it is
// unknown.
func Kill(k *model.Kill, s *model.Snapshot) Text {
	o := k.Event.OOM
	if o == nil {
		return text(Plain, "An OOM kill; nothing else is known about it.")
	}
	c := ContainerOf(s, VictimContainer(k))
	l := killWhat(k)
	l = l.add(Plain, " ").join(killWhy(k, o, c))
	if effect := KillEffect(k, c); len(effect) > 0 {
		l = l.add(Plain, " ").join(effect)
	}
	return l.sentence(inGroup(k, s))
}

// inGroup describes the other victims of the same decision.
func inGroup(k *model.Kill, s *model.Snapshot) Text {
	n := groupSize(k, s)
	if n < 2 {
		return nil
	}
	return text(Plain, fmt.Sprintf("It is one of %d processes that this decision ended together (memory.oom.group).", n))
}

// UnknownPlace stands for a container, or the host, where it is not known which.
const UnknownPlace = "an unknown place"

// VictimPlace names where the victim lived: a container, "the host" or [UnknownPlace].
func VictimPlace(k *model.Kill) string {
	if label := VictimContainer(k).Label(); label != "" {
		return label
	}
	if VictimUnattributed(k) {
		return UnknownPlace
	}
	return "the host"
}

// VictimUnattributed reports whether the victim's container, if any, is unknown.
func VictimUnattributed(k *model.Kill) bool {
	return VictimContainer(k) == nil && (k.Event.ContainerUnknown || k.Event.OOM != nil && k.Event.OOM.Victim.ContainerUnknown)
}

// VictimContainer returns where the victim lived; nil is the host, or unknown.
func VictimContainer(k *model.Kill) *event.Container {
	if k.Event.OOM != nil && k.Event.OOM.Victim.Container != nil {
		return k.Event.OOM.Victim.Container
	}
	return k.Event.Container
}

// ContainerOf finds a container in the snapshot, a live one first.
func ContainerOf(s *model.Snapshot, c *event.Container) *model.Container {
	if c == nil || c.ID == "" {
		return nil
	}
	for i := range s.Containers {
		if s.Containers[i].ID == c.ID {
			return &s.Containers[i]
		}
	}
	return nil
}

func killWhat(k *model.Kill) Text {
	var l Text
	c := VictimContainer(k)
	label := c.Label()
	if label != "" {
		l = l.add(Name, label)
		if kind := kindWords(c.Kind, c.Runtime); kind != "" {
			l = l.add(Plain, " ("+kind+")")
		}
		l = l.add(Plain, ": the kernel killed ")
	} else {
		l = l.add(Plain, "The kernel killed ")
	}
	l = l.join(victim(k))
	switch {
	case label != "":
	case VictimUnattributed(k):
		l = l.add(Plain, "; whether it was in a container is unknown, since its cgroup was gone before it could be looked up")
	case VictimComm(k) == someProcess:
		l = l.add(Plain, " of the host")
	default:
		l = l.add(Plain, ", a process of the host")
	}
	return l.add(Plain, ".")
}

// victim names the process that was killed, with its memory.
func victim(k *model.Kill) Text {
	t := text(Strong, VictimComm(k))
	var facts []string
	if thread := VictimThread(k); thread != "" {
		facts = append(facts, "thread "+thread)
	}
	if pid := VictimPID(k); pid != 0 {
		facts = append(facts, fmt.Sprintf("PID %d", pid))
	}
	if k.Event.OOM != nil {
		if size, ok := ChargedBytes(k.Event.OOM.Victim); ok {
			facts = append(facts, Bytes(size))
		}
	}
	if len(facts) > 0 {
		t = t.add(Plain, " ("+strings.Join(facts, ", ")+")")
	}
	return t
}

// someProcess stands for a process whose command is unknown.
const someProcess = "a process"

// VictimPID returns the host's number of the victim; 0 is unknown.
func VictimPID(k *model.Kill) int32 {
	if k.Event.OOM != nil && k.Event.OOM.Victim.PID != 0 {
		return k.Event.OOM.Victim.PID
	}
	return k.Event.PID
}

// VictimComm returns what the victim calls itself, a process by its first thread, or words for a process whose name is
// unknown.
func VictimComm(k *model.Kill) string {
	if k.Event.OOM != nil && k.Event.OOM.Victim.ProcessComm != "" {
		return k.Event.OOM.Victim.ProcessComm
	}
	if k.Event.OOM != nil && k.Event.OOM.Victim.Comm != "" {
		return k.Event.OOM.Victim.Comm
	}
	if k.Event.Comm != "" {
		return k.Event.Comm
	}
	return someProcess
}

// VictimThread returns what the thread calls itself that the kernel picked, where the process is called otherwise; else "".
func VictimThread(k *model.Kill) string {
	if k.Event.OOM == nil {
		return ""
	}
	if v := &k.Event.OOM.Victim; v.ProcessComm != "" && v.Comm != v.ProcessComm {
		return v.Comm
	}
	return ""
}

// CommandLine returns how the victim was called, or what it has written over that; "" is unknown.
func CommandLine(v *event.Victim) string {
	if v.CommandLineCut {
		return v.CommandLine + "…"
	}
	return v.CommandLine
}

// ChargedBytes returns the victim's memory that counted against the limit, as far as it is known. Mapped
// files are left out: their pages are charged to whoever read them first, so that a sum with them may
// be larger than the limit.
func ChargedBytes(v event.Victim) (sum uint64, known bool) {
	for _, part := range []*uint64{v.AnonBytes, v.ShmemBytes} {
		if part != nil {
			sum += *part
			known = true
		}
	}
	return sum, known
}

func killWhy(k *model.Kill, o *event.OOM, c *model.Container) Text {
	label := VictimContainer(k).Label()
	asked := trigger(k, o)
	when := func(l Text) Text {
		if len(asked) > 0 {
			l = l.add(Plain, " when ").join(asked).add(Plain, " asked for more")
		}
		return l
	}
	switch o.Scope {
	case event.ScopeCgroup:
		return when(whoseLimit(k, o, c)).add(Plain, ".").sentence(memoryWords(o))
	case event.ScopeSystem:
		l := when(text(Plain, "The ").add(Strong, "host had run out of memory"))
		switch {
		case label == "":
		case c != nil && c.Memory.Unlimited:
			l = l.add(Plain, "; ").add(Name, label).add(Plain, " has no limit of its own")
		case c != nil && c.Memory.LimitBytes != nil:
			l = l.add(Plain, "; ").add(Name, label).add(Plain, " was below its own "+Bytes(*c.Memory.LimitBytes)+" limit")
		default:
			l = l.add(Plain, "; ").add(Name, label).add(Plain, " was below its own limit")
		}
		return l.add(Plain, ".").sentence(memoryWords(o))
	case event.ScopeCpuset:
		return when(text(Plain, "The memory nodes that its cpuset allows were full")).add(Plain, ".")
	case event.ScopeMempolicy:
		return when(text(Plain, "The memory nodes that its memory policy allows were full")).add(Plain, ".")
	}
	if len(asked) > 0 {
		return text(Plain, "It happened when ").join(asked).add(Plain, " asked for more; whose memory had run out is unknown.")
	}
	return text(Plain, "Whose memory had run out is unknown.")
}

// whoseLimit says which cgroup was full. A container's own limit, its parent's and that of a cgroup
// inside it are different lessons.
func whoseLimit(k *model.Kill, o *event.OOM, c *model.Container) Text {
	label := VictimContainer(k).Label()
	limit := "limit"
	if o.LimitBytes != nil {
		limit = Bytes(*o.LimitBytes) + " limit"
	}
	reached := func(l Text) Text { return l.add(Plain, " had reached its ").add(Strong, limit) }
	path := ShortPath(o.Cgroup)
	switch place := PlaceOfLimit(k, o, c); {
	case o.Cgroup == "":
		if o.LimitBytes == nil {
			limit = "memory limit"
		}
		return text(Plain, "A cgroup that it belonged to (which one is unknown) had reached its ").add(Strong, limit)
	case label == "" || place == LimitSomewhere:
		return reached(text(Plain, "The cgroup ").add(Number, path))
	case place == LimitAbove:
		return reached(text(Plain, "The cgroup above ").add(Name, label).add(Plain, ", ").add(Number, path).add(Plain, ","))
	case place == LimitInside:
		return reached(text(Plain, "A cgroup inside ").add(Name, label).add(Plain, ", ").add(Number, path).add(Plain, ","))
	default:
		return reached(text(Name, label))
	}
}

// LimitPlace is where a full cgroup lies, seen from a container.
type LimitPlace int

// The places.
const (
	LimitSomewhere LimitPlace = iota // the container's own place is unknown
	LimitOwn
	LimitAbove
	LimitInside
)

// PlaceOfLimit says where the full cgroup lies, seen from the victim's container.
func PlaceOfLimit(k *model.Kill, o *event.OOM, c *model.Container) LimitPlace {
	if c != nil && c.CgroupPath != "" {
		switch {
		case o.Cgroup == c.CgroupPath:
			return LimitOwn
		case strings.HasPrefix(o.Cgroup, strings.TrimSuffix(c.CgroupPath, "/")+"/"):
			return LimitInside
		case o.Cgroup == "/" || strings.HasPrefix(c.CgroupPath, o.Cgroup+"/"):
			return LimitAbove
		}
		return LimitSomewhere
	}
	if c != nil && c.SharedCgroup != "" && strings.HasPrefix(c.SharedCgroup+"/", strings.TrimSuffix(o.Cgroup, "/")+"/") {
		return LimitAbove
	}
	// The container is forgotten, so the path's id must do.
	if vc := VictimContainer(k); vc != nil && vc.ID != "" {
		if i := strings.LastIndex(o.Cgroup, vc.ID); i >= 0 {
			if strings.Contains(o.Cgroup[i:], "/") {
				return LimitInside
			}
			return LimitOwn
		}
	}
	return LimitSomewhere
}

// trigger names the process that asked for memory, seen from the victim.
func trigger(k *model.Kill, o *event.OOM) Text {
	t := o.Trigger
	if t == nil || (t.PID == 0 && t.Comm == "") {
		return nil
	}
	// The victim itself, which was named just before.
	if t.PID != 0 && t.PID == VictimPID(k) {
		return text(Strong, VictimComm(k))
	}
	name := TriggerComm(t)
	if name == "" {
		name = someProcess
	}
	var facts []Text
	if t.ProcessComm != "" && t.Comm != "" && t.ProcessComm != t.Comm {
		facts = append(facts, text(Plain, "thread "+t.Comm))
	}
	if t.PID != 0 {
		facts = append(facts, text(Plain, fmt.Sprintf("PID %d", t.PID)))
	}
	home := VictimContainer(k)
	if t.Container != nil && (home == nil || t.Container.ID != home.ID) {
		facts = append(facts, text(Plain, "in ").add(Name, t.Container.Label()))
	}
	l := text(Plain, "another process, ").add(Strong, name)
	named := TriggerComm(t) != ""
	if !named {
		l = text(Plain, "another process")
	}
	l = l.addFacts(facts)
	if named {
		l = l.add(Plain, ",")
	}
	return l
}

// TriggerComm returns what the process that asked for memory calls itself, by its first thread; "" is unknown.
func TriggerComm(t *event.Process) string { return cmp.Or(t.ProcessComm, t.Comm) }

// memoryWords says what the memory that ran out was made of, where that explains more than the victim does: when one kind
// of it was most of it, and the victim's own memory less than half of that. Nil where it does not.
func memoryWords(o *event.OOM) Text {
	m := o.Memory
	if m == nil {
		return nil
	}
	known := func(n *uint64) uint64 {
		if n == nil {
			return 0
		}
		return *n
	}
	kinds := []struct {
		bytes uint64
		what  string
	}{
		{known(m.ShmemBytes), "files in memory (tmpfs, shared memory)"},
		{known(m.KernelBytes) + known(m.SockBytes), "kernel memory (slabs, page tables, sockets)"},
		{known(m.FileBytes), "cached files"},
		{known(m.AnonBytes), "memory of its processes (heaps, stacks)"},
	}
	most, sum := kinds[0], uint64(0)
	for _, kind := range kinds {
		sum += kind.bytes
		if kind.bytes > most.bytes {
			most = kind
		}
	}
	// Usage when the kernel decided. The other values were read later, when the victim may have freed memory.
	sum = max(sum, known(o.UsageBytes))
	own := o.Victim.AnonBytes
	if most.bytes < sum/2 || known(own) > most.bytes/2 || own == nil && most == kinds[len(kinds)-1] {
		return nil
	}
	size := Bytes(most.bytes)
	if o.LimitBytes != nil {
		size = BytesOf(most.bytes, " of ", *o.LimitBytes)
	}
	return text(Strong, size).add(Plain, " were "+most.what+".")
}

// Survived reports whether a container outlived a kill in it, as the kill or the container's present state shows; nil is unknown.
func Survived(k *model.Kill, c *model.Container) *bool {
	switch {
	case k.Survived != nil:
		return k.Survived
	case k.Event.OOM != nil && k.Event.OOM.Victim.Init:
		return new(false)
	case c != nil && c.Runs():
		return new(true)
	}
	return nil
}

// KillEffect says how often this happened and whether the container lives on.
func KillEffect(k *model.Kill, c *model.Container) Text {
	label := VictimContainer(k).Label()
	if label == "" {
		return nil
	}
	var l Text
	if k.Ordinal > 0 {
		l = l.add(Strong, Ordinal(k.Ordinal)+" kill").add(Plain, "; ")
	}
	survived := Survived(k, c)
	switch {
	case k.Event.OOM.Victim.Starting && c != nil && c.NeverRan:
		return l.add(Name, label).add(Plain, " never ran its program: the victim was a process of its runtime, which was starting it.")
	case k.Event.OOM.Victim.Starting:
		return l.add(Plain, "the victim was a process of its runtime, which was starting it; its own program did not run yet.")
	case survived != nil && !*survived:
		if v := k.Event.OOM.Victim; v.Init || v.PID != 0 && v.PID == k.InitPID {
			return l.add(Name, label).add(Plain, " ends with it, because the victim was its PID 1.")
		}
		return l.add(Name, label).add(Plain, " ends with it, because its PID 1 was killed as well.")
	case survived == nil:
		return l.add(Name, label).add(Plain, " may have ended with it: its PID 1 is unknown.")
	case k.Survived == nil: // it still runs, and no more is known
		return l.add(Name, label).add(Plain, " lives on.")
	}
	verb := " lives on"
	if c != nil && !c.Live() {
		verb = " lived on then"
	}
	return l.add(Name, label).add(Plain, verb+", because its PID 1"+initFacts(k.InitPID, k.InitComm)+" was not the victim.")
}

func initFacts(pid int32, comm string) string {
	switch {
	case pid != 0 && comm != "":
		return fmt.Sprintf(" (%s, %d)", comm, pid)
	case pid != 0:
		return fmt.Sprintf(" (%d)", pid)
	case comm != "":
		return fmt.Sprintf(" (%s)", comm)
	}
	return ""
}

// groupSize returns how many victims one decision had.
func groupSize(k *model.Kill, s *model.Snapshot) int {
	if k.Event.OOM == nil || k.Event.OOM.Decision == 0 {
		return 1
	}
	n := 0
	for i := range s.Kills {
		if o := s.Kills[i].Event.OOM; o != nil && o.Decision == k.Event.OOM.Decision {
			n++
		}
	}
	return n
}
