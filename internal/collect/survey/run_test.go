package survey

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// fakeLoop notes what a survey asks of the loop, and gives up when it has been asked so often.
type fakeLoop struct {
	cancel context.CancelFunc
	last   string // the call that ends the test
	calls  []string
	began  time.Time
	known  map[uint64]Known
	result Result
}

func (l *fakeLoop) call(name string) bool {
	l.calls = append(l.calls, name)
	if len(l.calls) > 10 || strings.Join(l.calls, " ") == l.last {
		l.cancel()
		return false
	}
	return true
}

func (l *fakeLoop) Sync(context.Context) bool { return l.call("sync") }

func (l *fakeLoop) BeginSurvey(at time.Time) Begun {
	l.began = at
	l.call("begin")
	return Begun{Known: l.known}
}

func (l *fakeLoop) EndSurvey(r Result) {
	l.result = r
	l.call("end")
}

// follow runs surveys until the loop has been asked this.
func follow(t *testing.T, m *madeUp, until string) *fakeLoop {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := &fakeLoop{cancel: cancel, last: until, known: map[uint64]Known{20: {Type: event.Net, Owner: 70, Asked: true}}}
	m.Loop = l
	Run(ctx, m.Config)
	return l
}

// What has happened before a survey is known in it, and what happens meanwhile is known before its result is.
func TestRunKeepsTheOrder(t *testing.T) {
	l := follow(t, makeUp(t), "sync begin sync end")
	if diff := cmp.Diff([]string{"sync", "begin", "sync", "end"}, l.calls); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !l.began.Before(l.result.Ended) || !l.result.Thorough {
		t.Errorf("began at %v: %+v", l.began, l.result)
	}
	owners := map[uint64]uint64{}
	for _, n := range l.result.Namespaces {
		owners[n.ID] = n.Owner
	}
	if diff := cmp.Diff(map[uint64]uint64{10: 0, 20: 70, 40: 0, 70: 0}, owners); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}

// A survey that was not finished is no result: where the end came meanwhile, and where the loop takes nothing in any more.
func TestRunHandsOverNothingUnfinished(t *testing.T) {
	for _, until := range []string{"sync", "sync begin", "sync begin sync"} {
		l := follow(t, makeUp(t), until)
		if got := strings.Join(l.calls, " "); got != until {
			t.Errorf("%s, want %s", got, until)
		}
	}
}

func TestRunReportsNoSurveyThatFailed(t *testing.T) {
	m := makeUp(t)
	if err := os.Remove(filepath.Join(m.proc, "1/mountinfo")); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	l := &fakeLoop{cancel: cancel}
	m.Loop = l
	m.Log = slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		cancel()
		return log.Write(b)
	}), nil))
	Run(ctx, m.Config)
	if diff := cmp.Diff([]string{"sync", "begin"}, l.calls); diff != "" || !strings.Contains(log.String(), "look at the namespaces") {
		t.Errorf("%s (-want +got):\n%s", log.String(), diff)
	}
}

// While surveys find the same they come half as often, until one finds something else.
func TestSurveysOfACalmHostAreRare(t *testing.T) {
	found := func(ids ...uint64) *fact.Survey {
		s := &fact.Survey{}
		for _, id := range ids {
			s.Namespaces = append(s.Namespaces, fact.Namespace{Type: event.Net, ID: id})
		}
		return s
	}
	var calm calm
	for _, ids := range [][]uint64{{1}, {1, 2}, nil} {
		for i := range 2 * calmSurveys {
			want := interval
			if i >= calmSurveys {
				want = 2 * interval
			}
			if got := calm.pace(interval, found(ids...)); got != want {
				t.Errorf("%v for the %d. time: the next one after %v, want %v", ids, i+1, got, want)
			}
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestOnceNeedsNoLoop(t *testing.T) {
	m := makeUp(t)
	found, err := Once(t.Context(), m.Config)
	if err != nil || len(found.Namespaces) != 3 || found.Unseen == nil {
		t.Errorf("%+v, %v", found, err)
	}
}
