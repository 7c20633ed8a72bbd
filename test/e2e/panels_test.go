//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/deploy/grafana"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

// The containers of TestEveryPanel.
const (
	panelHog    = "nsviz-test-panel-hog"
	panelSharer = "nsviz-test-panel-sharer" // in the host's pid and net, and paused
	panelMoved  = "nsviz-test-panel-moved"  // its PID 1 is moved out of its cgroup
	panelStuck  = "nsviz-test-panel-stuck"  // it is refused processes and, on cgroup v1, stuck at its limit
)

// truth holds what happened while Prometheus watched nsviz, from other sources.
type truth struct {
	// kills is the cgroup's own count of OOM kills in panelHog.
	kills float64
	// all counts what `nsviz events` has reported since nsviz serve began to count.
	all tally
	// served is the tally of nsviz serve.
	served map[string]string
}

// tally counts events. Events that nsviz finds by reading the host from time to time differ between two nsviz and are left out.
type tally struct {
	kills, starts float64
	made          map[event.NamespaceType]float64
}

func (s *stream) tally() tally {
	c := tally{made: map[event.NamespaceType]float64{}}
	for _, e := range s.all(func(*event.Event) bool { return true }) {
		switch {
		case e.Type == event.OOMKill:
			c.kills++
		case e.Type == event.ContainerStarted:
			c.starts++
		case e.Type == event.NamespaceCreated && e.Namespace.Via != event.ViaReconcile:
			c.made[e.Namespace.Type]++
		}
	}
	return c
}

// servedTally returns the same from the metrics.
func servedTally(t *testing.T, m map[string]string) tally {
	t.Helper()
	c := tally{made: map[event.NamespaceType]float64{}}
	for name, text := range m {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch {
		case name == `nsviz_events_total{type="oom_kill"}`:
			c.kills = value
		case name == `nsviz_events_total{type="container_started"}`:
			c.starts = value
		case strings.HasPrefix(name, "nsviz_namespace_created_total{") && !strings.Contains(name, `via="reconcile"`):
			for _, typ := range event.NamespaceTypes() {
				if strings.Contains(name, fmt.Sprintf("type=%q", typ)) && value > 0 {
					c.made[typ] += value
				}
			}
		}
	}
	return c
}

func (c tally) minus(before tally) tally {
	d := tally{kills: c.kills - before.kills, starts: c.starts - before.starts, made: maps.Clone(c.made)}
	for typ, n := range before.made {
		d.made[typ] -= n
	}
	maps.DeleteFunc(d.made, func(_ event.NamespaceType, n float64) bool { return n == 0 })
	return d
}

func (c tally) equal(o tally) bool {
	return c.kills == o.kills && c.starts == o.starts && maps.Equal(c.made, o.made)
}

// expectation returns what is wrong with a panel's data, or "".
type expectation func(truth, []series) string

// may is for data that need not exist on a host.
func may(truth, []series) string { return "" }

func none(_ truth, list []series) string {
	if len(list) != 0 {
		return "want nothing"
	}
	return ""
}

// value wants a single series whose last value passes check.
func value(check func(truth, float64) bool) expectation {
	return func(happened truth, list []series) string {
		if len(list) != 1 || !check(happened, list[0].last()) {
			return "want one good value"
		}
		return ""
	}
}

// exactly wants a single series with this value.
func exactly(want func(truth) float64) expectation {
	return value(func(happened truth, v float64) bool { return v == want(happened) })
}

func atLeast(n float64) expectation {
	return value(func(_ truth, v float64) bool { return v >= n })
}

// some wants a series for each of the given labels, with its highest value in the range.
func some(least, most float64, labels ...string) expectation {
	return func(_ truth, list []series) string {
		if !slices.ContainsFunc(list, func(s series) bool {
			return s.has(labels...) && s.highest() >= least && s.highest() <= most
		}) {
			return fmt.Sprintf("want some %v between %v and %v", labels, least, most)
		}
		return ""
	}
}

func (s series) has(labels ...string) bool {
	for i := 0; i < len(labels); i += 2 {
		if s.labels[labels[i]] != labels[i+1] {
			return false
		}
	}
	return true
}

func each(all ...expectation) expectation {
	return func(happened truth, list []series) string {
		for _, e := range all {
			if problem := e(happened, list); problem != "" {
				return problem
			}
		}
		return ""
	}
}

const (
	many  = 1e18
	limit = 64 << 20
)

