package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// If the kernel's count cannot be read, the number of OOM kills is unknown: absent, or a question mark.
func TestPsShowsUnknownKillsApartFromNone(t *testing.T) {
	s := &model.Snapshot{
		Containers: []model.Container{
			{ID: "a", Label: "none", Named: true, State: model.Running, OOMKills: new(uint64(0))},
			{ID: "b", Label: "some", Named: true, State: model.Running, OOMKills: new(uint64(7)), OOMKillsAtLeast: 7},
			{ID: "c", Label: "unknown", Named: true, State: model.Running},
			{ID: "d", Label: "more", Named: true, State: model.Running, OOMKillsAtLeast: 3},
		},
		VMs: []model.VM{{VM: fact.VM{PID: 9, Kind: "qemu", Name: "machine"}}},
	}
	var table bytes.Buffer
	if err := WriteWorkloads(&table, Workloads(s), 0, Cells{Zone: time.UTC}); err != nil {
		t.Fatal(err)
	}
	column := strings.Index(strings.SplitN(table.String(), "\n", 2)[0], "OOM")
	for name, want := range map[string]string{"none": "0", "some": "7", "unknown": "?", "more": "3+", "machine": "-"} {
		for line := range strings.Lines(table.String()) {
			if strings.HasPrefix(line, name) && strings.Fields(line[column:])[0] != want {
				t.Errorf("%s, want %s:\n%s", name, want, table.String())
			}
		}
	}

	text, err := json.Marshal(Workloads(s))
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	for i, want := range []any{0.0, 7.0, nil, nil, nil} {
		if got := list[i]["oom_kills"]; got != want {
			t.Errorf("%v has oom_kills %v, want %v", list[i]["name"], got, want)
		}
	}
}

// What is near its limit shows in JSON: what is used of it, when it is reached, whom the kernel would choose.
func TestPsNearTheLimit(t *testing.T) {
	s := &model.Snapshot{Containers: []model.Container{{
		ID: "a", Label: "web", State: model.Running, Memory: model.Memory{UsageBytes: new(uint64(60)), WorkingSetBytes: new(uint64(50))},
		Forecast:   &model.Forecast{Room: fact.MemoryRoom{Cgroup: "/pod", LimitBytes: 64, WorkingSetBytes: 55}, In: 39600 * time.Millisecond, BytesPerSecond: 0.7},
		NextVictim: &fact.NextVictim{PID: 7, Comm: "app", Cgroup: "/pod/b", ScorePages: -3, OOMScoreAdj: -5, Group: "/pod"},
	}, {ID: "b", Label: "far", State: model.Running}}}
	var text bytes.Buffer
	if err := WriteJSON(&text, Workloads(s)); err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	if err := json.Unmarshal(text.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]any{
		{
			"memory":      map[string]any{"usage_bytes": 60.0, "working_set_bytes": 50.0},
			"forecast":    map[string]any{"cgroup": "/pod", "limit_bytes": 64.0, "working_set_bytes": 55.0, "in_seconds": 40.0, "bytes_per_second": 1.0},
			"next_victim": map[string]any{"pid": 7.0, "comm": "app", "cgroup": "/pod/b", "score_pages": -3.0, "oom_score_adj": -5.0, "group": "/pod"},
		},
		{"memory": map[string]any{}, "forecast": nil, "next_victim": nil},
	} {
		for field, value := range want {
			if diff := cmp.Diff(value, list[i][field]); diff != "" {
				t.Errorf("%v: %s (-want +got):\n%s", list[i]["name"], field, diff)
			}
		}
	}
}

// If a limit has no effect, the complete reason stands in its place.
func TestPsShowsLimitsThatDoNotHold(t *testing.T) {
	for _, test := range []struct {
		unheld *fact.Unheld
		stuck  *fact.Stuck
		want   string
	}{
		{nil, nil, "64 MiB"},
		{&fact.Unheld{Cgroup: "/"}, nil, "not held, in /"},
		{&fact.Unheld{}, nil, "not held, in a cgroup that is unknown"},
		{nil, &fact.Stuck{}, "64 MiB, stuck: the OOM killer is off"},
		{&fact.Unheld{Cgroup: "/x"}, &fact.Stuck{}, "not held, in /x; 64 MiB, stuck: the OOM killer is off"},
	} {
		s := &model.Snapshot{Containers: []model.Container{{
			ID: "a", Label: "web", State: model.Running, Image: "IMAGE", Memory: model.Memory{LimitBytes: new(uint64(64 << 20))}, Unheld: test.unheld, Stuck: test.stuck,
		}}}
		var table bytes.Buffer
		if err := WriteWorkloads(&table, Workloads(s), 0, Cells{Zone: time.UTC}); err != nil {
			t.Fatal(err)
		}
		header, row, _ := strings.Cut(table.String(), "\n")
		if got := strings.TrimSpace(row[strings.Index(header, "LIMIT"):strings.Index(header, "OOM")]); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
