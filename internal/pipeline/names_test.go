package pipeline

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/engine/docker"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// engineOf serves containers, as a list and one by one, and a stream of events on a socket.
func engineOf(t *testing.T, containers, stream http.HandlerFunc) (host string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		switch path := r.URL.Path; {
		case strings.HasSuffix(path, "/version"):
			io.WriteString(w, `{"Version":"20.10.24"}`)
		case strings.HasSuffix(path, "/events"):
			w.(http.Flusher).Flush()
			stream(w, r)
		case strings.Contains(path, "/containers/"):
			containers(w, r)
		}
	}))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		goleak.VerifyNone(t)
	})
	return "unix://" + socket
}

// nameless is a pipeline of which nothing is at work, with an engine to ask.
func nameless(t *testing.T, host string) *Pipeline {
	t.Helper()
	e, err := docker.New(docker.Config{Host: host})
	if err != nil {
		t.Fatal(err)
	}
	return unwatched(e)
}

// unwatched is a pipeline of which nothing is at work, with engines to follow.
func unwatched(engines ...engine.Engine) *Pipeline {
	log := slog.New(slog.DiscardHandler)
	p := &Pipeline{loop: newLoop(log, nil), cfg: Config{Engines: engines, Log: log}}
	p.followEngines()
	return p
}

// namesOf is a pipeline of which only the names are at work, on an engine. Its loop does not run.
func namesOf(t *testing.T, host string) *Pipeline {
	t.Helper()
	p := nameless(t, host)
	p.atWork(t)
	return p
}

// atWork has the engines be followed until the test ends.
func (p *Pipeline) atWork(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.engines.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		for {
			select {
			case m := <-p.inputs:
				m.handle(p.loop)
			case <-ended:
				return
			}
		}
	})
}

// awaitName waits until the directory has the name of a container.
func (p *Pipeline) awaitName(t *testing.T, id string) string {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	deadline := time.After(time.Minute)
	for {
		select {
		case <-look.C:
			if identity, ok := p.directory.Get(id); ok {
				return identity.Name
			}
		case <-deadline:
			t.Fatalf("the name of %s does not come", id)
		}
	}
}

func containerID(n int) string { return fmt.Sprintf("%064x", n) }

// A loop that is busy holds up no name: what an engine says is read as fast as it comes, however much lies before it.
func TestNamesDoNotWaitForTheLoop(t *testing.T) {
	const ooms = 20_000 // more than may wait
	p := namesOf(t, engineOf(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "[]") },
		func(w http.ResponseWriter, r *http.Request) {
			line := func(action, id, name string) {
				fmt.Fprintf(w, `{"Type":"container","Action":%q,"Actor":{"ID":%q,"Attributes":{"name":%q}},"timeNano":%d}`+"\n",
					action, id, name, time.Now().Add(time.Hour).UnixNano())
			}
			for range ooms {
				line("oom", containerID(1), "hog")
			}
			line("create", containerID(2), "web")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}))
	if name := p.awaitName(t, containerID(2)); name != "web" {
		t.Errorf("it is called %q", name)
	}
	// What there was no room for is counted, and no name is among it.
	(<-p.inputs).handle(p.loop) // the first ones
	for p.live.Snapshot().Totals.Lost[event.LostEngine] == 0 {
		(<-p.inputs).handle(p.loop)
	}
}

