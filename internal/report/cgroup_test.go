package report

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func TestWhyCgroup(t *testing.T) {
	limit := func(n float64) *fact.Limit { return &fact.Limit{Value: &n} }
	none := &fact.Limit{Unlimited: true}
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	kubelet := &event.Process{PID: 812, Comm: "kubelet"}
	s := &model.Snapshot{Cgroups: []model.Cgroup{
		{Path: "/pod", Created: noon, Creator: kubelet, Limits: fact.CgroupLimits{Memory: limit(64 << 20), CPU: limit(0.5), PIDs: none}, OOMKills: 2},
		{Path: "/old"},
		{Path: "/free", Limits: fact.CgroupLimits{Memory: none, CPU: none, PIDs: none}},
		{Path: "/gone", Created: noon, Removed: noon.Add(time.Second), Container: &event.Container{ID: "a1", Name: "web"}, Limits: fact.CgroupLimits{PIDs: limit(1)}},
		{Path: "/lost", Removed: noon, History: []model.Entry{{Kind: model.EntryGone}}},
		{Path: "/pod", Removed: noon},
	}}
	for path, want := range map[string]string{
		"/pod": "/pod was made by kubelet (PID 812, of the host) at 2026-11-23 12:00:00.000 UTC. It is there and has a limit of 64 MiB of memory and " +
			"a limit of 0.5 CPUs. The OOM killer took 2 processes in it or because its limit was reached. Before it, 1 other one had the same path.",
		"/lost": "/lost was created unseen. It was removed before 2026-11-23 12:00:00.000 UTC.",
		"/old":  "/old was created unseen. It is there.",
		"/free": "/free was created unseen. It is there and has no limits of its own.",
		"/gone": "/gone was made by somebody at 2026-11-23 12:00:00.000 UTC. It belongs to web. It was removed at 2026-11-23 12:00:01.000 UTC. " +
			"It had a limit of 1 process.",
	} {
		a, err := WhyCgroup(s, path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, a.Sentence); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if a.History == nil {
			t.Errorf("%s: no history, and its JSON is null", path)
		}
	}
	var none404 *NoCgroupError
	if _, err := WhyCgroup(s, "/nope"); !errors.As(err, &none404) || none404.Path != "/nope" {
		t.Errorf("%v", err)
	}
}
