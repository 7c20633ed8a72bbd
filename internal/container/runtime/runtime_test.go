package runtime

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRowsAreComplete(t *testing.T) {
	names := map[string]bool{}
	for _, r := range All() {
		if names[r.Name] {
			t.Errorf("%q has two rows", r.Name)
		}
		names[r.Name] = true
		if got := Lookup(r.Name); got.Name != r.Name || len(got.Cgroups) != len(r.Cgroups) || len(got.Commands) != len(r.Commands) {
			t.Errorf("%q: another row is found: %+v", r.Name, got)
		}
		for _, c := range slices.Concat(r.Cgroups, r.Pods) {
			if c.Path.NumSubexp() != 1 || !strings.HasPrefix(c.Path.String(), "^") || !strings.HasSuffix(c.Path.String(), "$") || c.Depth < 1 {
				t.Errorf("%q: %s does not match a complete path and give an id", r.Name, c.Path)
			}
		}
		for verb, command := range r.Commands {
			if strings.TrimSpace(command) != command || command == "" {
				t.Errorf("%q: %s is %q", r.Name, verb, command)
			}
		}
		p := r.Processes
		for _, name := range slices.Concat(p.Daemon, p.Client, p.Monitor, p.Creator, p.Setup, p.Enter) {
			if name == "" || name == "*" {
				t.Errorf("%q: a process is called %q", r.Name, name)
			}
		}
	}
	if all := All(); all[len(all)-1].Name != Unknown {
		t.Errorf("the last row is %q", all[len(all)-1].Name)
	}
}

func TestLookupOfARuntimeThatIsNotInTheTable(t *testing.T) {
	if diff := cmp.Diff(Runtime{Name: "of a later version"}, Lookup("of a later version")); diff != "" {
		t.Error(diff)
	}
}

func TestProcesses(t *testing.T) {
	type answers struct{ own, setsUp, enters bool }
	tests := map[string]answers{
		"dockerd": {own: true}, "docker": {own: true}, "docker-containe": {own: true}, "docker-runc": {own: true}, "podman": {own: true},
		"containerd": {own: true}, "containerd-shim": {own: true}, "ctr": {own: true}, "crio": {own: true}, "youki": {own: true}, "runsc": {own: true},
		"conmon": {own: true, setsUp: true},
		"runc":   {true, true, true}, "crun": {true, true, true},
		"lxc-attach": {enters: true}, "memfd:lxc-attac": {enters: true}, "memfd:lxc-star": {},
		"runc:[2:INIT]": {setsUp: true, enters: true}, "runc:[1:CHILD]": {setsUp: true, enters: true}, "runcible": {setsUp: true},
		"": {}, "sh": {}, "containerd-shi": {}, "docker-": {}, "crun:": {}, "conmonx": {}, "systemd": {}, "kubelet": {}, "Runc": {}, "*": {}, "runc:[*": {setsUp: true, enters: true},
	}
	for comm, want := range tests {
		if got := (answers{IsOwn(comm), SetsUp(comm), Enters(comm)}); got != want {
			t.Errorf("%q: %+v, want %+v", comm, got, want)
		}
	}
}

func TestFiles(t *testing.T) {
	for name, want := range map[string]bool{
		"docker.sock": true, "containerd.sock": true, "crio.sock": true, "podman.sock": true, "dockershim.sock": true, "cri-dockerd.sock": true,
		"buildkitd.sock": true, "": false, "sock": false, "/run/docker.sock": false, "mysql.sock": false,
	} {
		if got := IsSocket(name); got != want {
			t.Errorf("socket %q: %v", name, got)
		}
	}
	for name, want := range map[string]bool{"docker-proxy": true, "rootlesskit-docker-proxy": true, "": false, "proxy": false, "docker-proxy2": false} {
		if got := IsPortProxy(name); got != want {
			t.Errorf("port proxy %q: %v", name, got)
		}
	}
	if diff := cmp.Diff([]string{"containers", "overlay-containers", "sandboxes"}, FileFolders()); diff != "" {
		t.Error(diff)
	}
}

func TestUsualCapabilities(t *testing.T) {
	usual := UsualCapabilities()
	if diff := cmp.Diff(Lookup(Docker).Capabilities, usual); diff != "" {
		t.Errorf("Docker gives the most (-docker +usual):\n%s", diff)
	}
	usual[0] = "changed"
	if UsualCapabilities()[0] == "changed" {
		t.Error("the table can be changed")
	}
}

// What is looked for before a regular expression is tried is in each name that it matches.
func TestCgroupsMustHaveWhatIsLookedFor(t *testing.T) {
	const id = "5c7ea0a9b3f1d0aa51ed2f2ee1c4f75a4ac8e0a2b7f6a1b6ddf52a0f0a3f9d11"
	paths := []string{
		id, "docker-" + id + ".scope", "libpod-" + id, "libpod-" + id + ".scope", "cri-containerd-" + id + ".scope", "nerdctl-" + id + ".scope",
		"crio-" + id, "system.slice:docker:" + id, "a:libpod:" + id, "b:cri-containerd:" + id, "c:nerdctl:" + id, ":crio:" + id, DemoPrefix + "hog",
		"user.slice", ":", "docker-" + id, "docker/" + id, "docker/buildx/" + id, "lxc.payload.a", "lxc.payload/a", "lxc/a", "machine-a.scope/payload",
		"systemd-nspawn@a.service/payload", "docker/buildkit/5cf82fwiumld3vcs5d5l5pzyv", ":docker:5cf82fwiumld3vcs5d5l5pzyv", "buildah-buildah1.scope",
		"runc-a.scope", "crun-a.scope", ":runc:a", "libpod_parent/" + id, "kata_overhead/" + id, "default/a", "kubepods-pod1.slice", "besteffort/pod1",
	}
	matched := map[string]bool{}
	for _, path := range paths {
		for _, r := range All() {
			for _, c := range slices.Concat(r.Cgroups, r.Pods) {
				if !c.Path.MatchString(path) {
					continue
				}
				matched[path] = true
				if !c.fits(path) {
					t.Errorf("%q: %s is not tried", path, c.Path)
				}
			}
		}
	}
	if len(matched) < len(paths)-3 {
		t.Errorf("only %d of %d paths match something", len(matched), len(paths))
	}
}

func TestEscapedNames(t *testing.T) {
	machine := Lookup(Nspawn).Cgroups[0]
	for path, want := range map[string]string{
		`machine-web.scope/payload`: "web", `machine-my\x2dweb.scope/payload`: "my-web", `machine-\xc3\xa4.scope/payload`: "ä",
		`machine-\xff.scope/payload`: "", `machine-a\x2.scope/payload`: "", `machine-.scope/payload`: "", `machine-a-b.scope/payload`: "",
		`machine-web.scope`: "", `machine-web.scope/supervisor`: "",
	} {
		if got, ok := machine.ID(path); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", path, got, ok)
		}
	}
}

func TestMakes(t *testing.T) {
	for comm, want := range map[string]string{"runc": Runc, "crun": Crun, "lxc-start": LXC, "systemd-nspawn": Nspawn, "sh": "", "": "", "runc:[2:INIT]": ""} {
		if got := Makes(comm); got != want {
			t.Errorf("%q: %q", comm, got)
		}
	}
}