// socketFor has connections to a socket served until the test ends.
func socketFor(t *testing.T, serve func(net.Conn)) (host string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			serving.Go(func() {
				serve(conn)
				conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
	return "unix://" + socket
}

// Beside an engine that hangs and one that answers nonsense, a third one gives its names as ever, and each has a state of its own.
func TestEnginesThatDoNotAnswerHoldUpNoOther(t *testing.T) {
	good := engineOf(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `[{"Id":%q,"Names":["/web"],"Image":"nginx"}]`, containerID(1))
	}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	nonsense := socketFor(t, func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 4096)); err == nil {
			io.WriteString(conn, "220 mail ESMTP\r\n")
		}
	})
	hung := socketFor(t, func(conn net.Conn) {
		_, _ = io.Copy(io.Discard, conn) // until the client gives up
	})
	var engines []engine.Engine
	want := map[string]fact.EngineState{hung: fact.EngineConnecting, nonsense: fact.EngineFailing, good: fact.EngineConnected}
	for host := range want {
		e, err := docker.New(docker.Config{Host: host, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		engines = append(engines, e)
	}
	p := unwatched(engines...)
	p.atWork(t)
	if name := p.awaitName(t, containerID(1)); name != "web" {
		t.Errorf("it is called %q", name)
	}
	got := map[string]fact.EngineState{}
	for !maps.Equal(got, want) {
		select {
		case m := <-p.inputs:
			m.handle(p.loop)
		case <-time.After(time.Minute):
			t.Fatalf("the engines are %v, want %v", got, want)
		}
		for _, e := range p.live.Snapshot().Engines {
			got[e.Address] = e.State
		}
	}
}

// The engine is asked about a container that events of the kernel speak of and whose name has not come; the stream may
// stand still.
func TestUnknownContainersAreAskedFor(t *testing.T) {
	asked := make(chan string, 100)
	p := namesOf(t, engineOf(t,
		func(w http.ResponseWriter, r *http.Request) {
			filters := r.FormValue("filters")
			if filters == "" {
				io.WriteString(w, "[]")
				return
			}
			asked <- filters
			fmt.Fprintf(w, `[{"Id":%q,"Names":["/web"],"Image":"nginx"}]`, containerID(1))
		},
		func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	const cgroup = 7
	p.tracker.Place(cgroup, "/docker/"+containerID(1))
	kill := func() {
		batch{Events: []event.Event{{
			Time: time.Now(), Type: event.OOMKill, CgroupID: cgroup, OOM: &event.OOM{Victim: event.Victim{PID: 9}},
		}}}.handle(p.loop)
	}
	kill()
	kill() // which is not asked about again so soon
	if name := p.awaitName(t, containerID(1)); name != "web" {
		t.Errorf("it is called %q", name)
	}
	if got := <-asked; !strings.Contains(got, containerID(1)) || len(asked) > 0 {
		t.Errorf("asked for %q, and %d times more", got, len(asked))
	}
	kill()
	kills := p.live.Snapshot().Kills
	if c := kills[len(kills)-1].Event.Container; c == nil || c.Name != "web" {
		t.Errorf("the victim's container is %+v", c)
	}
}

// Why a container did not start the engine is asked only where it may be its own: any user can make cgroups that look like
// containers of another runtime.
func TestOnlyItsOwnStartsAreAskedFor(t *testing.T) {
	asked := make(chan string, 100)
	p := namesOf(t, engineOf(t,
		func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/containers/json") {
				io.WriteString(w, "[]")
				return
			}
			asked <- r.URL.Path
			w.WriteHeader(http.StatusNotFound)
		},
		func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	p.directory.Put(container.Identity{ID: containerID(3), Runtime: runtime.Docker, Name: "web"})
	for i, path := range []string{
		"/user.slice/libpod-" + containerID(1) + ".scope", "/user.slice/" + containerID(2),
		"/tiny/" + containerID(3), "/system.slice/docker-" + containerID(4) + ".scope",
	} {
		cgroup := &event.Cgroup{ID: uint64(100 + i), Path: path}
		batch{Events: []event.Event{
			{Time: midnight, BootNS: 1, Type: event.CgroupCreated, CgroupID: cgroup.ID, Cgroup: cgroup},
			{Time: midnight, BootNS: 2, Type: event.CgroupRemoved, CgroupID: cgroup.ID, Cgroup: cgroup},
		}}.handle(p.loop)
	}
	for _, n := range []int{3, 4} {
		select {
		case got := <-asked:
			if !strings.Contains(got, containerID(n)) {
				t.Errorf("asked for %s, want container %d", got, n)
			}
		case <-time.After(time.Minute):
			t.Fatalf("not asked for container %d", n)
		}
	}
}
