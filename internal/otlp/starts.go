package otlp

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// startID identifies the trace of a container's start.
type startID struct {
	trace [16]byte
	root  [8]byte
}

// newStartID derives the id from the host, the container and when it started, by the kernel's clock. So the same start has the same id
// however often it is sent.
func newStartID(host, container string, bootNS uint64) startID {
	h := sha256.New()
	for _, part := range []string{"start", host, container} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	h.Write(binary.BigEndian.AppendUint64(nil, bootNS))
	id := startID{trace: [16]byte(h.Sum(nil))}
	id.root = id.span(0)
	return id
}

// span returns the id of the nth span of the trace; 0 is the root.
func (s startID) span(n uint64) [8]byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(s.trace[:], n))
	return [8]byte(sum[:])
}

// maxStarts bounds the starts that are remembered.
const maxStarts = 4096

// starts remembers the traces of the latest starts by the container. It is safe for use by several goroutines.
type starts struct {
	mu    sync.Mutex
	ids   map[string]startID
	order []string // the containers in ids, the one that was added first in front
}

// add remembers the start of a container, in place of an earlier one of it.
func (s *starts) add(container string, id startID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil {
		s.ids = map[string]startID{}
	}
	if _, ok := s.ids[container]; !ok {
		if len(s.order) == maxStarts {
			delete(s.ids, s.order[0])
			s.order = s.order[1:]
		}
		s.order = append(s.order, container)
	}
	s.ids[container] = id
}

// of returns the latest start of a container.
func (s *starts) of(container string) (startID, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.ids[container]
	return id, ok
}
