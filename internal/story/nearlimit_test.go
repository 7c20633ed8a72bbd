package story

import (
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func TestNearLimit(t *testing.T) {
	room := func(cgroup string) *model.Forecast {
		return &model.Forecast{Room: fact.MemoryRoom{Cgroup: cgroup, LimitBytes: 64 << 20}, In: 41 * time.Second}
	}
	victim := &fact.NextVictim{PID: 28502, Comm: "stress-ng-vm", Cgroup: "/docker/1", ScorePages: 15421}
	for _, test := range []struct {
		forecast *model.Forecast
		victim   *fact.NextVictim
		want     string
	}{
		{nil, nil, ""},
		{room("/docker/1"), nil, "hog reaches its 64 MiB limit in about 40 s at this pace."},
		{room("/docker/1"), victim, "hog reaches its 64 MiB limit in about 40 s at this pace; the kernel would choose stress-ng-vm (PID 28502, score 15,421 pages)."},
		{room("/docker"), nil, "hog reaches the 64 MiB limit of /docker in about 40 s at this pace."},
		{room(""), nil, "hog reaches a limit of 64 MiB above it in about 40 s at this pace."},
		{nil, victim, "hog is near a limit on its memory; the kernel would choose stress-ng-vm (PID 28502, score 15,421 pages)."},
		{
			nil, &fact.NextVictim{PID: 7, Comm: "db", Cgroup: "/docker/12", ScorePages: -3, Group: "/docker/12"},
			"hog is near a limit on its memory; the kernel would choose db (PID 7, score 0 pages) in /docker/12, and with it all of /docker/12.",
		},
	} {
		c := &model.Container{Label: "hog", CgroupPath: "/docker/1", Forecast: test.forecast, NextVictim: test.victim}
		if got := NearLimit(c).String(); got != test.want {
			t.Errorf("%s\nwant %s", got, test.want)
		}
	}
}

func TestSoon(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 4400 * time.Millisecond: "4 s", 41 * time.Second: "40 s", 99 * time.Second: "100 s", 100 * time.Second: "2 min", 9*time.Minute + 40*time.Second: "10 min",
	} {
		if got := Soon(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
