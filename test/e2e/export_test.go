//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// otlpValue is a value in OTLP's JSON, whose integers are strings.
type otlpValue struct {
	String *string  `json:"stringValue"`
	Int    *string  `json:"intValue"`
	Double *float64 `json:"doubleValue"`
}

// otlpAttributes are the scalar attributes of something, as text.
type otlpAttributes map[string]string

func (a *otlpAttributes) UnmarshalJSON(data []byte) error {
	var list []struct {
		Key   string
		Value otlpValue
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	*a = otlpAttributes{}
	for _, kv := range list {
		switch v := kv.Value; {
		case v.String != nil:
			(*a)[kv.Key] = *v.String
		case v.Int != nil:
			(*a)[kv.Key] = *v.Int
		case v.Double != nil:
			(*a)[kv.Key] = strconv.FormatFloat(*v.Double, 'g', -1, 64)
		}
	}
	return nil
}

type otlpRecord struct {
	Time       int64 `json:"timeUnixNano,string"`
	EventName  string
	TraceID    string
	SpanID     string
	Attributes otlpAttributes
}

type otlpSpan struct {
	TraceID      string
	SpanID       string
	ParentSpanID string
	Name         string
	Start        int64 `json:"startTimeUnixNano,string"`
	End          int64 `json:"endTimeUnixNano,string"`
	Attributes   otlpAttributes
}

type otlpPoint struct {
	Attributes otlpAttributes
	Value      otlpDouble `json:"asDouble"`
}

// otlpDouble is a number in OTLP's JSON, in which Infinity and NaN are strings.
type otlpDouble float64

func (d *otlpDouble) UnmarshalJSON(data []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(data), `"`), 64)
	*d = otlpDouble(v)
	return err
}

// otlpLine is a line of test/collector.
type otlpLine struct {
	Logs struct {
		ResourceLogs []struct {
			Resource  struct{ Attributes otlpAttributes }
			ScopeLogs []struct{ LogRecords []otlpRecord }
		}
	}
	Traces struct {
		ResourceSpans []struct {
			Resource   struct{ Attributes otlpAttributes }
			ScopeSpans []struct{ Spans []otlpSpan }
		}
	}
	Metrics struct {
		ResourceMetrics []struct {
			Resource     struct{ Attributes otlpAttributes }
			ScopeMetrics []struct {
				Metrics []struct {
					Name  string
					Sum   struct{ DataPoints []otlpPoint }
					Gauge struct{ DataPoints []otlpPoint }
				}
			}
		}
	}
}

// received is what one nsviz has sent.
type received struct {
	resource otlpAttributes
	records  []otlpRecord
	spans    []otlpSpan
	sums     map[string][]otlpPoint // the latest, also of gauges, by metric
	points   map[string]int         // how many have come of all sums and gauges, by metric
}

// collector is a running test/collector. What it receives is kept over several runs, by the attribute test.by of the resource.
type collector struct {
	grpc, http string
	cmd        *exec.Cmd
	stdin      io.Closer
	drained    chan struct{} // closed when all of its output is read

	mu sync.Mutex
	by map[string]*received
}

// startCollector runs the collector until stop, or the end of the test.
func startCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{grpc: freeAddress(t), http: freeAddress(t), by: map[string]*received{}}
	t.Cleanup(func() { c.stop(t) })
	c.run(t)
	return c
}

func (c *collector) run(t *testing.T) {
	t.Helper()
	path, err := filepath.Abs("../../bin/collector")
	if err != nil {
		t.Fatal(err)
	}
	stderr := newLines()
	c.cmd = exec.Command(path, "-grpc", c.grpc, "-http", c.http)
	c.cmd.Stderr = stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatalf("%v; run make test-e2e", err)
	}
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); err != nil || line != "listening\n" {
		t.Fatalf("the collector said %q, %v\n%s", line, err, stderr)
	}
	c.drained = make(chan struct{})
	go c.read(t, r)
}

func (c *collector) read(t *testing.T, from io.Reader) {
	defer close(c.drained)
	lines := json.NewDecoder(from)
	for {
		var l otlpLine
		if err := lines.Decode(&l); err != nil {
			if err != io.EOF {
				t.Errorf("the collector's output: %v", err)
				_, _ = io.Copy(io.Discard, from) // else it would never end
			}
			return
		}
		c.add(&l)
	}
}

