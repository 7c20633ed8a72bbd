package fact

import (
	"encoding/json"
	"testing"
)

// Recordings of earlier versions have these strings, and one of a later version may have others, which are kept.
func TestEngineActionsInRecordings(t *testing.T) {
	for word, action := range map[string]EngineAction{
		"create": ActionCreate, "start": ActionStart, "restart": ActionRestart, "stop": ActionStop, "kill": ActionKill, "die": ActionDie,
		"oom": ActionOOM, "pause": ActionPause, "unpause": ActionUnpause, "update": ActionUpdate, "rename": ActionRename, "destroy": ActionRemove,
		"exec_start": ActionExec, "health_status: healthy": ActionHealthy, "health_status: unhealthy": ActionUnhealthy, "checkpoint": "checkpoint",
	} {
		line := `{"id":"a","action":"` + word + `"}`
		var e EngineEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Action != action {
			t.Errorf("%s: %q, %v", line, e.Action, err)
		}
		if out, err := json.Marshal(e); err != nil || string(out) != line {
			t.Errorf("%s is written as %s, %v", line, out, err)
		}
	}
}
