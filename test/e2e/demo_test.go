//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// maker is a way in which nsviz demo makes its containers.
type maker struct {
	name string
	args []string
	// runtime is the runtime in the containers' events.
	runtime string
	// exist lists the existing demo containers by name.
	exist func(t *testing.T) []string
}

func makers() []maker {
	return []maker{
		{"bare", []string{"--no-docker"}, "nsviz-demo", demoCgroups},
		{"docker", nil, "docker", demoContainers},
	}
}

// demoCgroups lists the cgroups of demos, in any hierarchy.
func demoCgroups(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"/sys/fs/cgroup/nsviz-demo-*", "/sys/fs/cgroup/*/nsviz-demo-*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			names = append(names, filepath.Base(path))
		}
	}
	return names
}

func demoContainers(t *testing.T) []string {
	t.Helper()
	return strings.Fields(docker(t, "ps", "-a", "--filter", "label=nsviz.demo", "--format", "{{.Names}}"))
}

// demoLeftovers lists everything on the host that a demo of one nsviz has made.
func demoLeftovers(t *testing.T, pid int) []string {
	t.Helper()
	left := strings.Fields(docker(t, "images", "--format", "{{.Repository}}:{{.Tag}}", fmt.Sprintf("nsviz-demo-image:%d", pid)))
	left = append(left, strings.Fields(docker(t, "ps", "-a", "--filter", fmt.Sprintf("label=nsviz.demo=%d", pid), "--format", "{{.Names}}"))...)
	for _, name := range demoCgroups(t) {
		if strings.HasSuffix(name, fmt.Sprint("-", pid)) || !ofLiveDemo(name) {
			left = append(left, name)
		}
	}
	return left
}

// ofLiveDemo reports whether an nsviz watches over the processes in a demo's cgroup.
func ofLiveDemo(cgroup string) bool {
	for _, pid := range strings.Fields(processesOf(cgroup)) {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			continue // gone
		}
		var parent int
		_, fields, _ := strings.Cut(string(stat), ") ")
		if _, err := fmt.Sscanf(fields, "%1s %d", new(string), &parent); err == nil && parent > 1 {
			return true
		}
	}
	return false
}

// startDemo plays a demo without a terminal.
func startDemo(t *testing.T, args ...string) *process {
	t.Helper()
	return start(t, io.Discard, append([]string{"demo"}, args...)...)
}

// pid returns the PID of nsviz.
func (p *process) pid() int { return p.cmd.Process.Pid }

// madeBy matches events about a container of a demo, whatever suffix its name has.
func madeBy(typ event.Type, p *process, name string) func(*event.Event) bool {
	return func(e *event.Event) bool {
		c := e.Subject()
		return e.Type == typ && c != nil && (c.Name == name || c.Name == fmt.Sprintf("%s-%d", name, p.pid()))
	}
}

