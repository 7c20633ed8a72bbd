package docker

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container/engine"
)

// following makes a follower that does not run.
func following(t *testing.T, host string) *Follower {
	t.Helper()
	f, err := New(Config{Host: host})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestInits(t *testing.T) {
	e := newEngine(t)
	e.start()
	t.Cleanup(e.stop)
	e.set(summary(1, "web", "nginx"), summary(2, "db", "postgres"), summary(3, "ended", "x"), summary(4, "gone", "x"), summary(5, "odd", "x"))
	running := func(pid, started string) http.HandlerFunc {
		return say(http.StatusOK, "application/json", `{"State": {"Running": true, "Pid": `+pid+`, "StartedAt": "`+started+`"}}`)
	}
	e.answer(inspectPath(1), running("4242", "2026-11-23T20:16:45.05Z"))
	e.answer(inspectPath(3), say(http.StatusOK, "application/json", `{"State": {"Running": false, "Pid": 0}}`))
	e.answer(inspectPath(5), running("4294967297", "never"))
	got, err := following(t, "unix://"+e.socket).Inits(t.Context(), func(have string) bool { return have == id(2) })
	want := map[string]engine.Init{id(1): {PID: 4242, Started: time.Date(2026, 11, 23, 20, 16, 45, 50e6, time.UTC), Runtime: "docker"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v; -want +got:\n%s", err, diff)
	}
	e.stop()
	if got, err := following(t, "unix://"+e.socket).Inits(t.Context(), func(string) bool { return false }); err == nil || got != nil {
		t.Errorf("without an engine: %v, %v", got, err)
	}
	if got, err := following(t, "tcp://192.0.2.1:2375").Inits(t.Context(), func(string) bool { return false }); err != nil || got != nil {
		t.Errorf("of another host: %v, %v", got, err)
	}
}
