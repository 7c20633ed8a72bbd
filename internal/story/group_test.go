package story

import (
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

func TestMembership(t *testing.T) {
	for want, c := range map[string]event.Container{
		"":                                     {Name: "web"},
		"app of the pod shop/cart-7d9f":        {Group: &event.Group{Kind: event.GroupPod, Name: "cart-7d9f", Namespace: "shop", Member: "app"}},
		"the infra container of the pod cart":  {Kind: event.KindPod, Group: &event.Group{Kind: event.GroupPod, Name: "cart"}},
		"worker-2 of the compose project shop": {Kind: event.KindContainer, Group: &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "worker-2"}},
		"in the compose project shop":          {Group: &event.Group{Kind: event.GroupCompose, Name: "shop"}},
	} {
		if got := Membership(c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestMembersOf(t *testing.T) {
	for want, got := range map[string]string{
		"1 container": MembersOf(event.GroupPod, 1), "2 containers": MembersOf(event.GroupCompose, 2), "3 sandboxes": MembersOf(event.GroupProgram, 3),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
