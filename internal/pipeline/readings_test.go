package pipeline

import (
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/collect/sample"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// A consumer that looks repeatedly gets readings at the full pace. One that looks now and then, or is only passed the time,
// does not.
func TestPaceFollowsWhoLooks(t *testing.T) {
	now := midnight
	p := &Pipeline{loop: newLoop(nil, nil)}
	p.now = func() time.Time { return now }
	woken := func() bool {
		select {
		case <-p.wake:
			return true
		default:
			return false
		}
	}
	for _, step := range []struct {
		name     string
		after    time.Duration
		looks    int
		reading  string // before that; "" is none
		audience sample.Audience
		wakes    bool
	}{
		{"a scrape, which looks twice", 0, 2, "", sample.Nobody, false},
		{"the next one", 15 * time.Second, 2, "", sample.Nobody, false},
		{"a screen begins", 15 * time.Second, 1, "", sample.Nobody, false},
		{"it draws again", time.Second, 1, "moves", sample.Looking, true},
		{"and again", time.Second, 3, "moves", sample.Looking, false},
		{"nothing changes, and it draws again", time.Second, 1, "rests", sample.Looking, true},
		{"for a key, right after a reading", sample.Interval / 4, 1, "rests", sample.Looking, false},
		{"and for another one", 3 * sample.Interval / 4, 1, "", sample.Looking, true},
		{"something has changed", time.Second, 1, "moves", sample.Looking, false},
		{"it has ended", watchInterval + time.Second, 0, "", sample.Nobody, false},
	} {
		if step.reading != "" {
			p.audience.take(sample.Readings{Time: now, Rests: step.reading == "rests"})
		}
		now = now.Add(step.after)
		for range step.looks {
			if got := p.Snapshot().Time; now.Sub(got) > sample.Interval {
				t.Errorf("%s: shown as of %v, and it is %v", step.name, got, now)
			}
		}
		_, _, audience := samplerLoop{p}.Watched()
		if audience != step.audience || woken() != step.wakes {
			t.Errorf("%s: it is read for %d, want %d, and wakes has to be %t", step.name, audience, step.audience, step.wakes)
		}
	}
	p.audience.always = true
	if _, _, audience := (samplerLoop{p}).Watched(); audience != sample.Listening {
		t.Error("a sink does not get everything")
	}
}

// Readings that find what the ones before found draw no screen.
func TestIdleReadingsAreNoSignal(t *testing.T) {
	l := newLoop(nil, nil)
	for _, idle := range []bool{false, true} {
		readings{Time: midnight, Idle: idle}.handle(l)
		signalled := false
		select {
		case <-l.live.Changed():
			signalled = true
		default:
		}
		if signalled == idle {
			t.Errorf("idle %t: signalled %t", idle, signalled)
		}
	}
	if n := l.live.Snapshot().Facts; n != 2 {
		t.Errorf("%d facts were applied, want 2", n)
	}
}

// What changes what is to be read, or may have been lost, has it read soon.
func TestWhatWakesTheSampler(t *testing.T) {
	for _, test := range []struct {
		name string
		fact fact.Fact
		want bool
	}{
		{"a container is found", fact.Fact{Found: &fact.Found{Container: event.Container{ID: "a"}}}, true},
		{"its cgroup is made", fact.Fact{Event: &event.Event{Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: "/a", Container: &event.Container{ID: "a"}}}}, true},
		{"another cgroup is made", fact.Fact{Event: &event.Event{Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: "/job"}}}, false},
		{"it starts", fact.Fact{Event: &event.Event{Type: event.ContainerStarted, Container: &event.Container{ID: "a"}, Start: &event.Start{}}}, true},
		{"a kill", fact.Fact{Event: &event.Event{Type: event.OOMKill, OOM: &event.OOM{}}}, true},
		{"events are lost", fact.Fact{Event: &event.Event{Type: event.EventsLost, Lost: &event.Lost{Count: 1, Reason: event.LostRing}}}, true},
		{"a namespace is made", fact.Fact{Event: &event.Event{Type: event.NamespaceCreated, Namespace: &event.Namespace{Type: event.Net, ID: 5}}}, false},
		{"time passes", fact.Fact{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newLoop(nil, nil)
			p.apply(test.fact)
			if got := len(p.wake) == 1; got != test.want {
				t.Errorf("it is woken: %t", got)
			}
		})
	}
}

// A container whose cgroup is found no more has ended, and whoever has the PID of its PID 1 from then on is none of it.
func TestContainerWithoutCgroupHasEnded(t *testing.T) {
	p := nameless(t, "")
	ref := &container.Ref{ID: containerID(1), Runtime: runtime.Docker, Root: "/docker/" + containerID(1)}
	p.apply(fact.Fact{Found: &fact.Found{Container: event.Container{ID: ref.ID}, CgroupPath: ref.Root, InitPID: 50}})
	p.tracker.FoundOutside(ref, container.Init{PID: 50, Made: midnight})

	gone := time.Now().Add(time.Minute)
	readings{Time: gone, List: []fact.Reading{}, Gone: []string{ref.ID}}.handle(p.loop)
	s := p.Snapshot()
	if len(s.Containers) != 1 || s.Containers[0].State != model.Exited || !s.Time.Equal(fact.Plain(gone)) {
		t.Errorf("as of %v: %+v", s.Time, s.Containers)
	}
	exit := event.Event{Type: event.ContainerExited, Time: gone, PID: 50, CgroupID: 9, Exit: &event.Exit{Cause: event.CauseExited}}
	if p.tracker.Attribute(&exit) {
		t.Errorf("another process with the PID is taken for it: %+v", exit.Container)
	}
}
