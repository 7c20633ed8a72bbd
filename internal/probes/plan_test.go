package probes

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/fact"
)

// everything describes a host that allows everything: a current kernel on amd64.
func everything() Facts {
	f := Facts{Kernel: "6.12.0", Arch: runtime.GOARCH, Functions: map[string]bool{}, Tracepoints: map[string]bool{}, Refused: map[fact.Method]error{},
		MarkVictimTakesTask: true}
	for _, k := range kinds(runtime.GOARCH) {
		for _, o := range k.options {
			for _, name := range o.functions {
				f.Functions[name] = true
			}
			for _, name := range o.tracepoints {
				f.Tracepoints[name] = true
			}
		}
	}
	return f
}

// chosen returns a plan in short: the first program of each fact, or none, then the reason if there is one.
func chosen(plan []Choice) map[string]string {
	short := map[string]string{}
	for _, c := range plan {
		what := string(c.Method)
		if len(c.Programs) > 0 {
			what = strings.Join(c.Programs, "+")
		}
		if c.Reason != "" {
			what += ": " + c.Reason
		}
		short[string(c.Name)] = what
	}
	return short
}

func TestPlan(t *testing.T) {
	const lockFallback = "the cgroup that ran out is found by its OOM lock, or by its usage, when the victim is marked; " +
		"that a memory policy set by mbind ran out is not seen"
	setns := syscallFunction(runtime.GOARCH, "setns")
	const noRoots = "a start does not report when its files were mounted and its root was changed"
	roots := func(suffix string) string {
		return "roots_mount_" + suffix + "+roots_move_mount_" + suffix + "+roots_pivot_root_" + suffix + "+roots_chroot_" + suffix
	}
	best := map[string]string{
		"namespaces by clone":        "namespaces_fork_tp_btf",
		"namespaces by unshare":      "namespaces_unshare_fentry+namespaces_unshare_fexit",
		"namespaces joined by setns": "namespaces_setns_fentry+namespaces_setns_fexit",
		"namespaces freed":           "namespaces_free_fentry",
		"cgroups made":               "cgroups_mkdir_tp_btf",
		"cgroups removed":            "cgroups_rmdir_tp_btf",
		"OOM decisions":              "oom_decision_fentry",
		"OOM victims":                "oom_victim_task_tp_btf",
		"signals and their senders":  "lifecycle_signal_tp_btf",
		"container starts":           "lifecycle_exec_tp_btf",
		"container exits":            "lifecycle_exit_tp_btf",
		"cgroups entered":            "cgroups_attach_tp_btf",
		"root file systems":          roots("fexit"),
	}
	for _, test := range []struct {
		name string
		host func(*Facts)
		// want lists the differences from best.
		want map[string]string
	}{
		{name: "everything is allowed", host: func(*Facts) {}},
		{
			name: "locked down: no fentry, no kprobes",
			host: func(f *Facts) {
				f.Refused[fact.MethodFentry] = unix.EPERM
				f.Refused[fact.MethodKprobe] = errors.New("the kernel is built without kprobes")
			},
			want: map[string]string{
				"namespaces by unshare": "namespaces_unshare_sys_enter+namespaces_unshare_sys_exit: " +
					"fentry: operation not permitted; kprobe: the kernel is built without kprobes; " + syscallTax,
				"namespaces joined by setns": "namespaces_setns_sys_enter+namespaces_setns_sys_exit: " +
					"fentry: operation not permitted; kprobe: the kernel is built without kprobes; " + syscallTax,
				"namespaces freed": "none: fentry: operation not permitted; kprobe: the kernel is built without kprobes; " +
					"found by reading /proc, a few seconds late",
				"OOM decisions": "none: fentry: operation not permitted; kprobe: the kernel is built without kprobes; " + lockFallback,
				// All system calls have that cost already.
				"root file systems": roots("sys_exit") + ": fentry: operation not permitted; kprobe: the kernel is built without kprobes",
			},
		},
		{
			name: "locked down, and no tracefs",
			host: func(f *Facts) {
				f.Refused[fact.MethodFentry] = unix.EPERM
				f.Refused[fact.MethodKprobe] = unix.EPERM
				f.Refused[fact.MethodTracepoint] = errors.New("tracefs is not mounted and cannot be")
			},
			want: map[string]string{
				"namespaces by unshare": "none: fentry: operation not permitted; kprobe: operation not permitted; " +
					"tracepoint: tracefs is not mounted and cannot be; found by reading /proc, without the time and the creator",
				"namespaces joined by setns": "none: fentry: operation not permitted; kprobe: operation not permitted; " +
					"tracepoint: tracefs is not mounted and cannot be; not seen",
				"namespaces freed": "none: fentry: operation not permitted; kprobe: operation not permitted; " +
					"found by reading /proc, a few seconds late",
				"OOM decisions": "none: fentry: operation not permitted; kprobe: operation not permitted; " + lockFallback,
				"root file systems": "none: fentry: operation not permitted; kprobe: operation not permitted; " +
					"tracepoint: tracefs is not mounted and cannot be; " + noRoots,
			},
		},
		{
			name: "arm64 before 6.0: fentry loads and does not attach",
			host: func(f *Facts) {
				f.Kernel = "5.15.0"
				f.Refused[fact.MethodFentry] = plainCause(fmt.Errorf("attach: %w", unix.Errno(524)))
			},
			want: map[string]string{
				"namespaces by unshare":      "namespaces_unshare_kprobe+namespaces_unshare_kretprobe: fentry: not supported",
				"namespaces joined by setns": "namespaces_setns_kprobe+namespaces_setns_kretprobe: fentry: not supported",
				"namespaces freed":           "namespaces_free_kprobe: fentry: not supported",
				"OOM decisions":              "oom_decision_kprobe: fentry: not supported",
				"root file systems":          roots("kretprobe") + ": fentry: not supported",
			},
		},
		{
			name: "functions that the compiler has inlined",
			host: func(f *Facts) {
				f.Functions["proc_free_inum"] = false
				f.Functions["ksys_unshare"] = false
				delete(f.Functions, "oom_kill_process")
				f.Functions[setns] = false
			},
			want: map[string]string{
				"namespaces by unshare": "namespaces_unshare_sys_enter+namespaces_unshare_sys_exit: " +
					"fentry: the kernel has no function ksys_unshare; kprobe: the kernel has no function ksys_unshare; " + syscallTax,
				"namespaces joined by setns": "namespaces_setns_sys_enter+namespaces_setns_sys_exit: " +
					"fentry: the kernel has no function " + setns + "; kprobe: the kernel has no function " + setns + "; " + syscallTax,
				"namespaces freed": "none: fentry: the kernel has no function proc_free_inum; " +
					"kprobe: the kernel has no function proc_free_inum; found by reading /proc, a few seconds late",
				"OOM decisions": "none: fentry: the kernel has no function oom_kill_process; " +
					"kprobe: the kernel has no function oom_kill_process; " + lockFallback,
			},
		},
		{
			name: "what a start is made of is not worth a tax on all system calls",
			host: func(f *Facts) {
				f.Functions[syscallFunction(runtime.GOARCH, "move_mount")] = false
				f.Tracepoints["cgroup_attach_task"] = false
			},
			want: map[string]string{
				"root file systems": "none: fentry: the kernel has no function " + syscallFunction(runtime.GOARCH, "move_mount") +
					"; kprobe: the kernel has no function " + syscallFunction(runtime.GOARCH, "move_mount") +
					"; tracepoint: for this alone it is not worth it that " + syscallTax + "; " + noRoots,
				"cgroups entered": "none: tp_btf: the kernel has no tracepoint cgroup_attach_task; " +
					"raw_tp: the kernel has no tracepoint cgroup_attach_task; a start does not report when its cgroup was entered, and a PID 1 that is moved out of its cgroup is not seen",
			},
		},
		{
			name: "mark_victim passes a number",
			host: func(f *Facts) { f.MarkVictimTakesTask = false },
			want: map[string]string{"OOM victims": "oom_victim_pid_tp_btf"},
		},
		{
			name: "struck: one did not load although nothing spoke against it",
			host: func(f *Facts) {
				f.strike(Choice{Programs: []string{"oom_victim_task_tp_btf"}}, unix.EACCES)
				f.strike(Choice{Programs: []string{"namespaces_unshare_fentry", "namespaces_unshare_fexit"}}, unix.EBUSY)
			},
			want: map[string]string{
				"OOM victims":           "oom_victim_task_raw_tp: tp_btf: permission denied",
				"namespaces by unshare": "namespaces_unshare_kprobe+namespaces_unshare_kretprobe: fentry: device or resource busy",
			},
		},
		{
			name: "struck: all of a fact that nsviz can live without",
			host: func(f *Facts) {
				f.strike(Choice{Programs: []string{"namespaces_free_fentry"}}, unix.EBUSY)
				f.strike(Choice{Programs: []string{"namespaces_free_kprobe"}}, unix.ENOENT)
			},
			want: map[string]string{
				"namespaces freed": "none: fentry: device or resource busy; kprobe: no such file or directory; " +
					"found by reading /proc, a few seconds late",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			host := everything()
			test.host(&host)
			plan, err := NewPlan(host)
			if err != nil {
				t.Fatal(err)
			}
			want := maps.Clone(best)
			maps.Copy(want, test.want)
			if diff := cmp.Diff(want, chosen(plan)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			for _, c := range plan {
				for _, m := range Methods() {
					if named := strings.Contains(c.Reason, string(m)+": "); named != slices.Contains(c.RuledOut, m) {
						t.Errorf("%s: ruled out are %v, and the reason is %q", c.Name, c.RuledOut, c.Reason)
					}
				}
			}
		})
	}
}

func TestPlanFails(t *testing.T) {
	for _, test := range []struct {
		name string
		host func(*Facts)
		is   error
		says string
	}{
		{
			name: "nothing is there",
			host: func(f *Facts) { clear(f.Functions); clear(f.Tracepoints) },
			is:   ErrNotSupported,
			says: "cgroups made cannot be watched on kernel 6.12.0 (tp_btf: the kernel has no tracepoint " +
				"cgroup_mkdir; raw_tp: the kernel has no tracepoint cgroup_mkdir): not supported",
		},
		{
			name: "everything is forbidden",
			host: func(f *Facts) {
				for _, k := range kinds(runtime.GOARCH) {
					for _, o := range k.options {
						f.strike(Choice{Programs: o.programs}, unix.EPERM)
					}
				}
			},
			is: ErrNotPermitted,
			says: "cgroups made cannot be watched on kernel 6.12.0 (tp_btf: operation not permitted; " +
				"raw_tp: operation not permitted): not permitted; " + adviceRefused,
		},
		{
			name: "the verifier refuses what is needed",
			host: func(f *Facts) {
				f.strike(Choice{Programs: []string{"lifecycle_exit_tp_btf"}}, unix.EACCES)
				f.strike(Choice{Programs: []string{"lifecycle_exit_raw_tp"}}, unix.EACCES)
			},
			is: ErrNotSupported,
			says: "container exits cannot be watched on kernel 6.12.0 (tp_btf: permission denied; " +
				"raw_tp: permission denied): not supported",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			host := everything()
			test.host(&host)
			_, err := NewPlan(host)
			if !errors.Is(err, test.is) {
				t.Fatalf("%v, want %v", err, test.is)
			}
			if err.Error() != test.says {
				t.Errorf("%q, want %q", err, test.says)
			}
		})
	}
}

// TestKindsAreUnambiguous: facts are found by name, and struck out by their first program.
func TestKindsAreUnambiguous(t *testing.T) {
	seen := map[string]bool{}
	see := func(name string) {
		if seen[name] {
			t.Errorf("%q is there twice", name)
		}
		seen[name] = true
	}
	for _, k := range kinds(runtime.GOARCH) {
		see(string(k.name))
		for _, o := range k.options {
			if len(o.programs) == 0 {
				t.Errorf("%s by %s has no program", k.name, o.method)
			}
			for _, name := range o.programs {
				see(name)
			}
		}
	}
	if !seen[string(fact.ProbeNamespacesFreed)] {
		t.Errorf("no fact is called %q", fact.ProbeNamespacesFreed)
	}
	if slices.ContainsFunc(kinds(runtime.GOARCH), func(k kind) bool { return len(k.options) == 0 }) {
		t.Error("a fact has no hooks")
	}
}
