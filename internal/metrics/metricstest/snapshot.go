package metricstest

import (
	"fmt"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// hostile is a name that no container or image should have: quotes and backslashes, a
// line break that would end a sample, an escape sequence, a NUL, half a rune.
const hostile = "a\"} 1\nb\\c\x1b[2J\x00\xe2\x82 déjà 日本"

// memberships returns Docker's default: own namespaces, except for the host's user and time ones.
func memberships() (m [event.NamespaceTypeCount]model.Membership) {
	for _, t := range event.NamespaceTypes() {
		m[t].Relation = model.RelationOwn
	}
	m[event.User].Relation = model.RelationHost
	m[event.Time].Relation = model.RelationHost
	return m
}

// Full returns a snapshot with a sample of every metric family, and with names that need escapes in labels.
func Full() *model.Snapshot {
	web := model.Container{
		ID: "1111", Label: "web", Named: true, Image: "nginx:1.27", Runtime: "docker", State: model.Paused,
		Namespaces: memberships(),
		Memory:     model.Memory{UsageBytes: new(uint64(60 << 20)), LimitBytes: new(uint64(64 << 20)), WorkingSetBytes: new(uint64(50 << 20))},
		Forecast:   &model.Forecast{Room: fact.MemoryRoom{Cgroup: "/docker/1111", LimitBytes: 64 << 20, WorkingSetBytes: 50 << 20}, In: 40 * time.Second},
		InitPID:    100, Stuck: &fact.Stuck{Cgroup: "/docker/1111"}, StuckKnown: true,
		Paused: &fact.Paused{Cgroup: "/docker/1111"}, PausedKnown: true,
		OOMKillsUnobserved: new(uint64(2)),
		Group:              &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "web"},
		Started:            time.Unix(1795400000, 250e6), Restarts: new(uint64(1)), EngineRestarts: new(uint64(3)),
		Use:    &model.Use{SwapBytes: new(uint64(4096)), Tasks: new(uint64(12))},
		Limits: fact.CgroupLimits{PIDs: &fact.Limit{Value: new(100.0)}},
		Spent: model.SpentOf(map[model.SpentKind]uint64{
			model.SpentCPU: 12_500_000, model.SpentThrottled: 500_000, model.SpentPeriods: 40, model.SpentThrottledPeriods: 7,
			model.SpentWaitingCPU: 1_000_000, model.SpentWaitingMemory: 0, model.SpentWaitingIO: 250_000,
			model.SpentStalledCPU: 0, model.SpentStalledMemory: 125_000, model.SpentStalledIO: 125_000,
		}),
	}
	sidecar := model.Container{
		ID: "2222", Label: "sidecar", Named: true, Image: "envoy", Runtime: "docker", State: model.Running,
		Namespaces: memberships(),
		Memory:     model.Memory{UsageBytes: new(uint64(1 << 20)), Unlimited: true},
		InitPID:    101, Unheld: &fact.Unheld{Cgroup: "/"}, StuckKnown: true, PausedKnown: true,
		OOMKillsUnobserved: new(uint64(0)),
		Limits:             fact.CgroupLimits{PIDs: &fact.Limit{Unlimited: true}},
		Kind:               event.KindPod, Group: &event.Group{Kind: event.GroupPod, Name: "cart-7d9f", Namespace: "shop"},
	}
	sidecar.Namespaces[event.PID].Relation = model.RelationHost
	sidecar.Namespaces[event.Net].Relation = model.RelationShared
	unread := model.Container{ID: "3333", Label: "3333", State: model.Starting} // not its count of kills either
	odd := model.Container{
		ID: "4444", Label: hostile, Named: true, Image: hostile, Runtime: "docker", State: model.Running,
		Group: &event.Group{Kind: event.GroupPod, Name: hostile, Namespace: hostile, Member: hostile},
	}
	gone := model.Container{
		ID: "5555", Label: "gone", Named: true, Image: "stress", Runtime: "podman", State: model.Exited,
		Namespaces: memberships(),
		Memory:     model.Memory{UsageBytes: new(uint64(64 << 20)), LimitBytes: new(uint64(64 << 20))},
	}
	return &model.Snapshot{
		Probes: []fact.Probe{
			{Name: "namespaces by clone", Method: "tp_btf"},
			{Name: fact.ProbeCgroupsEntered, Method: "tp_btf"},
			{Name: "namespaces by unshare", Method: fact.MethodNone, Reason: "kprobes are off"},
		},
		Containers: []model.Container{web, sidecar, unread, odd, gone},
		VMs: []model.VM{
			{VM: fact.VM{PID: 11, Kind: "qemu", Name: hostile, Acceleration: "kvm"}},
			{VM: fact.VM{PID: 12, Kind: "qemu", Acceleration: "emulation"}},
			{VM: fact.VM{PID: 13, Kind: "qemu", Name: "lesson", Acceleration: "kvm"}},
			{VM: fact.VM{PID: 14, Kind: "qemu", Manager: "kata", Acceleration: "kvm"}, Container: hostile},
			{VM: fact.VM{PID: 15, Kind: "gvisor"}, Container: "web"},
		},
		Kills:     kills(),
		Unseen:    &fact.Unseen{Processes: 3},
		Unlisted:  7,
		OwnMemory: &fact.OwnMemory{Saving: fact.SavesPast},
		Namespaces: []model.Namespace{
			{Type: event.Mnt, ID: 1, Host: true}, {Type: event.Mnt, ID: 2},
			{Type: event.PID, ID: 3, Host: true}, {Type: event.Net, ID: 4, Host: true},
		},
		Totals: model.Totals{
			Events: map[event.Type]uint64{event.NamespaceCreated: 9, event.OOMKill: 147},
			NamespacesCreated: map[model.NamespaceKey]uint64{
				{Type: event.Mnt, Via: event.ViaUnshare}:   4,
				{Type: event.Net, Via: event.ViaClone}:     2,
				{Type: event.Net, Via: event.ViaReconcile}: 3,
			},
			NamespacesJoined: map[event.NamespaceType]uint64{event.Net: 5},
			OOMKills: map[model.KillKey]uint64{
				{Container: "web", Scope: event.ScopeSystem}:             1,
				{Container: "gone", Scope: event.ScopeCgroup}:            144,
				{Container: "", Scope: event.ScopeSystem}:                1,
				{Container: hostile, Scope: event.ScopeCpuset}:           1,
				{Container: model.FoldedLabel, Scope: event.ScopeCgroup}: 7,
				{Container: "unclear", Scope: ""}:                        1,
				{Container: "raw\xff", Scope: event.ScopeCgroup}:         2,
				{Container: `raw\xff`, Scope: event.ScopeCgroup}:         3,
			},
			Spent: map[string]*model.Spent{
				"gone":            model.SpentOf(map[model.SpentKind]uint64{model.SpentCPU: 3_000_000, model.SpentThrottled: 0}),
				"web":             model.SpentOf(map[model.SpentKind]uint64{model.SpentCPU: 1_000_000}), // an earlier one of that name
				model.FoldedLabel: model.SpentOf(map[model.SpentKind]uint64{model.SpentCPU: 9_000_000}),
			},
			PIDsRefused:        map[string]uint64{"web": 4, "sidecar": 0, "gone": 2, model.FoldedLabel: 1},
			OOMKillsUnobserved: map[string]uint64{"web": 2, model.FoldedLabel: 1},
			Exits: map[model.ExitKey]uint64{
				{Container: "gone", Cause: event.CauseOOMKill}:           1,
				{Container: model.FoldedLabel, Cause: event.CauseExited}: 12,
			},
			Lost:      map[string]uint64{"ring full": 3},
			BPFErrors: map[fact.ErrorPlace]uint64{"namespace_read": 2},
			Savings:   map[fact.Saving]uint64{fact.SavesPast: 4},
			Starts: model.Histogram{
				Counts: []uint64{0, 1, 1, 1, 3, 5, 5, 5, 5, 5, 5, 5, 5, 6},
				Fine:   map[int]uint64{-36: 1, -15: 2, -12: 2, 39: 1, 41: 1},
				Count:  7,
				Sum:    45.5,
			},
			FoldedContainers: 12,
		},
	}
}

