package store

import (
	"sync"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

var start = time.Unix(1_700_000_000, 0).UTC()

func found(id string) fact.Fact {
	return fact.Fact{Time: start, BootNS: 1, Found: &fact.Found{Container: event.Container{ID: id}, CgroupPath: "/" + id}}
}

func signalled(l *Live) bool {
	select {
	case <-l.Changed():
		return true
	default:
		return false
	}
}

func TestSnapshotIsMadeOnceForEachChange(t *testing.T) {
	l := NewLive(model.DefaultLimits())
	if signalled(l) {
		t.Error("a change is signalled before there was one")
	}
	l.Apply(found("a"), start)
	l.Apply(found("b"), start)
	if !signalled(l) || signalled(l) {
		t.Error("two changes that nobody looked at are not one signal")
	}
	before, full := l.Snapshot(), l.Full()
	if n := before.LiveCount(); n != 2 {
		t.Errorf("%d containers live, want 2", n)
	}
	if l.Snapshot() != before || l.Full() != full {
		t.Error("a snapshot was made again though nothing changed")
	}
	l.Apply(found("c"), start)
	if l.Snapshot() == before || l.Full() == full || l.Snapshot().LiveCount() != 3 || l.Full().LiveCount() != 3 {
		t.Error("a snapshot is old")
	}
	if before.LiveCount() != 2 {
		t.Error("a snapshot changed after it was made")
	}
}

func TestUnseenFactIsNoSignal(t *testing.T) {
	l := NewLive(model.DefaultLimits())
	l.ApplyUnseen(found("a"), start)
	if signalled(l) {
		t.Error("it is signalled as a change")
	}
	if n := l.Snapshot().LiveCount(); n != 1 {
		t.Errorf("%d containers live, want 1", n)
	}
}

func TestRefreshOnlyAfterSilence(t *testing.T) {
	l := NewLive(model.DefaultLimits())
	l.Apply(found("a"), start)
	signalled(l)
	at := func(after time.Duration) fact.Fact {
		return fact.Fact{Time: start.Add(after), BootNS: 1 + uint64(after)}
	}
	first := l.Snapshot()
	l.Refresh(at(time.Second), start.Add(time.Second), time.Second)
	if l.Snapshot() != first {
		t.Error("the time was applied though a fact is a second old")
	}
	l.Refresh(at(2*time.Second), start.Add(2*time.Second), time.Second)
	if got := l.Snapshot().Time; !got.Equal(start.Add(2 * time.Second)) {
		t.Errorf("the snapshot is of %v", got)
	}
	if signalled(l) {
		t.Error("the time that passes is signalled as a change")
	}
}

// Under the race detector this shows whether readers and the one who applies get in each other's way.
func TestReadersBesideWriter(t *testing.T) {
	l := NewLive(model.DefaultLimits())
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				_, _ = l.Snapshot().LiveCount(), l.Full().LiveCount()
				_, _ = l.Watched()
				_ = l.Resync()
			}
		})
	}
	for i := range 200 {
		l.Apply(found(string(rune('a'+i%26))), start)
	}
	close(done)
	readers.Wait()
	if live, _ := l.Watched(); len(live) != 26 {
		t.Errorf("%d are watched, want 26", len(live))
	}
}
