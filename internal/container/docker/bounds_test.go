package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

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
		{listPath, `[{"Id":"`, "x", maxEntry, "container list: a container in the answer is larger than 1 MiB"},
		{listPath, `[`, " ", maxEntry, "container list: a container in the answer is larger than 1 MiB"},
		{listPath, `[{"Labels":{"a":"b"`, `,"a":"b"`, maxEntry, "container list: a container in the answer is larger than 1 MiB"},
		{listPath, `[1`, ",1", maxEntry, "container list: the answer is not the Docker API's: json: cannot unmarshal number"},
		{listPath, `[{}`, ",{}", maxList, "container list: there are more than 65536 containers in the answer"},
		{listPath, `[{}`, `,{"Image":"` + strings.Repeat("y", 2000) + `"}`, maxList, "container list: the answer is larger than 32 MiB"},
		{eventsPath, `{"Type":"`, "x", maxEntry, "event stream: an event is larger than 1 MiB"},
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
				t.Errorf("the sink was told %q, want %q", got, tt.want)
			}
		})
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
		t.Errorf("the sink was told %q", got)
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
	e.emit(events.ActionDestroy, id(1), nil)
	r.expect("forget 000000000001")
}

// An event that begins and does not end is given up in time; between two events there is no hurry.
func TestEventDrips(t *testing.T) {
	e := newEngine(t)
	e.start()
	r := begin(t, e)
	r.expect(connected)
	e.emit(events.ActionDestroy, id(1), nil)
	r.expect("forget 000000000001")
	e.emitRaw(`{"Type":"cont`)
	r.clock.await(t, maxEventTime)
	// A further byte does not buy more time.
	r.clock.pass(time.Second)
	e.emitRaw("a")
	r.clock.fire(t, maxEventTime-time.Second)
	r.expect("failing event stream: it comes too slowly")
}

// The body of an answer has a bound on its time even where the request has none.
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

func TestValueScanner(t *testing.T) {
	for _, tt := range []struct {
		depth  int
		stream string
		ended  int
		open   bool
		fails  bool
	}{
		{0, `{"a":"b"}` + "\n" + `{"a":[{},{}]}`, 2, false, false},
		{0, `{"a":"}{\"}"}`, 1, false, false},
		{0, `{"a":"\\"}{`, 1, true, false},
		{0, `"abc`, 0, true, false},
		{0, `{"a":"` + strings.Repeat("x", 40), 0, true, true},
		{0, strings.Repeat(" ", 40), 0, false, true},
		{1, `[{"a":1},{"a":2},{"a":3},{"a":4},{"a":5}]`, 5, false, false},
		{1, `[{"a":` + strings.Repeat("[", 40), 0, true, true},
		{1, `[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9`, 0, false, true},
	} {
		for _, chunk := range []int{1, 7, 100} {
			s := valueScanner{depth: tt.depth, limit: 32, what: "it"}
			ended := 0
			var failed error
			for rest := tt.stream; rest != "" && failed == nil; {
				n := min(chunk, len(rest))
				var more int
				more, failed = s.scan([]byte(rest[:n]))
				ended += more
				rest = rest[n:]
			}
			if ended != tt.ended || s.open() != tt.open || (failed != nil) != tt.fails {
				t.Errorf("%s by %d: %d ended, open %v, %v", tt.stream, chunk, ended, s.open(), failed)
			}
		}
	}
}
