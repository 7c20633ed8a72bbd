package docker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	dockertypes "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"

	"github.com/nsviz/nsviz/internal/container/engine"
)

func inspectPath(n int) string { return "/containers/" + id(n) + "/json" }

// state answers an inspection.
func state(s dockertypes.State) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(dockertypes.InspectResponse{ContainerJSONBase: &dockertypes.ContainerJSONBase{State: &s}})
	}
}

func TestEngineReports(t *testing.T) {
	at := func(d time.Duration) string { return epoch.Add(d).Format(time.RFC3339Nano) }
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"OOM-killed", state(dockertypes.State{ExitCode: 137, OOMKilled: true, FinishedAt: at(-1)}), " code 137 OOMKilled true"},
		{"not OOM-killed", state(dockertypes.State{ExitCode: 0, FinishedAt: at(0)}), " code 0 OOMKilled false"},
		{
			"about to be started again",
			state(dockertypes.State{Running: true, Restarting: true, ExitCode: 1, FinishedAt: at(0)}), " code 1 OOMKilled false",
		},
		{"started again", state(dockertypes.State{Running: true, FinishedAt: at(0)}), ""},
		{"ended again", state(dockertypes.State{ExitCode: 1, FinishedAt: at(1)}), ""},
		{"its end has no time", state(dockertypes.State{ExitCode: 1}), ""},
		{
			"restarted by its policy", say(http.StatusOK, "application/json", `{"RestartCount":3,"State":{"ExitCode":1,"FinishedAt":"`+at(0)+`"}}`),
			" code 1 OOMKilled false restarted 3 times",
		},
		{"removed", say(http.StatusNotFound, "application/json", `{"message":"No such container"}`), " removed"},
		{"refused", say(http.StatusInternalServerError, "application/json", `{"message":"no"}`), ""},
		{"no state", say(http.StatusOK, "application/json", `{}`), ""},
		{"garbage", say(http.StatusOK, "text/html", `<html>`), ""},
	}
	e := newEngine(t)
	e.start()
	r := begin(t, e)
	r.expect(connected)
	for i, test := range tests {
		e.answer(inspectPath(i+1), test.answer)
		// The attribute may as well be a label of the image.
		e.emit(events.ActionDie, id(i+1), map[string]string{"name": "web", "exitCode": "42"})
		t.Log(test.name)
		r.expect("ended " + id(i + 1)[:12] + test.want)
	}
}

// While an engine is slow to inspect one container, the next question waits, and nothing else
// does.
func TestSlowInspection(t *testing.T) {
	e := newEngine(t)
	e.start()
	r := begin(t, e)
	r.expect(connected)
	e.answer(inspectPath(1), hang)
	e.answer(inspectPath(2), state(dockertypes.State{ExitCode: 3, FinishedAt: epoch.Format(time.RFC3339Nano)}))
	e.emit(events.ActionDie, id(1), nil)
	e.emit(events.ActionDie, id(2), nil)
	e.requested("GET /v1.41" + inspectPath(1))
	e.destroy(id(9), nil)
	r.expect("destroy 000000000009")
	r.clock.fire(t, DefaultTimeout)
	r.expect("ended 000000000001", "ended 000000000002 code 3 OOMKilled false")
}

func TestManyDeathsAreBounded(t *testing.T) {
	reported := sink{calls: make(chan string, maxDead)}
	s := &session{Follower: &Follower{cfg: Config{}.withDefaults()}, status: &engine.Status{Sink: reported}}
	for i := range maxDead + 3 {
		s.died(id(i), epoch)
	}
	if len(s.dead) != maxDead || s.dead[0].id != id(0) {
		t.Errorf("%d wait", len(s.dead))
	}
	if n := len(reported.calls); n != 3 || <-reported.calls != "lost 1" {
		t.Errorf("%d are reported as lost", n)
	}
}

