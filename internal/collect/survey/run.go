package survey

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/machine"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/mishap"
)

// Surveys begin interval apart, unless Config says otherwise. Where they take long they are less frequent, down to one every longestInterval.
const (
	interval        = 3 * time.Second
	longestInterval = 30 * time.Second
	// calmSurveys is how many surveys must find the same, one after the other, for the next ones to come at twice the interval.
	calmSurveys = 5
	// hurriedInterval is how far apart they are at least if they are asked for.
	hurriedInterval = time.Second
)

// Config says where to look.
type Config struct {
	Machine *machine.Reader
	Proc    *procfs.Reader
	NS      *nsfs.Reader
	Layout  cgroupfs.Layout
	// Host are the host's own namespaces; zero is unknown.
	Host event.NamespaceIDs
	// Hurry is signalled when a survey should come soon; nil is never.
	Hurry <-chan struct{}
	// Self is the PID of nsviz in procfs.
	Self int32
	// Sight is how much of the processes nsviz may look into.
	Sight procfs.Sight
	// Sockets returns the open sockets of other net namespaces than their processes'. It is nil where they cannot be asked for.
	Sockets func() ([]nsfs.Pin, error)
	// SavesSearches reports whether to do without searches. It is called by the goroutine of Run or Once.
	SavesSearches func() bool
	Now           func() time.Time
	Log           *slog.Logger
	// Mishaps keeps a mistake about one process that may be a virtual machine from ending nsviz; nil does not.
	Mishaps *mishap.Counter
	// Interval is the shortest pause between two surveys; 0 is 3 s.
	Interval time.Duration
	// Loop may be nil for Once.
	Loop Loop
}

// Loop is the owner of what is known of namespaces. It gives that to a survey, and takes what the survey has found.
type Loop interface {
	// Sync waits until the loop has taken in everything that has happened so far. It returns false when ctx is done.
	Sync(ctx context.Context) bool
	// BeginSurvey notes that a survey begins.
	BeginSurvey(at time.Time) Begun
	// EndSurvey takes the result of the survey that began last. It is not called for one that failed.
	EndSurvey(Result)
}

// Begun is what a survey is given when it begins.
type Begun struct {
	// Known holds the namespaces that should be found, by number.
	Known map[uint64]Known
	// Changed holds the processes that have changed their namespaces since the survey before; nil is that any may have.
	Changed map[int32]bool
}

// Known is what is known of a namespace before a survey.
type Known struct {
	Type event.NamespaceType
	// Owner and Parent are as in [nsfs.Relation]; 0 is none or unknown.
	Owner, Parent uint64
	// Asked is set where the kernel has been asked for owner and parent, which never change.
	Asked bool
	// Unsharer is the process that made the namespace by unshare; 0 is none or unknown.
	Unsharer int32
	// Missed is how many thorough surveys in a row did not find it.
	Missed int
}

// Result is what a survey has found.
type Result struct {
	fact.Survey

	// Isolated are first processes in namespaces other than the host's: of those that are new or have changed, and of all now and then.
	Isolated []container.FirstProcess
	// Ended is when the survey ended.
	Ended time.Time
	// Thorough is set where everything that was known and not found has been searched for.
	Thorough bool
	// Asked is when the kernel was asked for owner and parent, of the namespaces of which this survey asked it.
	Asked map[uint64]time.Time
}

// Run makes surveys again and again until ctx is done.
func Run(ctx context.Context, c Config) {
	s := newSurveyor(c)
	var calm calm
	for {
		began := c.Now()
		// Who has changed its namespaces before the survey is known in it.
		if !c.Loop.Sync(ctx) {
			return
		}
		usual := cmp.Or(c.Interval, interval)
		result, err := s.run(ctx, c.Loop.BeginSurvey(began))
		switch {
		case ctx.Err() != nil: // what is found by then is not all
			return
		case err != nil:
			c.Log.Warn("look at the namespaces of all processes", "error", err)
		default:
			result.Ended = c.Now()
			if c.Interval == 0 {
				usual = calm.pace(usual, &result.Survey)
			}
			// Events of the time of the survey are taken in before it, so that what it adds comes in order.
			if !c.Loop.Sync(ctx) {
				return
			}
			c.Loop.EndSurvey(result)
		}
		took := c.Now().Sub(began)
		if !collect.PauseUntil(
			ctx, c.Hurry, collect.Backoff(took, min(usual, hurriedInterval), longestInterval), collect.Backoff(took, usual, longestInterval),
		) {
			return
		}
	}
}

// calm is how long surveys have found the same.
type calm struct {
	latest *fact.Survey
	same   int // how many of them have found what the one before has
}

// pace returns when the next survey is due after one that has found this; usual is when it is while something changes.
func (c *calm) pace(usual time.Duration, found *fact.Survey) time.Duration {
	if c.same++; !found.Equal(c.latest) {
		c.latest, c.same = found, 0
	}
	if c.same >= calmSurveys {
		return 2 * usual
	}
	return usual
}

// Once makes a single survey, with nothing known before.
func Once(ctx context.Context, c Config) (Result, error) { return newSurveyor(c).run(ctx, Begun{}) }
