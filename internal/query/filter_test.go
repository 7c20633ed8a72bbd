package query

import (
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

func TestWorkloadFilters(t *testing.T) {
	web := &report.Workload{
		ID: "7edab7c9fba3", Name: "web-1", Image: "nginx:1.29", Runtime: "docker", State: model.Running, OOMKills: new(uint64(2)),
		Group: &event.Group{Kind: event.GroupCompose, Name: "shop"},
	}
	pod := &report.Workload{Kind: "pod", ID: "1ab", Runtime: "containerd", State: model.Exited, OOMKills: new(uint64(0))}
	vm := &report.Workload{Kind: "vm", ID: "vm-9", Runtime: "qemu", Name: "machine", State: model.Running, VM: &report.VM{}}
	some := &report.Workload{ID: "c", State: model.Exited, OOMKillsAtLeast: 1}
	for filter, want := range map[string][]*report.Workload{
		"name=EB": {web}, "name=1": {web, pod}, "name=machine": {vm}, // without a name it is the short id
		"id=7ed": {web}, "id=edab": nil, "id=VM-": {vm},
		"status=running": {web, vm}, "status=Exited": {pod, some}, "status=paused": nil,
		"runtime=docker": {web}, "runtime=dock": nil,
		"kind=container": {web, some}, "kind=pod": {pod}, "kind=vm": {vm}, "kind=service": nil,
		"image=nginx": {web}, "group=shop": {web}, "group=x": nil,
		"oom=true": {web, some}, "oom=false": {pod}, // of a machine it is unknown
	} {
		f, err := Workloads.Parse(filter)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		var got []*report.Workload
		for _, w := range []*report.Workload{web, pod, vm, some} {
			if f.Accepts(w) {
				got = append(got, w)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d are accepted, want %d", filter, len(got), len(want))
		}
	}
}

func TestFiltersThatAreRefused(t *testing.T) {
	for filter, want := range map[string]string{
		"name":            `"name": want KEY=VALUE; the keys are name, id, status, runtime, kind, image, group, oom`,
		"":                "want KEY=VALUE",
		"imgae=nginx":     `no key "imgae"; did you mean image? (keys: name,`,
		"xyzzy=1":         `no key "xyzzy" (keys: name,`,
		"name=":           "want a value",
		"status=up":       `no status "up"; there are created, starting, running, paused, exited`,
		"kind=containers": "there are container, pod, vm, sandbox, service",
		"oom=yes":         "there are true, false",
	} {
		if _, err := Workloads.Parse(filter); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", filter, err, want)
		}
	}
}

// What is filtered by is what is searched in, as far as both have it.
func TestKeysAreFields(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range Workloads.Names() {
		if name == "" || seen[name] {
			t.Errorf("a key is called %q, as another one", name)
		}
		seen[name] = true
	}
	for _, name := range []string{"name", "id", "image", "runtime"} {
		if !seen[name] || !slices.Contains(names(Containers), name) {
			t.Errorf("%s is not both a key and a field", name)
		}
	}
}
