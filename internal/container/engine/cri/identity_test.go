package cri

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestContainerHasTheLabelsOfItsPod(t *testing.T) {
	c, of := in(1, 2, "app", "busybox"), pod(1, "cart")
	of.Labels = map[string]string{"app": "cart", "tier": "back"}
	identity, ok := ofContainer("containerd", c, of, "busybox")
	if diff := cmp.Diff(map[string]string{"app": "cart", "tier": "front"}, identity.Labels); diff != "" || !ok {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if of.Labels["tier"] != "back" {
		t.Error("the pod's own labels were changed")
	}
	if identity, _ := ofContainer("containerd", c, nil, "busybox"); identity.Labels["tier"] != "front" {
		t.Errorf("without a pod it has %v", identity.Labels)
	}
}
