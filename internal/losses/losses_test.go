package losses

import (
	"fmt"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// throttled is a loss of a user's events in a cgroup.
func throttled(second int64, count uint64, uid uint32, cgroup string) fact.Fact {
	f := Of(count, fact.Fact{Time: time.Unix(second, 0)}, event.LostThrottled)
	f.Event.Lost.UID, f.Event.Lost.Cgroup = &uid, cgroup
	return f
}

// A slow reader learns of each loss that it did not read, by its source as long as they are few.
func TestKeep(t *testing.T) {
	var kept []fact.Fact
	keep := func(f fact.Fact, want bool) {
		t.Helper()
		var keeps bool
		if kept, keeps = Keep(kept, f); keeps != want {
			t.Fatalf("kept is %t for %+v", keeps, f.Event)
		}
	}
	first := throttled(1, 5, 1000, "/user.slice")
	keep(first, true)
	keep(fact.Fact{Time: time.Unix(2, 0), Event: &event.Event{Type: event.CgroupCreated}}, false)
	keep(throttled(2, 1, 1001, "/user.slice"), true)
	keep(throttled(3, 1, 1000, "/other.slice"), true)
	keep(throttled(4, 6, 1000, "/user.slice"), true)
	if first.Event.Lost.Count != 5 {
		t.Error("an event of somebody else was changed")
	}
	var got []string
	for _, f := range kept {
		l := f.Event.Lost
		got = append(got, fmt.Sprintf("%d %d %s %d %s", f.Time.Unix(), l.Count, l.Reason, *l.UID, l.Cgroup))
	}
	want := "[2 1 throttled 1001 /user.slice 3 1 throttled 1000 /other.slice 4 11 throttled 1000 /user.slice]"
	if fmt.Sprint(got) != want {
		t.Errorf("%s, want %s", got, want)
	}

	kept = nil
	const sources = 10 * maxKept
	for i := range sources {
		keep(throttled(int64(i), 2, uint32(i), "/user.slice"), true)
	}
	total, last := uint64(0), time.Time{}
	for _, f := range kept {
		total += f.Event.Lost.Count
		if f.Time.Before(last) {
			t.Error("not in the order of time")
		}
		last = f.Time
	}
	if len(kept) > maxKept+1 || total != 2*sources {
		t.Errorf("%d of %d in %d", total, 2*sources, len(kept))
	}
	if l := kept[len(kept)-1].Event.Lost; l.UID != nil || l.Cgroup != "" || l.Count <= 2 {
		t.Errorf("the rest is %+v", l)
	}
}
