package docker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	dockertypes "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
)

// endless writes begin, and then more again and again until the client hangs up. It fails the test where the client
// takes more than that many bytes.
func endless(t *testing.T, begin, more string, most int) http.HandlerFunc {
	more = strings.Repeat(more, 1<<15/len(more))
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(w, begin)
		for written := 0; err == nil; written += len(more) {
			if written > most {
				t.Errorf("%s: the client has taken %d bytes", r.URL.Path, written)
				return
			}
			_, err = io.WriteString(w, more)
		}
	}
}

// No answer of an engine is read beyond its bound, and the engine's state says so.
func TestEndlessAnswers(t *testing.T) {
	const slack = 2 << 20 // what sockets hold
	for _, tt := range []struct {
		path, begin, more string
		most              int
		want              string
	}{
		{versionPath, `{"Version":"`, "x", maxAnswer, "version request: the answer is larger than 1 MiB"},
		{listPath, `[{"Id":"`, "x", maxWhole, "container list: a container in the answer is larger than 16 MiB"},
		{listPath, `[`, " ", maxEntry, "container list: a container in the answer is larger than 1 MiB"},
		{listPath, `[{"Labels":{"a":"b"`, `,"a":"b"`, maxWhole, "container list: a container in the answer is larger than 16 MiB"},
		{listPath, `[1`, ",1", maxEntry, "container list: the answer is not the Docker API's: json: cannot unmarshal number"},
		{listPath, `[{}`, ",{}", maxList, "container list: there are more than 65536 containers in the answer"},
		{listPath, `[{}`, `,{"Image":"` + strings.Repeat("y", 2000) + `"}`, maxList, "container list: the answer is larger than 32 MiB"},
		{eventsPath, `{"Type":"`, "x", maxWhole, "event stream: an event is larger than 16 MiB"},
		{eventsPath, ``, "\n", maxEntry, "event stream: an event is larger than 1 MiB"},
		{eventsPath, `{"Actor":`, `{"Actor":`, maxEntry, "event stream: the answer is not the Docker API's: invalid character '{' exceeded max depth"},
	} {
		t.Run(tt.path+" "+tt.more[:1], func(t *testing.T) {
			e := newEngine(t)
			e.answer(tt.path, endless(t, tt.begin, tt.more, tt.most+slack))
			if tt.path == eventsPath {
				e.answer(listPath, hang)
			}
			e.start()
			r := begin(t, e)
			if got := <-r.sink.calls; !strings.HasPrefix(got, "failing ") || !strings.Contains(got, tt.want) {
				t.Errorf("the sink got %q, want %q", got, tt.want)
			}
		})
	}
}

// A user's own engine may answer less, and says nothing in the log of nsviz.
func TestUsersEngineMayAnswerLess(t *testing.T) {
	e := newEngine(t)
	e.answer(listPath, endless(t, `[{}`, `,{"Image":"`+strings.Repeat("y", 2000)+`"}`, maxUserList+2<<20))
	e.start()
	var log bytes.Buffer
	r := begin(t, e, func(c *Config) { c.User, c.Log = 1000, slog.New(slog.NewTextHandler(&log, nil)) })
	r.expect("failing container list: the answer is larger than 1 MiB")
	r.end()
	if log.Len() > 0 {
		t.Errorf("logged %s", log.String())
	}
}

func TestEndlessHeader(t *testing.T) {
	e := newEngine(t)
	e.answer(versionPath, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 2 * maxHeader / 20 {
			w.Header().Set(fmt.Sprintf("X-%d", i), "0123456789")
		}
	})
	e.start()
	r := begin(t, e)
	if got := <-r.sink.calls; !strings.HasPrefix(got, "failing version request: ") || !strings.Contains(got, "header") {
		t.Errorf("the sink got %q", got)
	}
}

// An answer that is inspected for a container's end is bounded, too, and the session goes on.
func TestEndlessInspection(t *testing.T) {
	e := newEngine(t)
	e.start()
	r := begin(t, e)
	r.expect(connected)
	e.answer(inspectPath(1), endless(t, `{"Mounts":[{}`, ",{}", maxAnswer+1<<20))
	e.emit(events.ActionDie, id(1), nil)
	r.expect("ended 000000000001")
	e.destroy(id(1), nil)
	r.expect("destroy 000000000001")
}

