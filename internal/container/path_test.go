package container

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container/runtime"
)

var (
	idA = strings.Repeat("a1b2", 16)
	idB = strings.Repeat("0f9e", 16)
	idC = strings.Repeat("c", 64)
)

func TestParse(t *testing.T) {
	pod := "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_e4f5.slice"
	tests := []struct {
		name, path string
		want       Ref
	}{
		{"docker, cgroupfs", "/docker/" + idA, Ref{Runtime: "docker", ID: idA, Root: "/docker/" + idA}},
		{"docker, a cgroup below", "/docker/" + idA + "/init", Ref{Runtime: "docker", ID: idA, Root: "/docker/" + idA}},
		{
			"docker, systemd", "/system.slice/docker-" + idA + ".scope",
			Ref{Runtime: "docker", ID: idA, Root: "/system.slice/docker-" + idA + ".scope"},
		},
		{
			"a service in a container", "/system.slice/docker-" + idA + ".scope/system.slice/nginx.service",
			Ref{Runtime: "docker", ID: idA, Root: "/system.slice/docker-" + idA + ".scope"},
		},
		{"docker run --cgroup-parent, cgroupfs", "/batch/jobs/" + idA, Ref{ID: idA, Root: "/batch/jobs/" + idA}},
		{
			"docker run --cgroup-parent, systemd", "/batch.slice/docker-" + idA + ".scope",
			Ref{Runtime: "docker", ID: idA, Root: "/batch.slice/docker-" + idA + ".scope"},
		},
		{"at the top", "/" + idA, Ref{ID: idA, Root: "/" + idA}},
		{
			"podman, crun", "/machine.slice/libpod-" + idA + ".scope/container",
			Ref{Runtime: "podman", ID: idA, Root: "/machine.slice/libpod-" + idA + ".scope"},
		},
		{
			"podman, cgroupfs", "/libpod_parent/libpod-" + idA,
			Ref{Runtime: "podman", ID: idA, Root: "/libpod_parent/libpod-" + idA},
		},
		{
			"rootless podman", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope/container",
			Ref{Runtime: "podman", ID: idA, Root: "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope"},
		},
		{
			"containerd in Kubernetes", pod + "/cri-containerd-" + idA + ".scope",
			Ref{Runtime: "containerd", ID: idA, Root: pod + "/cri-containerd-" + idA + ".scope"},
		},
		{
			"containerd in Kubernetes, cgroupfs", "/kubepods/besteffort/pod0a1b2c3d-e4f5/" + idA,
			Ref{ID: idA, Root: "/kubepods/besteffort/pod0a1b2c3d-e4f5/" + idA},
		},
		{
			"containerd with cgroupfs below a kubelet with systemd", "/system.slice/containerd.service/kubepods-pod0a1b.slice:cri-containerd:" + idA,
			Ref{Runtime: "containerd", ID: idA, Root: "/system.slice/containerd.service/kubepods-pod0a1b.slice:cri-containerd:" + idA},
		},
		{"podman with cgroupfs and a slice", "/user.slice:libpod:" + idA, Ref{Runtime: "podman", ID: idA, Root: "/user.slice:libpod:" + idA}},
		{"nerdctl with cgroupfs and a slice", "/x.slice:nerdctl:" + idA, Ref{Runtime: "containerd", ID: idA, Root: "/x.slice:nerdctl:" + idA}},
		{"CRI-O with cgroupfs and a slice", "/x.slice:crio:" + idA, Ref{Runtime: "cri-o", ID: idA, Root: "/x.slice:crio:" + idA}},
		{"docker with cgroupfs and a slice", "/system.slice:docker:" + idA, Ref{Runtime: "docker", ID: idA, Root: "/system.slice:docker:" + idA}},
		{"nerdctl", "/system.slice/nerdctl-" + idA + ".scope", Ref{Runtime: "containerd", ID: idA, Root: "/system.slice/nerdctl-" + idA + ".scope"}},
		{
			"CRI-O", pod + "/crio-" + idA + ".scope/container",
			Ref{Runtime: "cri-o", ID: idA, Root: pod + "/crio-" + idA + ".scope"},
		},
		{"CRI-O, cgroupfs", "/kubepods/pod0a1b/crio-" + idA, Ref{Runtime: "cri-o", ID: idA, Root: "/kubepods/pod0a1b/crio-" + idA}},
		{
			"Docker in Docker", "/docker/" + idA + "/docker/" + idB,
			Ref{
				Runtime: "docker", ID: idA, Root: "/docker/" + idA,
				Inner: &Ref{Runtime: "docker", ID: idB, Root: "/docker/" + idA + "/docker/" + idB},
			},
		},
		{
			"three deep", "/docker/" + idA + "/docker/" + idB + "/libpod_parent/libpod-" + idC + "/x",
			Ref{
				Runtime: "docker", ID: idA, Root: "/docker/" + idA,
				Inner: &Ref{
					Runtime: "docker", ID: idB, Root: "/docker/" + idA + "/docker/" + idB,
					Inner: &Ref{Runtime: "podman", ID: idC, Root: "/docker/" + idA + "/docker/" + idB + "/libpod_parent/libpod-" + idC},
				},
			},
		},
		{
			"Docker on the systemd of a container", "/docker/" + idA + "/system.slice/docker-" + idB + ".scope",
			Ref{
				Runtime: "docker", ID: idA, Root: "/docker/" + idA,
				Inner: &Ref{Runtime: "docker", ID: idB, Root: "/docker/" + idA + "/system.slice/docker-" + idB + ".scope"},
			},
		},
		{
			"one that calls itself by its own id below", "/docker/" + idA + "/docker/" + idA,
			Ref{
				Runtime: "docker", ID: idA, Root: "/docker/" + idA,
				Inner: &Ref{Runtime: "docker", ID: idA, Root: "/docker/" + idA + "/docker/" + idA},
			},
		},
		{"nsviz's demo", "/nsviz-demo-web", Ref{Runtime: runtime.Demo, ID: "nsviz-demo-web", Root: "/nsviz-demo-web"}},
	}
	parser := NewParser()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := parser.Parse(test.path)
			if !ok {
				t.Fatalf("no container in %s", test.path)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.path, diff)
			}
		})
	}
}

