package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func namespaceEvent(seconds float64, typ event.Type, n event.Namespace) fact.Fact {
	c := who("a", "web")
	e := event.Event{Type: typ, Namespace: &n}
	if n.Via != event.ViaKernel && n.Via != event.ViaReconcile {
		e.PID, e.Comm, e.Container = 9, "unshare", &c
	}
	return happened(seconds, e)
}

func survey(seconds float64, list ...fact.Namespace) fact.Fact {
	return fact.Fact{Time: at(seconds), Namespaces: &fact.Survey{Namespaces: list}}
}

// noHistory leaves out what TestHistories is about.
var noHistory = cmpopts.IgnoreFields(Namespace{}, "History", "CreatedAt", "FreedAt")

func TestNamespaces(t *testing.T) {
	c := who("a", "web")
	creator := &event.Process{PID: 9, Comm: "unshare", Container: &c}
	made := namespaceEvent(1, event.NamespaceCreated, event.Namespace{Type: event.PID, ID: 20, Owner: 6, Parent: 2, Via: event.ViaUnshare})
	tests := []struct {
		name  string
		facts []fact.Fact
		want  []Namespace
	}{
		{"none", nil, []Namespace{}},
		{
			"made", []fact.Fact{made},
			[]Namespace{{Type: event.PID, ID: 20, Owner: 6, Parent: 2, Created: at(1), Via: event.ViaUnshare, Creator: creator}},
		},
		{
			"found new: nobody knows who made it, nor when",
			[]fact.Fact{namespaceEvent(1, event.NamespaceCreated, event.Namespace{Type: event.Net, ID: 20, Via: event.ViaReconcile})},
			[]Namespace{{Type: event.Net, ID: 20, Via: event.ViaReconcile}},
		},
		{"entering one makes none", []fact.Fact{namespaceEvent(1, event.NamespaceJoined, event.Namespace{Type: event.Net, ID: 20, Via: event.ViaSetns})}, []Namespace{}},
		{
			"freed", []fact.Fact{made, namespaceEvent(2, event.NamespaceFreed, event.Namespace{Type: event.PID, ID: 20, Via: event.ViaKernel})},
			[]Namespace{},
		},
		{"freed, never heard of", []fact.Fact{namespaceEvent(2, event.NamespaceFreed, event.Namespace{ID: 20, Via: event.ViaKernel})}, []Namespace{}},
		{
			"a number given out again",
			[]fact.Fact{
				made, namespaceEvent(2, event.NamespaceFreed, event.Namespace{Type: event.PID, ID: 20, Via: event.ViaReconcile}),
				namespaceEvent(2, event.NamespaceCreated, event.Namespace{Type: event.UTS, ID: 20, Via: event.ViaClone}),
			},
			[]Namespace{{Type: event.UTS, ID: 20, Created: at(2), Via: event.ViaClone, Creator: creator}},
		},
		{
			"surveyed", []fact.Fact{survey(1, fact.Namespace{Type: event.Net, ID: 3, Owner: 6, Processes: []int32{1, 2}, PinnedBy: []string{"/run/netns/x"}})},
			[]Namespace{{Type: event.Net, ID: 3, Owner: 6, Processes: []int32{1, 2}, PinnedBy: []string{"/run/netns/x"}}},
		},
		{
			"a survey adds to what is known and takes nothing away",
			[]fact.Fact{made, survey(2, fact.Namespace{Type: event.PID, ID: 20, Processes: []int32{5}})},
			[]Namespace{{Type: event.PID, ID: 20, Owner: 6, Parent: 2, Created: at(1), Via: event.ViaUnshare, Creator: creator, Processes: []int32{5}}},
		},
		{
			"what a survey does not find has no processes, as far as is known",
			[]fact.Fact{made, survey(2, fact.Namespace{Type: event.PID, ID: 20, Processes: []int32{5}, PinnedBy: []string{"/x"}}), survey(3)},
			[]Namespace{{Type: event.PID, ID: 20, Owner: 6, Parent: 2, Created: at(1), Via: event.ViaUnshare, Creator: creator}},
		},
		{
			"a number that a survey finds with another type",
			[]fact.Fact{made, survey(2, fact.Namespace{Type: event.Mnt, ID: 20, Processes: []int32{5}})},
			[]Namespace{{Type: event.Mnt, ID: 20, Processes: []int32{5}}},
		},
		{
			"by type, then by number; the host's own; who is in it",
			[]fact.Fact{
				survey(1, fact.Namespace{Type: event.Net, ID: 30}, fact.Namespace{Type: event.Net, ID: 3}, fact.Namespace{Type: event.Mnt, ID: 99}, fact.Namespace{Type: event.User, ID: 3000}),
				hostIs(1, 2, 3), started(2, who("b", "b"), 5, 99, 0, 30), started(3, c, 6, 98, 0, 30),
			},
			[]Namespace{
				{Type: event.Mnt, ID: 99, Containers: []string{"b"}}, {Type: event.Net, ID: 3, Host: true},
				{Type: event.Net, ID: 30, Containers: []string{"b", "web"}}, {Type: event.User, ID: 3000},
			},
		},
		{
			"the ended are not in it", []fact.Fact{survey(1, fact.Namespace{Type: event.Mnt, ID: 99}), started(2, c, 5, 99), exited(3, c, 5)},
			[]Namespace{{Type: event.Mnt, ID: 99}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, snapshotOf(test.facts...).Namespaces, noHistory); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// What is kept from one snapshot to the next makes no difference.
			m := New(DefaultLimits())
			s := m.Snapshot()
			for _, f := range test.facts {
				m.Apply(f)
				s = m.Snapshot()
			}
			if diff := cmp.Diff(test.want, s.Namespaces, noHistory); diff != "" {
				t.Errorf("with a snapshot after each fact (-want +got):\n%s", diff)
			}
		})
	}
}
