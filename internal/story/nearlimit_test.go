package story

import (
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func TestNearLimit(t *testing.T) {
	forecast := func(cgroup string, in time.Duration) *model.Forecast {
		return &model.Forecast{Room: fact.MemoryRoom{Cgroup: cgroup, LimitBytes: 64 << 20}, In: in, BytesPerSecond: 1 << 20}
	}
	victim := &fact.NextVictim{PID: 42, Comm: "hog", Cgroup: "/pod/a/job", ScorePages: 15413}
	s := &model.Snapshot{Containers: []model.Container{
		{ID: "a", Label: "a", State: model.Running, CgroupPath: "/pod/a"}, {ID: "b", Label: "b", State: model.Running, CgroupPath: "/pod/b"},
		{ID: "p", Label: "p", State: model.Running, CgroupPath: "/pod"},
	}}
	for _, test := range []struct {
		name     string
		of       string
		state    model.ContainerState
		forecast *model.Forecast
		victim   *fact.NextVictim
		want     string
	}{
		{"nothing", "a", model.Running, nil, nil, ""},
		{"ended", "a", model.Exited, forecast("/pod/a", time.Second), victim, ""},
		{"its own limit", "a", model.Running, forecast("/pod/a", 41*time.Second), victim,
			"a reaches its limit of 64 MiB in about 40 s at this pace, 1 MiB a second. The kernel would choose hog (PID 42, score 15,413)."},
		{"a limit above, a victim elsewhere", "b", model.Running, forecast("/pod", 3400*time.Millisecond), victim,
			"b reaches the 64 MiB limit of /pod in about 3 s at this pace, 1 MiB a second. The kernel would choose hog (PID 42, score 15,413), which is in a."},
		{"a limit out of sight", "a", model.Running, forecast("", 0), nil, "a reaches a limit of 64 MiB above what nsviz sees in less than a second at this pace, 1 MiB a second."},
		{"near, but not growing", "a", model.Running, nil, &fact.NextVictim{PID: 42, Comm: "hog", Cgroup: "/pod/a", ScorePages: -3, OOMScoreAdj: -500, Group: "/pod/a"},
			"If its memory ran out now, the kernel would choose hog (PID 42, score -3, oom_score_adj -500), and with it all of /pod/a (memory.oom.group)."},
		{"minutes", "a", model.Running, forecast("/pod/a", 100*time.Second), nil, "a reaches its limit of 64 MiB in about 2 min at this pace, 1 MiB a second."},
		{"almost a minute", "a", model.Running, forecast("/pod/a", 58*time.Second), nil, "a reaches its limit of 64 MiB in about 1 min at this pace, 1 MiB a second."},
	} {
		for i := range s.Containers {
			c := s.Containers[i]
			if c.Label != test.of {
				continue
			}
			c.State, c.Forecast, c.NextVictim = test.state, test.forecast, test.victim
			if got := NearLimit(&c, s).String(); got != test.want {
				t.Errorf("%s:\n%q\nwant\n%q", test.name, got, test.want)
			}
		}
	}
}

func TestSoon(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 4400 * time.Millisecond: "4 s", 41 * time.Second: "40 s", 57 * time.Second: "55 s", 58 * time.Second: "1 min", 9*time.Minute + 40*time.Second: "10 min",
	} {
		if got := Soon(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
