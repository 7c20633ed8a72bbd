package fact

// EngineAction is an action of an engine on a container. The follower of an engine translates its words into these.
type EngineAction string

// The actions. Their strings are those of recordings and of histories in JSON.
const (
	ActionCreate    EngineAction = "create"
	ActionStart     EngineAction = "start"
	ActionRestart   EngineAction = "restart"
	ActionStop      EngineAction = "stop"
	ActionKill      EngineAction = "kill" // sent it a signal
	ActionDie       EngineAction = "die"  // saw it end
	ActionOOM       EngineAction = "oom"  // got notice of an OOM kill in it
	ActionPause     EngineAction = "pause"
	ActionUnpause   EngineAction = "unpause"
	ActionUpdate    EngineAction = "update" // set other limits
	ActionRename    EngineAction = "rename"
	ActionRemove    EngineAction = "destroy"
	ActionExec      EngineAction = "exec_start" // started another program in it
	ActionHealthy   EngineAction = "health_status: healthy"
	ActionUnhealthy EngineAction = "health_status: unhealthy"
)