// expectations are the results of every query of the dashboard after the stress demo. Panels with the same title differ in
// whether they show an instant.
func expectations(layout cgroupfs.Layout) map[string]expectation {
	seconds := value(func(_ truth, v float64) bool { return v > 0 && v < 30 })
	sometimeSeconds := some(0.001, 30)
	var madeByRuntime, aliveOfAllTypes []expectation
	for _, typ := range event.NamespaceTypes() {
		aliveOfAllTypes = append(aliveOfAllTypes, some(1, many, "type", typ.String()))
	}
	for _, typ := range []event.NamespaceType{event.Mnt, event.PID, event.Net, event.IPC, event.UTS} {
		madeByRuntime = append(madeByRuntime, some(0.5, many, "type", typ.String(), "via", "unshare"))
	}
	stuck := some(1, 1, "container", panelStuck)
	if layout.Controller == "" {
		stuck = none // v2 has no such state
	}
	return map[string]expectation{
		"Containers running/A now":       atLeast(1),
		"OOM kills/A now":                exactly(func(h truth) float64 { return h.all.kills }),
		"In the host's pid or net/A now": atLeast(1),
		"Namespaces alive/A now":         atLeast(8),
		"Median start/A now":             seconds,
		"Events lost/A now":              exactly(servedSum("nsviz_events_lost_total")),
		"OOM kills by container/A":       some(1, many, "container", panelHog, "scope", "cgroup"),
		// The hog takes and loses memory several times a second; a scrape may see any amount.
		"Memory against the limit/A": some(0.2, 1, "container", panelHog),
		"Memory in use/A":            some(0.2*limit, limit, "container", panelHog),
		"Memory in use/B":            some(0, limit, "container", panelHog),
		"Memory limit reached in/A":  may, // the hog is killed before it has grown for long
		"OOM kills since nsviz started/A now": func(h truth, list []series) string {
			return some(h.kills, h.kills, "container", panelHog, "scope", "cgroup")(h, list)
		},
		"Namespaces made/A":   each(madeByRuntime...),
		"Namespaces joined/A": some(0.5, many, "type", "net"), // the engine sets up the network
		"Namespaces alive/A":  each(aliveOfAllTypes...),
		"Namespaces alive/B":  may, // if this host does not let root look into all processes
		"Namespaces alive/C":  may, // if there are more sandboxes than nsviz lists
		"Who shares what/A now": each(
			some(2, 2, "container", panelSharer, "type", "pid"), // shared, and with the host
			some(2, 2, "container", panelSharer, "type", "net"),
			some(0, 0, "container", panelSharer, "type", "mnt"),
			some(0, 0, "container", panelSharer, "type", "ipc"),
		),
		"Containers running/A":                   some(1, many, "runtime", "docker"),
		"Containers running/B":                   some(1, many, "monitor", "qemu"),
		"Start time/A":                           sometimeSeconds,
		"Start time/B":                           sometimeSeconds,
		"Start time/C":                           sometimeSeconds,
		"Start time, spread/A":                   some(0.5, many, "le", "+Inf"),
		"Exits by cause/A":                       some(1, many, "cause", "exited"),
		"Entered from outside/A":                 some(0.5, many, "container", panelSharer),
		"Processes refused/A":                    some(1, many, "container", panelStuck),
		"Outside its limits, or stuck at them/A": some(1, 1, "container", panelMoved),
		"Outside its limits, or stuck at them/B": stuck,
		"Outside its limits, or stuck at them/C": some(1, 1, "container", panelSharer),
		"Live containers/A now":                  some(1, 1, "container", panelSharer, "image", busyboxImage, "runtime", "docker"),
		"Events/A":                               each(some(0.05, many, "type", "oom_kill"), some(0.01, many, "type", "container_started")),
		"Events lost and failed reads/A":         may,
		"Events lost and failed reads/B":         may,
		"Events lost and failed reads/C":         some(0, 0, "container", panelHog),
		"Events lost and failed reads/D":         some(0, 0, "sink", "log"),
		"Events lost and failed reads/E":         some(0, 0, "reason", "refused"),
		"Events lost and failed reads/F":         some(0, 0, "step", "past"),
		"Events lost and failed reads/G":         may,
		"What watching costs/A":                  some(0, 2),
		"What watching costs/B":                  some(1<<20, 200<<20),
		"Probe methods/A now":                    some(1, 1, "probe", "OOM victims"),
		"Builds/A now":                           exactly(func(truth) float64 { return 1 }),
		"Containers folded away/A":               exactly(func(truth) float64 { return 0 }),
	}
}

// servedSum adds up the samples of nsviz serve with a name.
func servedSum(metric string) func(truth) float64 {
	return func(happened truth) float64 {
		sum := 0.0
		for name, text := range happened.served {
			if n, err := strconv.ParseFloat(text, 64); err == nil && strings.HasPrefix(name, metric+"{") {
				sum += n
			}
		}
		return sum
	}
}

