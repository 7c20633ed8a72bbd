package limits

import (
	"maps"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// recentWriter is a process that wrote not long ago, and may have ended since.
type recentWriter struct {
	Writer

	seen time.Time
}

// exitedTTL is how long what is known of an exited process stays valid for its PID, which nobody else has so soon.
const exitedTTL = time.Second

// maxWriters limits how many processes are named one of which wrote.
const maxWriters = 8

// remember keeps who a process is that runs or has exited a moment ago.
func (f *Follower) remember(now time.Time, pid int32) {
	if pid == 0 || f.recent[pid].seen.Equal(now) {
		return
	}
	maps.DeleteFunc(f.recent, func(_ int32, w recentWriter) bool { return now.Sub(w.seen) > exitedTTL })
	comm, err := f.cfg.Proc.Comm(pid)
	var path string
	if err == nil {
		path, err = f.cfg.Cgroups.PathOf(pid, f.cfg.Layout)
	}
	w, known := f.recent[pid]
	if err == nil {
		w = recentWriter{Writer: Writer{Process: event.Process{Comm: comm}, CgroupPath: path}}
		if f.cfg.HostPIDs {
			w.Process.PID = pid
		}
	} else if !known {
		return
	}
	w.seen = now
	f.recent[pid] = w
}

// writersOf returns who wrote, by PID; 0 is an unknown one. Of one that had exited before it could be read there is the PID alone. A single
// process is left out if not even that is known. Of several, of which one wrote, all are returned, but no more than maxWriters.
func (f *Follower) writersOf(pids []int32) []Writer {
	var list []Writer
	for _, pid := range pids[:min(len(pids), maxWriters)] {
		w, known := f.recent[pid]
		if !known && f.cfg.HostPIDs {
			w.Process.PID = pid // it has exited
		}
		if known || w.Process.PID != 0 || len(pids) > 1 {
			list = append(list, w.Writer)
		}
	}
	return list
}