func TestParseFindsNothing(t *testing.T) {
	for _, path := range []string{
		"", "/", "//", "relative", "/init.scope", "/system.slice", "/docker", "/system.slice/docker.service",
		"/system.slice/docker-" + idA + ".service", "/system.slice/docker-" + idA, // a scope is what docker makes
		"/docker/" + idA[:63], "/docker/" + idA + "0", "/docker/" + strings.ToUpper(idA), "/docker/" + idA[:63] + "g",
		"/docker/" + idA[:12], "/docker/" + idA + "\n", "/docker/\n" + idA, "/docker/ " + idA,
		"/machine.slice/libpod-conmon-" + idA + ".scope", "/kubepods.slice/crio-conmon-" + idA + ".scope",
		"/machine.slice/libpod-" + idA + ".scope.d", "/x/my-docker-" + idA + ".scope", "/x/docker-" + idA + "Xscope",
		"/docker/buildkit/q2x8f5ypkh1n0s6t9d3zjwbcv", "/x:unknown:" + idA,
		"/nsviz-demo-", "/nsviz-demo-UPPER", "/nsviz-demo-a.scope", "/my-nsviz-demo-a",
		"/\xff\xfe/" + idA[:40], strings.Repeat("/a", 2000),
	} {
		if ref, ok := NewParser().Parse(path); ok {
			t.Errorf("%q is taken for %+v", path, ref)
		}
	}
}

// Whoever is root in a container makes cgroups below with any name: they stay below.
func TestParseHostile(t *testing.T) {
	for _, below := range []string{
		"/..", "/../../docker/" + idB, "//" + idB, "/\xff" + idB, "/\n", "/docker-" + idB + ".scope",
		strings.Repeat("/"+idB, 60), "/" + strings.Repeat("x", 4000),
	} {
		path := "/docker/" + idA + below
		ref, ok := NewParser().Parse(path)
		if !ok || ref.ID != idA || ref.Root != "/docker/"+idA {
			t.Errorf("%q belongs to %+v", path, ref)
		}
		for r := ref.Inner; r != nil; r = r.Inner {
			if !strings.HasPrefix(r.Root, ref.Root+"/") {
				t.Errorf("%q: the inner one is at %q", path, r.Root)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/docker/" + idA + "/docker/" + idB)
	f.Add("/system.slice/docker-" + idA + ".scope/x")
	f.Add("///nsviz-demo-a//")
	parser := NewParser()
	f.Fuzz(func(t *testing.T, path string) {
		ref, ok := parser.Parse(path)
		if !ok {
			return
		}
		if again, ok := parser.Parse(ref.Root); !ok || again.ID != ref.ID || again.Root != ref.Root || again.Inner != nil {
			t.Errorf("%q has %+v, whose root has %+v", path, ref, again)
		}
		if n := len(ref.innermost().Root); n > len(path)+1 {
			t.Errorf("%q has a root of %d bytes", path, n)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	parser := NewParser()
	path := "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_e4f5.slice/cri-containerd-" + idA + ".scope"
	for b.Loop() {
		if _, ok := parser.Parse(path); !ok {
			b.Fatal("no container")
		}
	}
}
