package metrics

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// day is a host on which containers come and go.
type day struct {
	*model.Model

	now time.Time
}

func (d *day) happened(e event.Event) {
	e.Time = d.now
	d.Apply(fact.Fact{Time: d.now, Event: &e})
}

func (d *day) start(c *event.Container) {
	d.happened(event.Event{Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: "/docker/" + c.ID, Container: c}})
	d.happened(event.Event{Type: event.ContainerStarted, PID: 7, Container: c, Start: &event.Start{DurationMS: new(150.0)}})
}

func (d *day) read(c *event.Container, micros uint64) {
	d.Apply(fact.Fact{Time: d.now, Memory: []fact.Reading{{
		ID: c.ID, UsageBytes: new(uint64(1)), Unlimited: true, OOMKills: new(uint64(0)), PIDsRefused: new(uint64(0)), Use: &fact.Use{
			CPUMicros: &micros, Periods: &micros, ThrottledPeriods: &micros, ThrottledMicros: &micros, SwapBytes: new(uint64(0)), Tasks: new(uint64(1)),
			MemoryWait: fact.Wait{SomeMicros: &micros, FullMicros: &micros}, CPUWait: fact.Wait{SomeMicros: &micros, FullMicros: &micros},
			IOWait: fact.Wait{SomeMicros: &micros, FullMicros: &micros},
		},
	}}})
}

// served returns the value of each series of nsviz.
func (d *day) served(t *testing.T) map[string]float64 {
	t.Helper()
	config := configOf(d.Snapshot())
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(NewCollector(config)); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += fmt.Sprintf(" %s=%q", l.GetName(), l.GetValue())
			}
			switch f.GetType() {
			case dto.MetricType_COUNTER:
				series[name] = m.GetCounter().GetValue()
			case dto.MetricType_HISTOGRAM:
				series[name] = float64(m.GetHistogram().GetSampleCount())
			default:
				series[name] = -1 // it may fall
			}
		}
	}
	return series
}

// On a day with 10,000 containers the series stay bounded by those of the live ones and of those that ended within the retention, no counter
// falls, and what was counted is in the sums, under the folded label in the end.
func TestSeriesOfADayWithTenThousandContainers(t *testing.T) {
	const (
		containers, lasting, every = 10_000, 20, 24 * time.Hour / 10_000
		lives                      = time.Minute
		perLive, perEnded          = 54, 12
	)
	began := time.Unix(1_800_000_000, 0)
	d := &day{model.New(model.DefaultLimits()), began}
	for i := range lasting {
		d.start(&event.Container{ID: fmt.Sprintf("%064x", 1_000_000+i), Name: fmt.Sprint("lasting-", i)})
	}
	empty := len((&day{model.New(model.DefaultLimits()), began}).served(t))
	one := func(i int) *event.Container {
		return &event.Container{ID: fmt.Sprintf("%064x", i), Name: fmt.Sprint("job-", i)}
	}
	before, most := map[string]float64{}, 0
	check := func() {
		t.Helper()
		now := d.served(t)
		most = max(most, len(now))
		for name, value := range now {
			if was, known := before[name]; known && value < was {
				t.Fatalf("after %v %s fell from %v to %v", d.now.Sub(began), name, was, value)
			}
		}
		before = now
	}
	alive := int(lives/every) + 1
	for i := range containers + alive {
		d.now = began.Add(time.Duration(i) * every)
		if i < containers {
			d.start(one(i))
			d.read(one(i), 1000)
			if i%10 == 0 {
				c := one(i)
				d.happened(event.Event{Type: event.OOMKill, PID: 8, Container: c, OOM: &event.OOM{Scope: event.ScopeCgroup, Victim: event.Victim{PID: 8, Container: c}}})
			}
		}
		if ending := i - alive; ending >= 0 {
			d.read(one(ending), 5000)
			d.happened(event.Event{Type: event.ContainerExited, PID: 7, Container: one(ending), Exit: &event.Exit{Cause: event.CauseExited, Code: new(int32(0))}})
			d.happened(event.Event{Type: event.CgroupRemoved, Cgroup: &event.Cgroup{Path: "/docker/" + one(ending).ID, Container: one(ending)}})
		}
		if i%200 == 0 {
			check()
		}
	}
	check()
	ended := int(model.DefaultLimits().Retention/every) + 2
	bound := empty + (lasting+alive+1)*perLive + ended*perEnded
	if most > bound {
		t.Errorf("%d series, want %d at most: %d for nsviz itself, %d live containers, %d that ended lately", most, bound, empty, lasting+alive+1, ended)
	}
	t.Logf("%d series at most, bound %d", most, bound)

	sums, folded := map[string]float64{}, 0.0
	for name, value := range before {
		family := ""
		if _, err := fmt.Sscan(name, &family); err != nil {
			t.Fatal(err)
		}
		sums[family] += value
		if family == "nsviz_containers_folded_total" {
			folded = value
		}
	}
	for family, want := range map[string]float64{
		"nsviz_oom_kills_total": containers / 10, "nsviz_container_exits_total": containers, "nsviz_container_start_seconds": containers + lasting,
		"nsviz_container_cpu_usage_seconds_total": containers * 0.005,
	} {
		if got := sums[family]; got < want*(1-1e-9) || got > want*(1+1e-9) {
			t.Errorf("the sum of %s is %v, want %v", family, got, want)
		}
	}
	if folded < containers-float64(ended) {
		t.Errorf("%v containers are folded of %d", folded, containers)
	}
}
