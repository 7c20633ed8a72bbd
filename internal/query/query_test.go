package query

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// The name of each field is one that an expression can have, and unique; what it is is said.
func TestFields(t *testing.T) {
	for kind, specs := range map[string][]*Spec{
		"container": Containers.specs(), "vm": VMs.specs(), "namespace": Namespaces.specs(), "kill": Kills.specs(), "event": Events.specs(),
		"workload": Workloads.specs(),
	} {
		seen := map[string]bool{}
		for _, s := range specs {
			if seen[s.Name] || !regexp.MustCompile(`^[a-z][a-z_.]*$`).MatchString(s.Name) {
				t.Errorf("a field of a %s is called %q, as another one", kind, s.Name)
			}
			seen[s.Name] = true
			texts := s.Type == Text || s.Type == Set
			if s.About == "" || !texts && (s.Compare != Equals || s.Values != nil) || s.Truth && s.Type != Number {
				t.Errorf("%s of a %s: %+v", s.Name, kind, s)
			}
		}
	}
}

// found lists the fields that contain a text, of those that a row has.
func found[R any](fields Fields[R], row R, text string) (names []string) {
	for _, f := range fields {
		if (Fields[R]{f}).Match(row, text) {
			names = append(names, f.Name)
		}
	}
	return names
}

func TestMatch(t *testing.T) {
	c := &model.Container{Label: "web-1", ID: "7edab7c9fba3", Image: "nginx:1.29", Runtime: "docker", InitComm: "nginx"}
	pod := &model.Container{Label: "x", Group: &event.Group{Kind: event.GroupPod, Name: "cart-7d9f", Namespace: "shop", Member: "app"}}
	project := &model.Container{Label: "x", Group: &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "worker-2"}}
	vm := &model.VM{VM: fact.VM{Name: "less", Kind: "qemu", Manager: "kata", Acceleration: "kvm"}, Container: "pod"}
	n := &model.Namespace{
		Type: event.Net, ID: 4026532184, Creator: &event.Process{Comm: "runc:[1:CHILD]"}, Containers: []string{"web", "db"}, PinnedBy: []string{"/run/netns/x"},
	}
	k := &model.Kill{Event: event.Event{OOM: &event.OOM{Victim: event.Victim{PID: 28502, Comm: "stress", Container: &event.Container{ID: "x", Name: "hog", Group: project.Group}}}}}
	e := Event{
		First: &event.Event{Container: &event.Container{ID: "x", Name: "hog", Group: &event.Group{Name: "till"}}},
		Line:  func() string { return "oom kill  stress (28502), 60.1 of 64 MiB" },
	}
	for _, tt := range []struct {
		got  []string
		want string
	}{
		{found(Containers, c, "NGINX"), "[image command]"},
		{found(Containers, c, "web"), "[name]"},
		{found(Containers, c, "7edab"), "[id]"},
		{found(Containers, c, "docker"), "[runtime]"},
		{found(Containers, c, "zebra"), "[]"},
		{found(Containers, c, ""), "[name id former_names image runtime command group member pod project namespace]"},
		{found(Containers, pod, "CART"), "[group member pod]"},
		{found(Containers, pod, "shop/cart-7d9f/app"), "[member]"},
		{found(Containers, pod, "sho"), "[group member namespace]"},
		{found(Containers, project, "shop"), "[group member project]"},
		{found(Containers, project, "shop/worker"), "[member]"},
		{found(Kills, k, "shop/worker-2"), "[group]"},
		{found(Events, e, "till"), "[group]"},
		{found(VMs, vm, "vm"), "[acceleration kind]"},
		{found(VMs, vm, "kata"), "[manager]"},
		{found(VMs, vm, "po"), "[container]"},
		{found(Namespaces, n, "NET"), "[type pinned_by]"},
		{found(Namespaces, n, "4026532184"), "[id]"},
		{found(Namespaces, n, "runc"), "[creator]"},
		{found(Namespaces, n, "b d"), "[container]"},
		{found(Namespaces, &model.Namespace{Type: event.Net}, "runc"), "[]"},
		{found(Kills, k, "hog"), "[container]"},
		{found(Kills, k, "stress"), "[command]"},
		{found(Kills, k, "285"), "[pid]"},
		{found(Kills, &model.Kill{}, "hog"), "[]"},
		{found(Events, e, "OOM"), "[line]"},
		{found(Events, e, "hog"), "[container]"},
		{found(Events, e, "60.1"), "[line]"},
		{found(Events, Event{First: &event.Event{}, Line: func() string { return "" }}, "hog"), "[]"},
	} {
		if fmt.Sprint(tt.got) != tt.want {
			t.Errorf("found in %v, want %s", tt.got, tt.want)
		}
	}
}

func ExampleFields_Match() {
	containers := []model.Container{
		{Label: "web", Image: "nginx:1.29"}, {Label: "db", Image: "postgres:18"},
	}
	for i := range containers {
		if c := &containers[i]; Containers.Match(c, "Nginx") {
			fmt.Println(c.Label)
		}
	}
	// Output: web
}
