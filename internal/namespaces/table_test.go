package namespaces

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/collect/survey"
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

func throttled(ms int) event.Event {
	e := lost(ms)
	e.Lost.Reason = event.LostThrottled
	return e
}

// found is a survey of net namespaces with these numbers.
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
			"a creation, and an end by number", nil, []event.Event{made(1, 5, event.Net, 3), numberFreed(2, 3)},
			[]string{"+net3 unshare", "-net3 kernel"},
		},
		{"an end in a later batch", []event.Event{made(1, 5, event.PID, 3)}, []event.Event{numberFreed(2, 3)}, []string{"-pid3 kernel"}},
		{"an end of what was joined", nil, []event.Event{joined(1, event.UTS, 3), numberFreed(2, 3)}, []string{"=uts3 setns", "-uts3 kernel"}},
		{"an end of what was never heard of", nil, []event.Event{numberFreed(2, 3), other(3)}, []string{"cgroup_created"}},
		{
			"one end is reported once", nil, []event.Event{made(1, 5, event.Net, 3), numberFreed(2, 3), numberFreed(3, 3)},
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
			"a number given out again and joined, its creation unseen", []event.Event{made(1, 5, event.Net, 3)},
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
			"an end that was reported in time needs no other",
			[]event.Event{made(1, 5, event.Net, 3)},
			[]event.Event{numberFreed(2, 3), made(2, 6, event.Net, 3)},
			[]string{"-net3 kernel", "+net3 unshare"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			table := New()
			table.Complete(test.before)
			if diff := cmp.Diff(test.want, what(table.Complete(test.batch))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompleteFillsIn(t *testing.T) {
	table := New()
	creation := made(1, 5, event.PID, 3)
	creation.Namespace.Owner, creation.Namespace.Parent = 7, 2
	events := table.Complete([]event.Event{creation, numberFreed(2, 3)})
	want := &event.Namespace{Type: event.PID, ID: 3, Owner: 7, Parent: 2, Via: event.ViaKernel}
	if diff := cmp.Diff(want, events[1].Namespace); diff != "" {
		t.Errorf("freed (-want +got):\n%s", diff)
	}
	table.Complete([]event.Event{creation})
	events = table.Complete([]event.Event{made(9, 6, event.Net, 3)})
	want.Via = event.ViaReconcile
	if diff := cmp.Diff(want, events[0].Namespace); diff != "" || events[0].PID != 0 || !events[0].Time.Equal(at(9)) {
		t.Errorf("freed, not reported: %+v (-want +got):\n%s", events[0], diff)
	}
}

// ended is a survey's result, where all that is known was searched for.
func ended(ms int, s fact.Survey) survey.Result {
	return survey.Result{Survey: s, Ended: at(ms), Thorough: true}
}

// A survey and what happens meanwhile.
type look struct {
	before   []event.Event // events that are read before it begins
	reported []string      // what is reported of them
	during   []event.Event
	found    fact.Survey
	hasty    bool // it has not looked everywhere
	news     []string
	alive    []uint64 // what of the survey is reported; nil is all of it
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
			"what a later one finds is reported when it is found again", false,
			[]look{{found: found(1)}, {found: found(1, 2)}, {found: found(1, 2), news: []string{"+net2 reconcile"}}, {found: found(1, 2)}},
			[]uint64{1, 2},
		},
		{
			"not where its creation event was only read late", false,
			[]look{
				{found: found(1)}, {found: found(1, 2)},
				{before: []event.Event{made(1099, 5, event.Net, 2)}, reported: []string{"+net2 unshare"}, found: found(1, 2)},
				{found: found(1, 2)},
			},
			[]uint64{1, 2},
		},
		{
			"nor after the first", false,
			[]look{{found: found(1)}, {before: []event.Event{made(99, 5, event.Net, 1)}, reported: []string{"+net1 unshare"}, found: found(1)}},
			[]uint64{1},
		},
		{
			"nor where it was entered", false,
			[]look{{found: found(1)}, {found: found(1, 2)}, {before: []event.Event{joined(1500, event.Net, 2)}, reported: []string{"=net2 setns"}, found: found(1, 2)}},
			[]uint64{1, 2},
		},
		{
			"a creation after the survey is another one's", false,
			[]look{
				{found: found(1)},
				{before: []event.Event{made(500, 5, event.Net, 1)}, reported: []string{"-net1 reconcile", "+net1 unshare"}, found: found(1)},
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
			"no end by misses where ends are reported", true,
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
			[]look{{found: found(1, 2)}, {before: []event.Event{numberFreed(500, 2)}, reported: []string{"-net2 kernel"}, found: found(1, 2)}, {found: found(1, 2), news: []string{"+net2 reconcile"}}},
			[]uint64{1, 2},
		},
		{
			"the end of one whose creation was throttled is not sent", true,
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
			"throttled creations say nothing of the end of others", true,
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
			table := New()
			for i, look := range test.looks {
				reported := what(table.Complete(look.before))
				if diff := cmp.Diff(look.reported, reported); look.reported != nil && diff != "" {
					t.Errorf("before survey %d (-want +got):\n%s", i, diff)
				}
				table.BeginSurvey(at(1000 * i))
				table.Complete(look.during)
				result := ended(1000*i+100, look.found)
				result.Thorough = !look.hasty
				news, alive := table.EndSurvey(result, test.hooked)
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
			for id := range table.rows {
				known[id] = true
			}
			want := map[uint64]bool{}
			for _, id := range test.known {
				want[id] = true
			}
			if diff := cmp.Diff(want, known); diff != "" {
				t.Errorf("known (-want +got):\n%s", diff)
			}
			if table.freed != nil {
				t.Errorf("%d ends are kept after the survey", len(table.freed))
			}
		})
	}
}

// What a survey is given to expect.
func TestSurveyIsGivenWhatIsKnown(t *testing.T) {
	table := New()
	table.Complete([]event.Event{made(-5, 5, event.Net, 2)})
	for i, found := range []fact.Survey{found(1, 2), found(1), found(1)} {
		table.BeginSurvey(at(1000 * i))
		table.EndSurvey(ended(1000*i+100, found), true)
	}
	want := map[uint64]survey.Known{
		1: {Type: event.Net, Owner: 1}, 2: {Type: event.Net, Owner: 1, Unsharer: 5, Missed: 2},
	}
	got := table.BeginSurvey(at(3000)).Known
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// What was lost may have been its end: it is to be searched for at once.
	table.Complete([]event.Event{lost(3500)})
	if k := table.BeginSurvey(at(4000)).Known[2]; k.Missed != 0 {
		t.Errorf("after a loss: %+v", k)
	}
}

// What a survey does not know of a namespace, a later one or an event reports.
func TestRelationsAreFilledIn(t *testing.T) {
	table := New()
	table.BeginSurvey(at(0))
	table.EndSurvey(ended(1, fact.Survey{Namespaces: []fact.Namespace{{Type: event.PID, ID: 3}}}), true)
	table.BeginSurvey(at(2))
	table.EndSurvey(ended(3, fact.Survey{Namespaces: []fact.Namespace{{Type: event.PID, ID: 3, Owner: 7}}}), true)
	again := joined(4, event.PID, 3)
	again.Namespace.Owner, again.Namespace.Parent = 8, 2
	events := table.Complete([]event.Event{again, numberFreed(5, 3)})
	want := &event.Namespace{Type: event.PID, ID: 3, Owner: 7, Parent: 2, Via: event.ViaKernel}
	if diff := cmp.Diff(want, events[1].Namespace); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The table passes on what of a survey it has nothing to say about.
func TestSurveyKeepsItsVMs(t *testing.T) {
	table := New()
	table.BeginSurvey(at(0))
	want := []fact.VM{{PID: 9, Kind: "qemu"}}
	if _, alive := table.EndSurvey(ended(1, fact.Survey{VMs: want}), true); !cmp.Equal(want, alive.VMs) {
		t.Errorf("got %+v", alive.VMs)
	}
}

// The table knows who has changed its namespaces, and that it does not know after a loss.
func TestChangedProcesses(t *testing.T) {
	table := New()
	takeChanged := func() map[int32]bool { return table.BeginSurvey(midnight).Changed }
	if got := takeChanged(); got != nil {
		t.Errorf("at first: %v", got)
	}
	change := func(typ event.Type, pid int32) event.Event {
		return event.Event{Time: midnight, Type: typ, PID: pid, Namespace: &event.Namespace{Type: event.Net, ID: 5}}
	}
	table.Complete([]event.Event{change(event.NamespaceCreated, 7), change(event.NamespaceJoined, 8), change(event.NamespaceFreed, 9)})
	if diff := cmp.Diff(map[int32]bool{7: true, 8: true}, takeChanged()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := takeChanged(); got == nil || len(got) > 0 {
		t.Errorf("since then: %v", got)
	}
	lost := event.Event{Time: midnight, Type: event.EventsLost, Lost: &event.Lost{Count: 1, Reason: event.LostThrottled}}
	table.Complete([]event.Event{change(event.NamespaceCreated, 7), lost, change(event.NamespaceCreated, 8)})
	if got := takeChanged(); got != nil {
		t.Errorf("after a loss: %v", got)
	}
	table.Complete([]event.Event{change(event.NamespaceCreated, 7)})
	table.ChangesLost()
	if got := takeChanged(); got != nil {
		t.Errorf("after an error in the kernel: %v", got)
	}
}

// A namespace's owner and parent never change, so that the kernel is asked once: until the number may be another one's.
func TestAnswersAreKept(t *testing.T) {
	const id, owner = 3, 1
	asked := func(table *Table) bool { return table.BeginSurvey(at(9000)).Known[id].Asked }
	// take makes a survey that asks at 50 ms after it began.
	take := func(table *Table, begin int, during ...event.Event) {
		table.BeginSurvey(at(begin))
		table.Complete(during)
		result := ended(begin+100, found(id))
		result.Asked = map[uint64]time.Time{id: at(begin + 50)}
		table.EndSurvey(result, true)
	}
	for _, test := range []struct {
		name string
		do   func(*Table)
		want bool
	}{
		{"never asked", func(table *Table) {
			table.BeginSurvey(at(0))
			table.EndSurvey(ended(100, found(id)), true)
		}, false},
		{"asked of what only the survey has found", func(table *Table) { take(table, 0) }, true},
		{"asked of what an event reported", func(table *Table) {
			table.Complete([]event.Event{made(-5, 5, event.Net, id)})
			take(table, 0)
		}, true},
		{"created before it was asked", func(table *Table) { take(table, 0, made(49, 5, event.Net, id)) }, true},
		{"created after it was asked of an earlier one", func(table *Table) {
			take(table, 0, numberFreed(51, id), made(52, 5, event.Net, id))
		}, false},
		{"freed after it was asked", func(table *Table) { take(table, 0, numberFreed(51, id)) }, false},
		{"its number is given out again", func(table *Table) {
			take(table, 0)
			table.Complete([]event.Event{made(500, 5, event.Net, id)})
		}, false},
		{"its number is another type's", func(table *Table) {
			take(table, 0)
			table.Complete([]event.Event{joined(500, event.IPC, id)})
		}, false},
		{"joined", func(table *Table) {
			take(table, 0)
			table.Complete([]event.Event{joined(500, event.Net, id)})
		}, true},
		{"found again", func(table *Table) {
			take(table, 0)
			table.BeginSurvey(at(1000))
			table.EndSurvey(ended(1100, found(id)), true)
		}, true},
		{"not found once, and found again", func(table *Table) {
			take(table, 0)
			table.BeginSurvey(at(1000))
			table.EndSurvey(survey.Result{Ended: at(1100)}, true)
			table.BeginSurvey(at(2000))
			table.EndSurvey(ended(2100, found(id)), true)
		}, false},
	} {
		table := New()
		test.do(table)
		if got := asked(table); got != test.want {
			t.Errorf("%s: asked is %t", test.name, got)
		}
		known := table.BeginSurvey(at(9000)).Known[id]
		if test.want && known.Owner != owner {
			t.Errorf("%s: %+v", test.name, known)
		}
	}
}

// The kernel's answer replaces what was taken for the owner, and is silent about what is out of nsviz's sight.
func TestAnswerReplacesWhatWasReported(t *testing.T) {
	table := New()
	creation := made(-5, 5, event.PID, 3)
	creation.Namespace.Owner, creation.Namespace.Parent = 7, 2
	table.Complete([]event.Event{creation})
	table.BeginSurvey(at(0))
	result := ended(100, fact.Survey{Namespaces: []fact.Namespace{{Type: event.PID, ID: 3, Owner: 8}}})
	result.Asked = map[uint64]time.Time{3: at(50)}
	table.EndSurvey(result, true)
	want := survey.Known{Type: event.PID, Owner: 8, Parent: 2, Asked: true, Unsharer: 5}
	if diff := cmp.Diff(want, table.BeginSurvey(at(1000)).Known[3]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A survey that may not see nearly all processes frees nothing.
func TestBlindSurveyFreesNothing(t *testing.T) {
	table := New()
	for i, ids := range [][]uint64{{1, 2}, {1}, {1}, {1}} {
		table.BeginSurvey(at(1000 * i))
		result := ended(1000*i+100, found(ids...))
		result.Unseen = &fact.Unseen{Hidden: true}
		if news, _ := table.EndSurvey(result, false); len(news) > 0 {
			t.Errorf("survey %d: %v", i, what(news))
		}
	}
}

func BenchmarkComplete(b *testing.B) {
	table := New()
	batch := make([]event.Event, 0, 1000)
	for i := range 500 {
		batch = append(batch, made(i, 5, event.Net, uint64(i)), numberFreed(i, uint64(i)))
	}
	b.ReportAllocs()
	for b.Loop() {
		table.Complete(batch)
	}
}
