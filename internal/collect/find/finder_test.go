package find

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
)

const ownCgroup = "/docker/" + outsideID

// calls notes what a finder asks of and hands to the loop and the probes, in order. It is both.
type calls struct {
	list     []string
	cgroups  []Cgroup  // that the loop has been given
	found    Container // the latest one
	state    container.State
	reported bool // an event has reported the end of the init
	unread   []Cgroup
	// cgroupless and inSlices are what is known of users' containers.
	cgroupless []container.Cgroupless
	inSlices   map[string]bool

	onExpect, onFollow func()
	compared           chan struct{}
}

func (c *calls) UsersLooked(time.Time) {}

func (c *calls) OfUsers() ([]container.Cgroupless, map[string]bool) { return c.cgroupless, c.inSlices }

func (c *calls) note(format string, args ...any) {
	c.list = append(c.list, fmt.Sprintf(format, args...))
}

func (c *calls) CgroupsFound(list []Cgroup) {
	c.note("cgroups")
	c.cgroups = list
}

func (c *calls) ContainerFound(found Container) {
	c.found = found
	text := fmt.Sprintf("found %s/%d", found.InitComm, found.InitPID)
	if found.Starting {
		text = "found starting"
	}
	if found.Ran {
		text += ", ran"
	}
	if found.Unheld != nil {
		text += " in " + found.Unheld.Cgroup
	}
	c.note("%s", text)
}

func (c *calls) LimitsRead(list []CgroupLimits) {
	var paths []string
	for _, l := range list {
		paths = append(paths, l.Path)
	}
	c.note("limits of %s", strings.Join(paths, " "))
}

func (c *calls) BeginComparison() { c.note("begin") }

func (c *calls) Compare(host []container.Cgroup, complete bool) []Cgroup {
	c.note("compare %d, complete: %t", len(host), complete)
	if c.compared != nil {
		c.compared <- struct{}{}
	}
	return c.unread
}

func (c *calls) State(*container.Ref) container.State { return c.state }

func (c *calls) InitGone(_ *container.Ref, init int32) bool {
	c.note("gone %d", init)
	return !c.reported
}

func (c *calls) Expect(uint64) error {
	c.note("expect")
	if c.onExpect != nil {
		c.onExpect()
	}
	return nil
}

func (c *calls) Follow(pid int32, _ uint64) error {
	c.note("follow %d", pid)
	if c.onFollow != nil {
		c.onFollow()
	}
	return nil
}

func (c *calls) Unfollow(pid int32) error {
	c.note("unfollow %d", pid)
	return nil
}

func (c *calls) Sync(context.Context) bool {
	c.note("sync")
	return true
}

// newFinderTest returns a made-up host whose container has limits, and what notes what its finder does.
func newFinderTest(t *testing.T) (*outsideTest, *calls) {
	t.Helper()
	o, c := newOutsideTest(t), &calls{}
	o.cfg.Loop = c
	o.cfg.Inits = func(context.Context, func(string) bool) (map[string]engine.Init, error) { return nil, nil }
	o.cfg.UsersInits = func(context.Context, func(uint32, string) bool) []UsersInit { return nil }
	return o, c
}

// end lets a process of the container end.
func (o *outsideTest) end(pid int) {
	o.t.Helper()
	if err := os.RemoveAll(fmt.Sprintf("%s/%d", o.proc, pid)); err != nil {
		o.t.Fatal(err)
	}
	for _, dir := range []string{o.memory, o.pids} {
		o.write(dir+ownCgroup+"/cgroup.procs", "")
	}
}

func (c *calls) check(t *testing.T, what string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, c.list); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
	c.list = nil
}