// An event that begins and does not end is given up in time; between two events there is no deadline.
func TestEventDrips(t *testing.T) {
	e := newEngine(t)
	e.start()
	r := begin(t, e)
	r.expect(connected)
	e.destroy(id(1), nil)
	r.expect("destroy 000000000001")
	e.emitRaw(`{"Type":"cont`)
	r.clock.await(t, maxEventTime)
	// A further byte does not buy more time.
	r.clock.pass(time.Second)
	e.emitRaw("a")
	r.clock.fire(t, maxEventTime-time.Second)
	r.expect("failing event stream: it comes too slowly")
}

// The body of an answer has a bound on its time even if the request has none.
func TestAnswerDrips(t *testing.T) {
	e := newEngine(t)
	e.answer(versionPath, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "{")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	e.start()
	defer e.stop()
	clock := newClock()
	h, err := parseHost("unix://" + e.socket)
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.client(clock, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	failed := make(chan error, 1)
	go func() {
		_, err := c.ServerVersion(t.Context())
		failed <- err
	}()
	e.requested("version")
	clock.fire(t, maxAnswerTime)
	if err := <-failed; !errors.Is(err, errSlow) {
		t.Errorf("error %v, want %v", err, errSlow)
	}
}

// Events that come too fast are read more slowly, which shows; what the engine may have dropped meanwhile is listed again.
func TestEventsComeTooFast(t *testing.T) {
	e := newEngine(t)
	e.start()
	r := begin(t, e)
	r.expect(connected)
	e.requested("list all")
	// A little more than may come at once, for a clock that stands still.
	line, err := json.Marshal(events.Message{Type: events.ContainerEventType, Action: "attach", Actor: events.Actor{ID: id(1)}})
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for range eventBurst/64 + 1 {
			e.emitRaw(strings.Repeat(string(line)+"\n", 64))
		}
	}()
	r.expect(connected + "; " + hurry)
	<-stopped
	e.set(summary(7, "web", "nginx"))
	r.clock.fire(t, DefaultPingEvery)
	r.clock.fire(t, gather)
	e.requested("list all")
	r.expect("identify docker 000000000007 web nginx map[]", connected)
}

// expectBoth is expect for two calls that come in any order.
func (r *run) expectBoth(a, b string) {
	r.t.Helper()
	if got := []string{<-r.sink.calls, <-r.sink.calls}; !slices.Contains(got, a) || !slices.Contains(got, b) {
		r.t.Fatalf("the sink got %q, want %q and %q", got, a, b)
	}
}

// Labels of any size cost neither their container nor another one its name, in the list as in events; the engine's state
// says that something is missing.
func TestLargeContainerAmongOthers(t *testing.T) {
	e := newEngine(t)
	large := summary(2, "large", "redis:7")
	large.State = dockertypes.StateCreated // it comes behind the labels
	large.Created = epoch.Unix()
	large.Labels = map[string]string{"a": strings.Repeat("x", 2*maxEntry), "tier": "back"}
	unnamed := summary(4, strings.Repeat("y", 2*maxEntry), "busybox")
	e.set(summary(3, "younger", "busybox"), unnamed, large, summary(1, "older", "nginx"))
	e.answer(inspectPath(2), state(dockertypes.State{Status: "created"}))
	e.start()
	r := begin(t, e)
	const cut = connected + "; known in part, since larger than 1 MiB: containers 2, events "
	r.expect("identify docker 000000000001 older nginx map[]", "identify docker 000000000002 large redis:7 map[tier:back]",
		"identify docker 000000000003 younger busybox map[]", cut+"0")
	if got := <-r.sink.actions; !strings.HasPrefix(got, "000000000002 create") {
		t.Errorf("got %q", got)
	}

	e.requested("events since 1772366400.123456789")
	r.clock.pass(time.Minute)
	attributes := map[string]string{"a": large.Labels["a"], "name": "next", "image": "redis:7", "z": "1"}
	e.emitAt(epoch.Add(30*time.Second), events.ActionCreate, id(5), attributes)
	r.expectBoth("identify docker 000000000005 next redis:7 map[z:1] created 2026-03-01T12:00:30.123456789Z", cut+"1")
	e.destroy(id(2), attributes)
	r.expect("destroy 000000000002", connected+"; known in part, since larger than 1 MiB: containers 1, events 1")
	r.clock.fire(t, DefaultPingEvery)
	r.expect(connected + "; known in part, since larger than 1 MiB: containers 1, events 2")

	// The next session does not ask for these events again.
	e.emitRaw("garbage\n")
	<-r.sink.calls
	r.clock.fire(t, DefaultRetryMin)
	e.requested("events since 1772366430.123456789")
	r.expect("identify docker 000000000001 older nginx map[]")
}

