//go:build e2e

package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
)

// readOwnCounter prints the cgroup's own count of OOM kills from inside, since the cgroup is gone with the container.
const readOwnCounter = `cat /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events 2>/dev/null | ` +
	`sed -n 's/^oom_kill /own count: /p'`

// The stress demo, three times: events, metric and dashboard agree with the kernel log and with the
// cgroup's own counter.
func TestStressDemo(t *testing.T) {
	address := freeAddress(t)
	dashboard := tmux(t, 140, 40, nil, binary(), "--web.listen-address", address)
	dashboard.await(t, contains("● live", "metrics on"))
	dashboard.find(t, "hog") // whatever else runs on the host
	events := startEvents(t)
	eventually(t, func() bool {
		return metrics(t, address)[`nsviz_probe_info{method="tp_btf",probe="OOM victims"}`] == "1" ||
			metrics(t, address)[`nsviz_probe_info{method="raw_tp",probe="OOM victims"}`] == "1"
	}, func() string { return "the dashboard's probes are not attached" })

	total := 0
	for run := range 3 {
		t.Run(fmt.Sprint("run ", run+1), func(t *testing.T) {
			removeContainer(t, "hog")
			log := followKernelLog(t, "stress-ng") // which nobody else runs
			before := len(events.all(of(event.OOMKill, "hog")))
			out := docker(t, "run", "--name", "hog", "--memory=64m", stressImage, "sh", "-c",
				"stress-ng --vm 1 --vm-bytes 200M --timeout 6s >/dev/null 2>&1; "+readOwnCounter)
			own := ownCount(t, out)
			if own == 0 {
				t.Fatal("the demo killed nothing")
			}
			events.await(t, run+1, of(event.ContainerExited, "hog"))
			kills := events.all(of(event.OOMKill, "hog"))[before:]
			total += len(kills)
			eventually(t, func() bool { return len(log.all()) >= len(kills) },
				func() string { return "the kernel log lags behind" })

			if len(kills) != own || len(log.all()) != own {
				t.Errorf("%d events, %d lines in the kernel log, own counter %d", len(kills), len(log.all()), own)
			}
			if diff := cmp.Diff(log.all(), asKernelKills(kills), cmp.AllowUnexported(kernelKill{})); diff != "" {
				t.Errorf("kernel log and events differ (-log +events):\n%s", diff)
			}
			for _, kill := range kills {
				checkHogKill(t, &kill)
			}

			metric := `nsviz_oom_kills_total{container="hog",scope="cgroup"}`
			eventually(t, func() bool { return metrics(t, address)[metric] == strconv.Itoa(total) },
				func() string { return fmt.Sprintf("metric %s, want %d", metrics(t, address)[metric], total) })
			dashboard.await(t, match(fmt.Sprintf(`(?m)^..hog .* %d *$`, own)))
			dashboard.await(t, func(screen string) bool {
				all := metrics(t, address)[`nsviz_events_total{type="oom_kill"}`]
				return strings.Contains(screen, all+" OOM kills seen")
			})
			dashboard.keys(t, "2")
			dashboard.await(t, match(fmt.Sprintf(`hog [━╌]+ ×%d ended`, own)))
			dashboard.keys(t, "4", "Enter")
			dashboard.await(t, func(screen string) bool {
				return match(`\bhog: the kernel killed stress-ng-vm .* hog lived on then`)(prose(screen))
			})
			dashboard.keys(t, "1")

			docker(t, "rm", "hog")
			if got := metrics(t, address)[metric]; got != strconv.Itoa(total) {
				t.Errorf("after the container was removed the metric is %s, want %d", got, total)
			}
		})
	}
}

func ownCount(t *testing.T, out string) int {
	t.Helper()
	_, number, ok := strings.Cut(out, "own count: ")
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if !ok || err != nil {
		t.Fatalf("no own count in %q", out)
	}
	return n
}

func asKernelKills(kills []event.Event) []kernelKill {
	var list []kernelKill
	kb := func(n *uint64) uint64 { return *n / 1024 }
	for _, k := range kills {
		v := k.OOM.Victim
		list = append(list, kernelKill{
			pid: v.TID, comm: v.Comm, anonKB: kb(v.AnonBytes), fileKB: kb(v.FileBytes), shmKB: kb(v.ShmemBytes),
			pgtablesKB: kb(v.PgtablesBytes), scoreAdj: *v.OOMScoreAdj, uid: *v.UID,
		})
	}
	return list
}

// checkHogKill checks what is true of every kill in the stress demo.
func checkHogKill(t *testing.T, e *event.Event) {
	t.Helper()
	const limit = 64 << 20
	// Between the failed charge and the mark on the victim, other processes may free memory.
	const givenBack = limit / 16
	o := e.OOM
	switch {
	case o.Scope != event.ScopeCgroup, !strings.HasSuffix(o.Cgroup, e.Container.ID) && !strings.Contains(o.Cgroup, e.Container.ID):
		t.Errorf("scope %s, cgroup %s: want the container's own", o.Scope, o.Cgroup)
	case o.LimitBytes == nil:
		t.Error("limit unknown")
	case *o.LimitBytes != limit:
		t.Errorf("limit %d, want %d", *o.LimitBytes, limit)
	case o.UsageBytes == nil:
		t.Error("usage unknown")
	case *o.UsageBytes > limit || *o.UsageBytes < limit-givenBack:
		t.Errorf("usage %d, want about %d", *o.UsageBytes, limit)
	case o.Victim.Container == nil || o.Victim.Container.Name != "hog":
		t.Errorf("victim in %v", o.Victim.Container)
	case o.Trigger == nil || o.Trigger.Container == nil || o.Trigger.Container.Name != "hog":
		t.Errorf("trigger %+v", o.Trigger)
	case o.Victim.Init:
		t.Errorf("the victim is said to be PID 1: %+v", o.Victim)
	case e.PID != o.Victim.PID || e.Comm != o.Victim.Comm:
		t.Errorf("pid %d %s, want the victim's", e.PID, e.Comm)
	}
}

// A container ends if its PID 1 is the victim.
func TestInitIsTheVictim(t *testing.T) {
	const name = "nsviz-test-init-victim"
	removeContainer(t, name)
	events := startEvents(t)
	docker(t, "run", "-d", "--name", name, "--memory=32m", busyboxImage, "tail", "/dev/zero")
	exit := events.await(t, 1, of(event.ContainerExited, name))[0]
	kill := events.await(t, 1, of(event.OOMKill, name))[0]
	if !kill.OOM.Victim.Init {
		t.Errorf("the victim is not said to be PID 1: %+v", kill.OOM.Victim)
	}
	if exit.PID != kill.PID || exit.Exit.Cause != event.CauseOOMKill || *exit.Exit.Code != 137 || exit.Exit.Signal != 9 || exit.Exit.By != nil {
		t.Errorf("exit %+v of %d, want an OOM kill of %d", exit.Exit, exit.PID, kill.PID)
	}
	docker(t, "wait", name) // the engine learns of the exit later than nsviz
	if got := docker(t, "inspect", "-f", "{{.State.OOMKilled}} {{.State.ExitCode}}", name); got != "true 137" {
		t.Errorf("docker inspect says %q", got)
	}
}