// TestStart: the loop gets the cgroups first, so that it can place what is found in them, and the limits last, when it knows the containers.
func TestStart(t *testing.T) {
	limits := "limits of / /docker " + ownCgroup
	for _, test := range []struct {
		name string
		make func(*outsideTest, *calls)
		want []string
	}{
		{"none runs", func(*outsideTest, *calls) {}, []string{"expect"}},
		{
			"one runs", func(o *outsideTest, _ *calls) { o.process(50, 1, "app", ownCgroup, 40, 9) },
			[]string{"follow 50", "found app/50"},
		},
		{
			"its program does not run yet", func(o *outsideTest, _ *calls) { o.process(50, 0, "runc:[2:INIT]", ownCgroup, 40, 9) },
			[]string{"expect", "found starting"},
		},
		{
			"its runtime has the mount namespace of nsviz still", func(o *outsideTest, _ *calls) { o.process(50, 0, "runtime", ownCgroup, 1, 9) },
			[]string{"expect", "found starting"},
		},
		{
			"it is that of nsviz, with the host's PIDs", func(o *outsideTest, _ *calls) {
				o.process(50, 0, "nsviz", ownCgroup, 1, 9)
				o.process(51, 0, "nsviz", ownCgroup, 1, 12) // by exec in it
				o.cfg.Self = 51
			},
			[]string{"follow 50", "found nsviz/50"},
		},
		{
			"its program begins to run meanwhile", func(o *outsideTest, c *calls) {
				c.onExpect = func() { o.process(50, 1, "app", ownCgroup, 40, 9) }
			},
			[]string{"expect", "follow 50", "found app/50"},
		},
		{
			"it ends meanwhile", func(o *outsideTest, c *calls) {
				o.process(50, 1, "app", ownCgroup, 40, 9)
				c.onFollow = func() { o.end(50) }
			},
			[]string{"follow 50", "unfollow 50"},
		},
		{
			"only its engine knows where it is", func(o *outsideTest, _ *calls) {
				o.cfg.Layout.Others = nil
				o.process(50, 1, "app", "/", 40, 9)
				o.knownToEngine(50)
			},
			[]string{"expect", "follow 50", "found app/50 in /"},
		},
		{
			"its engine knows it, too", func(o *outsideTest, _ *calls) {
				o.process(50, 1, "app", ownCgroup, 40, 9)
				o.knownToEngine(50)
			},
			[]string{"follow 50", "found app/50"},
		},
	} {
		o, c := newFinderTest(t)
		for _, path := range []string{"", "/docker", ownCgroup} {
			o.write(o.memory+path+"/memory.limit_in_bytes", "8192\n")
		}
		test.make(o, c)
		if err := o.Start(t.Context(), c); err != nil {
			t.Error(err)
		}
		c.check(t, test.name, append(append([]string{"cgroups"}, test.want...), limits)...)
		if len(c.cgroups) != 3 || c.cgroups[0].Path != "/" || c.cgroups[2].Ref == nil || c.cgroups[2].Ref.ID != outsideID {
			t.Errorf("%s: cgroups %+v", test.name, c.cgroups)
		}
	}
}

// knownToEngine has the engine say that a process is the container's PID 1.
func (o *outsideTest) knownToEngine(pid int32) {
	o.cfg.Inits = func(_ context.Context, known func(string) bool) (map[string]engine.Init, error) {
		if known(outsideID) {
			return nil, nil
		}
		return map[string]engine.Init{outsideID: {PID: pid}}, nil
	}
}

