package probes_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/probes"
)

// OOM kills on a host with cgroup v2, until Ctrl-C. This needs root.
func ExampleOpen() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	kernel, err := probes.Open(probes.Config{Unified: true, Clock: probes.HostClock})
	if errors.Is(err, probes.ErrNotPermitted) || errors.Is(err, probes.ErrNotSupported) {
		fmt.Println("not on this host:", err)
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer kernel.Close()
	for _, c := range kernel.Choices() {
		fmt.Printf("%s by %s\n", c.Name, c.Method)
	}
	// No container needs to be followed here: kills of all processes are reported.
	if err := kernel.Settled(); err != nil {
		fmt.Println(err)
		return
	}
	err = kernel.Run(ctx, func(b probes.Batch) {
		for _, e := range b.Events {
			switch e.Type {
			case event.OOMKill:
				fmt.Printf("%s killed %s (%d) in cgroup %d\n", e.Time, e.Comm, e.PID, e.CgroupID)
			case event.EventsLost:
				fmt.Printf("%d events were lost: %s\n", e.Lost.Count, e.Lost.Reason)
			}
		}
	})
	if err != nil {
		fmt.Println(err)
	}
}

// On a host that forbids hooks on functions, as with kernel lockdown and some security modules, tracepoints are used.
func ExampleNewPlan() {
	host := probes.Facts{
		Kernel: "6.12.0", Arch: "amd64", MarkVictimTakesTask: true, Tracepoints: map[string]bool{},
		Refused: map[fact.Method]error{fact.MethodFentry: os.ErrPermission, fact.MethodKprobe: os.ErrPermission},
	}
	for _, name := range []string{
		"sched_process_fork", "sched_process_exec", "sched_process_exit", "signal_generate", "mark_victim",
		"cgroup_mkdir", "cgroup_rmdir", "cgroup_attach_task",
	} {
		host.Tracepoints[name] = true
	}
	plan, err := probes.NewPlan(host)
	if err != nil {
		fmt.Println(err)
	}
	for _, c := range plan {
		fmt.Printf("%s: %s\n", c.Name, c.Method)
	}
	// Output:
	// cgroups made: tp_btf
	// namespaces by clone: tp_btf
	// namespaces by unshare: tracepoint
	// namespaces joined by setns: tracepoint
	// namespaces freed: none
	// cgroups removed: tp_btf
	// OOM decisions: none
	// OOM victims: tp_btf
	// signals and their senders: tp_btf
	// container exits: tp_btf
	// container starts: tp_btf
	// cgroups entered: tp_btf
	// root file systems: tracepoint
}
