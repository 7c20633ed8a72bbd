package report

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// What nsviz may not see is not told as not being there.
func TestNsOfUnseen(t *testing.T) {
	s := &model.Snapshot{Namespaces: []model.Namespace{
		{Type: event.PID, ID: 1, Host: true, Processes: []int32{7}},
		{Type: event.PID, ID: 2, Parent: 1, Processes: []int32{8, 9}},
		{Type: event.Net, ID: 3, PinnedBy: []string{"/run/netns/x"}},
	}}
	const seen = `mnt
pid
  1  the host's, 1 process: 7
    2  2 processes from 8 on
net
  3  no process, kept by /run/netns/x
ipc
uts
user
cgroup
time
`
	const blind = `mnt
pid
  1  the host's, at least 1 process: 7
    2  at least 2 processes from 8 on
net
  3  processes unknown, kept by /run/netns/x
ipc
uts
user
cgroup
time
`
	for _, tt := range []struct {
		unseen     *fact.Unseen
		tree       string
		incomplete bool
	}{
		{nil, seen, false},
		{&fact.Unseen{}, seen, false},
		{&fact.Unseen{Untraced: true}, seen, false}, // all are its own user's
		{&fact.Unseen{Processes: 1}, seen, true},
		{&fact.Unseen{Processes: 51, Untraced: true}, blind, true},
		{&fact.Unseen{Hidden: true}, blind, true},
	} {
		s.Unseen = tt.unseen
		var out bytes.Buffer
		if err := WriteNamespaces(&out, s); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.tree, out.String()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.unseen, diff)
		}
		for _, n := range Namespaces(s) {
			if n.ProcessesIncomplete != tt.incomplete {
				t.Errorf("%+v: %+v", tt.unseen, n)
			}
		}
	}
}