func TestValueFilter(t *testing.T) {
	long := strings.Repeat("x", 100)
	many := strings.Repeat(`"b":1,`, 20)
	for _, tt := range []struct {
		depth        int
		stream, want string // "" is the same
		ended, cuts  int
		open         bool
		fails        bool
	}{
		{stream: `{"a":"b"}` + "\n" + `{"a":[{},{}]}`, ended: 2},
		{stream: `{"a":"}{\"}"}`, ended: 1},
		{stream: `{"a":"\\"}{`, ended: 1, open: true},
		{stream: `"abc`, open: true},
		{stream: `"abc` + long, open: true, fails: true},
		{stream: strings.Repeat(" ", 40), fails: true},
		{depth: 1, stream: `[{"a":1},{"a":2},{"a":3},{"a":4},{"a":5}]`, ended: 5},
		{depth: 1, stream: `[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9`, fails: true},
		{stream: `{"a":"` + strings.Repeat(long, 5), want: "{", open: true, fails: true},
		// What is too large is left out, wherever it is.
		{stream: `{"a":"` + long + `"}`, want: `{}`, ended: 1, cuts: 1},
		{stream: `{"a":"` + long + `","b":1}{}`, want: `{"b":1}{}`, ended: 2, cuts: 1},
		{stream: `{"a":1,"b":"` + long + `","c":"` + long + `","d":2}`, want: `{"a":1,"d":2}`, ended: 1, cuts: 1},
		{stream: `{"a":{"b":"` + long + `","c":"` + long + `","d":2},"e":3}`, want: `{"a":{"d":2},"e":3}`, ended: 1, cuts: 1},
		{stream: `{"a":{"b":1,"c":"\"},{` + long + `"},"e":3}`, want: `{"a":{"b":1},"e":3}`, ended: 1, cuts: 1},
		{stream: `{"a":{` + many + `"c":1},"time":12}`, want: `{"a":{"b":1,"b":1,"b":1,"b":1},"time":12}`, ended: 1, cuts: 1},
		{stream: `{"a":{"` + long + `":{"b":[1,{"c":2}]},"d":2},"e":3}`, want: `{"a":{"d":2},"e":3}`, ended: 1, cuts: 1},
		{depth: 1, stream: `[{"a":["` + long + `",{"b":[]}]},{"a":2}]`, want: `[{"a":[{"b":[]}]},{"a":2}]`, ended: 2, cuts: 1},
	} {
		if tt.want == "" {
			tt.want = tt.stream
		}
		for _, chunk := range []int{1, 7, 1000} {
			f := valueFilter{bounds: valueBounds{limit: 32, rest: 16, whole: 400}, depth: tt.depth, what: "it"}
			rest := strings.NewReader(tt.stream)
			var got []byte
			buffer := make([]byte, chunk)
			var failed error
			for failed == nil {
				var n int
				n, failed = f.read(buffer, func(p []byte) error {
					n, err := rest.Read(p)
					if _, tooLarge := f.scan(p[:n]); tooLarge != nil {
						return tooLarge
					}
					return err
				})
				got = append(got, buffer[:n]...)
			}
			_, tooLarge := errors.AsType[*tooLargeError](failed)
			if f.ended != tt.ended || len(f.takeCuts()) != tt.cuts || f.open() != tt.open || tooLarge != tt.fails || !tt.fails && string(got) != tt.want {
				t.Errorf("%s by %d: %s, %d ended, open %v, %v", tt.stream, chunk, got, f.ended, f.open(), failed)
			}
		}
	}
}
