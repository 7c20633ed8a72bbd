package docker

import (
	"bytes"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/events"
)

// A proxy in front of the engine's socket that allows lists and forbids events: the list is read again and again, more and more seldom
// where it stays the same.
func TestEventsAreForbidden(t *testing.T) {
	e := newEngine(t)
	e.answer(eventsPath, say(http.StatusForbidden, "text/html", "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n"))
	e.set(summary(1, "web", "nginx"))
	e.start()
	var log bytes.Buffer
	r := begin(t, e, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	const state = connected + "; it forbids its events, so its list is read again and again"
	const web, shop = "identify docker 000000000001 web nginx map[]", "identify docker 000000000001 shop nginx map[]"
	// await waits for a call and lets only some others pass.
	await := func(want string, others ...string) {
		t.Helper()
		for got := ""; got != want; {
			select {
			case got = <-r.sink.calls:
			case <-time.After(patience):
				t.Fatalf("the sink did not get %q", want)
			}
			if got != want && !slices.Contains(others, got) {
				t.Fatalf("got %q", got)
			}
		}
	}
	await(state, web, connected) // the list may have come before the events were refused
	r.synced()
	e.set(summary(1, "shop", "nginx"))
	r.clock.fire(t, pollEvery)
	await(shop, web)
	for _, doubled := range []int{0, 1, 2, 3, 3} {
		r.clock.fire(t, pollEvery<<doubled)
		await(shop)
	}
	e.set(summary(1, "web", "nginx"))
	r.clock.fire(t, pollEvery<<longestPoll)
	await(web)
	r.clock.await(t, pollEvery) // something was new

	// Who is asked for comes at once.
	e.set(summary(1, "web", "nginx"), summary(2, "db", "postgres"))
	r.follower.Ask(id(2))
	r.clock.fire(t, gather)
	r.expect("identify docker 000000000002 db postgres map[]")

	// Where the proxy lets them through after a restart, they are followed.
	e.answer(eventsPath, nil)
	e.stop()
	e.set()
	r.clock.fire(t, DefaultPingEvery)
	gone := <-r.sink.calls
	if !strings.HasPrefix(gone, "failing") && !strings.HasPrefix(gone, "absent") {
		t.Errorf("got %q", gone)
	}
	e.start()
	r.clock.fire(t, DefaultRetryMin)
	await(connected)
	e.emit(events.ActionCreate, id(3), map[string]string{"name": "late", "image": "x"})
	r.expect("identify docker 000000000003 late x map[] created 2026-03-01T12:00:00.123456789Z")
	r.end()
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, log.String())
	}
}
