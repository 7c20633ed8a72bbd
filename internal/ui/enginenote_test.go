package ui

import (
	"testing"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// Among several engines only those are missed that containers without a name may belong to.
func TestEngineNotes(t *testing.T) {
	docker := fact.Engine{Name: "docker", Address: "unix:///var/run/docker.sock", State: fact.EngineAbsent}
	podman := fact.Engine{Name: "podman", Address: "unix:///run/podman/podman.sock", State: fact.EngineConnected}
	rootless := fact.Engine{Name: "docker", Address: "unix:///run/user/1000/docker.sock", User: 1000, State: fact.EngineFailing}
	failing := fact.Engine{Name: "docker", Address: "unix:///var/run/docker.sock", State: fact.EngineFailing}
	for _, test := range []struct {
		of      fact.Engine
		among   []fact.Engine
		runtime string
		named   bool
		want    string
	}{
		{docker, []fact.Engine{docker}, "containerd", false, "docker: not there, showing short ids"},
		{docker, []fact.Engine{docker, podman}, "podman", false, ""},
		{docker, []fact.Engine{docker, podman}, "docker", false, "docker: not there, showing short ids"},
		{docker, []fact.Engine{docker, podman}, "", false, "docker: not there, showing short ids"},
		{podman, []fact.Engine{docker, podman}, "podman", false, ""},
		{rootless, []fact.Engine{docker, rootless}, "podman", false, ""},
		{rootless, []fact.Engine{docker, rootless}, "docker", false, "docker at /run/user/1000/docker.sock: not answering, showing short ids"},
		{failing, []fact.Engine{failing}, "docker", true, "docker: not answering"},
		{docker, []fact.Engine{docker}, "docker", true, ""},
	} {
		s := &model.Snapshot{Engines: test.among, Containers: []model.Container{{Runtime: test.runtime, Named: test.named, State: model.Running}}}
		if got := engineNote(test.of, s); got != test.want {
			t.Errorf("%s among %d, a container of %q: %q, want %q", test.of.Name, len(test.among), test.runtime, got, test.want)
		}
	}
}
