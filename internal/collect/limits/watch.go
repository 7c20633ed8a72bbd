package limits

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

// watch reports writes to cgroups; it is a [cgroupfs.Writes], but in tests.
type watch interface {
	Next() (list []cgroupfs.Write, lost bool, err error)
	Pending() (list []cgroupfs.Write, lost bool, err error)
	WithoutHandles() error
	Close()
}

// openWatch begins to watch.
func (f *Follower) openWatch() (watch, error) {
	w, err := f.cfg.Cgroups.WatchWrites(f.cfg.Layout)
	if err != nil {
		return nil, err // and no watch that holds a nil
	}
	return w, nil
}

// status returns the status of a watch. Without one, because of err, changes are found when limits are read the next
// time.
func status(w watch, err error) fact.Probe {
	s := fact.Probe{Name: fact.ProbeCgroupWrites, Method: fact.MethodFanotify}
	switch {
	case err != nil:
		s.Method, s.RuledOut = fact.MethodNone, []fact.Method{fact.MethodFanotify}
		s.Reason = string(fact.MethodFanotify) + ": " + err.Error() + "; changes are found up to two seconds late, only those of containers, and not by whom"
		if temporary(err) {
			s.Reason += "; it is tried again"
		}
	case w.WithoutHandles() != nil:
		s.Reason = "without handles of cgroups, as Linux 6.6 and newer have them (" + w.WithoutHandles().Error() +
			"): which one was written to is found by the path of its file"
	}
	return s
}

// temporary reports whether watching may work later, though it failed. What the kernel does not have or does not permit
// stays so.
func temporary(err error) bool {
	return !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EINVAL)
}
