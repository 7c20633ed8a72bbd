package report

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// grouped returns a host with a pod, its namesake in another namespace, and a compose project.
func grouped() *model.Snapshot {
	n := 0
	one := func(label string, state model.ContainerState, kind event.Kind, group *event.Group) model.Container {
		n++
		return model.Container{
			ID: fmt.Sprintf("%064x", 0xe0+n), Label: label, Named: true, State: state, Kind: kind, Group: group, Exited: end.Add(time.Duration(n) * time.Second),
		}
	}
	pod := func(namespace, member string) *event.Group {
		return &event.Group{Kind: event.GroupPod, Namespace: namespace, Name: "cart-7d9f", Member: member}
	}
	service := func(name string) *event.Group {
		return &event.Group{Kind: event.GroupCompose, Name: "shop", Member: name}
	}
	return &model.Snapshot{Containers: []model.Container{
		one("pause", model.Running, event.KindPod, pod("shop", "")),
		one("app", model.Running, "", pod("shop", "app")),
		one("side", model.Running, "", pod("shop", "side")),
		one("app-2", model.Running, "", pod("test", "app")),
		one("shop-web-1", model.Running, "", service("web")),
		one("shop-worker-1", model.Exited, "", service("worker")), one("shop-worker-1", model.Exited, "", service("worker")),
		one("job", model.Exited, "", service("web")),
		one("twin-a", model.Running, "", service("twin")), one("twin-b", model.Running, "", service("twin")),
		one("lone", model.Running, "", &event.Group{Kind: event.GroupCompose, Name: "e", Member: "lone"}),
		one("infra", model.Running, event.KindPod, &event.Group{Kind: event.GroupPod, Name: "empty"}),
		one("side2", model.Running, "", &event.Group{Kind: event.GroupCompose, Name: "app", Member: "x"}),
	}}
}

func TestFindByGroup(t *testing.T) {
	s := grouped()
	for name, want := range map[string]int{
		"shop/cart-7d9f/app": 1, "shop/cart-7d9f/side": 2, "cart-7d9f/side": 2, "test/cart-7d9f": 3, "test/cart-7d9f/app": 3,
		"shop/web": 4, "/shop/web": 4, "shop/worker": 6, "e/lone": 10,
		"e":          10, // the project goes before ids that begin so
		"empty":      11, // there is nothing but its sandbox
		"app":        1,  // a container's name goes before a project's
		"app/x":      12,
		"pause":      0,
		"shop-web-1": 4,
	} {
		if got, err := Find(s, name); err != nil || got != &s.Containers[want] {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{
		"shop/cart-7d9f": `"shop/cart-7d9f" stands for several containers: shop/cart-7d9f/app (app), shop/cart-7d9f/side (side); name one of them`,
		"cart-7d9f/app":  `"cart-7d9f/app" stands for several containers: shop/cart-7d9f/app (app), test/cart-7d9f/app (app-2); name one of them`,
		"shop": `"shop" stands for several containers: shop/web (shop-web-1), shop/worker (shop-worker-1), shop/twin (twin-a), shop/twin (twin-b); ` +
			`name one of them`,
		"shop/twin": `"shop/twin" stands for several containers: shop/twin (twin-a), shop/twin (twin-b); name one of them`,
	} {
		var ambiguous *AmbiguousError
		if got, err := Find(s, name); !errors.As(err, &ambiguous) || err.Error() != want {
			t.Errorf("%s: %+v, %v, want %s", name, got, err, want)
		}
	}
	for _, name := range []string{"shop/", "/cart-7d9f/", "cart-7d9f/nope", "shop/cart-7d9f/", "nope/cart-7d9f", "worker", "shop/pause", ""} {
		var missing *NotFoundError
		if got, err := Find(s, name); !errors.As(err, &missing) {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
}

func TestFindAll(t *testing.T) {
	s := grouped()
	for name, want := range map[string]string{
		"shop/cart-7d9f": "pause app side", "cart-7d9f": "pause app side app-2", "shop": "shop-web-1 shop-worker-1 twin-a twin-b",
		"/shop/web": "shop-web-1", "app": "app", "empty": "infra", "e": "lone",
	} {
		list, err := FindAll(s, name)
		var labels []string
		for _, c := range list {
			labels = append(labels, c.Label)
		}
		if got := strings.Join(labels, " "); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, want)
		}
	}
	for _, name := range []string{"nope", "", "000"} {
		if list, err := FindAll(s, name); err == nil {
			t.Errorf("%q: %v", name, list)
		}
	}
}

// A number that is the name of a group with several members is not taken for a PID.
func TestFindByPIDInGroup(t *testing.T) {
	project := func(member string) *event.Group {
		return &event.Group{Kind: event.GroupCompose, Name: "42", Member: member}
	}
	s := &model.Snapshot{Containers: []model.Container{
		{ID: "aa", Label: "a\x1b", State: model.Running, InitPID: 42, Group: project("a")}, {ID: "bb", Label: "b", State: model.Running, Group: project("b")},
	}}
	cgroupOf := func(int32) (string, error) { return "/", nil }
	if c, err := FindByPID(s, "42", cgroupOf, noNamespaces); err == nil || err.Error() != `"42" stands for several containers: 42/a (a\x1b), 42/b (b); name one of them` {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := FindByPID(s, "42/b", cgroupOf, noNamespaces); err != nil || c.ID != "bb" {
		t.Errorf("%+v, %v", c, err)
	}
}
