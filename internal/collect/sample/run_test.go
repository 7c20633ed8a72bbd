package sample

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/model"
)

// fakeLoop is a Loop whose answers the test gives one after the other, each when it is asked for.
type fakeLoop struct {
	watched chan watched
	wake    chan struct{}
	taken   chan Readings
}

// watched is an answer of Watched.
type watched struct {
	live     []model.Watched
	audience Audience
}

func (l *fakeLoop) Watched() (live []model.Watched, writesReported bool, audience Audience) {
	w := <-l.watched
	return w.live, true, w.audience
}

func (l *fakeLoop) Wake() <-chan struct{} { return l.wake }

func (l *fakeLoop) Take(r Readings) { l.taken <- r }

// runTest runs a sampler by a clock that goes on only while everybody waits.
type runTest struct {
	*fakeLoop

	t     *testing.T
	dir   string
	start time.Time
	end   func() // the sampler, and waits until it has ended
}

func newRunTest(t *testing.T) *runTest {
	t.Helper()
	r := &runTest{t: t, dir: t.TempDir(), start: time.Now(), fakeLoop: &fakeLoop{make(chan watched), make(chan struct{}, 1), make(chan Readings)}}
	c := configOf(r.dir)
	c.Now, c.Loop = time.Now, r.fakeLoop
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Run(ctx, c)
	}()
	r.end = func() {
		cancel()
		<-ended
	}
	return r
}

// cgroup makes the files of a cgroup, and returns the container in it.
func (r *runTest) cgroup(id string, kills int) model.Watched {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Join(r.dir, id), 0o755); err != nil {
		r.t.Fatal(err)
	}
	for name, text := range map[string]string{
		"memory.current": "4096\n", "memory.max": "max\n", "memory.events": fmt.Sprintf("oom_kill %d\n", kills), "cgroup.procs": "10\n",
	} {
		if err := os.WriteFile(filepath.Join(r.dir, id, name), []byte(text), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	return model.Watched{ID: id, Running: true, CgroupPath: "/" + id}
}

// reads waits for a reading, which has to begin so long after the start.
func (r *runTest) reads(after time.Duration, audience Audience, live ...model.Watched) Readings {
	r.t.Helper()
	r.asks(after, audience, live...)
	got := <-r.taken
	if !got.Time.Equal(time.Now()) {
		r.t.Errorf("read at %v, it says at %v", time.Since(r.start), got.Time.Sub(r.start))
	}
	return got
}

// asks waits until the sampler asks what to read, which has to be so long after the start.
func (r *runTest) asks(after time.Duration, audience Audience, live ...model.Watched) {
	r.t.Helper()
	r.watched <- watched{live, audience}
	if got := time.Since(r.start); got != after {
		r.t.Errorf("a reading begins after %v, want %v", got, after)
	}
}

// passes lets time pass.
func (r *runTest) passes(d time.Duration) {
	r.t.Helper()
	select {
	case <-time.After(d):
	case r.watched <- watched{}:
		r.t.Errorf("a reading begins after %v", time.Since(r.start))
	}
}

// uses writes what a container uses.
func (r *runTest) uses(id string, memory, cpu int) {
	r.t.Helper()
	for name, text := range map[string]string{"memory.current": fmt.Sprintf("%d\n", memory), "cpu.stat": fmt.Sprintf("usage_usec %d\n", cpu)} {
		if err := os.WriteFile(filepath.Join(r.dir, id, name), []byte(text), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *runTest) ids(of Readings) (ids []string) {
	for _, reading := range of.List {
		ids = append(ids, reading.ID)
	}
	return ids
}

// A reading is idle if no container has run or uses another amount of memory.
func TestIdleReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunTest(t)
		defer r.end()
		at := time.Duration(0)
		next := func(live ...model.Watched) bool {
			idle := r.reads(at, Listening, live...).Idle
			at += Interval
			return idle
		}
		a, b := r.cgroup("a", 0), r.cgroup("b", 0)
		r.uses("a", 4096, 5)
		r.uses("b", 4096, 5)
		if next(a, b) {
			t.Error("what is new is idle")
		}
		for range 3 * fullEvery { // until both are known to rest
			next(a, b)
		}
		for range 2 * idleEvery {
			if !next(a, b) {
				t.Error("a reading that finds what the one before found is not idle")
			}
		}
		r.uses("b", 8192, 5)
		if next(a, b) {
			t.Error("other memory is idle")
		}
		for i := 1; i <= settledReadings; i++ {
			if idle := next(a, b); idle != (i == settledReadings) {
				t.Errorf("reading %d of the same memory: idle is %t", i, idle)
			}
		}
		r.uses("a", 4096, 6)
		ran := false
		for range fullEvery {
			ran = !next(a, b) || ran
		}
		if !ran {
			t.Error("a container that has run is idle")
		}
		if next(a, model.Watched{ID: "gone", Running: true, CgroupPath: "/gone"}) {
			t.Error("a missing cgroup is idle")
		}
	})
}

func TestPaceIsFullOnlyWhileSomebodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunTest(t)
		defer r.end()
		a, b := r.cgroup("a", 0), r.cgroup("b", 0)
		at := time.Duration(0)
		for _, step := range []struct {
			audience Audience
			next     time.Duration
		}{
			{Listening, Interval}, {Looking, Interval}, {Nobody, slowInterval}, {Nobody, slowInterval}, {Looking, Interval}, {Nobody, slowInterval},
		} {
			if got := r.ids(r.reads(at, step.audience, a, b)); !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("after %v: %v", at, got)
			}
			at += step.next
		}
	})
}

// Where nothing changes, readings come when somebody looks; they come by themselves again as soon as something has changed.
func TestPaceFollowsWhoLooksWhileNothingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunTest(t)
		defer r.end()
		a := r.cgroup("a", 0)
		r.uses("a", 4096, 5)
		at := time.Duration(0)
		for !r.reads(at, Looking, a).Rests {
			if at += Interval; at > 5*slowInterval {
				t.Fatal("it never rests")
			}
		}
		at += slowInterval // nobody looks for once
		if got := r.reads(at, Looking, a); !got.Rests {
			t.Errorf("nothing has changed, and it is %+v", got)
		}
		r.wake <- struct{}{} // a look is answered no earlier than otherwise
		at += Interval
		r.reads(at, Looking, a)
		r.passes(2 * Interval)
		r.uses("a", 8192, 6)
		r.wake <- struct{}{}
		at += 2 * Interval
		if got := r.reads(at, Looking, a); got.Rests || *got.List[0].UsageBytes != 8192 {
			t.Errorf("%+v", got)
		}
		r.uses("a", 12288, 7)
		if got := r.reads(at+Interval, Looking, a); *got.List[0].UsageBytes != 12288 {
			t.Errorf("%+v", got)
		}
	})
}

// The kernel's count of OOM kills is read less often than the memory of a container that uses what it used, but not by much.
func TestKillsAreReadWhereTheMemoryIsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunTest(t)
		defer r.end()
		r.reads(0, Listening, r.cgroup("a", 0))
		at := time.Duration(0)
		for {
			at += Interval
			got := r.reads(at, Listening, r.cgroup("a", 1))
			if *got.List[0].OOMKills == 1 {
				break
			}
			if at > slowInterval {
				t.Fatalf("%v after the kill it is not known", at)
			}
		}
	})
}

func TestWakeEndsTheSlowPaceOnce(t *testing.T) {
	for _, test := range []struct {
		name       string
		wait, next time.Duration
	}{
		{"at once", 0, Interval}, // but no earlier than at the full pace
		{"a moment later", Interval / 5, Interval},
		{"later", 3 * Interval / 2, 3 * Interval / 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRunTest(t)
				defer r.end()
				a := r.cgroup("a", 0)
				r.reads(0, Nobody, a)
				r.passes(test.wait)
				r.wake <- struct{}{}
				r.reads(test.next, Nobody, a)
				r.reads(test.next+slowInterval, Nobody, a)
			})
		})
	}
}

func TestNothingIsReadWithoutContainers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunTest(t)
		defer r.end()
		r.asks(0, Nobody)
		r.passes(time.Hour)
		r.wake <- struct{}{}
		// Who looks gets the time, at least.
		if got := r.reads(time.Hour, Listening); len(got.List) > 0 || len(got.Gone) > 0 {
			t.Errorf("%+v", got)
		}
		r.reads(time.Hour+Interval, Nobody, r.cgroup("a", 0))
	})
}

func TestContainerWithoutCgroupIsGoneSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunTest(t)
		defer r.end()
		a, b := r.cgroup("a", 0), model.Watched{ID: "b", Running: true, CgroupPath: "/b"}
		for n := range goneAfter {
			got := r.reads(time.Duration(n)*Interval, Nobody, a, b)
			if !slices.Equal(r.ids(got), []string{"a"}) || (len(got.Gone) == 1) != (n == goneAfter-1) {
				t.Errorf("reading %d: %+v", n, got)
			}
		}
		r.reads(goneAfter*Interval, Nobody, a)
		r.reads(goneAfter*Interval+slowInterval, Nobody, a)
	})
}

func TestKillIsFollowedByAnotherReadingSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunTest(t)
		defer r.end()
		r.reads(0, Nobody, r.cgroup("a", 0))
		r.reads(slowInterval, Nobody, r.cgroup("a", 1))
		r.reads(slowInterval+Interval, Nobody, r.cgroup("a", 1))
		r.reads(2*slowInterval+Interval, Nobody, r.cgroup("a", 1))
	})
}

func TestReadingsThatTakeLongAreRarer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunTest(t)
		defer r.end()
		const took = 100 * time.Millisecond
		a := r.cgroup("a", 0)
		r.asks(0, Listening, a)
		r.passes(took)
		<-r.taken
		r.reads(took+collect.BackoffFactor*took, Listening, a)
	})
}

func TestRunEndsWithContext(t *testing.T) {
	for name, start := range map[string]func(r *runTest){
		"between readings":         func(r *runTest) { r.reads(0, Listening, r.cgroup("a", 0)) },
		"while nobody looks":       func(r *runTest) { r.reads(0, Nobody, r.cgroup("a", 0)) },
		"while there are none":     func(r *runTest) { r.asks(0, Nobody) },
		"after it was woken early": func(r *runTest) { r.reads(0, Nobody, r.cgroup("a", 0)); r.wake <- struct{}{} },
	} {
		t.Run(name, func(t *testing.T) {
			before := openFiles(t)
			synctest.Test(t, func(t *testing.T) {
				r := newRunTest(t)
				start(r)
				synctest.Wait() // until the sampler waits
				r.end()
				if took := time.Since(r.start); took > 0 {
					t.Errorf("it ended after %v", took)
				}
			})
			if after := openFiles(t); after != before {
				t.Errorf("%d files are open, %d before", after, before)
			}
		})
	}
}

func TestOnceReadsASingleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runTest{t: t, dir: t.TempDir(), start: time.Now(), fakeLoop: &fakeLoop{watched: make(chan watched), taken: make(chan Readings)}}
		c := configOf(r.dir)
		c.Now, c.Loop = time.Now, r.fakeLoop
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			Once(c)
		}()
		got := r.reads(0, Nobody, r.cgroup("a", 0), model.Watched{ID: "b", Running: true, CgroupPath: "/b"})
		if !slices.Equal(r.ids(got), []string{"a"}) || len(got.Gone) > 0 || *got.List[0].UsageBytes != 4096 || *got.List[0].Processes != 1 {
			t.Errorf("%+v", got)
		}
		<-ended
	})
}

// BenchmarkReadings reads 1,000 containers whose use does not change, as it is done every half second while somebody looks.
func BenchmarkReadings(b *testing.B) {
	dir := b.TempDir()
	var live []model.Watched
	for i := range 1000 {
		id := fmt.Sprint(i)
		if err := os.Mkdir(filepath.Join(dir, id), 0o755); err != nil {
			b.Fatal(err)
		}
		for name, text := range map[string]string{
			"memory.current": "4096\n", "memory.max": "max\n", "memory.events": "oom_kill 0\n", "cgroup.procs": "10\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, id, name), []byte(text), 0o644); err != nil {
				b.Fatal(err)
			}
		}
		live = append(live, model.Watched{ID: id, Running: true, CgroupPath: "/" + id})
	}
	s := newSampler(configOf(dir))
	defer s.close()
	b.ReportAllocs()
	for b.Loop() {
		if list, _ := s.readings(live, true); len(list) != len(live) {
			b.Fatalf("read %d", len(list))
		}
	}
}
