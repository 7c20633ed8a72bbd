package kills

import (
	"log/slog"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// Config says where to read.
type Config struct {
	Proc      *procfs.Reader
	Resources *resources.Reader
	Layout    cgroupfs.Layout
	// BootNow returns the time since boot by the clock of events, in nanoseconds.
	BootNow func() uint64
	Log     *slog.Logger
}

// readWithin is how long after a kill procfs and cgroupfs are still read for it. Later the victim is gone and the
// memory is filled anew, and in a storm of kills the reading would hold up the kills that follow.
const readWithin = 100 * time.Millisecond

// isRecent reports whether a kill happened so short a time before a boot time that reading for it makes sense.
func isRecent(e *event.Event, now uint64) bool {
	age, known := since(e, now)
	return known && age <= readWithin
}

// since returns how long before a boot time an event happened; false where that is unknown.
func since(e *event.Event, now uint64) (time.Duration, bool) {
	if e.BootNS == 0 {
		return 0, false
	}
	return time.Duration(now - min(now, e.BootNS)), true
}
