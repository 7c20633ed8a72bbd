//go:build root

package pipeline_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/test/lsns"
)

// watched is a running pipeline and what it has reported.
type watched struct {
	*pipeline.Pipeline

	mu      sync.Mutex
	events  []event.Event
	created map[int32]int // by who made them
	surveys int
	more    chan struct{}
}

// watch runs a pipeline until the end of the test.
func watch(t *testing.T) *watched {
	t.Helper()
	return watchWith(t, func(*pipeline.Config) {})
}

// watchWith is watch with other settings.
func watchWith(t *testing.T, set func(*pipeline.Config)) *watched {
	t.Helper()
	w := &watched{created: map[int32]int{}, more: make(chan struct{}, 1)}
	cfg := config(t, w.take)
	set(&cfg)
	var err error
	w.Pipeline, err = pipeline.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-w.Attached():
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	// What it has found in the first survey is what was there before.
	w.await(t, "the first survey", func() bool { return w.surveyed() > 0 }, nil)
	return w
}

func config(t *testing.T, sinks ...func(fact.Fact)) pipeline.Config {
	return pipeline.Config{
		Engines: []engine.Engine{nobody(t)},
		// These tests wait for one survey after the other. Each searches open files all the same: the pause after it is longer
		// than searchRest asks for.
		SurveyInterval: 300 * time.Millisecond,
		Log:            slog.New(slog.NewTextHandler(t.Output(), nil)),
		Sinks:          sinks,
	}
}

func (w *watched) take(f fact.Fact) {
	w.mu.Lock()
	switch {
	case f.Event != nil:
		w.events = append(w.events, *f.Event)
		if f.Event.Type == event.NamespaceCreated {
			w.created[f.Event.PID]++
		}
	case f.Namespaces != nil:
		w.surveys++
	}
	w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
}

// createdBy is how many namespaces a process has made.
func (w *watched) createdBy(pid int32) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.created[pid]
}

func (w *watched) surveyed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.surveys
}

// reported returns the events about a namespace of a type, in their order.
func (w *watched) reported(n namespace) []event.Event {
	return w.all(func(e *event.Event) bool {
		return e.Namespace != nil && e.Namespace.Type == n.typ && e.Namespace.ID == n.id
	})
}

func (w *watched) all(match func(*event.Event) bool) []event.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []event.Event
	for i := range w.events {
		if match(&w.events[i]) {
			found = append(found, w.events[i])
		}
	}
	return found
}

// await waits until ok, which is asked after each report.
func (w *watched) await(t *testing.T, what string, ok func() bool, describe func() string) {
	t.Helper()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-w.more:
		case <-deadline:
			if describe != nil {
				what += ": " + describe()
			}
			t.Fatalf("waited %v in vain for %s", patience, what)
		}
	}
}

// awaitSurveys waits for n surveys that have begun after now.
func (w *watched) awaitSurveys(t *testing.T, n int) {
	t.Helper()
	before := w.surveyed()
	w.await(t, "surveys", func() bool { return w.surveyed() > before+n }, nil) // one may be under way
}

// endsAreHooked reports whether the kernel reports the end of namespaces.
func (w *watched) endsAreHooked() bool {
	for _, p := range w.Snapshot().Probes {
		if p.Name == fact.ProbeNamespacesFreed {
			return p.Works()
		}
	}
	return false
}

// once is what the one-shot commands see.
func once(t *testing.T) *model.Snapshot {
	t.Helper()
	p, err := pipeline.New(config(t))
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Once(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// namespace is one that a test has made.
type namespace struct {
	typ event.NamespaceType
	id  uint64
}

// of is the namespace of a type that a process is in.
func of(t *testing.T, pid int32, typ event.NamespaceType) namespace {
	t.Helper()
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, typ))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, link)
}

// parse reads "net:[4026531840]".
func parse(t *testing.T, link string) namespace {
	t.Helper()
	name, rest, _ := strings.Cut(link, ":")
	typ, err := event.ParseNamespaceType(name)
	if err != nil {
		t.Fatal(err)
	}
	n := namespace{typ: typ}
	if _, err := fmt.Sscanf(rest, "[%d]", &n.id); err != nil {
		t.Fatalf("%q: %v", link, err)
	}
	return n
}

// in is what a snapshot has of a namespace.
func (n namespace) in(s *model.Snapshot) *model.Namespace {
	for i := range s.Namespaces {
		if have := &s.Namespaces[i]; have.Type == n.typ && have.ID == n.id {
			return have
		}
	}
	return nil
}

// lsns asks lsns(8) for the namespaces that have processes, with the numbers of their parents and their
// owners; 0 where it does not say.
func lsnsNamespaces(t *testing.T) map[namespace][2]uint64 {
	t.Helper()
	out := lsns.Output(t, "-r", "-n", "-o", "NS,TYPE,PNS,ONS")
	all := map[namespace][2]uint64{}
	for line := range strings.Lines(string(out)) {
		var n namespace
		var name string
		var above [2]uint64
		if _, err := fmt.Sscan(line, &n.id, &name, &above[0], &above[1]); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var err error
		if n.typ, err = event.ParseNamespaceType(name); err != nil {
			t.Fatal(err)
		}
		all[n] = above
	}
	return all
}

// disagreement says how a snapshot differs from what lsns says; "" is not at all. What nsviz has beyond
// it must be kept by something that lsns does not know.
func disagreement(lsns map[namespace][2]uint64, s *model.Snapshot) string {
	var b strings.Builder
	for n, above := range lsns {
		have := n.in(s)
		switch {
		case have == nil:
			fmt.Fprintf(&b, "only lsns has %s %d\n", n.typ, n.id)
		case above[0] != 0 && above[0] != have.Parent || above[1] != 0 && above[1] != have.Owner:
			fmt.Fprintf(&b, "%s %d: parent %d, owner %d, lsns says %v\n", n.typ, n.id, have.Parent, have.Owner, above)
		}
	}
	for _, have := range s.Namespaces {
		if _, ok := lsns[namespace{have.Type, have.ID}]; ok {
			continue
		}
		if len(have.Processes) > 0 || len(have.PinnedBy) == 0 {
			fmt.Fprintf(&b, "only nsviz has %s %d, with %d processes, kept by %q\n", have.Type, have.ID, len(have.Processes), have.PinnedBy)
		}
	}
	return b.String()
}

// agree waits until lsns and nsviz say the same, while processes come and go.
func agree(t *testing.T, snapshot func() *model.Snapshot) {
	t.Helper()
	deadline := time.After(patience)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		problem := disagreement(lsnsNamespaces(t), snapshot())
		if problem == "" {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("nsviz does not agree with lsns:\n%s", problem)
		}
	}
}