// Cgroups that imitate containers displace no question about what the engine itself reports.
func TestDeathsComeBeforeForgedStarts(t *testing.T) {
	e := newEngine(t)
	var log bytes.Buffer
	e.start()
	r := begin(t, e, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	r.expect(connected)
	e.emit(events.ActionCreate, id(1), map[string]string{"name": "web"})
	r.expect("identify docker 000000000001 web  map[] created 2026-03-01T12:00:00.123456789Z")

	forged := func(n int) int { return 0x1000 + n }
	first := "GET /v1.41" + inspectPath(forged(0))
	e.answer(inspectPath(forged(0)), hang)
	r.follower.AskStart(id(forged(0)))
	e.requested(first)
	const forgeries = 1 + 2*maxStarts + 500 // in the queue, in the channel before it, and too many
	for n := 1; n < forgeries; n++ {
		r.follower.AskStart(id(forged(n)))
	}
	e.answer(inspectPath(1), state(dockertypes.State{Status: "created", ExitCode: 127, Error: "no such file"}))
	e.answer(inspectPath(2), state(dockertypes.State{ExitCode: 3, FinishedAt: epoch.Format(time.RFC3339Nano)}))
	e.emitRaw(`{"Type":"network","Action":"disconnect","Actor":{"ID":"` + id(99) + `","Attributes":{"container":"` + id(1) + `"}}}`)
	e.emit(events.ActionDie, id(2), nil)
	e.destroy(id(9), nil)
	r.expect("destroy 000000000009") // so that everything before it has been handled
	r.clock.fire(t, DefaultTimeout)
	r.expect("ended 000000000001 code 127 not started: no such file", "ended 000000000002 code 3 OOMKilled false")
	r.clock.fire(t, DefaultPingEvery)
	r.clock.await(t, DefaultPingEvery) // answered
	r.end()
	if !strings.Contains(log.String(), " not_asked=") {
		t.Errorf("the log does not say that some were not asked about:\n%s", log.String())
	}
}

// When a start fails, the engine only reports that the container left its network; when asked, it says why.
func TestFailedStarts(t *testing.T) {
	e := newEngine(t)
	before := summary(1, "before", "busybox")
	before.State, before.Created = dockertypes.StateCreated, epoch.Add(-time.Hour).Unix()
	e.set(before)
	e.answer(inspectPath(1), state(dockertypes.State{Status: "created", ExitCode: 128, Error: "no such device"}))
	e.start()
	r := begin(t, e)
	r.expect("identify docker 000000000001 before busybox map[]", connected)
	r.expect("ended 000000000001 code 128 not started: no such device")
	if got, want := <-r.sink.actions, "000000000001 create +-1h0m0.123456789s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	disconnect := func(n int) {
		e.emitRaw(`{"Type":"network","Action":"disconnect","Actor":{"ID":"` + id(99) + `","Attributes":{"container":"` + id(n) + `"}}}`)
	}
	e.answer(inspectPath(2), state(dockertypes.State{Status: "created", ExitCode: 127, Error: strings.Repeat("x", maxStartError) + "not found"}))
	e.emit(events.ActionCreate, id(2), map[string]string{"name": "web"})
	disconnect(2)
	disconnect(2) // of the same start
	r.expect("identify docker 000000000002 web  map[] created 2026-03-01T12:00:00.123456789Z")
	r.expect("ended 000000000002 code 127 not started: " + strings.Repeat("x", maxStartError-9) + "not found")

	r.clock.pass(sameStart)
	r.follower.AskStart(id(2)) // of the next one
	r.expect("ended 000000000002 code 127 not started: " + strings.Repeat("x", maxStartError-9) + "not found")

	// One that has started leaves its network at its end: no failed start.
	e.emit(events.ActionCreate, id(3), map[string]string{"name": "db"})
	e.emit(events.ActionStart, id(3), map[string]string{"name": "db"})
	disconnect(3)
	r.expect("identify docker 000000000003 db  map[] created 2026-03-01T12:00:00.123456789Z")

	// Others may have seen a start fail. If the container has started meanwhile, nothing is reported.
	e.answer(inspectPath(4), state(dockertypes.State{Running: true, Error: "earlier"}))
	r.follower.AskStart(id(4))
	r.follower.AskStart("../5")
	r.follower.AskStart(id(6)) // not there any more
	r.expect("ended 000000000006 removed")
}

func inState(n int, state dockertypes.ContainerState) dockertypes.Summary {
	return dockertypes.Summary{ID: id(n), Names: []string{fmt.Sprint("/c", n)}, State: state}
}

// The engine is also asked about a container that it is about to start again when it lists it, and about one that it starts during the list.
func TestRestartsDuringTheList(t *testing.T) {
	e := newEngine(t)
	release := e.holdLists()
	e.set(inState(2, dockertypes.StateRestarting), inState(1, dockertypes.StateRunning))
	e.answer(inspectPath(1), say(http.StatusOK, "application/json", `{"RestartCount":2,"State":{"Running":true}}`))
	e.answer(inspectPath(2), say(http.StatusOK, "application/json", `{"RestartCount":5,"State":{"Running":true,"Restarting":true}}`))
	e.start()
	r := begin(t, e)
	e.requested("list all")
	e.emit(events.ActionRename, id(1), map[string]string{"name": "c1", "image": "nginx"})
	r.expect("identify docker 000000000001 c1 nginx map[]")
	release()
	r.expect("identify docker 000000000002 c2  map[]", connected, "ended 000000000001 restarted 2 times runs", "ended 000000000002 restarted 5 times runs")
}

// How often the engine has restarted a container that was there before nsviz is asked once, when there is nothing else to ask.
func TestRestartsBefore(t *testing.T) {
	e := newEngine(t)
	summary := inState
	e.set(summary(4, dockertypes.StateRunning), summary(3, dockertypes.StateRunning), summary(2, dockertypes.StateExited), summary(1, dockertypes.StateRunning))
	e.answer(inspectPath(1), say(http.StatusOK, "application/json", `{"RestartCount":3,"State":{"Running":true}}`))
	e.answer(inspectPath(3), say(http.StatusNotFound, "application/json", `{"message":"No such container"}`))
	e.answer(inspectPath(4), say(http.StatusOK, "application/json", `{"RestartCount":0,"State":{"Running":true}}`))
	e.answer(inspectPath(9), state(dockertypes.State{ExitCode: 3, FinishedAt: epoch.Format(time.RFC3339Nano)}))
	e.start()
	r := begin(t, e)
	identified := func(n int) string { return fmt.Sprintf("identify docker %s c%d  map[]", id(n)[:12], n) }
	r.expect(identified(1), identified(2), identified(3), identified(4), connected)
	r.expect("ended 000000000001 restarted 3 times runs", "ended 000000000004 runs")
	r.follower.Ask(id(1)) // its list has a running one, again
	r.clock.fire(t, gather)
	r.expect(identified(1))
	e.emit(events.ActionDie, id(9), nil)
	r.expect("ended 000000000009 code 3 OOMKilled false")
}
