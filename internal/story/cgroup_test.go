package story

import (
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func TestCgroupEntry(t *testing.T) {
	kubelet := &event.Process{PID: 812, Comm: "kubelet"}
	none := fact.Limit{Unlimited: true}
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		moment model.Entry
		want   string
	}{
		{model.Entry{Kind: model.EntryMovedIn, By: kubelet}, "kubelet (PID 812, of the host) moved a process into it"},
		{
			model.Entry{Kind: model.EntryMovedIn, By: kubelet, Count: 3, Until: noon},
			"kubelet (PID 812, of the host) moved a process into it, 3 times, the latest at 12:00:00.000 UTC",
		},
		{model.Entry{Kind: model.EntryMovedIn}, "somebody moved a process into it"},
		{model.Entry{Kind: model.EntryKind(event.CgroupCreated), By: kubelet}, "kubelet (PID 812, of the host) made it"},
		{model.Entry{Kind: model.EntryKind(event.CgroupRemoved), By: kubelet}, "kubelet (PID 812, of the host) removed it"},
		{
			model.Entry{Kind: model.EntryLimitsChanged, By: kubelet, Limits: []model.LimitChange{
				{Resource: fact.ResourceMemory, From: &none, To: fact.Limit{Value: new(float64(64 << 20))}},
				{Resource: fact.ResourcePIDs, From: &fact.Limit{Value: new(5.0)}, To: none},
			}},
			"kubelet (PID 812, of the host) changed its memory limit from none to 64 MiB, its limit of processes from 5 processes to none",
		},
		{
			model.Entry{Kind: model.EntryKind(event.OOMKill), OOM: &event.OOM{
				Scope: event.ScopeCgroup, Cgroup: "/pod", LimitBytes: new(uint64(1 << 20)), Victim: event.Victim{PID: 7, Comm: "hog", Cgroup: "/pod/a"},
			}},
			"the kernel's OOM killer killed hog (PID 7). The cgroup /pod had reached its 1 MiB limit.",
		},
		{model.Entry{Kind: "later"}, "later"},
	} {
		if got := CgroupEntry(&test.moment).String(); got != test.want {
			t.Errorf("%s: %q, want %q", test.moment.Kind, got, test.want)
		}
	}
}
