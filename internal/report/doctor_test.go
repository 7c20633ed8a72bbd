package report

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/collect/ownmemory"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/probes"
)

// Doctor reports what it could not find out as unknown, with the reason.
func TestDiagnosisOfUnknown(t *testing.T) {
	for _, tt := range []struct {
		diagnosis Diagnosis
		want      []string
	}{
		{Diagnosis{Snapshot: &model.Snapshot{}, Unlooked: errors.New("open /x: permission denied")}, []string{
			"containers  unknown: open /x: permission denied\n", "host        ?, Linux ?,", "no probe could be attached",
		}},
		{Diagnosis{Snapshot: &model.Snapshot{
			Host:       fact.Host{Name: "here", Kernel: "6.1"},
			Containers: []model.Container{{State: model.Running}, {State: model.Exited}},
		}}, []string{"containers  1 running\n", "host        here, Linux 6.1,"}},
	} {
		var out bytes.Buffer
		if err := tt.diagnosis.WriteText(&out); err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("want %q in\n%s", want, &out)
			}
		}
	}
}

func TestOwnMemory(t *testing.T) {
	for _, tt := range []struct {
		own        *fact.OwnMemory
		goLimit    int64
		containers int
		want       string
	}{
		{nil, math.MaxInt64, 0, "its limit is unknown; nsviz needs about 32 MiB for 0 containers"},
		{&fact.OwnMemory{}, 50 << 20, 0, "without a limit, the Go runtime keeps to 50 MiB; nsviz needs about 32 MiB for 0 containers"},
		{
			&fact.OwnMemory{LimitBytes: new(uint64(64 << 20)), Cgroup: "/a\n"}, 58 << 20, 100,
			`limit of 64 MiB of the cgroup /a\x0a, the Go runtime keeps to 58 MiB; nsviz needs about 39.8 MiB for 100 containers`,
		},
		{
			&fact.OwnMemory{LimitBytes: new(uint64(64 << 20))}, math.MaxInt64, 1000,
			"limit of 64 MiB of a cgroup above, out of sight; nsviz needs about 110 MiB for 1000 containers: the limit is too low",
		},
	} {
		d := Diagnosis{
			Snapshot:   &model.Snapshot{OwnMemory: tt.own, Containers: slices.Repeat([]model.Container{{State: model.Running}}, tt.containers)},
			NeedsBytes: ownmemory.Needed(tt.containers), GoLimitBytes: tt.goLimit,
		}
		if got := d.ownMemory(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// Each method in use is explained.
func TestEveryMethodIsExplained(t *testing.T) {
	want := append(probes.Methods(), fact.MethodFanotify, fact.MethodNone)
	var got []fact.Method
	for _, m := range methods() {
		got = append(got, m.name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("explained are %v, want %v", got, want)
	}
}