// A real Prometheus watches a real nsviz during the stress demo. Then every query of every panel returns what happened.
func TestEveryPanel(t *testing.T) {
	removeContainer(t, panelHog)
	removeContainer(t, panelSharer)
	target := startServe(t)
	events := startEvents(t)
	p := startPrometheus(t, target)
	// The two nsviz did not begin to count at the same time, so the differences are compared.
	var servedBefore, reportedBefore tally
	eventually(t, func() bool {
		servedBefore, reportedBefore = servedTally(t, metrics(t, target)), events.tally()
		return servedBefore.equal(servedTally(t, metrics(t, target)))
	}, func() string { return "the host does not calm down" })

	startProgram(t, qemuPath(t), stoppedVM("-m", "64")...)
	docker(t, "run", "-d", "--name", panelSharer, "--net=host", "--pid=host", busyboxImage, "sleep", "1000")
	docker(t, "exec", panelSharer, "true")
	docker(t, "pause", panelSharer)
	moved := run(t, panelMoved, busyboxImage, "sh", "-c", waits)
	if err := os.WriteFile(filepath.Join(trackedHierarchy(t).Dir, "cgroup.procs"), []byte(strconv.Itoa(moved)), 0); err != nil {
		t.Fatal(err)
	}
	run(t, panelStuck, "--pids-limit=4", "--memory=32m", "--oom-kill-disable", busyboxImage, "sh", "-c",
		`sh -c "sleep 1000 & sleep 1000 & sleep 1000 & sleep 1000"; echo ready; exec awk 'BEGIN { s = "xxxxxxxx"; while (1) s = s s }'`)
	happened := truth{kills: float64(ownCount(t, docker(t, "run", "--name", panelHog, "--memory=64m", stressImage, "sh", "-c",
		"stress-ng --vm 1 --vm-bytes 200M --timeout 5s >/dev/null 2>&1; "+readOwnCounter)))}
	events.await(t, 1, of(event.ContainerExited, panelHog))
	if reported := float64(len(events.all(of(event.OOMKill, panelHog)))); reported != happened.kills || reported == 0 {
		t.Fatalf("%v kills reported, the cgroup's own counter says %v", reported, happened.kills)
	}
	var served tally
	eventually(t, func() bool {
		happened.served = metrics(t, target)
		served = servedTally(t, happened.served).minus(servedBefore)
		happened.all = events.tally().minus(reportedBefore)
		return served.equal(happened.all)
	}, func() string { return fmt.Sprintf("nsviz serves %+v, nsviz events reported %+v", served, happened.all) })

	kills := fmt.Sprintf(`nsviz_oom_kills_total{container=%q,scope="cgroup"}`, panelHog)
	awaitValue(t, p, kills, happened.kills)
	docker(t, "rm", panelHog)
	removed := float64(time.Now().UnixMilli()) / 1000
	eventually(t, func() bool { return p.lastScrape(t) > removed }, func() string { return "Prometheus stopped scraping" })
	awaitValue(t, p, kills, happened.kills)
	awaitValue(t, p, fmt.Sprintf(`max_over_time(nsviz_container_memory_limit_bytes{container=%q}[1h])`, panelHog), limit)
	if states := p.alerts(t, "NsvizOOMKill", panelHog); len(states) != 1 || states[0] != "firing" {
		t.Errorf("alerts about %s: %v, want one that fires", panelHog, states)
	}
	checkPanels(t, p, happened)
	checkMetrics(t, target)
}

func awaitValue(t *testing.T, p *prometheus, expr string, want float64) {
	t.Helper()
	var answer []series
	eventually(t, func() bool {
		answer = p.now(t, expr)
		return len(answer) == 1 && answer[0].last() == want
	}, func() string { return fmt.Sprintf("%s is %v, want %v", expr, answer, want) })
}

func checkPanels(t *testing.T, p *prometheus, happened truth) {
	t.Helper()
	queries, err := grafana.Queries()
	if err != nil {
		t.Fatal(err)
	}
	expected := expectations(trackedHierarchy(t))
	when := p.lastScrape(t)
	for _, q := range queries {
		key, ask := q.Panel+"/"+q.RefID, p.until
		if q.Instant {
			key, ask = key+" now", p.at
		}
		expectation, ok := expected[key]
		if !ok {
			t.Errorf("%s: this test has no expectation for it", key)
			continue
		}
		delete(expected, key)
		answer := ask(t, when, q.Expr)
		if problem := expectation(happened, answer); problem != "" {
			t.Errorf("%s: %s, got %v\nof %s", key, problem, answer, q.Expr)
		}
	}
	for key := range expected {
		t.Errorf("%s: no panel asks this", key)
	}
}