// KillID is the id of the latest OOM kill of [Full], in the container "gone".
const KillID = "kill:00000000000000a2"

func kills() []model.Kill {
	kill := func(second int64, id string, scope event.Scope, of *event.Container) model.Kill {
		return model.Kill{Event: event.Event{
			Time: time.Unix(1795400000+second, 0), Type: event.OOMKill, OOM: &event.OOM{ID: id, Scope: scope, Victim: event.Victim{PID: 7, Container: of}},
		}}
	}
	return []model.Kill{
		kill(1, "kill:00000000000000a0", event.ScopeSystem, nil),
		kill(2, "kill:00000000000000a1", event.ScopeSystem, &event.Container{ID: "1111", Name: "renamed since"}),
		kill(3, KillID, event.ScopeCgroup, &event.Container{ID: "5555", Name: "gone"}),
		kill(4, "", event.ScopeCgroup, &event.Container{ID: "5555", Name: "gone"}), // as an earlier version recorded it
	}
}

// Findings returns what the container with an id has of findings, as metrics.Config.Findings does: web has some.
func Findings(id string) map[string]int {
	if id != "1111" {
		return nil
	}
	return map[string]int{"info": 2, "low": 0, "medium": 1, "high": 0, "critical": 1}
}

// Crowd returns a snapshot with n live containers, each with a kill.
func Crowd(n int) *model.Snapshot {
	s := &model.Snapshot{Totals: model.Totals{OOMKills: make(map[model.KillKey]uint64)}}
	for i := range n {
		label := fmt.Sprintf("container-%d", i)
		s.Containers = append(s.Containers, model.Container{
			ID: fmt.Sprintf("%064x", i), Label: label, Image: "registry.example/team/app:1.0",
			Runtime: "docker", State: model.Running, Namespaces: memberships(),
			Memory: model.Memory{UsageBytes: new(uint64(i)), LimitBytes: new(uint64(64 << 20))},
		})
		s.Totals.OOMKills[model.KillKey{Container: label, Scope: event.ScopeCgroup}] = uint64(i)
	}
	return s
}