func (c *collector) add(l *otlpLine) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := func(resource otlpAttributes) *received {
		by := resource["test.by"]
		if c.by[by] == nil {
			c.by[by] = &received{resource: resource, sums: map[string][]otlpPoint{}, points: map[string]int{}}
		}
		return c.by[by]
	}
	for _, r := range l.Logs.ResourceLogs {
		for _, s := range r.ScopeLogs {
			to := of(r.Resource.Attributes)
			to.records = append(to.records, s.LogRecords...)
		}
	}
	for _, r := range l.Traces.ResourceSpans {
		for _, s := range r.ScopeSpans {
			to := of(r.Resource.Attributes)
			to.spans = append(to.spans, s.Spans...)
		}
	}
	for _, r := range l.Metrics.ResourceMetrics {
		for _, s := range r.ScopeMetrics {
			for _, m := range s.Metrics {
				to := of(r.Resource.Attributes)
				to.sums[m.Name] = append(m.Sum.DataPoints, m.Gauge.DataPoints...)
				to.points[m.Name] += len(m.Sum.DataPoints) + len(m.Gauge.DataPoints)
			}
		}
	}
}

// stop ends the collector, and returns when all that it received is read.
func (c *collector) stop(t *testing.T) {
	t.Helper()
	if c.cmd == nil {
		return
	}
	_ = c.stdin.Close() // an error is that it has ended, which Wait reports
	<-c.drained
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("the collector: %v", err)
	}
	c.cmd = nil
}

// records returns the records of an nsviz about a container by the event's name.
func (c *collector) records(by, name string) map[string]otlpRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[string]otlpRecord{}
	if r := c.by[by]; r != nil {
		for _, record := range r.records {
			if record.Attributes["container.name"] == name {
				found[record.EventName] = record
			}
		}
	}
	return found
}

// awaitRecords waits for that many kinds of records.
func (c *collector) awaitRecords(t *testing.T, by, name string, n int) map[string]otlpRecord {
	t.Helper()
	eventually(t, func() bool { return len(c.records(by, name)) >= n }, func() string { return "no records of " + name + " by " + by })
	return c.records(by, name)
}

// root returns the spans of a trace: the root and its children.
func (c *collector) trace(by, id string) (root *otlpSpan, children []otlpSpan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.by[by].spans {
		switch {
		case s.TraceID != id:
		case s.ParentSpanID == "":
			root = &s
		default:
			children = append(children, s)
		}
	}
	return root, children
}

// sum returns a sample of a counter or a gauge; false if it has not come.
func (c *collector) sum(by, metric, label, value string, more ...string) (float64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.by[by].sums[metric] {
		if p.Attributes[label] == value && (len(more) == 0 || p.Attributes[more[0]] == more[1]) {
			return float64(p.Value), true
		}
	}
	return 0, false
}

