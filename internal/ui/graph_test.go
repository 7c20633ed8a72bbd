package ui

import (
	"math"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func TestBar(t *testing.T) {
	for _, tt := range []struct {
		usage, limit uint64
		want         string
		style        Style
	}{
		{0, 80, "░░░░░░░░", Dim},
		{1, 8000, "▏░░░░░░░", Calm}, // something is not nothing
		{40, 80, "████░░░░", Calm},
		{45, 80, "████▌░░░", Calm},
		{64, 80, "██████▍░", Warn},
		{79, 80, "███████▉", Alarm},
		{80, 80, "████████", Alarm},
		{99, 80, "████████", Alarm}, // v1 may charge beyond a limit that was lowered
		{5, 0, "████████", Alarm},
	} {
		got := bar(tt.usage, tt.limit, 8)
		if got.String() != tt.want || got[0].style != tt.style {
			t.Errorf("%d of %d: %q in %v, want %q in %v", tt.usage, tt.limit, got, got[0].style, tt.want, tt.style)
		}
	}
	if got := bar(1, 2, 0); len(got) != 0 {
		t.Errorf("a bar without room: %q", got)
	}
}

func TestSpark(t *testing.T) {
	limit := ptr(uint64(80))
	point := func(bytes uint64, kills int) model.Point {
		return model.Point{MaxBytes: bytes, Known: true, Kills: kills}
	}
	for _, tt := range []struct {
		name string
		m    model.Memory
		host uint64
		w    int
		want string
	}{
		{"unknown is blank", model.Memory{}, 0, 4, "    "},
		{"the last entry is now", model.Memory{LimitBytes: limit, History: model.SeriesOf(point(80, 0))}, 0, 60,
			blanks(59) + "█"},
		{"a kill", model.Memory{LimitBytes: limit, History: model.SeriesOf(point(80, 1), point(40, 0))}, 0, 60,
			blanks(58) + "×▄"},
		{"the highest of a column counts", model.Memory{LimitBytes: limit, History: model.SeriesOf(point(80, 0), point(10, 0))}, 0, 10,
			blanks(9) + "█"},
		{"a kill is not averaged away", model.Memory{LimitBytes: limit, History: model.SeriesOf(point(8, 1), point(10, 0))}, 0, 10,
			blanks(9) + "×"},
		{"no limit: measured by the host", model.Memory{Unlimited: true, History: model.SeriesOf(point(80, 0))}, 800, 60,
			blanks(59) + "▁"},
		{"neither limit nor host: by its highest", model.Memory{Unlimited: true, History: model.SeriesOf(point(40, 0), point(80, 0))}, 0, 60,
			blanks(58) + "▄█"},
		{"zero is low, not unknown", model.Memory{LimitBytes: limit, History: model.SeriesOf(point(0, 0))}, 0, 60,
			blanks(59) + "▁"},
		{"too long a history", model.Memory{LimitBytes: limit, History: model.SeriesOf(make([]model.Point, 500)...)}, 0, 5, blanks(5)},
		{"more columns than seconds", model.Memory{LimitBytes: limit, History: model.SeriesOf(point(80, 1))}, 0, 120,
			blanks(118) + "×█"},
		{"beyond everything", model.Memory{LimitBytes: limit, History: model.SeriesOf(point(math.MaxUint64, 0))}, 0, 60,
			blanks(59) + "█"},
	} {
		if got := spark(tt.m, tt.host, tt.w).String(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// The CPU graph is as high as the quota, else as the next full CPU; a mark shows where the quota was used up.
func TestCPUGraph(t *testing.T) {
	points := make([]model.Point, model.HistoryLength)
	for i := 30; i < 60; i++ {
		points[i] = model.Point{CPUPercent: 25, CPUKnown: true, Throttled: i > 50}
	}
	points[59].CPUPercent = 130
	for _, tt := range []struct {
		quota float64
		want  []string
	}{
		{0, []string{"! waits            !!!", " 200 % ┤             ▂", "     0 ┤       ▂▂▂▂▂▂█"}},
		{50, []string{"! waits            !!!", "  50 % ┤             █", "     0 ┤       ███████"}},
	} {
		rows := cpuGraph(points, tt.quota, 2, graphLabel+14)
		for i, want := range tt.want {
			if got := strings.TrimLeft(rows[i].String(), " "); !strings.HasSuffix(got, strings.TrimLeft(want, " ")) {
				t.Errorf("quota %g, row %d: %q, want %q", tt.quota, i, rows[i].String(), want)
			}
		}
	}
	if box := cpuBox(&model.Container{Memory: model.Memory{History: flat(5)}}, 2); box.body(60) != nil {
		t.Error("a graph of what is unknown")
	}
}

// The column of CPU is as high as the quota, else as the next full CPU; unknown is blank, and a mark shows where the quota was used up.
func TestCPUSpark(t *testing.T) {
	points := make([]model.Point, model.HistoryLength)
	for i := 30; i < 60; i++ {
		points[i] = model.Point{CPUPercent: 50, CPUKnown: true, Throttled: i == 50}
	}
	points[40].CPUPercent = 0
	c := &model.Container{Memory: model.Memory{History: model.SeriesOf(points...)}}
	for quota, want := range map[float64]string{0: blanks(30) + "▄▄▄▄▄▄▄▄▄▄▁▄▄▄▄▄▄▄▄▄!▄▄▄▄▄▄▄▄▄", 0.5: blanks(30) + "██████████▁█████████!█████████"} {
		c.Limits.CPU = &fact.Limit{Value: &quota}
		if quota == 0 {
			c.Limits.CPU = nil
		}
		if got := cpuSpark(c, 60).String(); got != want {
			t.Errorf("with a quota of %g CPUs: %q, want %q", quota, got, want)
		}
	}
	if got := cpuSpark(&model.Container{}, 5).String(); got != blanks(5) {
		t.Errorf("what is unknown is %q", got)
	}
}