// TestStartAfterEarly: what ran before execs were hooked is known to have run, unless it is gone or another one by now.
func TestStartAfterEarly(t *testing.T) {
	for _, test := range []struct {
		name string
		then func(*outsideTest)
		want string
	}{
		{"it runs on", func(*outsideTest) {}, "found app/50, ran"},
		{"another one has its cgroup", func(o *outsideTest) {
			o.end(50)
			o.process(60, 1, "app", ownCgroup, 41, 10)
		}, "found app/60"},
	} {
		o, c := newFinderTest(t)
		o.process(50, 1, "app", ownCgroup, 40, 9)
		if err := o.Early(); err != nil {
			t.Fatal(err)
		}
		c.check(t, "early", "cgroups")
		test.then(o)
		if err := o.Start(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if got := c.list[2]; got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if o.early != nil {
			t.Error("the early containers are kept")
		}
	}
}

// TestOnce finds what Start finds, where nothing is watched.
func TestOnce(t *testing.T) {
	o, c := newFinderTest(t)
	o.process(50, 1, "app", ownCgroup, 40, 9)
	if err := o.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.check(t, "one look", "cgroups", "found app/50")
	if c.found.CgroupPath != ownCgroup || c.found.MadeNS != 90_000_000 || c.found.Ref.ID != outsideID || c.found.At.IsZero() {
		t.Errorf("found %+v", c.found)
	}

	o, c = newFinderTest(t)
	o.cfg.Layout.Others = nil
	o.process(50, 1, "app", "/", 40, 9)
	o.knownToEngine(50)
	if err := o.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.check(t, "known to the engine alone", "cgroups", "found app/50 in /")
}

// TestReconcile: an init is looked for where it is not what it is known to be. It is gone only after all events up to then are in.
func TestReconcile(t *testing.T) {
	begin := []string{"begin", "sync", "compare 3, complete: true"}
	for _, test := range []struct {
		name     string
		state    container.State
		reported bool
		made     bool // the container runs as PID 50, which was made 90 ms after the boot
		want     []string
	}{
		{"as it is known", container.State{Init: 50}, false, true, nil},
		{"not known", container.State{}, false, true, []string{"follow 50", "found app/50"}},
		{"not there", container.State{}, false, false, []string{"expect"}},
		{"its end was lost", container.State{Init: 50}, false, false, []string{"sync", "gone 50", "expect"}},
		{"its end was not lost", container.State{Init: 50}, true, false, []string{"sync", "gone 50"}},
		{"its end was lost, and it runs again", container.State{Init: 49}, false, true, []string{"sync", "gone 49", "follow 50", "found app/50"}},
		{
			"another process has its PID", container.State{Init: 50, StartedNS: 80_000_000}, false, true,
			[]string{"sync", "gone 50", "follow 50", "found app/50"},
		},
		{"its start was lost", container.State{Ended: 49, EndedNS: 80_000_000}, false, true, []string{"follow 50", "found app/50"}},
		{"what it has left", container.State{Ended: 49, EndedNS: 95_000_000}, false, true, nil},
		{"it has ended, and nothing is left", container.State{Ended: 50, EndedNS: 95_000_000}, false, false, nil},
	} {
		o, c := newFinderTest(t)
		c.state, c.reported = test.state, test.reported
		if test.made {
			o.process(50, 1, "app", ownCgroup, 40, 9)
		}
		if err := o.reconcile(t.Context(), c); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		c.check(t, test.name, append(append([]string(nil), begin...), test.want...)...)
	}
}

// TestReconcileReadsLimits of the cgroups that the comparison has discovered, as far as they are still there.
func TestReconcileReadsLimits(t *testing.T) {
	o, c := newFinderTest(t)
	o.write(o.memory+"/docker/memory.limit_in_bytes", "8192\n")
	c.state.Init = 50
	o.process(50, 1, "app", ownCgroup, 40, 9)
	for _, path := range []string{"/gone", "/docker"} {
		c.unread = append(c.unread, Cgroup{Cgroup: container.Cgroup{Path: path}})
	}
	if err := o.reconcile(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	c.check(t, "limits", "begin", "sync", "compare 3, complete: true", "limits of /docker")
}

// TestReconcileWaitsForDoubt: the host is read once when there is doubt, and the wait for the next doubt ends with the context.
func TestReconcileWaitsForDoubt(t *testing.T) {
	o, c := newFinderTest(t)
	doubts := make(chan struct{}, 1)
	o.cfg.Doubts, c.compared = doubts, make(chan struct{})
	now := time.Unix(0, 0)
	o.cfg.Now = func() time.Time { return now }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		o.Reconcile(ctx, c)
	}()
	doubts <- struct{}{}
	<-c.compared
	cancel()
	<-ended
	if n := strings.Count(strings.Join(c.list, "\n"), "begin"); n != 1 {
		t.Errorf("the host was read %d times", n)
	}
}

// TestCgroupsThatCannotBeRead: nothing is found then, and a comparison with what is left knows that it is incomplete.
func TestCgroupsThatCannotBeRead(t *testing.T) {
	o, c := newFinderTest(t)
	o.cfg.Layout.Dir = o.memory + "/none"
	for name, read := range map[string]func() error{
		"early": o.Early,
		"start": func() error { return o.Start(t.Context(), c) },
		"once":  func() error { return o.Once(t.Context()) },
	} {
		if read() == nil {
			t.Errorf("%s: no error", name)
		}
		c.check(t, name)
	}
	if err := o.reconcile(t.Context(), c); err != nil {
		t.Error(err)
	}
	c.check(t, "reconcile", "begin", "sync", "compare 0, complete: false")
}

// TestReconcileEndsWithContext: what was read by then is compared with nothing.
func TestReconcileEndsWithContext(t *testing.T) {
	o, c := newFinderTest(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.reconcile(ctx, c); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	c.check(t, "reconcile", "begin")
}
