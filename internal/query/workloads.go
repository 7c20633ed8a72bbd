package query

import (
	"maps"
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// Workloads are the fields of a workload.
var Workloads = append(Fields[*report.Workload]{
	text("name", "its name, or its short id without one", func(w *report.Workload) string { return w.Label() }).contains().searched(),
	text("id", "its id", func(w *report.Workload) string { return w.ID }).begins().searched(),
	text("status", "its state", func(w *report.Workload) string { return string(w.State) }).among(
		string(model.Created), string(model.Starting), string(model.Running), string(model.Paused), string(model.Exited),
	),
	text("runtime", "what runs it", func(w *report.Workload) string { return w.Runtime }).searched(),
	text("kind", "what it is", func(w *report.Workload) string { return string(w.KindOf()) }).among(Kinds()...),
	text("image", "its image", func(w *report.Workload) string { return w.Image }).contains().searched(),
	known("group", "its pod, as NAMESPACE/POD, its compose project, or its program", func(w *report.Workload) string { return w.Group.Path() }).contains().searched(),
	of(Number, "oom", "OOM kills since it started", func(w *report.Workload) Value {
		if w.OOMKills == nil && w.OOMKillsAtLeast > 0 {
			v := numberValue(w.OOMKillsAtLeast)
			v.atLeast = true
			return v
		}
		return unlessNil(w.OOMKills)
	}).truth(),
	known("member", "what it is called in its group, as GROUP/MEMBER", func(w *report.Workload) string { return w.Group.MemberPath() }).contains().searched(),
	known("pod", "its pod", func(w *report.Workload) string { return groupName(w.Group, event.GroupPod) }).contains(),
	known("project", "its compose project", func(w *report.Workload) string { return groupName(w.Group, event.GroupCompose) }).contains(),
	known("namespace", "the Kubernetes namespace of its pod", func(w *report.Workload) string { return groupNamespace(w.Group) }),
	set("label", "the labels that nsviz keeps, as KEY=VALUE", func(w *report.Workload) []string {
		var list []string
		for _, key := range slices.Sorted(maps.Keys(w.Labels)) {
			list = append(list, key+"="+w.Labels[key])
		}
		return list
	}),
	known("parent", "the id of the container that it runs in", func(w *report.Workload) string { return w.Parent }).begins(),
	of(Number, "inside", "containers that run directly in it", func(w *report.Workload) Value { return numberValue(w.Inside) }),
	text("program", "what the first process of a sandbox or a service calls itself", func(w *report.Workload) string { return w.Program }).contains(),
	of(Number, "pid", "the host's number of its first process", func(w *report.Workload) Value { return unlessZero(w.PID) }),
	of(Size, "memory", "the memory that it uses", func(w *report.Workload) Value { return sizeValue(w.Memory.UsageBytes) }),
	of(Size, "limit", "its memory limit", func(w *report.Workload) Value {
		if w.Memory.Unlimited {
			return Value{known: true, number: unlimited, typ: Size}
		}
		return sizeValue(w.Memory.LimitBytes)
	}),
	of(Size, "mem.ws", "its working set: the memory that the kernel cannot take back at once", func(w *report.Workload) Value { return sizeValue(w.Memory.WorkingSetBytes) }),
	of(Size, "mem.cache", "its cached files that the kernel drops first", func(w *report.Workload) Value { return sizeValue(w.Memory.Cache()) }),
	of(Duration, "full_in", "how soon it reaches a memory limit at this pace", func(w *report.Workload) Value {
		if w.Forecast == nil {
			return Value{}
		}
		return durationValue(new(w.Forecast.InSeconds * 1000))
	}),
	used(Percentage, "cpu", "the CPU time that it takes, of one CPU", func(u *report.Use) Value { return percentValue(u.CPUPercent) }),
	used(Percentage, "throttled", "in how many periods its CPU quota was used up", func(u *report.Use) Value { return percentValue(u.ThrottledPercent) }),
	used(Size, "swap", "the swap space that it uses", func(u *report.Use) Value { return sizeValue(u.SwapBytes) }),
	used(Number, "tasks", "its processes and threads", func(u *report.Use) Value { return unlessNil(u.Tasks) }),
	used(Size, "net.rx", "what its own network receives, per second", func(u *report.Use) Value { return sizeValue(u.ReceivedBytesPerSecond) }),
	used(Size, "net.tx", "what its own network sends, per second", func(u *report.Use) Value { return sizeValue(u.SentBytesPerSecond) }),
	used(Size, "io.read", "what it reads from block devices, per second", func(u *report.Use) Value { return sizeValue(u.ReadBytesPerSecond) }),
	used(Size, "io.write", "what it writes to block devices, per second", func(u *report.Use) Value { return sizeValue(u.WrittenBytesPerSecond) }),
	used(Percentage, "psi.mem", "how long some task waited for memory, in the last ten seconds", func(u *report.Use) Value { return percentValue(u.MemoryPressure) }),
	used(Percentage, "psi.cpu", "the same for a CPU", func(u *report.Use) Value { return percentValue(u.CPUPressure) }),
	used(Percentage, "psi.io", "the same for block devices", func(u *report.Use) Value { return percentValue(u.IOPressure) }),
	of(Number, "restarts", "how often it was started again", func(w *report.Workload) Value { return unlessNil(w.AllRestarts()) }),
	of(Number, "pids_refused", "processes and threads that the kernel refused it", func(w *report.Workload) Value { return unlessNil(w.PIDsRefused) }),
	of(Number, "exit", "the exit code of an ended one", func(w *report.Workload) Value {
		if w.Exit == nil {
			return Value{}
		}
		return unlessNil(w.Exit.Code)
	}),
	of(Time, "created", "when it was created", func(w *report.Workload) Value { return timeValue(w.Created) }),
	of(Time, "started", "when it started", func(w *report.Workload) Value { return timeValue(w.Started) }),
	of(Time, "exited", "when it ended", func(w *report.Workload) Value { return timeValue(w.Exited) }),
}, relations()...)

// used returns a field of what a workload uses.
func used(t Type, name, about string, get func(*report.Use) Value) Field[*report.Workload] {
	return of(t, name, about, func(w *report.Workload) Value {
		if w.Use == nil {
			return Value{}
		}
		return get(w.Use)
	})
}

// relations returns, for each type of namespace, the field that says whose a workload's namespace is. That of PID namespaces has a name of
// its own: pid is the first process.
func relations() (fields Fields[*report.Workload]) {
	for _, t := range event.NamespaceTypes() {
		name := t.String()
		if t == event.PID {
			name = "pidns"
		}
		fields = append(fields, text(name, "whose its "+t.String()+" namespace is", func(w *report.Workload) string {
			if m := w.Namespaces[t]; m != nil {
				return string(m.Relation)
			}
			return ""
		}).among(string(model.RelationOwn), string(model.RelationHost), string(model.RelationShared)))
	}
	return fields
}

// Kinds returns the kinds of workloads.
func Kinds() []string {
	return []string{
		string(event.KindContainer), string(event.KindPod), string(event.KindVM), string(event.KindSandbox), string(event.KindService),
	}
}
