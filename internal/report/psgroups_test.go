package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
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
	if err := WriteWorkloads(&table, s, time.UTC); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(table.String()) {
		// Name, memory, OOM and the last column; the columns between them are as in any other table.
		header, _, _ := strings.Cut(table.String(), "\n")
		at := func(title, next string) string {
			from, to := strings.Index(header, title), len(line)
			if next != "" {
				to = strings.Index(header, next)
			}
			runes := []rune(line)
			return string(runes[min(from, len(runes)):min(to, len(runes))])
		}
		got = append(got, strings.TrimRight(at("CONTAINER", "HOST PID"), " ")+"|"+strings.TrimSpace(at("MEMORY", "LIMIT"))+"|"+
			strings.TrimSpace(at("OOM", "IMAGE"))+"|"+strings.TrimSpace(at("IMAGE", "")))
	}
	want := []string{
		"CONTAINER|MEMORY|OOM|IMAGE",
		"alone|1 MiB|0|image",
		"shop/cart-7d9f · pod|21 MiB|3|1 container",
		"  app|20 MiB|3|image",
		"  pause (sandbox)|1 MiB|0|image",
		"shop · compose|5 MiB+|1|2 containers",
		"  shop-web-1|5 MiB|0|image",
		"  shop-db-1|?|1|image",
		"last|1 MiB|0|image",
		`a\x1b[2J\x0ab\u202e · compose|?|0|1 container`,
		"  odd|?|0|image",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s\n%s", diff, table.String())
	}
}
