package record

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

var begin = time.Date(2026, 11, 23, 20, 0, 0, 123456789, time.UTC)

// facts has one fact of every kind.
func facts() []fact.Fact {
	c := event.Container{ID: strings.Repeat("ab", 32), Name: "web", Runtime: "docker"}
	list := []fact.Fact{
		{Host: &fact.Host{Name: "host", Kernel: "6.12", Namespaces: event.NamespaceIDs{event.Net: 7}, CPUs: 2}},
		{Probes: []fact.Probe{{Name: "namespaces by clone", Method: "tp_btf"}}},
		{Engine: &fact.Engine{Name: "docker", State: fact.EngineConnected}},
		{Event: &event.Event{
			Time: begin, Type: event.CgroupCreated, PID: 10, Comm: "<runc>&\n",
			Cgroup: &event.Cgroup{Path: "/docker/x", ID: 3, Container: &c},
		}},
		{Found: &fact.Found{Container: c, CgroupPath: "/docker/x", OOMKills: new(uint64(0)), Started: begin}},
		{Identity: &c},
		{Memory: []fact.Reading{{
			ID: c.ID, UsageBytes: new(uint64(0)), Unlimited: true, Processes: new(1),
			Limits: &fact.CgroupLimits{Memory: &fact.Limit{Unlimited: true}, CPU: &fact.Limit{Value: new(0.5)}, PIDs: &fact.Limit{Value: new(0.0)}},
		}}},
		{EngineEvent: &fact.EngineEvent{ID: c.ID, Action: "exec_start", At: begin}},
		{Namespaces: &fact.Survey{
			Namespaces: []fact.Namespace{{Type: event.Net, ID: 7, Processes: []int32{1, 2}}},
			VMs: []fact.VM{{
				PID: 7, Kind: "qemu", Started: begin, ContainerID: c.ID, NamespaceIDs: event.NamespaceIDs{event.Net: 7}, VCPUs: new(2),
				Acceleration: "kvm", MemoryBytes: new(uint64(1 << 30)),
			}},
		}},
		{BPFErrors: map[fact.ErrorPlace]uint64{fact.ErrorRead: 1}},
		{Present: &fact.Present{
			Containers: []fact.PresentContainer{{ID: c.ID, InitPID: 7}}, Namespaces: []uint64{7},
			Cgroups: []fact.FoundCgroup{{Path: "/docker/x", Container: &c, Limits: &fact.CgroupLimits{PIDs: &fact.Limit{Unlimited: true}}}},
		}},
		{Gone: &fact.Gone{ID: c.ID}},
		{EngineReport: &fact.EngineReport{ID: c.ID, ExitCode: new(int32(0)), OOMKilled: new(false)}},
		{}, // only time has passed
	}
	for i := range list {
		list[i].Time = begin.Add(time.Duration(i) * time.Second)
	}
	return list
}

// recording returns a complete one.
func recording(t testing.TB, facts ...fact.Fact) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, begin)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Count() != uint64(len(facts)) {
		t.Errorf("count %d of %d", w.Count(), len(facts))
	}
	return out.Bytes()
}

// read reads all facts until an error, which is io.EOF at the end of a complete recording.
func read(data io.Reader) ([]fact.Fact, error) {
	r, err := NewReader(data)
	if err != nil {
		return nil, err
	}
	var list []fact.Fact
	for {
		f, err := r.Next()
		if err != nil {
			if _, again := r.Next(); again != err {
				return nil, fmt.Errorf("%w, and then %w", err, again)
			}
			return list, err
		}
		list = append(list, f)
	}
}

func TestRoundTrip(t *testing.T) {
	got, err := read(bytes.NewReader(recording(t, facts()...)))
	if err != io.EOF {
		t.Fatal(err)
	}
	if diff := cmp.Diff(facts(), got); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
}

