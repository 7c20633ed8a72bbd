package docker

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	engine "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
)

func inspectPath(n int) string { return "/containers/" + id(n) + "/json" }

// state answers an inspection.
func state(s engine.State) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(engine.InspectResponse{ContainerJSONBase: &engine.ContainerJSONBase{State: &s}})
	}
}

func TestVerdicts(t *testing.T) {
	at := func(d time.Duration) string { return epoch.Add(d).Format(time.RFC3339Nano) }
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"OOM-killed", state(engine.State{ExitCode: 137, OOMKilled: true, FinishedAt: at(-1)}), " code 137 OOMKilled true"},
		{"not OOM-killed", state(engine.State{ExitCode: 0, FinishedAt: at(0)}), " code 0 OOMKilled false"},
		{
			"about to be started again",
			state(engine.State{Running: true, Restarting: true, ExitCode: 1, FinishedAt: at(0)}), " code 1 OOMKilled false",
		},
		{"started again", state(engine.State{Running: true, FinishedAt: at(0)}), ""},
		{"ended again", state(engine.State{ExitCode: 1, FinishedAt: at(1)}), ""},
		{"its end has no time", state(engine.State{ExitCode: 1}), ""},
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

// An engine that is slow to inspect one container is asked about the next one after that, and holds up
// nothing else meanwhile.
func TestSlowVerdict(t *testing.T) {
	e := newEngine(t)
	e.start()
	r := begin(t, e)
	r.expect(connected)
	e.answer(inspectPath(1), hang)
	e.answer(inspectPath(2), state(engine.State{ExitCode: 3, FinishedAt: epoch.Format(time.RFC3339Nano)}))
	e.emit(events.ActionDie, id(1), nil)
	e.emit(events.ActionDie, id(2), nil)
	e.requested("GET /v1.41" + inspectPath(1))
	e.emit(events.ActionDestroy, id(9), nil)
	r.expect("forget 000000000009")
	r.clock.fire(t, DefaultTimeout)
	r.expect("ended 000000000001", "ended 000000000002 code 3 OOMKilled false")
}

func TestManyDeathsAreBounded(t *testing.T) {
	s := &session{}
	for i := range 2 * maxDead {
		s.died(id(i), epoch)
	}
	if len(s.dead) != maxDead || s.dead[0].id != id(0) {
		t.Errorf("%d wait", len(s.dead))
	}
}
