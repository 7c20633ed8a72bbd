package pipeline

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

var midnight = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return midnight.Add(time.Duration(ms) * time.Millisecond) }

func made(ms int, pid int32, t event.NamespaceType, id uint64) event.Event {
	return event.Event{
		Time: at(ms), Type: event.NamespaceCreated, PID: pid,
		Namespace: &event.Namespace{Type: t, ID: id, Owner: 1, Via: event.ViaUnshare},
	}
}

func joined(ms int, t event.NamespaceType, id uint64) event.Event {
	return event.Event{
		Time: at(ms), Type: event.NamespaceJoined, PID: 9,
		Namespace: &event.Namespace{Type: t, ID: id, Owner: 1, Via: event.ViaSetns},
	}
}

// numberFreed is all that the kernel tells of an end.
func numberFreed(ms int, id uint64) event.Event {
	return event.Event{
		Time: at(ms), Type: event.NamespaceFreed, Namespace: &event.Namespace{ID: id, Via: event.ViaKernel},
	}
}

func other(ms int) event.Event { return event.Event{Time: at(ms), Type: event.CgroupCreated, PID: 9} }

func lost(ms int) event.Event {
	return event.Event{Time: at(ms), Type: event.EventsLost, Lost: &event.Lost{Count: 1, Reason: "ring full"}}
}

// found is a survey of net namespaces with these numbers.
func throttled(ms int) event.Event {
	e := lost(ms)
	e.Lost.Reason = event.LostThrottled
	return e
}

func found(ids ...uint64) fact.Survey {
	s := fact.Survey{Namespaces: []fact.Namespace{}}
	for _, id := range ids {
		s.Namespaces = append(s.Namespaces, fact.Namespace{Type: event.Net, ID: id, Owner: 1})
	}
	return s
}

// what says the essence of events: who did what to which namespace, and how it is known.
func what(events []event.Event) []string {
	list := []string{}
	for _, e := range events {
		if e.Namespace == nil {
			list = append(list, string(e.Type))
			continue
		}
		n := e.Namespace
		verb := map[event.Type]string{
			event.NamespaceCreated: "+", event.NamespaceJoined: "=", event.NamespaceFreed: "-",
		}[e.Type]
		list = append(list, verb+n.Type.String()+string(rune('0'+n.ID))+" "+string(n.Via))
	}
	return list
}