func TestEmptyRecording(t *testing.T) {
	if got, err := read(bytes.NewReader(recording(t))); err != io.EOF || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// Of a recording that breaks off anywhere, a reader gets what was written, in order, and always an error.
func TestCutShortAnywhere(t *testing.T) {
	whole := recording(t, facts()...)
	for n := range whole {
		got, err := read(bytes.NewReader(whole[:n]))
		want := ErrCutShort
		if n < 2 {
			want = ErrNotARecording // it could be anything
		}
		if !errors.Is(err, want) {
			t.Errorf("the first %d of %d bytes: %v", n, len(whole), err)
		}
		if diff := cmp.Diff(facts()[:len(got)], got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the first %d of %d bytes (-written +read):\n%s", n, len(whole), diff)
		}
	}
}

// A flushed recording is readable up to there, though it has no end.
func TestFlush(t *testing.T) {
	var out bytes.Buffer
	w, err := NewWriter(&out, begin)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range facts() {
		if err := errors.Join(w.Write(f), w.Flush()); err != nil {
			t.Fatal(err)
		}
		got, err := read(bytes.NewReader(out.Bytes()))
		if !errors.Is(err, ErrCutShort) || len(got) != i+1 {
			t.Errorf("after %d: %d facts, %v", i+1, len(got), err)
		}
	}
}

// A recording with a changed bit is not taken for a complete one, unless the bit has no meaning.
func TestDamaged(t *testing.T) {
	whole := recording(t, facts()...)
	for n := 10; n < len(whole); n++ { // the gzip header says nothing about the content
		damaged := bytes.Clone(whole)
		damaged[n] ^= 1 << (n % 8)
		got, err := read(bytes.NewReader(damaged))
		if err == io.EOF && !cmp.Equal(facts(), got) {
			t.Errorf("byte %d: %v", n, got)
		}
	}
}

func zipped(text string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return out.Bytes()
}

const head = `{"format":"nsviz recording","version":1,"time":"2026-11-23T20:00:00Z"}` + "\n"

func TestNotARecording(t *testing.T) {
	long := zipped(strings.Repeat("some other text, too long for one block\n", 9))
	tests := []struct {
		name string
		data []byte
	}{
		{"empty", nil},
		{"one byte", []byte("x")},
		{"text", []byte("what is this?\n")},
		{"its own first line, not compressed", []byte(head)},
		{"something compressed otherwise", []byte("\x28\xb5\x2f\xfd\x00\x00\x00\x00\x00\x00\x00\x00")},
		{"gzip of an unknown method", []byte("\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00")},
		{"gzip of nothing", zipped("")},
		{"gzip of text", zipped("hello\n")},
		{"gzip of text, cut short", long[:len(long)-9]},
		{"gzip of other JSON", zipped(`{"format":"another recording","version":1}` + "\n")},
		{"gzip of other JSON lines", zipped(`[1,2]` + "\n")},
		{"of a version to come", zipped(strings.Replace(head, `"version":1`, `"version":2`, 1))},
		{"of no version", zipped(strings.Replace(head, `,"version":1`, ``, 1))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := NewReader(bytes.NewReader(test.data))
			if !errors.Is(err, ErrNotARecording) || r != nil {
				t.Errorf("%v, %v", r, err)
			}
		})
	}
}

func TestReaderReportsVersions(t *testing.T) {
	_, err := NewReader(bytes.NewReader(zipped(strings.Replace(head, `"version":1`, `"version":2`, 1))))
	if err == nil || !strings.Contains(err.Error(), "format 2") || !strings.Contains(err.Error(), "reads 1") {
		t.Errorf("%v", err)
	}
}

func TestIncompleteRecordings(t *testing.T) {
	one := `{"time":"2026-11-23T20:00:00Z"}` + "\n"
	tests := []struct {
		name, lines string
		facts       int
		says        string
	}{
		{"no trailer", one + one, 2, "after 2 facts"},
		{"a trailer of more", one + `{"facts":2}` + "\n", 1, "there should be 2"},
		{"a trailer of fewer", one + `{"facts":0}` + "\n", 1, "there should be 0"},
		{"more after the end", one + `{"facts":1}` + "\n" + one, 1, "more follows"},
		{"a line that is no JSON", one + "what\n" + one, 1, "invalid character"},
		{"an empty line", one + "\n" + one, 1, "unexpected end"},
		{"an empty object", one + "{}\n", 1, "without a fact"},
		{"null", one + "null\n", 1, "without a fact"},
		{"JSON of another kind", one + "[]\n", 1, "cannot unmarshal"},
		{"an unknown namespace type", one + `{"event":{"type":"namespace_freed","namespace":{"type":"nope"}}}` + "\n", 1, "nope"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := read(bytes.NewReader(zipped(head + test.lines)))
			if !errors.Is(err, ErrCutShort) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v", err)
			}
			if len(got) != test.facts {
				t.Errorf("%d facts", len(got))
			}
		})
	}
}

// Fields of a later version are ignored.
func TestUnknownFields(t *testing.T) {
	lines := `{"time":"2026-11-23T20:00:00Z","mood":"good","event":{"type":"container_exited","weather":{"rain":true}}}` + "\n" + `{"facts":1}` + "\n"
	got, err := read(bytes.NewReader(zipped(head + lines)))
	if err != io.EOF || len(got) != 1 || got[0].Event.Type != event.ContainerExited {
		t.Errorf("%v, %v", got, err)
	}
}

