package ondisk

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// conmonLine is the command line of podman 4.3's conmon, which ends with another command line.
func conmonLine(id, name, graph string) []string {
	bundle := graph + "/overlay-containers/" + id + "/userdata"
	return strings.Fields("/usr/bin/conmon --api-version 1 -c " + id + " -u " + id + " -r /usr/sbin/runc -b " + bundle + " -p /run/pidfile -n " + name +
		" --exit-dir /run/libpod/exits --full-attach -s -l k8s-file:/x/ctr.log --log-level warning --runtime-arg --log-format=json --runtime-arg --log" +
		" --exit-command /usr/bin/podman --exit-command-arg --root --exit-command-arg " + graph + " --exit-command-arg -n --exit-command-arg forged")
}

func TestConmonCommandLine(t *testing.T) {
	crio := strings.Fields("/usr/bin/conmon -b /run/containers/storage/overlay-containers/" + idA + "/userdata -c " + idA +
		" --exit-dir /var/run/crio/exits -l /var/log/pods/app.log --log-level info -n k8s_app_cart-7d9f_shop_2a11_0 -P /run/conmon-pidfile -r /usr/bin/runc -s")
	for name, test := range map[string]struct {
		args []string
		want monitor
	}{
		"podman": {conmonLine(idA, "web", "/srv/graph"), monitor{
			id: idA, name: "web", bundle: "/srv/graph/overlay-containers/" + idA + "/userdata", pidFile: "/run/pidfile", exitDir: "/run/libpod/exits", runtime: "podman",
		}},
		"podman exec": {strings.Fields("/usr/bin/conmon --api-version 1 -c " + idA + " -u " + idB + " -n web -p /run/exec_pid -e --exec-attach"), monitor{}},
		"CRI-O": {crio, monitor{
			id: idA, name: "k8s_app_cart-7d9f_shop_2a11_0", bundle: "/run/containers/storage/overlay-containers/" + idA + "/userdata",
			exitDir: "/var/run/crio/exits", runtime: "cri-o",
		}},
		"long options":      {[]string{"conmon", "--cid=" + idA, "--name", "web", "--bundle=/b"}, monitor{id: idA, name: "web", bundle: "/b", runtime: "podman"}},
		"cut short":         {[]string{"conmon", "-n"}, monitor{runtime: "podman"}},
		"a shim":            {strings.Fields("/usr/bin/containerd-shim-runc-v2 -namespace default -id web -address /run/c.sock"), monitor{id: "web", runtime: "containerd"}},
		"something else":    {[]string{"sh", "-n", "web", "-c", idA}, monitor{}},
		"without arguments": {[]string{""}, monitor{}},
	} {
		if diff := cmp.Diff(test.want, parseMonitor(test.args), cmp.AllowUnexported(monitor{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Of a container whose files say nothing its monitor's command line does, and leads to files that no default place has.
func TestMonitors(t *testing.T) {
	h := newHost(t)
	root := uint32(os.Getuid())
	h.process(20, "conmon", root, "20", conmonLine(idA, "web", "/srv/graph")...)
	h.process(21, "conmon", root, "21", conmonLine(idB, "db", "/srv/graph")...)
	h.write("/srv/graph/overlay-containers/"+idB+"/userdata/config.json", `{"annotations":{"io.container.manager":"libpod"}}`)
	h.write("/srv/graph/overlay-containers/containers.json", `[{"id":"`+idB+`","names":["db2"],"metadata":"{\"image-name\":\"postgres\"}"}]`)
	h.process(22, "containerd-shim", root, "22", "/bin/containerd-shim-runc-v2", "-namespace", "default", "-id", "job")
	h.link("/srv/c/io.containerd.runtime.v2.task/default/job", filepath.Join(h.proc, "22", "cwd"))
	h.write("/srv/c/io.containerd.runtime.v2.task/default/job/config.json", `{}`)
	// A container's own processes say nothing about the host.
	inner := strings.Repeat("e", 64)
	h.process(23, "conmon", root, "23 2", conmonLine(inner, "forged", "/srv/graph")...)
	h.process(24, "dockerd", root, "24", "/usr/bin/dockerd", "-D", "--data-root", "/srv/docker/")
	inDocker := strings.Repeat("d", 64)
	h.write("/srv/docker/containers/"+inDocker+"/config.v2.json", `{"ID":"`+inDocker+`","Name":"/cache","Config":{"Image":"redis"}}`)
	s := h.source()
	for _, want := range []container.Identity{
		{ID: idA, Runtime: "podman", Name: "web", Source: container.SourceCommandLine},
		{ID: idB, Runtime: "podman", Name: "db2", Image: "postgres", Source: container.SourceFiles},
		{ID: "job", Runtime: "containerd", Name: "job", Source: container.SourceFiles},
		{ID: inDocker, Runtime: "docker", Name: "cache", Image: "redis", Source: container.SourceFiles},
	} {
		got, _ := identify(t, s, want.ID)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if got, ok := identify(t, s, inner); ok {
		t.Errorf("%+v", got)
	}
}

func TestCRIOByCommandLine(t *testing.T) {
	h := newHost(t)
	for i, of := range [][2]string{{idA, "k8s_app_cart-7d9f_shop_2a11_0"}, {idB, "k8s_POD_cart-7d9f_shop_2a11_0"}} {
		h.process(20+i, "conmon", uint32(os.Getuid()), "20", "conmon", "-c", of[0], "-n", of[1], "--exit-dir", "/run/crio/exits")
	}
	s := h.source()
	for _, want := range []container.Identity{
		{
			ID: idA, Runtime: "cri-o", Name: "shop/cart-7d9f/app", Source: container.SourceCommandLine,
			Group: &event.Group{Kind: event.GroupPod, Name: "cart-7d9f", Namespace: "shop", Member: "app"},
		},
		{
			ID: idB, Runtime: "cri-o", Name: "shop/cart-7d9f", Kind: event.KindPod, Source: container.SourceCommandLine,
			Group: &event.Group{Kind: event.GroupPod, Name: "cart-7d9f", Namespace: "shop"},
		},
	} {
		got, _ := identify(t, s, want.ID)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// A user's own containers come from his own files and processes alone, and from those of nobody else.
func TestUsers(t *testing.T) {
	self := uint32(os.Getuid())
	h := newHost(t)
	home := "/home/u/.local/share/containers/storage"
	h.process(20, "conmon", self, "20", conmonLine(idA, "by-line", home)...)
	h.write(home+"/overlay-containers/"+idA+"/userdata/config.json", `{"annotations":{"io.container.manager":"libpod"}}`)
	h.write(home+"/overlay-containers/containers.json", `[{"id":"`+idA+`","names":["by-file"]}]`)
	h.process(21, "conmon", self+1, "21", conmonLine(idB, "of-another", "/srv/graph")...)
	h.write("/run/user/1000/crun/job/status", `{"pid":20,"process-start-time":1020,"bundle":"/b"}`)
	h.write(tasksDir+"/default/web/config.json", `{}`)
	s := newSource(Config{Proc: pseudofs.Proc(h.proc), User: 1000}, self)
	for id, want := range map[string]container.Identity{
		idA:   {ID: idA, Runtime: "podman", Name: "by-file", Source: container.SourceFiles},
		"job": {ID: "job", Runtime: "crun", Name: "job", Source: container.SourceFiles},
		idB:   {},
		"web": {}, // in a place of the host
	} {
		got, _ := identify(t, s, id)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	// What the files of another owner say is nothing.
	s = newSource(Config{Proc: pseudofs.Proc(h.proc), User: 1000}, self+1)
	for id, want := range map[string]string{idA: "", idB: "of-another", "job": ""} {
		if got, _ := identify(t, s, id); got.Name != want {
			t.Errorf("%+v", got)
		}
	}
}

// A user can have any number of monitors, each with a place of its own.
func TestPlacesOfAUserAreBounded(t *testing.T) {
	h := newHost(t)
	for i := range 3 * maxUserPlaces {
		h.process(20+i, "conmon", uint32(os.Getuid()), fmt.Sprint(20+i), conmonLine(idA, "web", fmt.Sprint("/srv/graph", i))...)
	}
	s := newSource(Config{Proc: pseudofs.Proc(h.proc), User: 1000}, uint32(os.Getuid()))
	s.scan()
	if len(s.places) != maxUserPlaces {
		t.Errorf("%d places", len(s.places))
	}
}

// The places of a user are gone with the monitors that showed them.
func TestPlacesOfAUserAreForgotten(t *testing.T) {
	self := uint32(os.Getuid())
	h := newHost(t)
	h.process(20, "conmon", self, "20", conmonLine(idA, "web", "/srv/graph")...)
	s := newSource(Config{Proc: pseudofs.Proc(h.proc), User: 1000}, self)
	s.scan()
	with := len(s.places)
	if err := os.RemoveAll(filepath.Join(h.proc, "20")); err != nil {
		t.Fatal(err)
	}
	s.scan()
	if len(s.places) != with-1 {
		t.Errorf("%d places, and %d before", len(s.places), with)
	}
	if got, ok := identify(t, s, idA); ok {
		t.Errorf("%+v", got)
	}
}

func TestPlaceOfABundle(t *testing.T) {
	for bundle, want := range map[string]place{
		"/run/containerd/io.containerd.runtime.v2.task/k8s.io/" + idA:      {dir: "/run/containerd/io.containerd.runtime.v2.task", layout: tasks{}},
		"/var/lib/containers/storage/vfs-containers/" + idA + "/userdata":  {dir: "/var/lib/containers/storage", layout: storage{}},
		"/run/containers/storage/overlay-containers/" + idA + "/userdata/": {dir: "/run/containers/storage", layout: storage{}},
		"/var/lib/docker/buildkit/executor/" + step:                        {dir: "/var/lib/docker/buildkit/executor", layout: steps{}},
		"/var/lib/buildkit/runc-overlayfs/executor/" + step:                {dir: "/var/lib/buildkit/runc-overlayfs/executor", layout: steps{}},
		"/home/u/executor/" + step:                                         {}, "/executor/" + step: {},
		"/root/bundle": {}, "": {}, "/": {}, "userdata": {}, "/userdata": {}, "/a-containers/b/userdata": {},
		"/x/../etc/io.containerd.runtime.v2.task/a/b": {}, "/home/u/userdata": {},
	} {
		if got, ok := placeOf(bundle); got != want || ok != (want.layout != nil) {
			t.Errorf("%q: %+v, %v", bundle, got, ok)
		}
	}
}
