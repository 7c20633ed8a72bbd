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
		for _, c := range r.Cgroups {
			if c.Name.NumSubexp() != 1 || !strings.HasPrefix(c.Name.String(), "^") || !strings.HasSuffix(c.Name.String(), "$") {
				t.Errorf("%q: %s does not match a whole name and give its id", r.Name, c.Name)
			}
		}
		for verb, command := range r.Commands {
			if program, rest, ok := strings.Cut(command, " "); !ok || program == "" || rest == "" {
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
	names := []string{
		id, "docker-" + id + ".scope", "libpod-" + id, "libpod-" + id + ".scope", "cri-containerd-" + id + ".scope", "nerdctl-" + id + ".scope",
		"crio-" + id, "system.slice:docker:" + id, "a:libpod:" + id, "b:cri-containerd:" + id, "c:nerdctl:" + id, ":crio:" + id, DemoPrefix + "hog",
		"user.slice", ":", "docker-" + id,
	}
	for _, name := range names {
		for _, r := range All() {
			for i := range r.Cgroups {
				c := &r.Cgroups[i]
				if id, ok := c.ID(name); ok != c.Name.MatchString(name) || ok && id != c.Name.FindStringSubmatch(name)[1] {
					t.Errorf("%q: %s finds %q, %v", name, c.Name, id, ok)
				}
			}
		}
	}
}
