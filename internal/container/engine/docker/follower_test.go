package docker

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	dockertypes "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"

	"github.com/nsviz/nsviz/internal/container/engine"
)

func TestNamesOfWhatIsThereAndOfWhatComes(t *testing.T) {
	e := newEngine(t)
	e.set(summary(2, "younger", "redis:7"), summary(1, "older", "busybox"))
	e.start()
	r := begin(t, e)
	r.expect("identify docker 000000000001 older busybox map[]",
		"identify docker 000000000002 younger redis:7 map[]", connected)
	r.synced()
	e.requested("ping")
	e.requested("version")
	e.requested("events since 1772366400.123456789")
	e.requested("list all")

	// A created container has its name at once, and what its labels hide a moment later.
	created := summary(3, "web", "nginx")
	created.Labels = map[string]string{"name": "not this", "tier": "front"}
	e.set(created)
	e.emit(events.ActionCreate, id(3), map[string]string{"name": "web", "image": "nginx", "tier": "front"})
	r.expect("identify docker 000000000003 web nginx map[tier:front] created 2026-03-01T12:00:00.123456789Z")
	r.clock.fire(t, gather)
	e.requested("list 1")
	r.expect("identify docker 000000000003 web nginx map[name:not this tier:front]")

	e.emitAt(epoch.Add(time.Second), events.ActionStart, id(3), map[string]string{"name": "web", "image": "nginx"})
	e.emit(events.ActionRename, id(3), map[string]string{"name": "shop", "oldName": "/web", "image": "nginx"})
	r.expect("identify docker 000000000003 shop nginx map[]")
	e.destroy(id(3), map[string]string{"name": "shop", "image": "nginx"})
	r.expect("destroy 000000000003")
	for _, want := range []string{"000000000003 create +0s", "000000000003 start +1s"} {
		if got := <-r.sink.actions; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestUnexpectedEventsAreIgnored(t *testing.T) {
	e := newEngine(t)
	e.start()
	r := begin(t, e)
	r.expect(connected)
	e.emit("exec_create: sh", id(1), map[string]string{"name": "web"})
	e.emit(events.ActionCreate, "../../etc", map[string]string{"name": "web"})
	e.destroy("", nil)
	e.emitRaw(`{"Type":"network","Action":"create","Actor":{"ID":"` + id(2) + `","Attributes":{"name":"n"}}}`)
	e.emitRaw(`{}`)
	e.destroy(id(9), nil)
	r.expect("destroy 000000000009")
}

// An event of a container without a name still makes the follower ask who it is.
func TestCreateWithoutNameIsAsked(t *testing.T) {
	e := newEngine(t)
	e.start()
	r := begin(t, e)
	r.expect(connected)
	e.set(summary(1, "web", "nginx"))
	e.emit(events.ActionCreate, id(1), nil)
	r.clock.fire(t, gather)
	r.expect("identify docker 000000000001 web nginx map[]")
}

func TestAbsentEngineAppears(t *testing.T) {
	e := newEngine(t)
	e.set(summary(1, "web", "nginx"))
	var log bytes.Buffer
	r := begin(t, e, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	r.expect("absent no socket at " + e.socket)
	r.synced()
	// The pause doubles up to its bound, and the state is not reported again.
	pause := DefaultRetryMin
	for range 7 {
		r.clock.fire(t, pause)
		pause = min(2*pause, DefaultRetryMax)
	}
	r.clock.await(t, DefaultRetryMax)
	e.start()
	r.clock.fire(t, DefaultRetryMax)
	r.expect("identify docker 000000000001 web nginx map[]", connected)
	r.end()
	if lines := strings.Split(strings.TrimSpace(log.String()), "\n"); len(lines) != 2 ||
		!strings.Contains(lines[0], "absent") || !strings.Contains(lines[1], "connected") {
		t.Errorf("logged, want one line per change:\n%s", log.String())
	}
}

func TestRestartedEngine(t *testing.T) {
	e := newEngine(t)
	e.set(summary(1, "web", "nginx"))
	e.start()
	r := begin(t, e)
	r.expect("identify docker 000000000001 web nginx map[]", connected)
	e.stop()
	r.expect("connecting the event stream ended")
	r.clock.fire(t, DefaultRetryMin)
	r.expect("absent no socket at " + e.socket)

	// It comes back as a newer one, and things happened meanwhile.
	e.version, e.api = "27.5.1", "1.47"
	e.set(summary(1, "shop", "nginx"), summary(2, "db", "postgres"))
	e.start()
	r.clock.fire(t, 2*DefaultRetryMin)
	r.expect("identify docker 000000000002 db postgres map[]",
		"identify docker 000000000001 shop nginx map[]", "connected 27.5.1, API 1.47")
}

// After a lost connection the engine is asked for the events since the last one that came.
func TestMissedEventsAreAskedFor(t *testing.T) {
	e := newEngine(t)
	e.start()
	r := begin(t, e)
	r.expect(connected)
	e.requested("events since 1772366400.123456789")
	r.clock.pass(time.Minute)
	e.emitAt(epoch.Add(30*time.Second), events.ActionDestroy, id(1), nil)
	e.emitAt(epoch.Add(20*time.Second), events.ActionDestroy, id(2), nil)
	e.emitAt(epoch.Add(time.Hour), events.ActionDestroy, id(3), nil) // a clock that is wrong
	r.expect("destroy 000000000001", "destroy 000000000002", "destroy 000000000003")
	e.emitRaw("garbage\n")
	<-r.sink.calls
	r.clock.fire(t, DefaultRetryMin)
	e.requested("events since 1772366430.123456789")
	r.expect(connected)
}

// An engine that is much newer than the client is spoken to in the client's newest version.
func TestNewerEngine(t *testing.T) {
	e := newEngine(t)
	e.start()
	e.answer(pingPath, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.99") })
	e.api = "1.51"
	e.version = ""
	r := begin(t, e)
	r.expect("connected unknown version, API 1.51")
}

func TestHungEngine(t *testing.T) {
	for path, what := range map[string]string{
		pingPath: "ping", versionPath: "version request", eventsPath: "event stream", listPath: "container list",
	} {
		t.Run(what, func(t *testing.T) {
			e := newEngine(t)
			e.answer(path, hang)
			e.start()
			r := begin(t, e)
			e.requested(strings.Fields(strings.TrimPrefix(what, "container "))[0][:4])
			r.clock.fire(t, DefaultTimeout)
			r.expect("failing does not answer the " + what + " within 3s")
			r.synced()
			e.answer(path, nil)
			r.clock.fire(t, DefaultRetryMin)
			r.expect(connected)
		})
	}
}

// An engine that hangs after it was connected shows only in the ping: silence of the events is normal.
func TestEngineHangsLater(t *testing.T) {
	e := newEngine(t)
	e.start()
	r := begin(t, e)
	r.expect(connected)
	for range 3 {
		e.requested("ping")
		r.clock.fire(t, DefaultPingEvery)
	}
	e.requested("ping")
	r.clock.await(t, DefaultPingEvery) // answered, before the next one is not
	e.answer(pingPath, hang)
	r.clock.fire(t, DefaultPingEvery)
	e.requested("ping")
	r.clock.fire(t, DefaultTimeout)
	r.expect("failing does not answer the ping within 3s")
	r.clock.fire(t, DefaultRetryMin)
	e.requested("ping")
	r.clock.fire(t, DefaultTimeout)
	// The same is not reported again.
	e.answer(pingPath, nil)
	r.clock.fire(t, 2*DefaultRetryMin)
	r.expect(connected)
}

// The list may take longer than a request; each time it is given more.
func TestSlowList(t *testing.T) {
	e := newEngine(t)
	e.answer(listPath, hang)
	e.start()
	r := begin(t, e)
	pause := DefaultRetryMin
	for n := range 6 {
		e.requested("list all")
		timeout := DefaultTimeout << min(n, maxPatience)
		r.clock.fire(t, timeout)
		if n <= maxPatience {
			r.expect(fmt.Sprintf("failing does not answer the container list within %v", timeout))
		}
		if n < 5 {
			r.clock.fire(t, pause)
			pause = min(2*pause, DefaultRetryMax)
		}
	}
	e.answer(listPath, nil)
	r.clock.fire(t, pause)
	r.expect(connected)
}

// While a list is under way events are passed on at once. The list's entries for the same
// containers may be older and are not.
func TestEventsDuringSlowList(t *testing.T) {
	e := newEngine(t)
	release := e.holdLists()
	e.set(summary(3, "same", "redis"), summary(2, "removed", "busybox"), summary(1, "before", "nginx"))
	e.start()
	r := begin(t, e)
	e.requested("list all")
	e.emit(events.ActionRename, id(1), map[string]string{"name": "after", "image": "nginx"})
	e.destroy(id(2), nil)
	r.expect("identify docker 000000000001 after nginx map[]", "destroy 000000000002")
	releaseNext := e.holdLists() // it may be requested at once
	release()
	r.expect("identify docker 000000000003 same redis map[]", connected)

	e.set(summary(1, "after", "nginx"))
	releaseNext()
	r.clock.fire(t, gather)
	e.requested("list 1")
	r.expect("identify docker 000000000001 after nginx map[]")
}

// More changes than are remembered make the list worthless; it is fetched again.
func TestTooManyChangesDuringList(t *testing.T) {
	e := newEngine(t)
	release := e.holdLists()
	e.set(summary(1, "web", "nginx"))
	e.start()
	r := begin(t, e)
	e.requested("list all")
	for n := range maxTouched + 1 {
		e.destroy(id(n+2), nil)
	}
	for n := range maxTouched + 1 {
		r.expect("destroy " + id(n + 2)[:12])
	}
	release()
	e.requested("list all")
	r.expect("identify docker 000000000001 web nginx map[]", connected)
}

func TestErrorAnswers(t *testing.T) {
	for path, want := range map[string]string{
		pingPath:   "failing ping: request returned 500 Internal Server Error",
		eventsPath: "failing event stream: disk on fire",
		listPath:   "failing container list: disk on fire",
	} {
		t.Run(path, func(t *testing.T) {
			e := newEngine(t)
			e.answer(path, say(http.StatusInternalServerError, "application/json", `{"message":"disk\non   fire"}`))
			if path == eventsPath {
				// So that the stream's error is not overtaken by a good list.
				e.answer(listPath, hang)
			}
			e.start()
			r := begin(t, e)
			r.expect(want)
			e.answer(path, nil)
			e.answer(listPath, nil)
			r.clock.fire(t, DefaultRetryMin)
			r.expect(connected)
		})
	}
}

// An engine that does not say which version it is, and answers all else, is followed without one: Docker 26 without root panics in that
// request where it shares the host's network.
func TestNoVersion(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a panic":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"an error":      say(http.StatusInternalServerError, "application/json", `{"message":"disk on fire"}`),
		"forbidden":     say(http.StatusForbidden, "text/html", "<html>no</html>"),
		"not there":     say(http.StatusNotFound, "application/json", `{"message":"page not found"}`),
		"not supported": say(http.StatusNotImplemented, "application/json", `{"message":"no"}`),
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			e.answer(versionPath, answer)
			e.set(summary(1, "web", "nginx"))
			e.start()
			r := begin(t, e)
			r.expect("identify docker 000000000001 web nginx map[]", "connected unknown version, API 1.41")
		})
	}
}

func TestRefusedByProxy(t *testing.T) {
	e := newEngine(t)
	e.answer(listPath, say(http.StatusForbidden, "text/html", "<html>"+strings.Repeat("403 Forbidden\n", 1000)))
	e.start()
	r := begin(t, e)
	r.expect("failing container list: " + ("<html>" + strings.Repeat("403 Forbidden ", 20))[:engine.MaxDetail])
}

func TestGarbage(t *testing.T) {
	const garbage = "failing %s: the answer is not the Docker API's: %s"
	for _, tt := range []struct{ path, body, what, reason string }{
		{versionPath, "hello", "version request", "invalid character 'h' looking for beginning of value"},
		{versionPath, "", "version request", "EOF"},
		{listPath, `[{"Id":`, "container list", "unexpected EOF"},
		{listPath, `{"Id":"x"}`, "container list", "json: cannot unmarshal object into Go value of type []container.Summary"},
		{eventsPath, `<html>`, "event stream", "invalid character '<' looking for beginning of value"},
		{eventsPath, `{"Type":1}`, "event stream", "json: cannot unmarshal number into Go struct field Message.Type of type events.Type"},
	} {
		t.Run(tt.what+" "+tt.body, func(t *testing.T) {
			e := newEngine(t)
			e.answer(tt.path, say(http.StatusOK, "application/json", tt.body))
			if tt.path == eventsPath {
				e.answer(listPath, hang)
			}
			e.start()
			r := begin(t, e)
			r.expect(fmt.Sprintf(garbage, tt.what, tt.reason))
		})
	}
}

// An engine that fails again and again right after it was connected is left alone longer and longer.
func TestFlappingEngine(t *testing.T) {
	e := newEngine(t)
	e.start()
	r := begin(t, e)
	pause := DefaultRetryMin
	for range 4 {
		r.expect(connected)
		e.emitRaw("garbage\n")
		r.expect("failing event stream: the answer is not the Docker API's: " +
			"invalid character 'g' looking for beginning of value")
		r.clock.fire(t, pause)
		pause *= 2
	}
	// Once it was well for a while, the count starts anew.
	r.expect(connected)
	for range 2 {
		r.clock.fire(t, DefaultPingEvery)
	}
	e.emitRaw("garbage\n")
	<-r.sink.calls
	r.clock.fire(t, DefaultRetryMin)
	r.expect(connected)
}

func TestCancel(t *testing.T) {
	for path, word := range map[string]string{
		pingPath: "ping", versionPath: "version", eventsPath: "events", listPath: "list",
	} {
		t.Run("in "+word, func(t *testing.T) {
			e := newEngine(t)
			e.answer(path, hang)
			e.start()
			r := begin(t, e)
			e.requested(word)
			r.end()
		})
	}
	t.Run("while connected", func(t *testing.T) {
		e := newEngine(t)
		e.start()
		r := begin(t, e)
		r.expect(connected)
		r.follower.Ask(id(1)) // so that a question waits for others
		r.end()
	})
	t.Run("in a later ping", func(t *testing.T) {
		e := newEngine(t)
		e.start()
		r := begin(t, e)
		r.expect(connected)
		e.requested("ping")
		r.clock.await(t, DefaultPingEvery)
		e.answer(pingPath, hang)
		r.clock.fire(t, DefaultPingEvery)
		e.requested("ping")
		r.end()
	})
	t.Run("in a pause", func(t *testing.T) {
		r := begin(t, newEngine(t))
		<-r.sink.calls
		r.end()
	})
}

// A name is foreign text. It comes through as it is, for the views to escape.
func TestHostileNames(t *testing.T) {
	e := newEngine(t)
	hostile := "\x1b[2J\u202e\"}\n" + strings.Repeat("ä", maxName)
	e.set(dockertypes.Summary{ID: id(1), Names: []string{"/db/" + hostile, "/" + hostile}, Image: "sha256:" + id(7)},
		dockertypes.Summary{ID: "short", Names: []string{"/bad-id"}},
		dockertypes.Summary{ID: id(2), Names: nil, Image: "being-removed"})
	e.start()
	r := begin(t, e)
	r.expect("identify docker 000000000001 "+cut(hostile, maxName)+" 000000000007 map[]", connected)
}

func TestSocketWithoutListener(t *testing.T) {
	e := newEngine(t)
	if err := os.WriteFile(e.socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := begin(t, e)
	r.expect("absent nothing listens on " + e.socket)
}

func TestWallClock(t *testing.T) {
	clock := Config{}.withDefaults().Clock
	if now := clock.Now(); time.Since(now) < 0 {
		t.Errorf("the clock shows %v", now)
	}
	rings, _ := alarm(clock, 0)
	select {
	case <-rings:
	case <-time.After(patience):
		t.Error("the alarm does not ring")
	}
	silent, stop := alarm(clock, time.Hour)
	stop()
	select {
	case <-silent:
		t.Error("a stopped alarm rang")
	default:
	}
}