// nsviz demo | cat: a container is killed, and nothing is left when the demo ends.
func TestDemoOOM(t *testing.T) {
	for _, m := range makers() {
		t.Run(m.name, func(t *testing.T) {
			events := startEvents(t)
			text := newLines()
			p := start(t, text, append([]string{"demo"}, m.args...)...)
			kill := events.await(t, 1, madeBy(event.OOMKill, p, "nsviz-demo-hog"))[0]
			if o := kill.OOM; o.Scope != event.ScopeCgroup || o.LimitBytes == nil || *o.LimitBytes != limit || o.Victim.Init || o.Victim.Comm != "demo-worker" {
				t.Errorf("kill %+v, want a worker in a cgroup with a limit of %d", o, limit)
			}
			if kill.Container.Runtime != m.runtime {
				t.Errorf("runtime %q, want %q", kill.Container.Runtime, m.runtime)
			}
			started := events.await(t, 1, madeBy(event.ContainerStarted, p, "nsviz-demo-hog"))
			for _, typ := range []event.NamespaceType{event.Mnt, event.PID, event.Net, event.IPC, event.UTS} {
				if id := started[0].Start.Namespaces[typ]; id == 0 || id == namespaceOf(t, os.Getpid(), typ) {
					t.Errorf("%s namespace %d of the container is that of the host", typ, id)
				}
			}
			text.await(t, "demo-worker ("+fmt.Sprint(kill.PID)+"), ")
			p.end(t, syscall.SIGHUP)
			// The full lesson: who was killed, who was not, and who is gone.
			if kills := events.all(madeBy(event.OOMKill, p, "nsviz-demo-quiet")); len(kills) > 0 {
				t.Errorf("the quiet container was killed in: %+v", kills)
			}
			for _, name := range []string{"nsviz-demo-hog", "nsviz-demo-quiet"} {
				if n := len(events.await(t, 1, madeBy(event.ContainerExited, p, name))); n != 1 {
					t.Errorf("%d exits of %s, want 1", n, name)
				}
			}
			if left := demoLeftovers(t, p.pid()); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// endsByItself waits until nsviz has ended with exit code 0.
func (p *process) endsByItself(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatal("it goes on")
	}
	if p.err != nil {
		t.Errorf("%v, want exit code 0\n%s", p.err, p.stderr)
	}
}

// A demo with a duration ends by itself.
func TestDemoDuration(t *testing.T) {
	for _, m := range makers() {
		t.Run(m.name, func(t *testing.T) {
			p := startDemo(t, append([]string{"isolation", "--duration=2s"}, m.args...)...)
			p.endsByItself(t)
			if left := demoLeftovers(t, p.pid()); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// The dashboard beside a demo; Ctrl-C removes what the demo made.
func TestDemoDashboard(t *testing.T) {
	for _, m := range makers() {
		t.Run(m.name, func(t *testing.T) {
			term := tmux(t, 120, 40, nil, slices.Concat([]string{binary(), "demo", "--web.listen-address="}, m.args)...)
			// Beside another demo their names have a suffix, for which the column may have no room.
			term.await(t, match(`(?m)^..nsviz-de\S*(hog|og-\d+) +\d+ .* [\d.]+/64 MiB`))
			term.await(t, match(`(?m)^..nsviz-de\S*(quiet|et-\d+) +\d+ .* [\d.]+/64 MiB`))
			pid := term.pid(t)
			term.keys(t, "C-c")
			term.awaitEnd(t, 0)
			if left := demoLeftovers(t, pid); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// The next demo removes what a killed one has left.
func TestDemoCleansUpAfterCrash(t *testing.T) {
	for _, m := range makers() {
		t.Run(m.name, func(t *testing.T) {
			crashed := startDemo(t, m.args...)
			crashed.awaitMade(t, m, "nsviz-demo-hog")
			crashed.end(t, syscall.SIGKILL)
			crashed.err = nil
			if left := demoLeftovers(t, crashed.pid()); len(left) == 0 {
				t.Fatal("nothing is left of a demo that was killed: this tests nothing")
			}

			next := startDemo(t, slices.Concat([]string{"start"}, m.args)...)
			next.awaitMade(t, m, "nsviz-demo-start1")
			if left := demoLeftovers(t, crashed.pid()); slices.ContainsFunc(left, func(what string) bool {
				return !strings.HasPrefix(what, "nsviz-demo-start")
			}) {
				t.Errorf("still there: %v", left)
			}
			next.stop(t)
			if left := demoLeftovers(t, next.pid()); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// processesOf lists the processes in a cgroup of a demo.
func processesOf(cgroup string) string {
	var all []byte
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/memory/"} {
		procs, _ := os.ReadFile(pattern + cgroup + "/cgroup.procs") // most likely there is none
		all = append(all, procs...)
	}
	return string(all)
}

// awaitMade waits until a demo has made a container.
func (p *process) awaitMade(t *testing.T, m maker, name string) {
	t.Helper()
	eventually(t, func() bool {
		return slices.Contains(m.exist(t), name) || slices.Contains(m.exist(t), fmt.Sprintf("%s-%d", name, p.pid()))
	}, func() string { return fmt.Sprintf("no %s, only %v\n%s", name, m.exist(t), p.stderr) })
}

// Two demos at once neither take each other's names nor remove each other's containers.
func TestTwoDemos(t *testing.T) {
	for _, m := range makers() {
		t.Run(m.name, func(t *testing.T) {
			first := startDemo(t, m.args...)
			first.awaitMade(t, m, "nsviz-demo-hog")
			second := startDemo(t, m.args...)
			second.awaitMade(t, m, fmt.Sprint("nsviz-demo-hog-", second.pid()))
			first.stop(t)
			if !slices.Contains(m.exist(t), fmt.Sprint("nsviz-demo-hog-", second.pid())) {
				t.Errorf("the first has removed the second's: %v", m.exist(t))
			}
			second.stop(t)
			for _, p := range []*process{first, second} {
				if left := demoLeftovers(t, p.pid()); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			}
		})
	}
}

// ps and the kernel agree with what the isolation demo shows; Ctrl-C removes what it made.
func TestDemoIsolation(t *testing.T) {
	for _, m := range makers() {
		t.Run(m.name, func(t *testing.T) {
			term := tmux(t, 80, 30, nil, slices.Concat([]string{binary(), "demo", "isolation"}, m.args)...)
			term.await(t, contains("Enter goes on"))
			pid := term.pid(t)
			full := map[string]string{} // names by their middles
			for _, short := range []string{"web", "sidecar", "agent"} {
				full[short] = "nsviz-demo-" + short
				if own := fmt.Sprint(full[short], "-", pid); slices.Contains(m.exist(t), own) {
					full[short] = own
				}
			}
			var list []psEntry
			nsvizJSON(t, &list, "ps", "-o", "json")
			byName := map[string]psEntry{}
			for short, name := range full {
				i := slices.IndexFunc(list, func(c psEntry) bool { return c.Name == name })
				if i < 0 {
					t.Fatalf("ps lists no %s: %+v", name, list)
				}
				byName[short] = list[i]
			}
			web, sidecar, agent := byName["web"], byName["sidecar"], byName["agent"]
			for _, c := range byName {
				if c.Runtime != m.runtime {
					t.Errorf("%s: runtime %q, want %q", c.Name, c.Runtime, m.runtime)
				}
				var ids event.NamespaceIDs
				for typ, n := range c.Namespaces {
					ids[typ] = n.ID
				}
				if diff := namespaceDiff(t, c.PID, ids); diff != "" {
					t.Errorf("%s: namespaces (-kernel +ps):\n%s", c.Name, diff)
				}
			}
			shared := func(c psEntry, typ event.NamespaceType) string {
				n := c.Namespaces[typ]
				return fmt.Sprint(*n.SharedWithHost, n.SharedWith)
			}
			for _, c := range []struct {
				what, got, want string
			}{
				{"web's net", shared(web, event.Net), fmt.Sprint("false [", full["sidecar"], "]")},
				{"sidecar's net", shared(sidecar, event.Net), fmt.Sprint("false [", full["web"], "]")},
				{"web's pid", shared(web, event.PID), "false []"},
				{"sidecar's pid", shared(sidecar, event.PID), "false []"},
				{"agent's net", shared(agent, event.Net), "true []"},
				{"agent's pid", shared(agent, event.PID), "true []"},
				{"agent's mnt", shared(agent, event.Mnt), "false []"},
				{"agent's ipc", shared(agent, event.IPC), "false []"},
			} {
				if c.got != c.want {
					t.Errorf("%s: shared with host and with %s, want %s", c.what, c.got, c.want)
				}
			}
			for _, c := range []struct {
				name  string
				entry psEntry
				limit uint64 // 0 is none
			}{{"web", web, 64 << 20}, {"sidecar", sidecar, 32 << 20}, {"agent", agent, 0}} {
				memory := c.entry.Memory
				if known := memory.LimitBytes != nil; known != (c.limit != 0) || memory.Unlimited == known || known && *memory.LimitBytes != c.limit {
					t.Errorf("%s: memory %+v, want a limit of %d", c.name, memory, c.limit)
				}
			}
			term.keys(t, "Enter")
			term.await(t, contains("What the container sees"))
			if err := syscall.Kill(pid, syscall.SIGINT); err != nil { // Ctrl-C would end the shell around it, too
				t.Fatal(err)
			}
			term.awaitEnd(t, 0)
			if left := demoLeftovers(t, pid); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// One container after the other starts within milliseconds.
func TestDemoStart(t *testing.T) {
	for _, m := range makers() {
		t.Run(m.name, func(t *testing.T) {
			events := startEvents(t)
			text := newLines()
			p := start(t, text, slices.Concat([]string{"demo", "start", "--kernel", "/nonexistent"}, m.args)...)
			for _, name := range []string{"nsviz-demo-start1", "nsviz-demo-start2"} {
				started := events.await(t, 1, madeBy(event.ContainerStarted, p, name))
				if d := started[0].Start.DurationMS; d == nil || *d <= 0 || *d > float64(patience.Milliseconds()) {
					t.Errorf("%s: duration %v ms", name, d)
				}
				exited := events.await(t, 1, madeBy(event.ContainerExited, p, name))
				if x := exited[0].Exit; x.Cause != event.CauseExited || x.Code == nil || *x.Code != 0 {
					t.Errorf("%s: exit %+v, want 0", name, x)
				}
				text.awaitProse(t, " "+started[0].Container.Name+", ") // where the time went
			}
			text.awaitProse(t, " came to be in ")
			text.awaitProse(t, "There is no virtual machine to compare with: stat /nonexistent: no such file")
			text.awaitProse(t, "the runtime's work")
			p.end(t, syscall.SIGTERM)
			if left := demoLeftovers(t, p.pid()); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// If no engine answers, the containers are made by hand.
func TestDemoWithoutEngine(t *testing.T) {
	for engine, host := range map[string]string{
		"absent": "unix://" + filepath.Join(t.TempDir(), "docker.sock"),
		"hung":   hungEngine(t),
	} {
		t.Run(engine, func(t *testing.T) {
			p := startDemo(t, "start", "--docker-host", host)
			p.awaitMade(t, makers()[0], "nsviz-demo-start1")
			p.stop(t)
			if left := demoLeftovers(t, p.pid()); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func namespaceOf(t *testing.T, pid int, typ event.NamespaceType) (id uint64) {
	t.Helper()
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, typ))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(link, typ.String()+":[%d]", &id); err != nil {
		t.Fatalf("%s: %v", link, err)
	}
	return id
}

// A demo may end at any time, also while the engine makes a container for it.
func TestDemoEndsAtAnyTime(t *testing.T) {
	for duration := 90 * time.Millisecond; duration <= time.Second; duration += 60 * time.Millisecond {
		p := startDemo(t, "--duration", duration.String())
		p.endsByItself(t)
		if left := demoLeftovers(t, p.pid()); len(left) > 0 {
			t.Errorf("ended after %v it leaves behind: %v", duration, left)
		}
	}
}
