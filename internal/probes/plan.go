package probes

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/fact"
)

// Methods lists all methods by which a fact can be hooked, best first.
func Methods() []fact.Method {
	return []fact.Method{fact.MethodFentry, fact.MethodKprobe, fact.MethodTpBTF, fact.MethodRawTracepoint, fact.MethodTracepoint}
}

// errNotChosen stands for a method that the user of nsviz has left out.
var errNotChosen = errors.New("left out by --probe-methods")

// only refuses all methods but the given ones; without any it refuses none.
func (f Facts) only(methods []fact.Method) Facts {
	if len(methods) == 0 {
		return f
	}
	refused := maps.Clone(f.Refused)
	for _, m := range Methods() {
		if !slices.Contains(methods, m) {
			if refused == nil {
				refused = map[fact.Method]error{}
			}
			refused[m] = errNotChosen
		}
	}
	f.Refused = refused
	return f
}

// kind is one kind of fact that nsviz wants to learn, with its hooks in order of preference.
type kind struct {
	name    fact.ProbeName
	options []option
	// without says what becomes of the fact if no hook works. If it is empty, nsviz cannot work
	// without this fact.
	without string
}

// option is one way to hook a kind of fact: the programs are attached together or not at all.
type option struct {
	method   fact.Method
	programs []string
	// functions and tracepoints of the kernel that must exist.
	functions   []string
	tracepoints []string
	// victimTask and victimPID restrict an option to one form of mark_victim.
	victimTask, victimPID bool
	// cost says what users should know about this way.
	cost string
	// onlyIfTaxed is for an option that is not worth a cost on every system call of the host: it is used only if
	// another fact has that cost already.
	onlyIfTaxed bool
}

const syscallTax = "every system call of the host pays a little for it, some 20 ns"

// kinds returns the table of all facts and hooks, for an architecture as Go calls it.
func kinds(arch string) []kind {
	tracepoint := func(name, program string) []option {
		return []option{
			{method: fact.MethodTpBTF, programs: []string{program + "_tp_btf"}, tracepoints: []string{name}},
			{method: fact.MethodRawTracepoint, programs: []string{program + "_raw_tp"}, tracepoints: []string{name}},
		}
	}
	call := func(function, program string) []option {
		return []option{
			{method: fact.MethodFentry, programs: []string{program + "_fentry", program + "_fexit"}, functions: []string{function}},
			{method: fact.MethodKprobe, programs: []string{program + "_kprobe", program + "_kretprobe"}, functions: []string{function}},
			{
				method:   fact.MethodTracepoint,
				programs: []string{program + "_sys_enter", program + "_sys_exit"},
				cost:     syscallTax,
			},
		}
	}
	returns := func(calls ...string) []option {
		options := []option{
			{method: fact.MethodFentry}, {method: fact.MethodKprobe}, {method: fact.MethodTracepoint, onlyIfTaxed: true},
		}
		for i, suffix := range []string{"_fexit", "_kretprobe", "_sys_exit"} {
			for _, name := range calls {
				options[i].programs = append(options[i].programs, "roots_"+name+suffix)
				if options[i].method != fact.MethodTracepoint {
					options[i].functions = append(options[i].functions, syscallFunction(arch, name))
				}
			}
		}
		return options
	}
	return []kind{
		// First: a reading of all cgroups after that has every one that the other programs report.
		{name: fact.ProbeCgroupsMade, options: tracepoint("cgroup_mkdir", "cgroups_mkdir")},
		{name: fact.ProbeNamespacesCloned, options: tracepoint("sched_process_fork", "namespaces_fork")},
		{
			name:    fact.ProbeNamespacesUnshared,
			options: call("ksys_unshare", "namespaces_unshare"),
			without: "found by reading /proc, without the time and the creator",
		},
		{
			name:    fact.ProbeNamespacesJoined,
			options: call(syscallFunction(arch, "setns"), "namespaces_setns"),
			without: "not seen",
		},
		{
			name: fact.ProbeNamespacesFreed,
			options: []option{
				{method: fact.MethodFentry, programs: []string{"namespaces_free_fentry"}, functions: []string{"proc_free_inum"}},
				{method: fact.MethodKprobe, programs: []string{"namespaces_free_kprobe"}, functions: []string{"proc_free_inum"}},
			},
			without: "found by reading /proc, a few seconds late",
		},
		{name: fact.ProbeCgroupsRemoved, options: tracepoint("cgroup_rmdir", "cgroups_rmdir")},
		{
			name: fact.ProbeOOMDecisions,
			options: []option{
				{method: fact.MethodFentry, programs: []string{"oom_decision_fentry"}, functions: []string{"oom_kill_process"}},
				{method: fact.MethodKprobe, programs: []string{"oom_decision_kprobe"}, functions: []string{"oom_kill_process"}},
			},
			without: "the cgroup that ran out is found by its OOM lock, or by its usage, when the victim is marked; " +
				"that a memory policy set by mbind ran out is not seen",
		},
		{
			name: fact.ProbeOOMVictims,
			options: []option{
				{method: fact.MethodTpBTF, programs: []string{"oom_victim_task_tp_btf"}, tracepoints: []string{"mark_victim"}, victimTask: true},
				{method: fact.MethodTpBTF, programs: []string{"oom_victim_pid_tp_btf"}, tracepoints: []string{"mark_victim"}, victimPID: true},
				{method: fact.MethodRawTracepoint, programs: []string{"oom_victim_task_raw_tp"}, tracepoints: []string{"mark_victim"}, victimTask: true},
				{method: fact.MethodRawTracepoint, programs: []string{"oom_victim_pid_raw_tp"}, tracepoints: []string{"mark_victim"}, victimPID: true},
			},
		},
		{name: fact.ProbeSignals, options: tracepoint("signal_generate", "lifecycle_signal")},
		// Before the starts, so that every reported start has its end reported.
		{name: fact.ProbeContainerExits, options: tracepoint("sched_process_exit", "lifecycle_exit")},
		{name: fact.ProbeContainerStarts, options: tracepoint("sched_process_exec", "lifecycle_exec")},
		{
			name:    fact.ProbeCgroupsEntered,
			options: tracepoint("cgroup_attach_task", "cgroups_attach"),
			without: "a start does not report when its cgroup was entered, and a PID 1 that is moved out of its cgroup is not seen",
		},
		{
			name:    fact.ProbeRootFileSystems,
			options: returns("mount", "move_mount", "pivot_root", "chroot"),
			without: "a start does not report when its files were mounted and its root was changed",
		},
	}
}

