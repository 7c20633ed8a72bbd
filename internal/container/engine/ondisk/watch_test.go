package ondisk

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rename writes a file as runtimes do that replace it: under another name first.
func (h *testHost) rename(path, content string) {
	h.t.Helper()
	h.write(path+".new", content)
	if err := os.Rename(filepath.Join(h.dir, path+".new"), filepath.Join(h.dir, path)); err != nil {
		h.t.Fatal(err)
	}
}

// A new container is reported as soon as its files are there, and nobody has to ask.
func TestNewContainersAreReported(t *testing.T) {
	for name, test := range map[string]struct {
		before string // a folder that is there before
		make   func(h *testHost)
		id     string
	}{
		"containerd": {tasksDir + "/default/x", func(h *testHost) {
			h.mkdir(tasksDir + "/default/web/rootfs")
			h.write(tasksDir+"/default/web/config.json", `{}`)
		}, "web"},
		"podman": {podmanV + "/x", func(h *testHost) {
			h.mkdir(podmanV + "/" + idA + "/x")
			h.rename(podmanV+"/containers.json", `[{"id":"`+idA+`","names":["web"]}]`)
			h.write(podmanV+"/"+idA+"/userdata/config.json", `{}`)
		}, idA},
		"Docker": {"/var/lib/docker/containers/x", func(h *testHost) {
			h.mkdir("/var/lib/docker/containers/" + idA + "/x")
			h.rename("/var/lib/docker/containers/"+idA+"/config.v2.json", `{"ID":"`+idA+`","Name":"/web"}`)
		}, idA},
		"BuildKit": {"/var/lib/docker/buildkit/executor/x", func(h *testHost) {
			h.mkdir("/var/lib/docker/buildkit/executor/" + step + "/rootfs")
			h.write("/var/lib/docker/buildkit/executor/"+step+"/config.json", `{"process":{"args":["web"]}}`)
		}, step},
		"crun": {"/run/crun/x", func(h *testHost) { h.write("/run/crun/web/status", `{"pid":7,"process-start-time":1,"bundle":"/b"}`) }, "web"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.mkdir(test.before)
			identities := run(t, h.source())
			test.make(h)
			if got := <-identities; got.ID != test.id || !strings.HasSuffix(got.Name, "web") {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A place that comes later is watched once somebody has asked.
func TestNewPlacesAreWatched(t *testing.T) {
	h := newHost(t)
	s := h.source()
	identities := run(t, s)
	h.write(tasksDir+"/default/web/config.json", `{}`)
	deadline := time.After(30 * time.Second)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for i := 0; ; i++ {
		s.Ask("web")
		h.write(fmt.Sprint(tasksDir, "/default/new", i, "/config.json"), `{}`)
		for waiting := true; waiting; {
			select {
			case got := <-identities:
				if got.ID != "web" { // nobody has asked for it
					return
				}
			case <-again.C:
				waiting = false
			case <-deadline:
				t.Fatal("no new container was reported")
			}
		}
	}
}

// The folders of containers are watched until their files are there, and no more of them than there may be.
func TestWatchesAreBounded(t *testing.T) {
	h := newHost(t)
	h.mkdir(tasksDir + "/default/x")
	s := h.source()
	w, err := newWatcher(s)
	if err != nil {
		t.Fatal(err)
	}
	defer w.inotify.Close()
	w.refresh(t.Context())
	w.refresh(t.Context())
	if len(w.at) != 1 {
		t.Fatalf("%d folders are watched: %v", len(w.at), w.at)
	}
	for i := range int32(maxWatches) {
		w.at[1000+i] = watched{}
	}
	p, _ := s.place(0)
	h.mkdir(tasksDir + "/default/web/x")
	if w.add(t.Context(), watched{p, "default/web", "web"}) || len(w.at) != maxWatches+1 {
		t.Errorf("%d folders are watched", len(w.at))
	}
}
