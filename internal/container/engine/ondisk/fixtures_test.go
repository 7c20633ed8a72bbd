package ondisk

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
)

// The files in testdata/host are those of real containers of containerd 1.6, Docker 20.10, podman 4.3, runc 1.1 and crun 1.8, without their
// mounts and filters; those of Kubernetes and nerdctl have their annotations instead.
func TestFixtures(t *testing.T) {
	pod := func(namespace, name, member string) *event.Group {
		return &event.Group{Kind: event.GroupPod, Namespace: namespace, Name: name, Member: member}
	}
	s := runtimesHost(t).source()
	for _, want := range []container.Identity{
		{ID: "web", Runtime: "containerd", Name: "web", CgroupEnd: "/default/web"},
		{
			ID: "48b1f6f1d7b2b3dcb5a85d6e7c38adfdd3f9a3c0f7cf3f4fb4ac08ea2fd0a1c7", Runtime: "containerd", Name: "shop-front-1",
			Group: &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "front"}, Labels: map[string]string{
				"nerdctl/name": "shop-front-1", "nerdctl/namespace": "default", "com.docker.compose.project": "shop", "com.docker.compose.service": "front",
			},
		},
		{
			ID: "71c0e9b88f2e4d5db3f1e9e6d7c4a3b291f0d8c7b6a59483726150493827160f", Runtime: "containerd", Name: "shop/cart-7d9f/app", Image: "docker.io/library/cart:2",
			Group: pod("shop", "cart-7d9f", "app"),
		},
		{
			ID: "9f6f0de4cb2f4b6f9f1a04a3b5a0c4a45b8a7b5f0b9c8b8f7f2d3c2b1a09f8e7", Runtime: "containerd", Name: "shop/cart-7d9f", Kind: event.KindPod,
			Group: pod("shop", "cart-7d9f", ""),
		},
		{
			ID: "c0de5ca1ab1e00112233445566778899aabbccddeeff00112233445566778899", Runtime: "cri-o", Name: "bank/pay-0/api", Image: "quay.io/bank/api:7",
			Group: pod("bank", "pay-0", "api"),
		},
		{
			ID: "c0ffee00d1e2f3a4b5c6d7e8f90112233445566778899aabbccddeeff0011223", Runtime: "cri-o", Name: "bank/pay-0", Kind: event.KindPod,
			Group: pod("bank", "pay-0", ""),
		},
		{
			ID: "3fc43cb989dc147b077241d7d091355ecc5f1004045201a2831a2c245afa1437", Runtime: "podman", Name: "shop-web", Image: "localhost/nsviz-busybox:1",
		},
		{
			ID: "2f71ccd63a1e49dcdc257b58c9ceb7c802d0bba45abe8923bb0ce160b0fc74e1", Runtime: "podman", Name: "worker", Image: "localhost/nsviz-busybox:1",
			Group: pod("", "shop-pod", "worker"),
		},
		{
			ID: "ac9cb40d59f778e453741916a64392efc63030c49af8efcfcacef95b05c7f329", Runtime: "podman", Name: "62d972ebe791-infra", Image: "localhost/nsviz-busybox:1",
			Kind: event.KindPod, Group: pod("", "shop-pod", ""),
		},
		{
			ID: "1f9f3cea770b1c3f36d1c38fbcdb53dd289a998e9273c5f484baa3b01fb8d519", Runtime: "docker", Name: "worker", Image: "nsviz-busybox:1",
			Group:  &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "worker"},
			Labels: map[string]string{"com.docker.compose.project": "shop", "com.docker.compose.service": "worker"},
		},
		{ID: "bare-crun", Runtime: "crun", Name: "bare-crun"},
	} {
		want.Source = container.SourceFiles
		got, _ := identify(t, s, want.ID)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// podman's containers have the bundles of their own in what runc keeps of them.
func TestRuncLeadsToPodman(t *testing.T) {
	s := runtimesHost(t).source()
	place := place{dir: "/run/runc", layout: states{"runc"}}
	f, ok := s.findIn(t.Context(), place, "2f71ccd63a1e49dcdc257b58c9ceb7c802d0bba45abe8923bb0ce160b0fc74e1")
	if !ok || f.Name != "" || f.pid == 0 || f.startTicks == 0 {
		t.Errorf("%+v", f)
	}
	if in, ok := placeOf(f.bundle); !ok || in.layout != (storage{}) {
		t.Errorf("%q is in %+v", f.bundle, in)
	}
}

// What Docker was told is in the bundle that its containerd has.
func TestSettingsOfDocker(t *testing.T) {
	settings, err := runtimesHost(t).source().Settings(t.Context(), "1f9f3cea770b1c3f36d1c38fbcdb53dd289a998e9273c5f484baa3b01fb8d519")
	if err != nil {
		t.Fatal(err)
	}
	if settings.Engine != "docker" || settings.MemoryBytes != 64<<20 || settings.CPUs != 0.5 || settings.PIDs != 30 || len(settings.CapAdd) != 14 {
		t.Errorf("%+v", settings)
	}
}
