package query

import (
	"fmt"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func names[R any](fields Fields[R]) (names []string) {
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}

func TestFieldNamesAreUnique(t *testing.T) {
	for kind, list := range map[string][]string{
		"container": names(Containers), "vm": names(VMs), "namespace": names(Namespaces), "kill": names(Kills), "event": names(Events),
	} {
		seen := map[string]bool{}
		for _, name := range list {
			if name == "" || seen[name] {
				t.Errorf("a field of a %s is called %q, as another one", kind, name)
			}
			seen[name] = true
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
	e := Event{First: &event.Event{Container: &event.Container{ID: "x", Name: "hog", Group: &event.Group{Name: "till"}}}, Kind: "oom kill", Words: "stress (28502), 60.1 of 64 MiB"}
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
		{found(Namespaces, n, "b d"), "[containers]"},
		{found(Namespaces, &model.Namespace{Type: event.Net}, "runc"), "[]"},
		{found(Kills, k, "hog"), "[container]"},
		{found(Kills, k, "stress"), "[command]"},
		{found(Kills, k, "285"), "[pid]"},
		{found(Kills, &model.Kill{}, "hog"), "[]"},
		{found(Events, e, "OOM"), "[kind]"},
		{found(Events, e, "hog"), "[container]"},
		{found(Events, e, "60.1"), "[words]"},
		{found(Events, Event{First: &event.Event{}}, "hog"), "[]"},
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
