package container

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
)

func TestGroupOf(t *testing.T) {
	compose := func(project, service, number string) map[string]string {
		return map[string]string{"com.docker.compose.project": project, "com.docker.compose.service": service, "com.docker.compose.container-number": number}
	}
	swarm := func(stack, service, task string) map[string]string {
		return map[string]string{"com.docker.stack.namespace": stack, "com.docker.swarm.service.name": service, "com.docker.swarm.task.name": task}
	}
	pod := func(container, typ string) map[string]string {
		return map[string]string{
			"io.kubernetes.pod.name": "cart-7d9f", "io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.uid": "1-2-3",
			"io.kubernetes.container.name": container, "io.kubernetes.docker.type": typ, "com.docker.compose.project": "not this one",
		}
	}
	hostile := "a/b\x1b[2J\n\u202e"
	long := strings.Repeat("x", maxGroupName+1)
	for name, test := range map[string]struct {
		labels map[string]string
		kind   event.Kind
		want   *event.Group
	}{
		"no labels":         {nil, "", nil},
		"others":            {map[string]string{"a": "b", "io.kubernetes.container.name": "POD", "com.docker.swarm.service.name": "web"}, "", nil},
		"compose":           {compose("shop", "worker", "1"), "", &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "worker"}},
		"its second one":    {compose("shop", "worker", "2"), "", &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "worker-2"}},
		"no number":         {compose("shop", "worker", "-2x"), "", &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "worker"}},
		"no service":        {compose("shop", "", "7"), "", &event.Group{Kind: event.GroupCompose, Name: "shop"}},
		"hostile":           {compose(hostile, hostile, hostile), "", &event.Group{Kind: event.GroupCompose, Name: hostile, Member: hostile}},
		"too long":          {compose(long, "worker", "1"), "", nil},
		"service too long":  {compose("shop", long, "2"), "", &event.Group{Kind: event.GroupCompose, Name: "shop"}},
		"stack":             {swarm("shop", "shop_web", "shop_web.1.abc"), "", &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "web"}},
		"its third replica": {swarm("shop", "shop_web", "shop_web.3.abc"), "", &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "web-3"}},
		"on every node":     {swarm("shop", "shop_web", "shop_web.x4r9node.abc"), "", &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "web"}},
		"pod":               {pod("app", "container"), "", &event.Group{Kind: event.GroupPod, Name: "cart-7d9f", Namespace: "shop", Member: "app"}},
		"sandbox":           {pod("", "podsandbox"), event.KindPod, &event.Group{Kind: event.GroupPod, Name: "cart-7d9f", Namespace: "shop"}},
		"older sandbox":     {pod("POD", ""), event.KindPod, &event.Group{Kind: event.GroupPod, Name: "cart-7d9f", Namespace: "shop"}},
	} {
		kind, group := GroupOf(test.labels)
		if diff := cmp.Diff(test.want, group); kind != test.kind || diff != "" {
			t.Errorf("%s: kind %q, want %q; -want +got:\n%s", name, kind, test.kind, diff)
		}
	}
}
