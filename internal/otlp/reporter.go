package otlp

import (
	"log/slog"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/foreign"
)

// repeat is how often the log has the same trouble at most.
const repeat = 5 * time.Minute

// reporter writes to the log what becomes of the deliveries: a trouble once, again after a while if it lasts, and its end. Signals
// that have the same trouble are one line.
type reporter struct {
	log *slog.Logger
	now func() time.Time

	mu       sync.Mutex
	troubled map[Signal]string    // the advice of the present trouble
	logged   map[string]time.Time // by advice
	since    time.Time            // of the first present trouble
}

func newReporter(log *slog.Logger, now func() time.Time) *reporter {
	return &reporter{log: log, now: now, troubled: map[Signal]string{}, logged: map[string]time.Time{}}
}

// failed reports an attempt that failed.
func (r *reporter) failed(s Signal, e Endpoint, f *failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if len(r.troubled) == 0 {
		r.since = now
	}
	r.troubled[s] = f.advice
	if !r.due(f.advice, now) {
		return
	}
	then := "what was to be sent is lost, and counted"
	if f.again {
		then = "nsviz tries again"
	}
	r.log.Warn("cannot export: "+f.advice, "to", e.String(), "signal", string(s), "reason", foreign.Prose(f.reason), "then", then)
}

// accepted reports an attempt that succeeded, of which the receiver refused some items.
func (r *reporter) accepted(s Signal, refused uint64, p partial) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if refused > 0 && r.due("partial "+string(s), now) {
		r.log.Warn("the receiver did not accept all that was exported", "signal", string(s), "refused", refused, "reason", foreign.Prose(p.GetErrorMessage()))
	}
	if _, troubled := r.troubled[s]; !troubled {
		return
	}
	delete(r.troubled, s)
	if len(r.troubled) == 0 {
		clear(r.logged)
		r.log.Info("exporting works again", "after", now.Sub(r.since).Round(time.Second).String())
	}
}

// due reports whether a line is to be written, and notes that it is.
func (r *reporter) due(what string, now time.Time) bool {
	if last, ok := r.logged[what]; ok && now.Sub(last) < repeat {
		return false
	}
	if len(r.logged) > 100 { // advices are few
		clear(r.logged)
	}
	r.logged[what] = now
	return true
}
