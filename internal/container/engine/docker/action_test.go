package docker

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
)

// Only the kind of an engine's action is reported, and after a lost connection not again.
func TestActionsOfAnEngine(t *testing.T) {
	e := newEngine(t)
	e.start()
	r := begin(t, e)
	r.expect(connected)
	second := 0
	emit := func(action events.Action) {
		second++
		r.clock.pass(time.Second)
		e.emitAt(epoch.Add(time.Duration(second)*time.Second), action, id(1), map[string]string{"signal": "9"})
	}
	for _, action := range []events.Action{
		"start", "exec_create: sh -c secret", "exec_start: sh -c secret", "exec_start", "exec_die", "health_status: unhealthy",
		"health_status: running", "update", "exec_started", "\x1b[2J", "attach", "kill",
	} {
		emit(action)
	}
	e.emitAt(epoch, events.ActionDestroy, id(2), nil) // of before
	e.emitRaw("garbage\n")
	<-r.sink.calls
	r.clock.fire(t, DefaultRetryMin)
	r.expect(connected)
	e.emitAt(epoch.Add(time.Duration(second)*time.Second), events.ActionKill, id(1), nil) // once more
	emit(events.ActionDestroy)
	r.expect("destroy 000000000001")
	var got []string
	for range len(r.sink.actions) {
		got = append(got, <-r.sink.actions)
	}
	want := []string{
		"000000000001 start +1s", "000000000001 exec_start +3s", "000000000001 exec_start +4s",
		"000000000001 health_status: unhealthy +6s", "000000000001 update +8s", "000000000001 kill +12s", "000000000001 destroy +13s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestActionOf(t *testing.T) {
	for word, want := range map[events.Action]fact.EngineAction{
		"start": fact.ActionStart, "restart": fact.ActionRestart, "stop": fact.ActionStop, "kill": fact.ActionKill, "die": fact.ActionDie,
		"oom": fact.ActionOOM, "pause": fact.ActionPause, "unpause": fact.ActionUnpause, "update": fact.ActionUpdate,
		"rename": fact.ActionRename, "destroy": fact.ActionRemove, "exec_start": fact.ActionExec, "exec_start: sh -c secret": fact.ActionExec,
		"health_status: healthy": fact.ActionHealthy, "health_status: unhealthy": fact.ActionUnhealthy,
		// not reported, or reported otherwise
		"create": "", "": "", "health_status": "", "health_status: starting": "", "exec_die": "", "exec_started": "", "attach": "", "Start": "",
	} {
		got, ok := actionOf(word)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %t", word, got, ok)
		}
	}
}
