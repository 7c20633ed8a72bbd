package report

import (
	"fmt"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// A container is found while the probes are attached, in a cgroup that is older than they are. In whatever order the facts of that time come, also
// if a later program of its PID 1 were taken for its start, its kills are those of the present run, and of no other.
func TestKillsBeforeALateStart(t *testing.T) {
	oomKill := func(seconds float64, pid int32) fact.Fact {
		e := killed(pid, web).Event
		e.Time = at(seconds)
		return fact.Fact{Time: e.Time, Event: &e}
	}
	found := func(seconds, started float64, kills uint64) fact.Fact {
		return fact.Fact{Time: at(seconds), Found: &fact.Found{
			Container: *web, CgroupPath: "/docker/" + webID, InitPID: 100, InitComm: "sh", Started: at(started), OOMKills: &kills,
		}}
	}
	exec := fact.Fact{Time: at(4), Event: &event.Event{Time: at(4), Type: event.ContainerStarted, PID: 100, Comm: "app", Container: web, Start: &event.Start{}}}
	for i, facts := range [][]fact.Fact{
		{oomKill(2, 101), found(3, 1, 1), exec},
		{oomKill(2, 101), exec, found(5, 1, 1)},
		{found(3, 1, 1), oomKill(2, 101), exec},
		{found(3, 1, 1), exec, oomKill(2, 101)},
		{exec, oomKill(2, 101), found(5, 1, 1)},
		{exec, found(5, 1, 1), oomKill(2, 101)},
		{found(3, 1, 0), oomKill(3.5, 101), exec},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			m := model.New(model.DefaultLimits())
			apply := func(facts ...fact.Fact) {
				for _, f := range facts {
					m.Apply(f)
				}
			}
			check := func(what string, want ...int32) {
				t.Helper()
				s := m.Full()
				c, err := Find(s, "web")
				if err != nil {
					t.Fatal(err)
				}
				answer := WhyContainer(c, s)
				var got []int32
				for _, k := range answer.Kills {
					got = append(got, k.PID)
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s: the kills are of %v, want %v", what, got, want)
				}
			}
			apply(facts...)
			check("the first run", 101)
			apply(fact.Fact{Time: at(20), Event: &event.Event{
				Time: at(20), Type: event.ContainerExited, PID: 100, Container: web, Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited},
			}})
			check("after its end", 101)
			apply(found(30, 29, 0))
			check("the second run")
			apply(oomKill(31, 102))
			check("the second run, killed", 102)
		})
	}
}
