package docker

import (
	"hash/maphash"
	"time"

	"github.com/containerd/errdefs"
)

// Where the engine's events are not to be had, the list is read pollEvery after the one before. The pause doubles longestPoll times at
// most.
const (
	pollEvery   = 15 * time.Second
	longestPoll = 3
)

// polling has the list of containers read again and again, for an engine that forbids its events, as a proxy in front of its socket may.
// What is asked for by id is answered all the same, so this is for containers that no event of the kernel names.
type polling struct {
	seed maphash.Seed
	last uint64 // a hash of the ids and names of the latest list
	// doubled is how often the pause has doubled, since nothing was new.
	doubled int
	due     <-chan struct{} // nil while the list that was due is under way
	stop    func()
}

// forbids notes that the engine forbids its events, if that is why their stream has ended.
func (s *session) forbids(err error, version string) bool {
	if !errdefs.IsPermissionDenied(err) {
		return false
	}
	if !s.warnedOfPolling {
		s.warnedOfPolling = true
		s.status.Log.Warn("the engine forbids its events, so its list is read again and again; what it says of ends and changes is not known",
			"runtime", s.Name(), "error", brief(err))
	}
	s.polling = &polling{seed: maphash.MakeSeed()}
	// The first list was asked for when the stream was. If it is still under way, its end sets another time.
	s.polling.due, s.polling.stop = alarm(s.cfg.Clock, pollEvery)
	s.stillConnected(version)
	return true
}

// streamEnd returns why the stream ended; nil is a stream that was forbidden.
func (s *session) streamEnd() <-chan error {
	if s.polling != nil {
		return nil
	}
	return s.ended
}

// polled sets when the next list is due. The pause doubles while the lists are the same.
func (s *session) polled(answer listing) {
	p := s.polling
	var h maphash.Hash
	h.SetSeed(p.seed)
	for _, c := range answer.containers {
		h.WriteString(c.ID)
		h.WriteString(c.Name)
		h.WriteByte(0)
	}
	sum := h.Sum64()
	if p.last == sum {
		p.doubled = min(p.doubled+1, longestPoll)
	} else {
		p.doubled = 0
	}
	p.last = sum
	p.stop()
	p.due, p.stop = alarm(s.cfg.Clock, pollEvery<<p.doubled)
}

// pollDue is closed when the list is to be read again; nil is never.
func (s *session) pollDue() <-chan struct{} {
	if s.polling == nil {
		return nil
	}
	return s.polling.due
}
