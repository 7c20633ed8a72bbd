package story

import (
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// A paused container says since when, and who did it by which cgroup, as far as that is known.
func TestPaused(t *testing.T) {
	own := "/docker/" + webID
	since := at(0).UTC().Format(fullTime) + " UTC"
	const begins, ends = "web is paused. The kernel's freezer has stopped its processes since ", " The kernel's OOM killer has killed nothing in it since it started."
	for want, p := range map[string]*fact.Paused{
		since + ": runc (PID 7, of the host) paused it, as `docker pause` does.":         {Cgroup: own, By: runc(7, nil)},
		since + ": bash (PID 8, of the host) paused it.":                                 {Cgroup: own, By: &event.Process{PID: 8, Comm: "bash"}},
		since + ": bash (PID 8, of the host) paused the cgroup /docker, which it is in.": {Cgroup: "/docker", By: &event.Process{PID: 8, Comm: "bash"}},
		since + ": one of a (PID 8, of the host) and b (PID 9, of the host) paused it.":  {Cgroup: own, ByAnyOf: []event.Process{{PID: 8, Comm: "a"}, {PID: 9, Comm: "b"}}},
		since + " or before; who did it is unknown.":                                     {},
		since + "; who did it is unknown.":                                               {Cgroup: own},
	} {
		p.Since = at(0)
		c := model.Container{
			ID: webID, Label: "web", Named: true, Runtime: "docker", State: model.Paused, CgroupPath: own, Paused: p, OOMKills: new(uint64(0)),
		}
		if got := Container(&c, &model.Snapshot{}).String(); got != begins+want+ends {
			t.Errorf("%s\nwant\n%s", got, begins+want+ends)
		}
	}
}