// What nsviz exports is what `nsviz events` and /metrics have, by both protocols. A collector that is away for a while gets what
// happened meanwhile.
func TestExportToCollector(t *testing.T) {
	const hog, late, free = "nsviz-e2e-export-hog", "nsviz-e2e-export-late", "nsviz-e2e-export-free"
	removeContainer(t, free)
	docker(t, "run", "-d", "--name", free, busyboxImage, "sleep", "1000") // its limit is infinite
	removeContainer(t, hog)
	removeContainer(t, late)
	c := startCollector(t)
	events := startEvents(t)
	type exporter struct {
		address string
		*process
	}
	exporters := map[string]exporter{}
	for by, url := range map[string]string{"grpc": "grpc://" + c.grpc, "http": "http://" + c.http} {
		x := exporter{address: freeAddress(t)}
		cmd := exec.Command(binary(), "serve", "--web.listen-address", x.address, "--export", "otlp="+url)
		cmd.Env = append(cmd.Environ(), "OTEL_METRIC_EXPORT_INTERVAL=500", "OTEL_RESOURCE_ATTRIBUTES=test.by="+by)
		x.process = startBy(t, io.Discard, cmd)
		exporters[by] = x
	}
	for _, x := range exporters {
		x.stderr.await(t, "watching")
	}
	docker(t, "run", "-d", "--name", hog, "--memory=32m", busyboxImage, "tail", "/dev/zero")
	started := events.await(t, 1, of(event.ContainerStarted, hog))[0]
	killed := events.await(t, 1, of(event.OOMKill, hog))[0]
	exited := events.await(t, 1, of(event.ContainerExited, hog))[0]
	id := strings.TrimSpace(docker(t, "inspect", "--format", "{{.Id}}", hog))

	for by, x := range exporters {
		records := c.awaitRecords(t, by, hog, 3)
		for name, e := range map[string]event.Event{"nsviz.container_started": started, "nsviz.oom_kill": killed, "nsviz.container_exited": exited} {
			r := records[name]
			// Each nsviz reads the offset between the clocks by itself.
			if off := math.Abs(float64(r.Time - e.Time.UnixNano())); off > 1e6 {
				t.Errorf("%s: the time of %s is %v ns off", by, name, off)
			}
			if a := r.Attributes; a["container.id"] != id || a["container.image.name"] != busyboxImage || a["container.runtime.name"] != "docker" ||
				a["process.pid"] != strconv.Itoa(int(e.PID)) || a["nsviz.comm"] != e.Comm || r.TraceID == "" {
				t.Errorf("%s: %+v, want %+v", by, r, e)
			}
		}
		if a := records["nsviz.oom_kill"].Attributes; a["nsviz.oom.limit_bytes"] != "33554432" || a["process.command_line"] != killed.OOM.Victim.CommandLine {
			t.Errorf("%s: %+v", by, a)
		}
		if a := records["nsviz.container_exited"].Attributes; a["process.exit.code"] != "137" || a["nsviz.exit.cause"] != "oom_kill" {
			t.Errorf("%s: %+v", by, a)
		}
		checkTrace(t, c, by, &started, records["nsviz.container_started"])
		eventually(t, func() bool {
			n, ok := c.sum(by, "nsviz_oom_kills_total", "container", hog, "scope", "cgroup")
			return ok && n == 1
		}, func() string { return by + ": the kill is in no metric" })
		eventually(t, func() bool {
			n, ok := c.sum(by, "nsviz_container_memory_limit_bytes", "container", free)
			return ok && math.IsInf(n, 1)
		}, func() string { return by + ": a container without a limit has no infinite one" })
		served := metrics(t, x.address)
		if served[`nsviz_oom_kills_total{container="`+hog+`",scope="cgroup"}`] != "1" || served[`nsviz_export_rejected_total{signal="logs"}`] != "0" {
			t.Errorf("%s: /metrics has something else", by)
		}
		c.mu.Lock()
		resource := c.by[by].resource
		c.mu.Unlock()
		if resource["service.name"] != "nsviz" || resource["host.name"] == "" || resource["os.type"] != "linux" {
			t.Errorf("%s: resource %v", by, resource)
		}
	}

	c.stop(t)
	docker(t, "run", "--name", late, busyboxImage, "true")
	for by, x := range exporters {
		x.stderr.await(t, "nothing listens there")
		failures := func() string { return metrics(t, x.address)[`nsviz_export_failures_total{signal="logs"}`] }
		eventually(t, func() bool { n := failures(); return n != "0" && n != "" }, func() string { return by + ": no failure is counted" })
		if got := c.records(by, late); len(got) > 0 {
			t.Errorf("%s: %v came without a collector", by, got)
		}
	}
	c.run(t)
	for by, x := range exporters {
		c.awaitRecords(t, by, late, 2)
		x.stderr.await(t, "exporting works again")
		served := metrics(t, x.address)
		for _, lost := range []string{
			`nsviz_sink_dropped_total{sink="otlp"}`, `nsviz_sink_dropped_total{sink="otlp_traces"}`,
			`nsviz_export_rejected_total{signal="logs"}`, `nsviz_export_rejected_total{signal="traces"}`,
		} {
			if served[lost] != "0" {
				t.Errorf("%s: %s is %q", by, lost, served[lost])
			}
		}
	}
}

// checkTrace compares the trace of a start with the event.
func checkTrace(t *testing.T, c *collector, by string, e *event.Event, record otlpRecord) {
	t.Helper()
	var root *otlpSpan
	var children []otlpSpan
	eventually(t, func() bool {
		root, children = c.trace(by, record.TraceID)
		return root != nil && len(children) > 2
	}, func() string { return by + ": no trace" })
	if root.SpanID != record.SpanID || root.Name != "container start "+e.Container.Name || root.End != record.Time || root.Attributes["container.id"] != e.Container.ID {
		t.Errorf("%s: root %+v of %+v", by, root, record)
	}
	took := *e.Start.DurationMS - min(0, e.Start.Phases[0].AtMS) // with the engine's preparation
	if got := float64(root.End-root.Start) / 1e6; math.Abs(got-took) > 1 {
		t.Errorf("%s: the start took %v ms, in the trace %v", by, took, got)
	}
	for _, s := range children {
		if s.ParentSpanID != root.SpanID || s.Start < root.Start || s.End > root.End || s.Attributes["nsviz.start.by"] == "" {
			t.Errorf("%s: %+v is not in %+v", by, s, root)
		}
	}
}