func TestComplete(t *testing.T) {
	tests := []struct {
		name   string
		before []event.Event // an earlier batch
		batch  []event.Event
		want   []string
	}{
		{"nothing", nil, nil, []string{}},
		{"others pass", nil, []event.Event{other(1), lost(2)}, []string{"cgroup_created", "events_lost"}},
		{
			"a birth, and an end by number", nil, []event.Event{made(1, 5, event.Net, 3), numberFreed(2, 3)},
			[]string{"+net3 unshare", "-net3 kernel"},
		},
		{"an end in a later batch", []event.Event{made(1, 5, event.PID, 3)}, []event.Event{numberFreed(2, 3)}, []string{"-pid3 kernel"}},
		{"an end of what was joined", nil, []event.Event{joined(1, event.UTS, 3), numberFreed(2, 3)}, []string{"=uts3 setns", "-uts3 kernel"}},
		{"an end of what was never heard of", nil, []event.Event{numberFreed(2, 3), other(3)}, []string{"cgroup_created"}},
		{
			"one end is told once", nil, []event.Event{made(1, 5, event.Net, 3), numberFreed(2, 3), numberFreed(3, 3)},
			[]string{"+net3 unshare", "-net3 kernel"},
		},
		{
			"joined what is known", []event.Event{made(1, 5, event.Net, 3)}, []event.Event{joined(2, event.Net, 3), joined(3, event.Net, 3)},
			[]string{"=net3 setns", "=net3 setns"},
		},
		{
			"a number given out again", []event.Event{made(1, 5, event.Net, 3)}, []event.Event{made(2, 6, event.Net, 3)},
			[]string{"-net3 reconcile", "+net3 unshare"},
		},
		{
			"a number given out again to another type", []event.Event{made(1, 5, event.Net, 3)}, []event.Event{made(2, 6, event.IPC, 3)},
			[]string{"-net3 reconcile", "+ipc3 unshare"},
		},
		{
			"a number given out again and joined, its birth unseen", []event.Event{made(1, 5, event.Net, 3)},
			[]event.Event{joined(2, event.IPC, 3)}, []string{"-net3 reconcile", "=ipc3 setns"},
		},
		{
			"the ends come before the whole call",
			[]event.Event{made(1, 5, event.Net, 3), made(1, 5, event.IPC, 4)},
			[]event.Event{other(2), made(2, 6, event.Mnt, 2), made(2, 6, event.Net, 4), made(2, 6, event.UTS, 3), other(3)},
			[]string{"cgroup_created", "-ipc4 reconcile", "-net3 reconcile", "+mnt2 unshare", "+net4 unshare", "+uts3 unshare", "cgroup_created"},
		},
		{
			"calls of two processes at one moment are two",
			[]event.Event{made(1, 5, event.Net, 3)},
			[]event.Event{made(2, 6, event.Mnt, 2), made(2, 7, event.Net, 3)},
			[]string{"+mnt2 unshare", "-net3 reconcile", "+net3 unshare"},
		},
		{
			"an end that was told in time needs no other",
			[]event.Event{made(1, 5, event.Net, 3)},
			[]event.Event{numberFreed(2, 3), made(2, 6, event.Net, 3)},
			[]string{"-net3 kernel", "+net3 unshare"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRegistry()
			r.complete(test.before)
			if diff := cmp.Diff(test.want, what(r.complete(test.batch))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompleteFillsIn(t *testing.T) {
	r := newRegistry()
	birth := made(1, 5, event.PID, 3)
	birth.Namespace.Owner, birth.Namespace.Parent = 7, 2
	events := r.complete([]event.Event{birth, numberFreed(2, 3)})
	want := &event.Namespace{Type: event.PID, ID: 3, Owner: 7, Parent: 2, Via: event.ViaKernel}
	if diff := cmp.Diff(want, events[1].Namespace); diff != "" {
		t.Errorf("freed (-want +got):\n%s", diff)
	}
	r.complete([]event.Event{birth})
	events = r.complete([]event.Event{made(9, 6, event.Net, 3)})
	want.Via = event.ViaReconcile
	if diff := cmp.Diff(want, events[0].Namespace); diff != "" || events[0].PID != 0 || !events[0].Time.Equal(at(9)) {
		t.Errorf("freed, not told: %+v (-want +got):\n%s", events[0], diff)
	}
}

// A survey and what happens meanwhile.
type look struct {
	before []event.Event // events that are read before it begins
	told   []string      // what is told of them
	during []event.Event
	found  fact.Survey
	hasty  bool // it has not looked everywhere
	news   []string
	alive  []uint64 // what of the survey is told; nil is all of it
}

func TestSurveys(t *testing.T) {
	// Each survey begins at a multiple of 1000 ms and ends 100 ms later.
	tests := []struct {
		name   string
		hooked bool // the end of namespaces
		looks  []look
		known  []uint64 // afterwards
	}{
		{"the first is silent", false, []look{{found: found(1, 2)}}, []uint64{1, 2}},
		{
			"what a later one finds is told when it is found again", false,
			[]look{{found: found(1)}, {found: found(1, 2)}, {found: found(1, 2), news: []string{"+net2 reconcile"}}, {found: found(1, 2)}},
			[]uint64{1, 2},
		},
		{
			"not where its birth was only read late", false,
			[]look{
				{found: found(1)}, {found: found(1, 2)},
				{before: []event.Event{made(1099, 5, event.Net, 2)}, told: []string{"+net2 unshare"}, found: found(1, 2)},
				{found: found(1, 2)},
			},
			[]uint64{1, 2},
		},
		{
			"nor after the first", false,
			[]look{{found: found(1)}, {before: []event.Event{made(99, 5, event.Net, 1)}, told: []string{"+net1 unshare"}, found: found(1)}},
			[]uint64{1},
		},
		{
			"nor where it was entered", false,
			[]look{{found: found(1)}, {found: found(1, 2)}, {before: []event.Event{joined(1500, event.Net, 2)}, told: []string{"=net2 setns"}, found: found(1, 2)}},
			[]uint64{1, 2},
		},
		{
			"a birth after the survey is another one's", false,
			[]look{
				{found: found(1)},
				{before: []event.Event{made(500, 5, event.Net, 1)}, told: []string{"-net1 reconcile", "+net1 unshare"}, found: found(1)},
			},
			[]uint64{1},
		},
		{
			"two misses are an end", false,
			[]look{{found: found(1, 2)}, {found: found(1)}, {found: found(1), news: []string{"-net2 reconcile"}}, {found: found(1)}},
			[]uint64{1},
		},
		{
			"one miss is none", false,
			[]look{{found: found(1, 2)}, {found: found(1)}, {found: found(1, 2)}, {found: found(1)}, {found: found(1, 2)}},
			[]uint64{1, 2},
		},
		{
			"a miss counts where the survey was thorough", false,
			[]look{
				{found: found(1, 2)}, {found: found(1), hasty: true}, {found: found(1)}, {found: found(1), hasty: true},
				{found: found(1), news: []string{"-net2 reconcile"}},
			},
			[]uint64{1},
		},
		{
			"one that was found once and no more", false,
			[]look{{found: found()}, {found: found(2)}, {found: found()}, {found: found(), news: []string{"-net2 reconcile"}}},
			nil,
		},
		{
			"ends in the order of the numbers", false,
			[]look{{found: found(5, 3, 4, 1, 2)}, {found: found()}, {found: found(), news: []string{
				"-net1 reconcile", "-net2 reconcile", "-net3 reconcile", "-net4 reconcile", "-net5 reconcile",
			}}},
			nil,
		},
		{
			"no end by misses where ends are told", true,
			[]look{{found: found(1, 2)}, {found: found(1)}, {found: found(1)}, {found: found(1)}},
			[]uint64{1, 2},
		},
		{
			"but where events were lost", true,
			[]look{
				{found: found(1, 2)}, {before: []event.Event{lost(500)}, found: found(1)},
				{found: found(1), news: []string{"-net2 reconcile"}},
			},
			[]uint64{1},
		},
		{
			"not where it was found after the loss", true,
			[]look{{found: found(1, 2)}, {before: []event.Event{lost(500)}, found: found(1, 2)}, {found: found(1)}, {found: found(1)}},
			[]uint64{1, 2},
		},
		{
			"what is lost during a survey may have ended after it was found", true,
			[]look{
				{found: found(1, 2)}, {during: []event.Event{lost(1050)}, found: found(1, 2)},
				{found: found(1)}, {found: found(1), news: []string{"-net2 reconcile"}},
			},
			[]uint64{1},
		},
		{
			"what was made during a survey is newer", false,
			[]look{
				{found: found(1)}, {during: []event.Event{made(1050, 5, event.Net, 2)}, found: found(1)},
				{found: found(1)}, {found: found(1), news: []string{"-net2 reconcile"}},
			},
			[]uint64{1},
		},
		{
			"what ended during a survey is not alive", true,
			[]look{
				{found: found(1, 2)},
				{during: []event.Event{numberFreed(1050, 2)}, found: found(1, 2), alive: []uint64{1}},
			},
			[]uint64{1},
		},
		{
			"nor in the first", true,
			[]look{{during: []event.Event{numberFreed(50, 2)}, found: found(1, 2), alive: []uint64{1}}},
			[]uint64{1},
		},
		{
			"unless the number was given out again", true,
			[]look{
				{found: found(1, 2)},
				{during: []event.Event{numberFreed(1050, 2), made(1051, 5, event.Net, 2)}, found: found(1, 2)},
			},
			[]uint64{1, 2},
		},
		{
			"an end before it says nothing", true,
			[]look{{found: found(1, 2)}, {before: []event.Event{numberFreed(500, 2)}, told: []string{"-net2 kernel"}, found: found(1, 2)}, {found: found(1, 2), news: []string{"+net2 reconcile"}}},
			[]uint64{1, 2},
		},
		{
			"the end of one whose birth was throttled is not sent", true,
			[]look{
				{found: found(1)},
				{before: []event.Event{throttled(500)}, found: found(1, 2)},
				{found: found(1, 2), news: []string{"+net2 reconcile"}},
				{found: found(1)},
				{found: found(1), news: []string{"-net2 reconcile"}},
			},
			[]uint64{1},
		},
		{
			"nor is it where only somebody who joined it was seen", true,
			[]look{
				{found: found(1)},
				{before: []event.Event{throttled(500), joined(600, event.Net, 2)}, found: found(1)},
				{found: found(1), news: []string{"-net2 reconcile"}},
			},
			[]uint64{1},
		},
		{
			"throttled births say nothing of the end of others", true,
			[]look{
				{found: found(1, 2)}, {before: []event.Event{throttled(500)}, found: found(1)}, {before: []event.Event{throttled(1500)}, found: found(1)},
				{before: []event.Event{throttled(2500)}, found: found(1)},
			},
			[]uint64{1, 2},
		},
		{
			"what is lost again and again puts off no end", false,
			[]look{
				{found: found(1, 2)}, {before: []event.Event{lost(500)}, found: found(1)},
				{before: []event.Event{lost(1500)}, found: found(1), news: []string{"-net2 reconcile"}},
			},
			[]uint64{1},
		},
		{
			"a number that another type has now", true,
			[]look{
				{before: []event.Event{made(-5, 5, event.IPC, 2)}, found: found(1, 2), news: []string{"-ipc2 reconcile"}},
				{found: found(1, 2)},
			},
			[]uint64{1, 2},
		},
		{
			"a number that another type has had since", true,
			[]look{
				{found: found(1, 2)},
				{during: []event.Event{numberFreed(1050, 2), made(1051, 5, event.IPC, 2)}, found: found(1, 2), alive: []uint64{1}},
			},
			[]uint64{1, 2},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRegistry()
			for i, look := range test.looks {
				told := what(r.complete(look.before))
				if diff := cmp.Diff(look.told, told); look.told != nil && diff != "" {
					t.Errorf("before survey %d (-want +got):\n%s", i, diff)
				}
				r.beginSurvey(at(1000 * i))
				r.complete(look.during)
				news, alive := r.endSurvey(at(1000*i+100), look.found, !look.hasty, test.hooked)
				if look.news == nil {
					look.news = []string{}
				}
				if diff := cmp.Diff(look.news, what(news)); diff != "" {
					t.Errorf("survey %d (-want +got):\n%s", i, diff)
				}
				if look.alive != nil {
					look.found = found(look.alive...)
				}
				if diff := cmp.Diff(look.found, alive); diff != "" {
					t.Errorf("survey %d tells (-want +got):\n%s", i, diff)
				}
			}
			known := map[uint64]bool{}
			for id := range r.known {
				known[id] = true
			}
			want := map[uint64]bool{}
			for _, id := range test.known {
				want[id] = true
			}
			if diff := cmp.Diff(want, known); diff != "" {
				t.Errorf("known (-want +got):\n%s", diff)
			}
			if r.freed != nil {
				t.Errorf("%d ends are kept after the survey", len(r.freed))
			}
		})
	}
}

// What a surveyor is told to expect.
func TestAcquaintances(t *testing.T) {
	r := newRegistry()
	r.complete([]event.Event{made(-5, 5, event.Net, 2)})
	for i, survey := range []fact.Survey{found(1, 2), found(1), found(1)} {
		r.beginSurvey(at(1000 * i))
		r.endSurvey(at(1000*i+100), survey, true, true)
	}
	want := map[uint64]acquaintance{
		1: {typ: event.Net, owner: 1, since: at(0)}, 2: {typ: event.Net, owner: 1, since: at(-5), unsharer: 5, missed: 2},
	}
	got := r.beginSurvey(at(3000))
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(acquaintance{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// What was lost may have been its end: it is to be searched for at once.
	r.complete([]event.Event{lost(3500)})
	if k := r.beginSurvey(at(4000))[2]; k.missed != 0 {
		t.Errorf("after a loss: %+v", k)
	}
}

// What a survey does not know of a namespace, a later one or an event tells.
func TestRelationsAreFilledIn(t *testing.T) {
	r := newRegistry()
	r.beginSurvey(at(0))
	r.endSurvey(at(1), fact.Survey{Namespaces: []fact.Namespace{{Type: event.PID, ID: 3}}}, true, true)
	r.beginSurvey(at(2))
	r.endSurvey(at(3), fact.Survey{Namespaces: []fact.Namespace{{Type: event.PID, ID: 3, Owner: 7}}}, true, true)
	again := joined(4, event.PID, 3)
	again.Namespace.Owner, again.Namespace.Parent = 8, 2
	events := r.complete([]event.Event{again, numberFreed(5, 3)})
	want := &event.Namespace{Type: event.PID, ID: 3, Owner: 7, Parent: 2, Via: event.ViaKernel}
	if diff := cmp.Diff(want, events[1].Namespace); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The registry passes on what of a survey it has nothing to say about.
func TestSurveyKeepsItsVMs(t *testing.T) {
	r := newRegistry()
	r.beginSurvey(at(0))
	want := []fact.VM{{PID: 9, Kind: "qemu"}}
	if _, alive := r.endSurvey(at(1), fact.Survey{VMs: want}, true, true); !cmp.Equal(want, alive.VMs) {
		t.Errorf("got %+v", alive.VMs)
	}
}

func BenchmarkComplete(b *testing.B) {
	r := newRegistry()
	batch := make([]event.Event, 0, 1000)
	for i := range 500 {
		batch = append(batch, made(i, 5, event.Net, uint64(i)), numberFreed(i, uint64(i)))
	}
	b.ReportAllocs()
	for b.Loop() {
		r.complete(batch)
	}
}
