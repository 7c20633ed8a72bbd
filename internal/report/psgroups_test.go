package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// The members of a pod or project stand below its heading, with the sums in the columns, and the sandbox of a pod last.
func TestPsNestsGroups(t *testing.T) {
	one := func(label string, kind event.Kind, mib, kills uint64, group *event.Group) model.Container {
		c := model.Container{ID: label, Label: label, Named: true, Kind: kind, Group: group, State: model.Running, OOMKills: &kills, Image: "image"}
		if mib > 0 {
			c.Memory.UsageBytes = new(mib << 20)
		}
		return c
	}
	pod := func(member string) *event.Group {
		return &event.Group{Kind: event.GroupPod, Namespace: "shop", Name: "cart-7d9f", Member: member}
	}
	shop := &event.Group{Kind: event.GroupCompose, Name: "shop"}
	hostile := &event.Group{Kind: event.GroupCompose, Name: "a\x1b[2J\nb\u202e"}
	s := &model.Snapshot{Containers: []model.Container{
		one("alone", "", 1, 0, nil), one("pause", event.KindPod, 1, 0, pod("")), one("shop-web-1", "", 5, 0, shop), one("app", "", 20, 3, pod("app")),
		one("last", "", 1, 0, nil), one("shop-db-1", "", 0, 1, shop), one("odd", "", 0, 0, hostile),
	}}
	var table bytes.Buffer
	if err := WriteWorkloads(&table, Workloads(s), 0, Cells{Zone: time.UTC}); err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(table.String(), "\n")
	// Name, status, memory, OOM and the last column; the columns between them are as in any other table.
	at := func(line, title, next string) string {
		from, to := strings.Index(header, title), len(line)
		if next != "" {
			to = strings.Index(header, next)
		}
		runes := []rune(line)
		return strings.TrimRight(string(runes[min(from, len(runes)):min(to, len(runes))]), " \n")
	}
	var got []string
	for line := range strings.Lines(table.String()) {
		got = append(got, at(line, titleName, titleID)+"|"+at(line, titleStatus, titlePID)+"|"+at(line, titleMemory, titleLimit)+"|"+
			at(line, titleOOM, titleImage)+"|"+at(line, titleImage, ""))
	}
	want := []string{
		"NAME|STATUS|MEMORY|OOM|IMAGE",
		"alone|Running|1 MiB|0|image",
		"shop/cart-7d9f · pod|1 container|21 MiB|3|",
		"  app|Running|20 MiB|3|image",
		"  pause (infra)|Running|1 MiB|0|image",
		"shop · compose|2 containers|5 MiB+|1|",
		"  shop-web-1|Running|5 MiB|0|image",
		"  shop-db-1|Running|?|1|image",
		"last|Running|1 MiB|0|image",
		`a\x1b[2J\x0ab\u202e · compose|1 container|?|0|`,
		"  odd|Running|?|0|image",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s\n%s", diff, table.String())
	}
}

// The outer one of containers that run in each other says how many there are, and what is no container says so.
func TestPsNamesKinds(t *testing.T) {
	s := &model.Snapshot{Containers: []model.Container{
		{ID: "node", Label: "node", Named: true, State: model.Running, Inside: 2},
		{ID: "pid-1", Label: "bwrap-812", Named: true, State: model.Running, Kind: event.KindSandbox},
		{ID: "/a.service", Label: "a.service", Named: true, State: model.Running, Kind: event.KindService},
	}}
	var table bytes.Buffer
	if err := WriteWorkloads(&table, Workloads(s), 0, Cells{Zone: time.UTC}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"node (2 inside)", "bwrap-812 (sandbox)", "a.service (service)"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("no %s in\n%s", want, table.String())
		}
	}
}

// The table has the larger one of what nsviz saw and what the engine counts; JSON has both.
func TestPsRestarts(t *testing.T) {
	n := func(n uint64) *uint64 { return &n }
	list := Workloads(&model.Snapshot{Containers: []model.Container{
		{ID: "a", Label: "early", Named: true, State: model.Running, Restarts: n(1), EngineRestarts: n(7)}, {ID: "b", Label: "byhand", Named: true, State: model.Running, Restarts: n(3), EngineRestarts: n(0)},
		{ID: "c", Label: "seen", Named: true, State: model.Running, Restarts: n(2)}, {ID: "d", Label: "counted", Named: true, State: model.Running, EngineRestarts: n(5)},
		{ID: "e", Label: "neither", Named: true, State: model.Running},
	}, VMs: []model.VM{{VM: fact.VM{PID: 9, Name: "machine"}}}})
	var table bytes.Buffer
	if err := WriteWorkloads(&table, list, 0, Cells{Zone: time.UTC}); err != nil {
		t.Fatal(err)
	}
	header, rows, _ := strings.Cut(table.String(), "\n")
	var got []string
	for row := range strings.Lines(rows) {
		got = append(got, strings.Fields(row)[0]+" "+strings.Fields(row[strings.Index(header, titleRestarts):])[0])
	}
	if diff := cmp.Diff([]string{"early 7", "byhand 3", "seen 2", "counted 5", "neither ?", "machine -"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if w := list[0]; *w.Restarts != 1 || *w.EngineRestarts != 7 {
		t.Errorf("%+v", w)
	}
}