// Old recordings have no limits and no engine events; these stay unknown.
func TestOldRecording(t *testing.T) {
	lines := `{"time":"2026-11-23T20:00:00Z","event":{"time":"2026-11-23T20:00:00Z","type":"container_started","pid":5,"comm":"app","container":{"id":"ab","name":"web"},"start":{"namespaces":{"net":7}}}}
{"time":"2026-11-23T20:00:01Z","memory":[{"id":"ab","usage_bytes":5,"limit_bytes":64,"processes":1,"oom_kills":0}]}
{"time":"2026-11-23T20:00:02Z","memory":[{"id":"ab","usage_bytes":5,"limit_bytes":96,"processes":1,"oom_kills":0}]}
{"time":"2026-11-23T20:00:03Z","verdict":{"id":"ab","exit_code":0}}
{"facts":4}
`
	r, err := NewReader(bytes.NewReader(zipped(head + lines)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadAll(r, model.RecordingLimits())
	if err != nil {
		t.Fatal(err)
	}
	c := s.Containers[0]
	var kinds []string
	for _, m := range c.History {
		kinds = append(kinds, string(m.Kind))
	}
	if got := strings.Join(kinds, " "); got != "container_started engine_verdict" || *c.Memory.LimitBytes != 96 || c.Limits != (fact.CgroupLimits{}) {
		t.Errorf("%s, %+v", got, c)
	}
}

func TestGarbageBehindIsNotOfTheRecording(t *testing.T) {
	whole := recording(t, facts()...)
	for _, garbage := range [][]byte{[]byte("garbage"), {0}, {0x1f, 0x8b}, whole} {
		got, err := read(bytes.NewReader(append(bytes.Clone(whole), garbage...)))
		if err != io.EOF || len(got) != len(facts()) {
			t.Errorf("%d facts, %v", len(got), err)
		}
	}
}

// A small file may hold an endless line.
func TestHugeLine(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as much memory as a line may be long")
	}
	var data bytes.Buffer
	w, err := gzip.NewWriterLevel(&data, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, head)
	zeros := make([]byte, 1<<20)
	for range maxLine>>20 + 1 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	_ = w.Close()
	if _, err := read(&data); !errors.Is(err, ErrCutShort) || !strings.Contains(err.Error(), "too long") {
		t.Errorf("%v", err)
	}
}

// A fact that no Reader would take is not written, and those after it are.
func TestFactThatIsTooLong(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as much memory as a line may be long")
	}
	var data bytes.Buffer
	w, err := NewWriter(&data, begin)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(fact.Fact{Gone: &fact.Gone{ID: strings.Repeat("a", maxLine)}}); err == nil {
		t.Error("it is written")
	}
	if err := errors.Join(w.Write(fact.Fact{Gone: &fact.Gone{ID: "b"}}), w.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := read(&data); err != io.EOF || len(got) != 1 || got[0].Gone.ID != "b" {
		t.Errorf("%v, %v", got, err)
	}
}

// A large survey is well below the longest line.
func TestLargeSurvey(t *testing.T) {
	survey := &fact.Survey{}
	for i := range 10_000 {
		survey.Namespaces = append(survey.Namespaces, fact.Namespace{
			Type: event.Net, ID: uint64(4026531840 + i), Processes: []int32{int32(i)}, PinnedBy: []string{strings.Repeat("/x", 50)},
		})
	}
	got, err := read(bytes.NewReader(recording(t, fact.Fact{Time: begin, Namespaces: survey})))
	if err != io.EOF || len(got) != 1 || len(got[0].Namespaces.Namespaces) != 10_000 {
		t.Errorf("%d facts, %v", len(got), err)
	}
}

var errFull = errors.New("no space left")

// full is a disk with room for so many bytes.
type full int

func (f *full) Write(p []byte) (int, error) {
	if len(p) > int(*f) {
		n := int(*f)
		*f = 0
		return n, errFull
	}
	*f -= full(len(p))
	return len(p), nil
}

func TestWriteErrorsAreReported(t *testing.T) {
	whole := recording(t, facts()...)
	for room := range whole {
		space := full(room)
		w, err := NewWriter(&space, begin)
		if err == nil {
			for _, f := range facts() {
				err = errors.Join(err, w.Write(f))
			}
			err = errors.Join(err, w.Close())
		}
		if !errors.Is(err, errFull) {
			t.Errorf("room for %d of %d bytes: %v", room, len(whole), err)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	var out bytes.Buffer
	w, err := NewWriter(&out, begin)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Error(err)
	}
	if _, err := read(&out); err != io.EOF {
		t.Error(err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(head + `{"time":"2026-11-23T20:00:00Z"}` + "\n" + `{"facts":1}` + "\n"))
	for _, one := range facts() {
		line, err := json.Marshal(one)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(head + string(line) + "\n"))
	}
	f.Add([]byte(head + `{"event":{"type":"oom_kill"}}` + "\n"))
	f.Add([]byte(head + `{"event":{"type":"oom_kill","time":"1969-12-31T23:59:30Z","oom":{"victim":{"pid":1,"container":{"id":"x"}}}}}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		// A model must withstand whatever a file holds.
		m := model.New(model.DefaultLimits())
		list, err := read(bytes.NewReader(zipped(string(text))))
		if err == nil {
			t.Fatal("no end")
		}
		for _, one := range list {
			m.Apply(one)
			m.Snapshot()
		}
	})
}
