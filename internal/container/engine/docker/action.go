package docker

import (
	"strings"

	"github.com/docker/docker/api/types/events"

	"github.com/nsviz/nsviz/internal/fact"
)

// actions are the engine's actions that are reported, by Docker's word. A creation is reported separately, since lists show
// it, too.
var actions = map[events.Action]fact.EngineAction{
	events.ActionStart: fact.ActionStart, events.ActionRestart: fact.ActionRestart, events.ActionStop: fact.ActionStop,
	events.ActionKill: fact.ActionKill, events.ActionDie: fact.ActionDie, events.ActionOOM: fact.ActionOOM,
	events.ActionPause: fact.ActionPause, events.ActionUnPause: fact.ActionUnpause, events.ActionUpdate: fact.ActionUpdate,
	events.ActionRename: fact.ActionRename, events.ActionDestroy: fact.ActionRemove, events.ActionExecStart: fact.ActionExec,
	events.ActionHealthStatusHealthy: fact.ActionHealthy, events.ActionHealthStatusUnhealthy: fact.ActionUnhealthy,
}

// actionOf returns the action for Docker's word, and false for one that is not reported. What follows the colon of exec_start is left
// out: it is a command line, which may hold a secret.
func actionOf(word events.Action) (fact.EngineAction, bool) {
	if strings.HasPrefix(string(word), string(events.ActionExecStart)+":") {
		word = events.ActionExecStart
	}
	action, ok := actions[word]
	return action, ok
}
