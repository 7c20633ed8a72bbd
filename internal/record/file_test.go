package record

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/losses"
	"github.com/nsviz/nsviz/internal/model"
)

var (
	// ofItself lists what nsviz records before it sees anything.
	ofItself = fact.Fact{Time: time.Unix(1, 0), Host: &fact.Host{Name: "host"}}
	seen     = fact.Fact{Time: time.Unix(2, 0), Event: &event.Event{Time: time.Unix(2, 0), Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: "/job", ID: 1}}}
)

// recordUntil returns a recording that ends with an error, or nil.
func recordUntil(t *testing.T, failed error, facts ...fact.Fact) (path string, err error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "recording")
	r, err := Create(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	out := r.sink(waitingFacts, func() []fact.Fact { return nil })
	for _, f := range facts {
		out.Put(f)
	}
	return path, r.End(out.Close(t.Context()), failed)
}

// What was recorded before nsviz failed is kept and readable to its end.
func TestRecordingOutlivesFailure(t *testing.T) {
	failure := errors.New("read kernel events: failed late")
	path, err := recordUntil(t, failure, ofItself, seen)
	if !errors.Is(err, failure) {
		t.Errorf("%v", err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := ReadAll(reader, model.RecordingLimits()); err != nil || len(s.Cgroups) != 1 {
		t.Errorf("%v, %d cgroups", err, len(s.Cgroups))
	}
}

// A failed start leaves no empty recording.
func TestRecordingOfNothing(t *testing.T) {
	failure := errors.New("not permitted")
	path, err := recordUntil(t, failure, ofItself)
	if !errors.Is(err, failure) {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is there: %v", err)
	}
	// An empty recording that was ended at once is kept.
	if path, err = recordUntil(t, nil, ofItself); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
}

// A file that belongs to somebody else is neither removed nor written to.
func TestRecordingIsNoOtherFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "recording")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, time.Now); err == nil {
		t.Error("it writes over a file")
	}
	// Between the start and the failure somebody creates another file there.
	r, err := Create(path+"2", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+"2"); err != nil {
		t.Fatal(err)
	}
	out := r.sink(waitingFacts, func() []fact.Fact { return nil })
	if err := r.End(out.Close(t.Context()), errors.New("not permitted")); err == nil {
		t.Error("no error")
	}
	if got, err := os.ReadFile(path + "2"); err != nil || string(got) != "precious" {
		t.Errorf("%q, %v", got, err)
	}
}

// A recording that could not be written reports the reason, once.
func TestRecordingFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recording")
	r, err := Create(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.file.Close() // as if the disk were gone
	r.flushed = time.Time{}
	out := r.sink(waitingFacts, func() []fact.Fact { return nil })
	out.Put(seen)
	<-out.Failed()
	err = r.End(out.Close(t.Context()), ErrRecording)
	if want := path + ": write recording: write " + path + ": file already closed; what was recorded until then is kept"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// gate is a disk that blocks while it is locked.
type gate struct {
	sync.Mutex
	to io.Writer
}

func (g *gate) Write(p []byte) (int, error) {
	g.Lock()
	defer g.Unlock()
	return g.to.Write(p)
}

// A fact that no reader would take is reported as lost, and the recording goes on.
func TestRecordingOfAFactThatIsTooLong(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as much memory as a line may be long")
	}
	path := filepath.Join(t.TempDir(), "recording")
	r, err := Create(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	out := r.Sink(func() []fact.Fact { return nil })
	out.Put(fact.Fact{Time: time.Unix(1, 0), Gone: &fact.Gone{ID: strings.Repeat("a", maxLine)}})
	out.Put(seen)
	if err := r.End(out.Close(t.Context()), nil); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(bytes.NewReader(data))
	if err != io.EOF || len(got) != 2 || got[0].Event == nil || got[0].Event.Lost.Count != 1 || got[1].Event.Type != seen.Event.Type {
		t.Errorf("%v, %v", got, err)
	}
}

// After a gap, a player learns how much is missing and what exists.
func TestRecordingTooSlow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recording")
	r, err := Create(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	c := event.Container{ID: "ab", Name: "web"}
	resync := []fact.Fact{{Time: time.Unix(3, 0), Found: &fact.Found{Container: c, InitPID: 5}}}
	out := r.sink(100, func() []fact.Fact { return resync })
	if _, err := r.file.Seek(0, io.SeekStart); err != nil { // for another writer
		t.Fatal(err)
	}
	disk := &gate{to: r.file}
	if r.writer, err = NewWriter(disk, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	r.flushed = time.Time{} // so that the first fact goes to the disk
	disk.Lock()
	const facts = 1000
	for range facts {
		out.Put(seen)
	}
	for range 5 { // earlier losses are reported all the same
		out.Put(losses.Of(7, seen, event.LostRing))
	}
	dropped := out.Stats().Dropped
	disk.Unlock()
	if err := r.End(out.Close(t.Context()), nil); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadAll(reader, model.RecordingLimits())
	if err != nil || dropped == 0 || s.Totals.Lost[event.LostRing] != 35 || s.Totals.Lost[event.LostRecording] != dropped || s.Totals.Events[event.CgroupCreated] != facts-dropped {
		t.Errorf("%v: %d dropped, lost are %v, %d are there", err, dropped, s.Totals.Lost, s.Totals.Events[event.CgroupCreated])
	}
	if len(s.Containers) != 1 || s.Containers[0].Label != "web" {
		t.Errorf("what was there after that: %+v", s.Containers)
	}
}
