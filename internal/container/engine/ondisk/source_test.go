package ondisk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ engine.Engine = (*Source)(nil)

// sink passes identities on. A source reports nothing else: any other call fails, since there is no Sink.
type sink struct {
	engine.Sink

	identities chan container.Identity
}

func (s sink) Identify(id container.Identity) { s.identities <- id }

// run runs a source until the test ends.
func run(t *testing.T, s *Source) <-chan container.Identity {
	t.Helper()
	identities := make(chan container.Identity, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, sink{identities: identities}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	<-s.Synced()
	return identities
}

// What is there at the start is reported without a question, each container once.
func TestReportsWhatIsThere(t *testing.T) {
	h := newHost(t)
	graph := "/srv/graph"
	h.write(tasksDir+"/default/web/config.json", `{}`)
	h.write(tasksDir+"/default/not an id/config.json", `{}`)
	h.write(tasksDir+"/moby/"+idA+"/config.json", `{}`)
	h.write("/var/lib/docker/containers/"+idA+"/config.v2.json", `{"ID":"`+idA+`","Name":"/cache"}`)
	h.write("/run/runc/bare/state.json", `{"id":"bare","init_process_pid":2}`)
	h.write("/run/runc/"+idB+"/state.json", `{"id":"`+idB+`","config":{"labels":["bundle=`+graph+`/overlay-containers/`+idB+`/userdata"]}}`)
	h.write(graph+"/overlay-containers/"+idB+"/userdata/config.json", `{"annotations":{"io.container.manager":"libpod"}}`)
	h.write(graph+"/overlay-containers/containers.json", `[{"id":"`+idB+`","names":["db"]}]`)
	onlyMonitor := strings.Repeat("e", 64)
	h.process(20, "conmon", uint32(os.Getuid()), "20", "conmon", "-c", onlyMonitor, "-n", "by-line")
	var got []string
	identities := run(t, h.source())
	for len(identities) > 0 {
		id := <-identities
		got = append(got, id.Runtime+" "+id.Name)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"containerd web", "docker cache", "podman by-line", "podman db", "runc bare"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A container that is made later is found when somebody asks.
func TestAnswers(t *testing.T) {
	h := newHost(t)
	s := h.source()
	identities := run(t, s)
	h.write(tasksDir+"/default/"+idA+"/config.json", `{"annotations":{"nerdctl/name":"web","com.docker.compose.project":"shop","com.docker.compose.service":"front","com.docker.compose.container-number":"2"}}`)
	s.Ask(idB) // which nobody has
	s.Ask(idA)
	got := <-identities
	if got.Name != "web" || got.Group.Path() != "shop" || got.Group.Member != "front-2" {
		t.Errorf("%+v", got)
	}
}

// A list is read anew when it was replaced, and only then.
func TestListIsReadAgain(t *testing.T) {
	h := newHost(t)
	dir := "/var/lib/containers/storage/overlay-containers/"
	h.write(dir+idA+"/userdata/config.json", `{}`)
	h.write(dir+"containers.json", `[{"id":"`+idA+`","names":["web"]}]`)
	h.write(dir+idB+"/userdata/config.json", `{}`)
	h.write(dir+"volatile-containers.json", `[{"id":"`+idB+`","names":["job"]}]`)
	s := h.source()
	for id, want := range map[string]string{idA: "web", idB: "job"} {
		if got, _ := identify(t, s, id); got.Name != want {
			t.Errorf("%+v", got)
		}
	}
	h.write(dir+"new", `[{"id":"`+idA+`","names":["renamed"]}]`)
	if err := os.Rename(filepath.Join(h.dir, dir, "new"), filepath.Join(h.dir, dir, "containers.json")); err != nil {
		t.Fatal(err)
	}
	if got, _ := identify(t, s, idA); got.Name != "renamed" {
		t.Errorf("%+v", got)
	}
}

// The PID of a container's state is its PID 1 only if the process was made when the state says.
func TestInits(t *testing.T) {
	h := newHost(t)
	for _, pid := range []int{50, 51, 52} {
		h.process(pid, "sleep", 0, "50 1", "sleep") // made at 1000 ticks and its PID
	}
	h.write("/run/runc/web/state.json", `{"id":"web","cgroup_paths":{"memory":"/sys/fs/cgroup/memory/default/web"},"init_process_pid":50,"init_process_start":1050}`)
	h.write("/run/runc/later/state.json", `{"id":"later","cgroup_paths":{"memory":"/sys/fs/cgroup/memory/default/later"},"init_process_pid":51,"init_process_start":1050}`)
	h.write("/run/runc/gone/state.json", `{"id":"gone","cgroup_paths":{"memory":"/sys/fs/cgroup/memory/default/gone"},"init_process_pid":99,"init_process_start":1099}`)
	h.write("/run/runc/known/state.json", `{"id":"known","cgroup_paths":{"memory":"/sys/fs/cgroup/memory/default/known"},"init_process_pid":52,"init_process_start":1052}`)
	h.write("/run/crun/job/status", `{"pid":52,"process-start-time":1052,"bundle":"/b","cgroup-path":"/job"}`)
	h.write("/run/crun/elsewhere/status", `{"pid":52,"process-start-time":1052,"bundle":"/b","cgroup-path":"/chosen"}`)
	got, err := h.source().Inits(t.Context(), func(id string) bool { return id == "known" })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]engine.Init{"web": {PID: 50, Runtime: "runc"}, "job": {PID: 52, Runtime: "crun"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