// Choice describes how one kind of fact is hooked on a host.
type Choice struct {
	fact.Probe

	// Programs are the names of the BPF programs to attach; none for fact.MethodNone.
	Programs []string
}

// NewPlan chooses the best hook for every kind of fact that the host allows. It is a pure function;
// it fails with ErrNotSupported if a fact that nsviz needs has no hook.
func NewPlan(f Facts) ([]Choice, error) {
	var plan []Choice
	for _, k := range kinds(f.Arch) {
		c, err := choose(k, f)
		if err != nil {
			return nil, err
		}
		f.taxed = f.taxed || c.Method == fact.MethodTracepoint
		plan = append(plan, c)
	}
	return plan, nil
}

func choose(k kind, f Facts) (Choice, error) {
	var passed []error // why better options were passed over
	var ruledOut []fact.Method
	for _, o := range k.options {
		if o.victimTask && !f.MarkVictimTakesTask || o.victimPID && f.MarkVictimTakesTask {
			continue
		}
		if err := f.against(o); err != nil {
			passed, ruledOut = append(passed, err), append(ruledOut, o.method)
			continue
		}
		return Choice{
			Probe:    fact.Probe{Name: k.name, Method: o.method, Reason: reason(passed, o.cost), RuledOut: ruledOut},
			Programs: o.programs,
		}, nil
	}
	if k.without == "" {
		return Choice{}, fmt.Errorf("%s cannot be watched on kernel %s (%s): %w", k.name, f.Kernel,
			reason(passed, ""), f.cause(passed))
	}
	return Choice{Probe: fact.Probe{Name: k.name, Method: fact.MethodNone, Reason: reason(passed, k.without), RuledOut: ruledOut}}, nil
}

// cause returns the error if none of the better options works. EPERM says that somebody forbids
// it; EACCES does not: the verifier returns it for a program that it does not accept.
func (f Facts) cause(passed []error) error {
	for _, err := range passed {
		if errors.Is(err, unix.EPERM) {
			if missing := f.confined.missing(); len(missing) > 0 {
				return fmt.Errorf("%w; %s", ErrNotPermitted, adviceMissing(missing))
			}
			return fmt.Errorf("%w; %s", ErrNotPermitted, adviceRefused)
		}
	}
	return ErrNotSupported
}

// against returns the reason against an option; nil is none.
func (f Facts) against(o option) error {
	if err := f.Refused[o.method]; err != nil {
		return fmt.Errorf("%s: %w", o.method, err)
	}
	if err := f.struck[o.programs[0]]; err != nil {
		return fmt.Errorf("%s: %w", o.method, err)
	}
	if o.onlyIfTaxed && !f.taxed {
		return fmt.Errorf("%s: for this alone it is not worth it that %s", o.method, syscallTax)
	}
	for _, name := range o.functions {
		if !f.Functions[name] {
			return fmt.Errorf("%s: the kernel has no function %s", o.method, name)
		}
	}
	for _, name := range o.tracepoints {
		if !f.Tracepoints[name] {
			return fmt.Errorf("%s: the kernel has no tracepoint %s", o.method, name)
		}
	}
	return nil
}

func reason(passed []error, remark string) string {
	var words []string
	for _, err := range passed {
		words = append(words, err.Error())
	}
	if remark != "" {
		words = append(words, remark)
	}
	return strings.Join(words, "; ")
}
