package ui

import (
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/groups"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// The columns.
const (
	columnName           ColumnKey = "name"
	columnImage          ColumnKey = "image"
	columnCommand        ColumnKey = "command"
	columnState          ColumnKey = "state"
	columnPID            ColumnKey = "pid"
	columnCreated        ColumnKey = "created"
	columnUp             ColumnKey = "up"
	columnStart          ColumnKey = "start"
	columnRestarts       ColumnKey = "restarts"
	columnNamespaces     ColumnKey = "namespaces"
	columnCPU            ColumnKey = "cpu"
	columnThrottled      ColumnKey = "throttled"
	columnMemory         ColumnKey = "memory"
	columnWorkingSet     ColumnKey = "mem.ws"
	columnCache          ColumnKey = "mem.cache"
	columnSpark          ColumnKey = "last_minute"
	columnCPUSpark       ColumnKey = "cpu.last_minute"
	columnFullIn         ColumnKey = "full_in"
	columnOOM            ColumnKey = "oom"
	columnSwap           ColumnKey = "swap"
	columnMemoryPressure ColumnKey = "psi.mem"
	columnCPUPressure    ColumnKey = "psi.cpu"
	columnIOPressure     ColumnKey = "psi.io"
	columnTasks          ColumnKey = "tasks"
	columnRead           ColumnKey = "io.read"
	columnWritten        ColumnKey = "io.write"
	columnProcesses      ColumnKey = "processes"
	columnReceived       ColumnKey = "net.rx"
	columnSent           ColumnKey = "net.tx"
)

const memoryText = 13 // 1023/1024 MiB

// containerColumns are all columns, in the order in which they stand where the user has chosen none. Those of what fields of a filter
// select by have the same names.
var containerColumns = []containerColumn{
	{
		key: columnName, title: "CONTAINER", width: 10, ascending: true,
		about: "its name; a long one loses its middle, not its end",
		vmHead: func(_ columns, w int) line {
			if w < len("VIRTUAL MACHINE") {
				return text(Title, "VM")
			}
			return text(Title, "VIRTUAL MACHINE")
		},
		live: func(ct *model.Container, in tableRow, w int) line { return nameCell(ct, in.group, Name, in.needle, w) },
		vm:   func(v *model.VM, in tableRow, _ int) line { return vmName(v).mark(in.needle) },
		ended: func(ct *model.Container, in tableRow, w int) line {
			return nameCell(ct, in.group, Dim, in.needle, w)
		},
		value:   func(ct *model.Container, _ *model.Snapshot) sortValue { return sortText(ct.Label) },
		vmValue: func(v *model.VM, _ *model.Snapshot) sortValue { return sortText(v.Label()) },
	},
	{
		key: columnImage, title: "IMAGE", width: 14, ascending: true, about: "the image that it was made from",
		vmHead: func(columns, int) line { return text(Title, "RUN BY") },
		live: func(ct *model.Container, in tableRow, w int) line {
			return orUnknown(cutMiddle(story.What(ct), w)).dimmed().mark(in.needle)
		},
		vm: func(v *model.VM, in tableRow, w int) line { return text(Dim, runBy(v, w)).mark(in.needle) },
		ended: func(ct *model.Container, in tableRow, w int) line {
			return text(Dim, cutMiddle(story.What(ct), w)).mark(in.needle)
		},
		value:   func(ct *model.Container, _ *model.Snapshot) sortValue { return sortText(story.What(ct)) },
		vmValue: func(v *model.VM, _ *model.Snapshot) sortValue { return sortText(runBy(v, maxSearch)) },
	},
	{
		key: columnCommand, title: "COMMAND", width: 15, ascending: true, about: "what its PID 1 calls itself",
		live:  func(ct *model.Container, in tableRow, _ int) line { return orUnknown(ct.InitComm).mark(in.needle) },
		ended: func(ct *model.Container, in tableRow, _ int) line { return text(Dim, ct.InitComm).mark(in.needle) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortText(ct.InitComm) },
	},
	{
		key: columnState, title: "STATE", width: 8, ascending: true, about: "starting, running, paused (by the kernel's freezer) or exited",
		live:  func(ct *model.Container, _ tableRow, _ int) line { return stateText(ct) },
		ended: func(ct *model.Container, _ tableRow, _ int) line { return text(Dim, string(ct.State)) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortText(string(ct.State)) },
	},
	{
		key: columnPID, title: "HOST PID", width: 8, right: true, ascending: true, about: "its PID 1, as the host counts",
		vmHead: func(columns, int) line { return text(Title, "HOST PID") },
		live:   func(ct *model.Container, _ tableRow, _ int) line { return pidText(ct.InitPID) },
		vm:     func(v *model.VM, _ tableRow, _ int) line { return pidText(v.PID) },
		ended:  func(ct *model.Container, _ tableRow, _ int) line { return pidText(ct.InitPID).dimmed() },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue {
			return sortValue{known: ct.InitPID != 0, number: float64(ct.InitPID)}
		},
		vmValue: func(v *model.VM, _ *model.Snapshot) sortValue { return sortNumber(&v.PID) },
	},
	{
		key: columnCreated, title: "CREATED", width: 8, right: true, about: "when its cgroup was made",
		live:  func(ct *model.Container, in tableRow, _ int) line { return createdText(ct, in.s) },
		ended: func(ct *model.Container, in tableRow, _ int) line { return createdText(ct, in.s).dimmed() },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue {
			return sortValue{known: !ct.Created.IsZero(), number: ct.Created.Sub(sortEpoch).Seconds()}
		},
	},
	{
		key: columnUp, title: "UP", width: 7, right: true, about: "for how long its own program runs",
		vmHead: func(columns, int) line { return text(Title, "UP") },
		live:   func(ct *model.Container, in tableRow, _ int) line { return upText(ct, in.s) },
		vm:     func(v *model.VM, in tableRow, _ int) line { return vmUp(v, in.s.Time) },
		ended:  func(ct *model.Container, _ tableRow, _ int) line { return lifetimeText(ct) },
		value: func(ct *model.Container, s *model.Snapshot) sortValue {
			from := beganAt(ct)
			return sortValue{known: !from.IsZero(), number: s.Time.Sub(from).Seconds()}
		},
		vmValue: func(v *model.VM, s *model.Snapshot) sortValue {
			return sortValue{known: !v.Started.IsZero(), number: s.Time.Sub(v.Started).Seconds()}
		},
	},
	{
		key: columnStart, title: "START", width: 7, right: true, about: "from its cgroup's making to its program's first instruction",
		live:  func(ct *model.Container, _ tableRow, _ int) line { return startText(ct) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(ct.StartDuration) },
	},
	{
		key: columnRestarts, title: "RESTARTS", width: 8, right: true, about: "how often it was started again, as nsviz saw or its engine counts",
		live: func(ct *model.Container, _ tableRow, _ int) line { return countText(ct.AllRestarts()) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue {
			return sortNumber(ct.AllRestarts())
		},
	},
	{
		key: columnNamespaces, title: "NAMESPACES", width: 2 * namespaceColumns, before: true, group: groupSees,
		about: "whose namespace of each type it is in",
		gap: func(w int) int {
			if w < 4*namespaceColumns {
				return 0 // the last symbol has a blank
			}
			return 1
		},
		head:   func(w int) line { return namespaceHead(w / namespaceColumns) },
		vmHead: func(columns, int) line { return text(Title, "INSIDE") },
		write: func(l line, ct *model.Container, in tableRow, w int) line {
			if machineOf(ct, in.s) != nil {
				return l.joinFit(opaque("a VM, below", in.namespace()), w, 0)
			}
			return writeNamespaces(l, ct, in.namespace()).extend(w % namespaceColumns)
		},
		vm:  func(v *model.VM, in tableRow, _ int) line { return vmInside(v, in) },
		sum: func(g *groups.Group, _ tableRow, w int) line { return membersText(g, w) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { // the open ones first
			shared := 0.0
			for _, m := range ct.Namespaces {
				if m.Relation == model.RelationHost {
					shared++
				}
			}
			return sortValue{known: ct.Namespaces[event.Mnt].ID != 0 || shared > 0, number: shared}
		},
	},
	{
		key: columnCPU, title: "CPU %", width: 6, right: true, group: groupUses,
		about: "percent of one CPU; ! it had to wait: its quota was used up",
		live:  func(ct *model.Container, _ tableRow, _ int) line { return cpuText(ct) },
		sum: func(g *groups.Group, _ tableRow, _ int) line {
			sum := sumUses(g, cpuOf)
			return sum.text(tenths(sum.n))
		},
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(cpuOf(ct)) },
	},
	{
		key: columnThrottled, title: "THROT %", width: 7, right: true, group: groupUses, about: "in how many percent of the periods its CPU quota was used up",
		live: func(ct *model.Container, _ tableRow, _ int) line { return percentText(throttledOf(ct)) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue {
			return sortNumber(throttledOf(ct))
		},
	},
	{
		key: columnMemory, title: "MEMORY", width: memoryText, group: groupUses, about: "use of its limit; █ working set, ▓ files that can be dropped",
		vmHead: func(_ columns, w int) line {
			if w < len("RESIDENT/GIVEN") {
				return text(Title, "RESIDENT")
			}
			return text(Title, "RESIDENT/GIVEN")
		},
		live: func(ct *model.Container, _ tableRow, w int) line { return memoryOf(ct, w) },
		vm: func(v *model.VM, _ tableRow, w int) line {
			bar, words := memoryWidths(w)
			return vmMemory(v, bar, words)
		},
		sum: func(g *groups.Group, _ tableRow, w int) line {
			if bar, _ := memoryWidths(w); bar > 0 {
				return line{}.space(bar + 1).join(groupMemory(g))
			}
			return groupMemory(g)
		},
		value:   func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(ct.Memory.UsageBytes) },
		vmValue: func(v *model.VM, _ *model.Snapshot) sortValue { return sortNumber(v.ResidentBytes) },
	},
	{
		key: columnWorkingSet, title: "WORK SET", width: 8, right: true, group: groupUses, about: "the memory that the kernel cannot take back at once",
		live:  func(ct *model.Container, _ tableRow, _ int) line { return bytesText(ct.Memory.WorkingSetBytes) },
		sum:   func(g *groups.Group, _ tableRow, _ int) line { return sumBytes(g, workingSetOf) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(ct.Memory.WorkingSetBytes) },
	},
	{
		key: columnCache, title: "CACHE", width: 8, right: true, group: groupUses, about: "files not used lately: the kernel drops them before it kills",
		live:  func(ct *model.Container, _ tableRow, _ int) line { return bytesText(ct.Memory.CacheBytes()) },
		sum:   func(g *groups.Group, _ tableRow, _ int) line { return sumBytes(g, cacheOf) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(ct.Memory.CacheBytes()) },
	},
	{
		key: columnSpark, title: "LAST MINUTE", width: 9, group: groupUses, about: "its memory; full height is its limit; × is an OOM kill",
		head: func(w int) line {
			if w < len("LAST MINUTE") {
				return text(Title, "LAST MIN")
			}
			return text(Title, "LAST MINUTE")
		},
		vmHead: func(c columns, _ int) line {
			if c.of(columnImage) > 0 {
				return nil
			}
			return text(Title, "RUN BY")
		},
		live: func(ct *model.Container, in tableRow, w int) line { return spark(ct.Memory, in.s.Host.MemoryBytes, w) },
		vm: func(v *model.VM, in tableRow, w int) line {
			if in.of(columnImage) > 0 {
				return nil
			}
			return text(Dim, runBy(v, w)).mark(in.needle)
		},
	},
	{
		key: columnCPUSpark, title: "CPU LAST MIN", width: 12, group: groupUses,
		about: "its CPU time; full height is its quota or, without one, the next full CPU; ! it had to wait",
		head: func(w int) line {
			if w < len("CPU LAST MINUTE") {
				return text(Title, "CPU LAST MIN")
			}
			return text(Title, "CPU LAST MINUTE")
		},
		live: func(ct *model.Container, _ tableRow, w int) line { return cpuSpark(ct, w) },
	},
	{
		key: columnFullIn, title: "FULL IN", width: 7, right: true, group: groupUses, ascending: true, about: "how soon it reaches a memory limit at this pace",
		live: func(ct *model.Container, _ tableRow, _ int) line { return fullInText(ct) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue {
			if ct.Forecast == nil {
				return sortValue{}
			}
			return sortNumber(&ct.Forecast.In)
		},
	},
	{
		key: columnOOM, title: "OOM", width: 4, right: true, group: groupUses, about: "OOM kills in it since it started, by the kernel's own count",
		vmHead: func(columns, int) line { return text(Title, "VCPU") },
		live:   func(ct *model.Container, _ tableRow, _ int) line { return oomText(ct) },
		vm:     func(v *model.VM, _ tableRow, _ int) line { return vcpus(v) },
		sum:    func(g *groups.Group, _ tableRow, _ int) line { return groupKills(g) },
		ended:  func(ct *model.Container, _ tableRow, _ int) line { return oomText(ct) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue {
			if ct.OOMKills == nil && ct.OOMKillsAtLeast > 0 {
				return sortNumber(&ct.OOMKillsAtLeast)
			}
			return sortNumber(ct.OOMKills)
		},
	},
	{
		key: columnSwap, title: "SWAP", width: 8, right: true, group: groupUses, about: "the swap space that it uses",
		live:  func(ct *model.Container, _ tableRow, _ int) line { return bytesText(swapOf(ct)) },
		sum:   func(g *groups.Group, _ tableRow, _ int) line { return sumBytes(g, asFloat(swapOf)) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(swapOf(ct)) },
	},
	{
		key: columnMemoryPressure, title: "PSI MEM", width: 7, right: true, group: groupUses, about: "percent of the last 10 s in which a task waited for memory",
		live:  func(ct *model.Container, _ tableRow, _ int) line { return pressureText(memoryPressureOf(ct)) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(memoryPressureOf(ct)) },
	},
	{
		key: columnCPUPressure, title: "PSI CPU", width: 7, right: true, group: groupUses, about: "percent of the last 10 s in which a task waited for a CPU",
		live:  func(ct *model.Container, _ tableRow, _ int) line { return pressureText(cpuPressureOf(ct)) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(cpuPressureOf(ct)) },
	},
	{
		key: columnIOPressure, title: "PSI I/O", width: 7, right: true, group: groupUses, about: "percent of the last 10 s in which a task waited for I/O",
		live:  func(ct *model.Container, _ tableRow, _ int) line { return pressureText(ioPressureOf(ct)) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(ioPressureOf(ct)) },
	},
	{
		key: columnTasks, title: "TASKS", width: 9, right: true, group: groupUses, about: "its processes and threads, of its limit",
		live: func(ct *model.Container, _ tableRow, _ int) line { return tasksText(ct) },
		sum: func(g *groups.Group, _ tableRow, _ int) line {
			sum := sumUses(g, asFloat(tasksOf))
			return sum.text(whole(sum.n))
		},
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(tasksOf(ct)) },
	},
	{
		key: columnRead, title: "READ/S", width: 8, right: true, group: groupUses, about: "bytes that it reads from block devices, per second",
		live:  func(ct *model.Container, _ tableRow, _ int) line { return rateText(readOf(ct)) },
		sum:   func(g *groups.Group, _ tableRow, _ int) line { return sumBytes(g, readOf) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(readOf(ct)) },
	},
	{
		key: columnWritten, title: "WRITE/S", width: 8, right: true, group: groupUses, about: "bytes that it writes to block devices, per second",
		live:  func(ct *model.Container, _ tableRow, _ int) line { return rateText(writtenOf(ct)) },
		sum:   func(g *groups.Group, _ tableRow, _ int) line { return sumBytes(g, writtenOf) },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(writtenOf(ct)) },
	},
	{
		key: columnProcesses, title: "PROCS", width: 5, right: true, about: "its processes; ! it was refused more",
		vmHead: func(columns, int) line { return text(Title, "PROCS") },
		live:   func(ct *model.Container, _ tableRow, _ int) line { return processesText(ct) },
		vm:     func(*model.VM, tableRow, int) line { return text(Strong, "1") },
		sum:    func(g *groups.Group, _ tableRow, _ int) line { return groupProcesses(g) },
		ended:  func(*model.Container, tableRow, int) line { return nil },
		value:  func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(ct.Processes) },
	},
	{
		key: columnReceived, title: "NET RX/S", width: 8, right: true, about: "bytes received per second, where the network is its own",
		live:  func(ct *model.Container, _ tableRow, _ int) line { return trafficText(ct, receivedOf(ct)) },
		sum:   func(g *groups.Group, _ tableRow, _ int) line { return sumBytes(g, receivedOf) },
		ended: func(*model.Container, tableRow, int) line { return nil },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(receivedOf(ct)) },
	},
	{
		key: columnSent, title: "NET TX/S", width: 8, right: true, about: "bytes sent per second, where the network is its own",
		live:  func(ct *model.Container, _ tableRow, _ int) line { return trafficText(ct, sentOf(ct)) },
		sum:   func(g *groups.Group, _ tableRow, _ int) line { return sumBytes(g, sentOf) },
		ended: func(*model.Container, tableRow, int) line { return nil },
		value: func(ct *model.Container, _ *model.Snapshot) sortValue { return sortNumber(sentOf(ct)) },
	},
}
