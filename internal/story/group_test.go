package story

import (
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

func TestMembership(t *testing.T) {
	for want, c := range map[string]event.Container{
		"":                                     {Name: "web"},
		"app of the pod shop/cart-7d9f":        {Group: &event.Group{Kind: event.GroupPod, Name: "cart-7d9f", Namespace: "shop", Member: "app"}},
		"the sandbox of the pod cart":          {Kind: event.KindPod, Group: &event.Group{Kind: event.GroupPod, Name: "cart"}},
		"worker-2 of the compose project shop": {Kind: event.KindContainer, Group: &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "worker-2"}},
		"in the compose project shop":          {Group: &event.Group{Kind: event.GroupCompose, Name: "shop"}},
	} {
		if got := Membership(c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
