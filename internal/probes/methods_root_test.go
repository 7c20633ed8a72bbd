//go:build root

package probes

import (
	"testing"
)

// methodCase is a test that passes with every way to hook the kernel.
type methodCase struct {
	name string
	run  func(t *testing.T, w *watch)
}

// TestByEveryMethod hooks the kernel in all ways that it allows, at the same time. The reports of the first are
// compared with the kernel's other sources, and those of the others with the first, event by event.
func TestByEveryMethod(t *testing.T) {
	ways := everyWay(t)
	if len(ways) < 2 {
		t.Fatalf("only one way to hook this kernel: %v", ways)
	}
	w := startWatch(t, ways...)
	for _, test := range append([]methodCase{
		{"unshare", unshare},
		{"unshare refused", unshareRefused},
		{"seccomp answers", seccompAnswers},
		{"nsenter", nsenter},
		{"entered", entered},
		{"clone", clone},
		{"setns of several", setnsOfSeveral},
		{"namespace freed", namespaceFreed},
		{"cgroup removed", cgroupRemoved},
		{"container start", containerStart},
		{"steps of a start", stepsOfStarts},
		{"mounts of the host are no steps", hostsMountsAreNoSteps},
		{"container ends by itself", containerEndsByItself},
		{"container killed by somebody", containerKilledBySomebody},
		{"container ignores signal", containerIgnoresSignal},
		{"container is refused processes", containerRefusedProcesses},
		{"container without a state of processes", containerWithoutPIDs},
		{"container's init is moved", containerInitMoved},
		{"container killer", containerKiller},
		{"container in a PID namespace that ends", containerInEndedNamespace},
		{"container init in host mounts", containerInitInHostMounts},
		{"container init OOM-killed", containerInitOOMKilled},
		{"container child OOM-killed", containerChildOOMKilled},
		{"exit of threads", exitOfThreads},
		{"OOM kill", oomKill},
		{"OOM storm", oomStorm},
		{"OOM group", oomGroup},
		{"lowered limit", loweredLimit},
		{"limit below the container", limitBelow},
		{"trigger elsewhere", triggerElsewhere},
		{"thread is the victim", threadIsTheVictim},
		{"command lines", commandLines},
		{"memory is shared", sharedMemory},
		{"exiting is no kill", exitingIsNoKill},
		{"disabled kills nothing", disabledKillsNothing},
		{"throttled is no kill", throttledIsNoKill},
	}, machineCases()...) {
		t.Run(test.name, func(t *testing.T) {
			w := w.in(t)
			begin := makeCgroup(t, "begin")
			test.run(t, w)
			w.agree(begin)
		})
	}
}
