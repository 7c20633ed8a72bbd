//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/deploy/grafana"
	"github.com/nsviz/nsviz/internal/event"
)

// The containers of TestEveryPanel. What happens in each of them is what some rule and some panels are for.
const (
	panelHog    = "nsviz-test-panel-hog"    // processes of it are killed, its PID 1 says that all went well, and it is removed
	panelSharer = "nsviz-test-panel-sharer" // in the host's pid and net, entered, and paused
	panelMoved  = "nsviz-test-panel-moved"  // its PID 1 is moved out of its cgroup
	panelStuck  = "nsviz-test-panel-stuck"  // it is refused processes and, on cgroup v1, stuck at its limit
	panelLoop   = "nsviz-test-panel-loop"   // it fails three times, then it runs
	panelBusy   = "nsviz-test-panel-busy"   // it takes more CPU than it may
	panelFull   = "nsviz-test-panel-full"   // it is near its limits of memory and processes, and it has the host's root
)

// startPanelWorkloads starts all but panelHog.
func startPanelWorkloads(t *testing.T) {
	t.Helper()
	startProgram(t, qemuPath(t), stoppedVM("-m", "64")...)
	removeContainer(t, panelLoop)
	docker(t, "run", "-d", "--name", panelLoop, "--restart=always", busyboxImage, "sh", "-c",
		`echo x >>/ends; [ $(wc -l </ends) -gt 3 ] || exit 1; exec sleep 1000`)
	removeContainer(t, panelSharer)
	docker(t, "run", "-d", "--name", panelSharer, "--net=host", "--pid=host", busyboxImage, "sleep", "1000")
	docker(t, "exec", panelSharer, "true")
	docker(t, "pause", panelSharer)
	moved := run(t, panelMoved, busyboxImage, "sh", "-c", waits)
	if err := os.WriteFile(filepath.Join(trackedHierarchy(t).Dir, "cgroup.procs"), []byte(strconv.Itoa(moved)), 0); err != nil {
		t.Fatal(err)
	}
	run(t, panelStuck, "--pids-limit=4", "--memory=32m", "--oom-kill-disable", busyboxImage, "sh", "-c",
		`sh -c "sleep 1000 & sleep 1000 & sleep 1000 & sleep 1000"; echo ready; exec awk 'BEGIN { s = "xxxxxxxx"; while (1) s = s s }'`)
	run(t, panelBusy, "--cpus=0.1", busyboxImage, "sh", "-c", "echo ready; while :; do :; done")
	run(t, panelFull, "--memory=64m", "--pids-limit=3", "--tmpfs=/big:size=64m", "-v", "/:/host", busyboxImage, "sh", "-c",
		"dd if=/dev/zero of=/big/file bs=1M count=60 2>/dev/null; sleep 1000 & sleep 1000 & echo ready; exec sleep 1000")
}

// A real Prometheus watches a real nsviz while workloads start, are killed and end. Then each alert fires that should and no other one, and every query of
// every panel, annotation, variable and recording rule returns what happened.
func TestEveryPanel(t *testing.T) {
	removeContainer(t, panelHog)
	target := freeAddress(t)
	serve := start(t, io.Discard, "serve", "--web.listen-address", target)
	serve.stderr.await(t, "watching")
	events := startEvents(t)
	p := startPrometheus(t, target)
	// The two nsviz did not begin to count at the same time, so the differences are compared.
	var servedBefore, reportedBefore tally
	eventually(t, func() bool {
		servedBefore, reportedBefore = servedTally(t, metrics(t, target)), events.tally()
		return servedBefore.equal(servedTally(t, metrics(t, target)))
	}, func() string { return "the host does not calm down" })

	// Counters that appear with a value count only where nsviz was watching a window before.
	eventually(t, func() bool { return len(p.now(t, "nsviz_build_info offset 20s")) == 1 }, func() string { return "Prometheus does not scrape" })

	startPanelWorkloads(t)
	happened := truth{kills: float64(ownCount(t, docker(t, "run", "--name", panelHog, "--memory=64m", stressImage, "sh", "-c",
		"stress-ng --vm 1 --vm-bytes 200M --timeout 5s >/dev/null 2>&1; "+readOwnCounter)))}
	happened.made, happened.started = engineSeconds(t, panelSharer)
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
	awaitAlerts(t, p)
	// Rules are evaluated each second, those of a fleet from what those of a host have recorded.
	fired := float64(time.Now().UnixMilli()) / 1000
	eventually(t, func() bool { return p.lastScrape(t) > fired+4 }, func() string { return "Prometheus stopped scraping" })
	checkQueries(t, p, happened)
	checkMetrics(t, target)

	serve.stop(t)
	eventually(t, func() bool { return len(p.firing(t)["NsvizDown"]) == 1 }, func() string { return "nobody notices that nsviz is down" })
}

func awaitValue(t *testing.T, p *prometheus, expr string, want float64) {
	t.Helper()
	var answer []series
	eventually(t, func() bool {
		answer = p.now(t, expr)
		return len(answer) == 1 && answer[0].last() == want
	}, func() string { return fmt.Sprintf("%s is %v, want %v", expr, answer, want) })
}

// awaitAlerts waits until the alerts fire that should, and those that should not do not.
func awaitAlerts(t *testing.T, p *prometheus) {
	t.Helper()
	var firing, want map[string][]string
	eventually(t, func() bool {
		firing, want = p.firing(t), expectedAlerts(trackedHierarchy(t))
		for rule, containers := range want {
			if containers == nil { // it may
				delete(firing, rule)
				delete(want, rule)
			}
		}
		return reflect.DeepEqual(firing, want)
	}, func() string { return fmt.Sprintf("alerts\n%q, want\n%q", firing, want) })
}

func checkQueries(t *testing.T, p *prometheus, happened truth) {
	t.Helper()
	queries, err := grafana.Queries()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range recordedNames(t) {
		queries = append(queries, grafana.Query{Dashboard: "rules", Of: name, Expr: name, Instant: true})
	}
	expected := expectations(trackedHierarchy(t))
	when := p.lastScrape(t)
	for _, q := range queries {
		key, ask := q.Dashboard+": "+q.Of, p.until
		if q.RefID != "" {
			key += "/" + q.RefID
		}
		if q.Instant {
			ask = p.at
			if q.RefID != "" {
				key += " now"
			}
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
		t.Errorf("%s: nothing asks this", key)
	}
}

// recordedNames lists what the rules of deploy/prometheus record.
func recordedNames(t *testing.T) (names []string) {
	t.Helper()
	for _, file := range []string{"nsviz.rules.yml", "nsviz.fleet.rules.yml"} {
		text, err := os.ReadFile("../../deploy/prometheus/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if name, ok := strings.CutPrefix(strings.TrimSpace(line), "- record: "); ok {
				names = append(names, name)
			}
		}
	}
	return names
}
