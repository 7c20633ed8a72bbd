package otlp

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"

	"github.com/nsviz/nsviz/internal/event"
)

// examples returns the events of docs/EVENTS.md, as they are and as their JSON has them. A test of internal/event holds that
// every field is in one of them.
func examples(t *testing.T) (events []event.Event, lines []string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/EVENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		for line := range strings.Lines(block[1]) {
			var e event.Event
			if err := json.Unmarshal([]byte(line), &e); err == nil && slices.Contains(event.Types(), e.Type) {
				events, lines = append(events, e), append(lines, line)
			}
		}
	}
	if len(events) < len(event.Types()) {
		t.Fatalf("%d examples", len(events))
	}
	return events, lines
}

// documented returns the rows of a table of docs/OTLP.md, by the text in the first cell of its heading.
func documented(t *testing.T, heading string) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/OTLP.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), "| "+heading+" |")
	if !ok {
		t.Fatalf("no table with %q", heading)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := map[string]string{}
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) == 4 && strings.Contains(cells[1], "`") {
			rows[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[2])
		}
	}
	return rows
}

// flatten returns the values in an object of JSON by their path. Lists and the maps of namespaces and labels are values.
func flatten(path string, object map[string]any, into map[string]any) {
	for name, v := range object {
		at := strings.TrimPrefix(path+"."+name, ".")
		if below, ok := v.(map[string]any); ok && name != "namespaces" && name != "labels" {
			flatten(at, below, into)
			continue
		}
		into[at] = v
	}
}

// plain returns a value as encoding/json would read it.
func plain(v attribute.Value) any {
	switch v.Type() {
	case attribute.BOOL:
		return v.AsBool()
	case attribute.INT64:
		return float64(v.AsInt64())
	case attribute.FLOAT64:
		return v.AsFloat64()
	case attribute.SLICE:
		var list []any
		for _, item := range v.AsSlice() {
			list = append(list, plain(item))
		}
		return list
	case attribute.MAP:
		object := map[string]any{}
		for _, kv := range v.AsMap() {
			object[string(kv.Key)] = plain(kv.Value)
		}
		return object
	case attribute.STRINGSLICE:
		return v.AsStringSlice()
	}
	return v.AsString()
}

// The attributes of an event are its JSON, under the names that docs/OTLP.md has.
func TestAttributesAreTheJSON(t *testing.T) {
	fields := documented(t, "field")
	events, lines := examples(t)
	used := map[string]bool{}
	for i, line := range lines {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatal(err)
		}
		leaves := map[string]any{}
		flatten("", object, leaves)
		subject := events[i].Subject()
		// The workload's own fields, and those of the same one elsewhere, are checked by another test.
		var containers []string
		for path, v := range leaves {
			if of, ok := strings.CutSuffix(path, ".id"); ok && subject != nil && v == subject.ID && !strings.HasSuffix(of, ".parent") {
				containers = append(containers, of+".")
			}
		}
		want := map[string]any{}
		for path, v := range leaves {
			if slices.Contains([]string{"time", "type", "oom.victim.pid"}, path) ||
				slices.ContainsFunc(containers, func(prefix string) bool { return strings.HasPrefix(path, prefix) }) {
				continue
			}
			key := "nsviz." + path
			if name, ok := fields[path]; ok {
				key, used[path] = strings.Trim(name, "`"), true
			}
			want[key] = v
		}
		got := map[string]any{}
		for _, kv := range attributes(&events[i])[len(workload(subject)):] {
			if _, twice := got[string(kv.Key)]; twice {
				t.Errorf("%s twice in %s", kv.Key, line)
			}
			got[string(kv.Key)] = plain(kv.Value)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n%s", line, diff)
		}
	}
	for path := range fields {
		if !used[path] {
			t.Errorf("%s is documented and in no event", path)
		}
	}
}

func TestWorkload(t *testing.T) {
	c := event.Container{
		ID: "c1", Name: "web", Kind: event.KindSandbox, Image: "registry:5000/team/nginx:1.29@sha256:00", Runtime: "docker",
		Labels: map[string]string{"team": "a\xff"}, Parent: &event.Container{ID: "p1", Name: "outer"},
		Group: &event.Group{Kind: event.GroupCompose, Name: "shop", Namespace: "n", Member: "db"},
	}
	pod := event.Container{ID: "c2", Group: &event.Group{Kind: event.GroupPod, Name: "web-0", Namespace: "default", Member: "nginx"}}
	got := func(c *event.Container) map[string]any {
		list := map[string]any{}
		for _, kv := range workload(c) {
			list[string(kv.Key)] = plain(kv.Value)
		}
		return list
	}
	first, second := got(&c), got(&pod)
	if diff := cmp.Diff(map[string]any{
		"container.id": "c1", "container.name": "web", "nsviz.container.kind": "sandbox", "container.image.name": "registry:5000/team/nginx",
		"container.image.tags": []string{"1.29"}, "container.runtime.name": "docker", "container.label.team": "a\uFFFD",
		"nsviz.container.parent.id": "p1", "nsviz.container.parent.name": "outer", "nsviz.container.group.kind": "compose",
		"nsviz.container.group.name": "shop", "nsviz.container.group.namespace": "n", "nsviz.container.group.member": "db",
	}, first); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{
		"container.id": "c2", "k8s.pod.name": "web-0", "k8s.namespace.name": "default", "k8s.container.name": "nginx",
	}, second); diff != "" {
		t.Error(diff)
	}
	// All of these are in docs/OTLP.md, and nothing else.
	named := map[string]bool{}
	for _, cell := range documented(t, "field of a container") {
		for _, name := range regexp.MustCompile("`([a-zA-Z0-9_.]+)`").FindAllStringSubmatch(cell, -1) {
			named[strings.ReplaceAll(name[1], "KEY", "team")] = true
		}
	}
	want := map[string]bool{}
	for _, key := range slices.Concat(slices.Collect(maps.Keys(first)), slices.Collect(maps.Keys(second))) {
		want[key] = true
	}
	if diff := cmp.Diff(want, named); diff != "" {
		t.Error(diff)
	}
	if workload(nil) != nil {
		t.Error("the host is a container")
	}
}

func TestImage(t *testing.T) {
	for reference, want := range map[string][2]string{
		"nginx": {"nginx", ""}, "nginx:1.29": {"nginx", "1.29"}, "r:5000/a": {"r:5000/a", ""}, "r:5000/a:b": {"r:5000/a", "b"},
		"sha256:0011": {"sha256:0011", ""}, "a@sha256:00": {"a", ""}, "": {"", ""},
	} {
		if name, tag := image(reference); name != want[0] || tag != want[1] {
			t.Errorf("%s: %q %q", reference, name, tag)
		}
	}
}

// Values that OTLP has no form for are not lost, nor do they break a request.
func TestOddValues(t *testing.T) {
	e := event.Event{
		Time: time.Unix(1, 0), Type: event.OOMKill, Comm: "a\xffb",
		OOM: &event.OOM{Decision: 1 << 63, Trigger: &event.Process{Container: &event.Container{ID: "x", Labels: map[string]string{"k": "v\xff"}}}},
	}
	got := map[string]any{}
	for _, kv := range attributes(&e) {
		got[string(kv.Key)] = plain(kv.Value)
	}
	if diff := cmp.Diff(map[string]any{
		"nsviz.comm": "a\uFFFDb", "nsviz.oom.decision": "9223372036854775808", "nsviz.oom.trigger.container.id": "x",
		"nsviz.oom.trigger.container.labels": map[string]any{"k": "v\uFFFD"},
	}, got); diff != "" {
		t.Error(diff)
	}
}
