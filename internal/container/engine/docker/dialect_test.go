package docker

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/fact"
)

// speaksAsPodman has the engine answer as podman 4.3.1 does.
func (e *fakeEngine) speaksAsPodman() {
	e.answer(versionPath, say(http.StatusOK, "application/json",
		`{"Platform": {"Name": "linux/amd64/debian-12"}, "Components": [{"Name": "Podman Engine", "Version": "4.3.1", "Details": {"APIVersion": "4.3.1"}},`+
			` {"Name": "Conmon"}, {"Name": "OCI Runtime (runc)"}], "Version": "4.3.1", "ApiVersion": "1.41"}`))
	e.answer(listPath, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("filters") && r.FormValue("filters") == "" {
			say(http.StatusBadRequest, "application/json",
				`{"cause": "unexpected end of JSON input", "message": "failed to decode filter parameters", "response": 400}`)(w, r)
			return
		}
		e.serveList(w, r)
	})
}

// Whatever its address says, an engine has the name that it gives itself, and so have its containers.
func TestPodman(t *testing.T) {
	e := newEngine(t) // at docker.sock
	e.speaksAsPodman()
	e.set(summary(1, "web", "nginx"))
	e.start()
	unasked, err := New(Config{Host: "unix://" + e.socket, Clock: newClock()})
	if err != nil {
		t.Fatal(err)
	}
	if name := unasked.Name(); name != "docker" {
		t.Errorf("taken for %s before it has answered", name)
	}
	r := begin(t, e)
	r.expect("identify podman 000000000001 web nginx map[]", "connected 4.3.1, API 1.41")
	if name := r.follower.Name(); name != "podman" {
		t.Errorf("it is called %s", name)
	}

	// Its words are its own.
	e.answer(inspectPath(1), say(http.StatusOK, "application/json",
		`{"State": {"ExitCode": 137, "OOMKilled": false, "FinishedAt": "`+epoch.Format("2006-01-02T15:04:05Z07:00")+`"}}`))
	later := epoch.Add(1)
	e.emitAt(later, "exec", id(1), nil)
	e.emitAt(later, "died", id(1), nil)
	r.expect("ended 000000000001 code 137 OOMKilled false")
	e.emitAt(later, "remove", id(1), nil)
	r.expect("destroy 000000000001")
	for _, want := range []fact.EngineAction{fact.ActionExec, fact.ActionDie, fact.ActionRemove} {
		if got := <-r.sink.actions; got != fmt.Sprintf("000000000001 %s +1ns", want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestPodmansEventsAreAskedForByItsWords(t *testing.T) {
	asked := make(chan filters.Args, 1)
	e := newEngine(t)
	e.speaksAsPodman()
	e.answer(eventsPath, func(w http.ResponseWriter, r *http.Request) {
		args, err := filters.FromJSON(r.FormValue("filters"))
		if err != nil {
			t.Error(err)
		}
		asked <- args
		e.serveEvents(w, r)
	})
	e.start()
	begin(t, e).expect("connected 4.3.1, API 1.41")
	args := <-asked
	for _, word := range []string{"died", "die", "remove", "destroy", "exec", "create"} {
		if !args.ExactMatch("event", word) {
			t.Errorf("not asked for %s: %v", word, args.Get("event"))
		}
	}
}

func TestWordsOfDocker(t *testing.T) {
	docker := dialectOf(nil)
	for _, word := range []events.Action{"died", "remove", "die", "exec_start: sh"} {
		if got := docker.word(word); got != word {
			t.Errorf("%s is taken for %s", word, got)
		}
	}
}

// Before an engine has answered, its socket's name is what there is to go by.
func TestGuess(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"docker.sock", "podman.sock", "other"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "link.sock")
	if err := os.Symlink("podman.sock", link); err != nil {
		t.Fatal(err)
	}
	for socket, want := range map[string]string{
		filepath.Join(dir, "docker.sock"): "docker", filepath.Join(dir, "podman.sock"): "podman", link: "podman",
		filepath.Join(dir, "other"): "docker", "/nowhere/podman.sock": "podman", "": "docker",
	} {
		if got := guess("", socket).runtime; got != want {
			t.Errorf("%s: %s, want %s", socket, got, want)
		}
	}
	if got := guess("podman", filepath.Join(dir, "docker.sock")).runtime; got != "podman" {
		t.Errorf("one that is known is taken for %s", got)
	}
}

// An engine that runs only once somebody connects is left alone: it has no connection, and is absent until it runs.
func TestEngineIsNotStarted(t *testing.T) {
	e := newEngine(t)
	e.socket = filepath.Join(filepath.Dir(e.socket), "podman.sock")
	e.speaksAsPodman()
	e.start()
	gate := &gate{}
	r := begin(t, e, func(c *Config) { c.Connect = gate.connect })
	r.expect("absent socket held by systemd, not running")
	r.synced()
	r.clock.fire(t, DefaultRetryMin)
	r.clock.await(t, 2*DefaultRetryMin) // it was tried again
	if _, err := r.follower.Settings(t.Context(), id(1)); !errors.Is(err, engine.ErrNotRunning) {
		t.Errorf("settings: %v", err)
	}
	if inits, err := r.follower.Inits(t.Context(), func(string) bool { return false }); err == nil || len(inits) > 0 {
		t.Errorf("inits: %v, %v", inits, err)
	}
	select {
	case word := <-e.requests:
		t.Errorf("it got the request %q", word)
	default:
	}
	gate.open.Store(true)
	r.clock.fire(t, 2*DefaultRetryMin)
	r.expect("connected 4.3.1, API 1.41")

	// The same where it ends while it is followed.
	gate.open.Store(false)
	e.server.CloseClientConnections()
	r.expect("connecting the event stream ended")
	r.clock.fire(t, 4*DefaultRetryMin)
	r.expect("absent socket held by systemd, not running")
}

// Docker 29 refuses versions of its API before 1.44.
func TestEngineRefusesOldVersions(t *testing.T) {
	e := newEngine(t)
	e.version, e.api = "29.0.1", "1.52"
	e.set(summary(1, "web", "nginx"))
	refusing := refuses(e, 44)
	e.listen(refusing)
	r := begin(t, e)
	got := []string{<-r.sink.calls, <-r.sink.calls}
	if got[0] != "identify docker 000000000001 web nginx map[]" || !strings.HasPrefix(got[1], "connected 29.0.1, API 1.") {
		t.Errorf("got %q", got)
	}
	e.answer(inspectPath(1), say(http.StatusOK, "application/json", `{"HostConfig": {"Privileged": true}, "State": {"Running": true, "Pid": 42}}`))
	if s, err := r.follower.Settings(t.Context(), id(1)); err != nil || !s.Privileged {
		t.Errorf("settings: %+v, %v", s, err)
	}
	if inits, err := r.follower.Inits(t.Context(), func(string) bool { return false }); err != nil || inits[id(1)].PID != 42 {
		t.Errorf("inits: %v, %v", inits, err)
	}
	if n := refusing.refused.Load(); n > 0 {
		t.Errorf("%d requests were refused", n)
	}
}
