//go:build root

package pipeline_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// TestKillInASandbox: the kernel kills in a PID namespace that no container runtime has made, in a cgroup that says nothing. The kill is the
// sandbox's, not the host's. The sandbox is gone when its namespace is.
func TestKillInASandbox(t *testing.T) {
	w := watch(t)
	dir := makeCgroup(t, fmt.Sprintf("nsviz-test-sandbox-%d.scope", os.Getpid()))
	limit(t, dir, 16<<20)
	p := start(t, "sh", "-c", `read line; exec unshare --fork --pid sh -c "tail /dev/zero; echo killed; read line"`)
	join(t, dir, p.pid)
	hostKills := func() (n uint64) {
		for k, kills := range w.Snapshot().Totals.OOMKills {
			if k.Container == "" {
				n += kills
			}
		}
		return n
	}
	before := hostKills()
	p.release()
	if got := p.line(); got != "killed" {
		t.Fatalf("it writes %q", got)
	}
	var kill event.Event
	w.await(t, "the kill", func() bool {
		list := w.all(func(e *event.Event) bool {
			return e.Type == event.OOMKill && e.OOM.Victim.Cgroup != "" && e.OOM.Victim.Cgroup[1:] == fmt.Sprintf("nsviz-test-sandbox-%d.scope", os.Getpid())
		})
		if len(list) > 0 {
			kill = list[0]
		}
		return len(list) > 0
	}, nil)
	c := kill.OOM.Victim.Container
	if c == nil || c.Kind != event.KindSandbox || c.Runtime != "unshare" || c.Name != fmt.Sprintf("unshare-%d", p.pid) ||
		c.ID != fmt.Sprintf("pid-%d", kill.OOM.Victim.Namespaces[event.PID]) {
		t.Fatalf("killed in %+v: %+v", c, kill.OOM.Victim)
	}
	if hostKills() != before {
		t.Error("it counts as the host's")
	}
	there := w.container(c.ID)
	if there == nil || there.State != model.Running || there.OOMKillsAtLeast != 1 || there.OOMKills == nil {
		t.Errorf("the sandbox: %+v", there)
	}
	p.release()
	_ = p.cmd.Wait()
	w.await(t, "its end", func() bool { c := w.container(c.ID); return c != nil && c.State == model.Exited }, nil)
}
