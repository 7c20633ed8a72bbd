package container

import (
	"fmt"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// TestOneUserWithManySandboxes: one user's namespaces keep nobody else's sandboxes out, and what is not kept is counted.
func TestOneUserWithManySandboxes(t *testing.T) {
	for name, find := range map[string]func(tracker *Tracker, uid uint32, n int){
		"sandboxes": func(tracker *Tracker, uid uint32, n int) {
			first := found(int32(n), "sleep", "/session", hostAnd(map[event.NamespaceType]uint64{event.User: uint64(n)}), ProcessName{812, "unshare"})
			first.Owner = &uid
			tracker.FoundIsolated(first, at(5))
		},
		"services": func(tracker *Tracker, uid uint32, n int) {
			unit := fmt.Sprintf("/user.slice/user@%d.service/%d.service", uid, n)
			first := found(int32(n), "sleep", unit, hostAnd(map[event.NamespaceType]uint64{event.Mnt: uint64(n)}), ProcessName{7, "systemd"})
			first.Owner = &uid
			tracker.FoundIsolated(first, at(5))
		},
	} {
		t.Run(name, func(t *testing.T) {
			tracker := newTestTracker()
			tracker.SetHost(hostAnd(nil))
			next := 1000
			add := func(uid uint32, count int) (listed, ended int) {
				for range count {
					next++
					find(tracker, uid, next)
				}
				return len(tracker.Isolated()), len(tracker.Ended())
			}
			const extra = 10
			if listed, ended := add(1000, maxShared+extra); listed != maxShared || ended != 0 || tracker.LeftOut() != extra {
				t.Fatalf("of the first user %d are listed, %d ended, %d left out", listed, ended, tracker.LeftOut())
			}
			if listed, ended := add(1001, 5); listed != 5 || ended != 5 || tracker.LeftOut() != extra+5 {
				t.Errorf("of the second user %d are listed, %d ended, %d left out", listed, ended, tracker.LeftOut())
			}
			if listed, _ := add(1001, maxShared); listed != maxShared/2-5 {
				t.Errorf("of the second user %d more are listed", listed)
			}
			if listed, ended := add(1000, 5); listed != 0 || ended != 0 {
				t.Errorf("of the first user %d more are listed, %d ended", listed, ended)
			}
			tracker.BeginSurvey()
			if tracker.EndUninhabited(func(uint64) bool { return false }); tracker.LeftOut() != 0 || len(tracker.Ended()) != maxShared {
				t.Errorf("after their end %d are left out", tracker.LeftOut())
			}
		})
	}
}

// TestKillWhereSandboxesAreLeftOut: a kill is the sandbox's that it was in, however many there are.
func TestKillWhereSandboxesAreLeftOut(t *testing.T) {
	tracker := newTestTracker()
	tracker.SetHost(hostAnd(nil))
	for n := range maxShared {
		first := found(int32(n), "sleep", "/session", hostAnd(map[event.NamespaceType]uint64{event.PID: uint64(1000 + n)}), ProcessName{812, "unshare"})
		first.Owner = new(uint32(1000))
		tracker.FoundIsolated(first, at(5))
	}
	if c := killedIn(tracker, host, hostAnd(map[event.NamespaceType]uint64{event.PID: 20})); c == nil || c.ID != "pid-20" {
		t.Errorf("killed in %+v", c)
	}
	if tracker.LeftOut() != 1 || len(tracker.Ended()) != 1 {
		t.Errorf("%d are left out", tracker.LeftOut())
	}
}

// TestSourceOfNested: what is in a user namespace counts as the user's who made the outermost one.
func TestSourceOfNested(t *testing.T) {
	tracker := newTestTracker()
	for _, made := range []struct {
		id, parent uint64
		uid        uint32
	}{{21, 6, 1000}, {22, 21, 100005}, {23, 22, 100006}} {
		tracker.Attribute(&event.Event{
			Time: at(1), Type: event.NamespaceCreated, PID: 812, Comm: "unshare", UID: &made.uid, CgroupID: host,
			Namespace: &event.Namespace{Type: event.User, ID: made.id, Parent: made.parent, Via: event.ViaUnshare},
		})
	}
	p := suspect{namespaces: hostAnd(map[event.NamespaceType]uint64{event.User: 23}), uid: new(uint32(100007))}
	if got := tracker.sourceOf(p, 23); got != 1000 {
		t.Errorf("source %d", got)
	}
	p.first = &FirstProcess{Owner: new(uint32(7))}
	if got := tracker.sourceOf(p, 23); got != 7 {
		t.Errorf("source %d, as the host was read", got)
	}
	if got := tracker.sourceOf(suspect{namespaces: hostAnd(nil)}, 0); got != unknownSource {
		t.Errorf("source %d of an unknown user", got)
	}
}

// TestIDsAreGivenOnce: whatever is dropped from what is remembered, no id is given twice, and what lives keeps its own.
func TestIDsAreGivenOnce(t *testing.T) {
	tracker := newTestTracker()
	tracker.SetHost(hostAnd(nil))
	seen := map[string]bool{}
	add := func(id uint64) string {
		tracker.FoundIsolated(found(50, "sleep", "/session", hostAnd(map[event.NamespaceType]uint64{event.PID: id}), ProcessName{812, "bwrap"}), at(5))
		list := tracker.Isolated()
		if len(list) != 1 || seen[list[0].Container.ID] {
			t.Fatalf("recognised %+v", list)
		}
		seen[list[0].Container.ID] = true
		return list[0].Container.ID
	}
	freed := func(id uint64) {
		tracker.Attribute(&event.Event{Type: event.NamespaceFreed, Time: at(6), Namespace: &event.Namespace{ID: id}})
	}
	add(20)
	freed(20)
	add(30)
	freed(30)
	lives := add(30)
	for n := range uint64(maxGiven + 10) {
		add(1000 + n)
		freed(1000 + n)
	}
	if len(tracker.sandboxes.given) > maxGiven {
		t.Errorf("%d ids are remembered", len(tracker.sandboxes.given))
	}
	if got := tracker.CurrentID("pid-30"); got != lives {
		t.Errorf("what lives is %s now, not %s", got, lives)
	}
	tracker.directory.Put(Identity{ID: "pid-30", Name: "jail"})
	if got := tracker.Named(event.Container{ID: lives}); got.Name != "jail" {
		t.Errorf("what lives is named %q", got.Name)
	}
	add(20)
}
