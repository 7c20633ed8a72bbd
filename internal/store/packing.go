package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/record"
)

// packPause is the pause after the packing of a segment, as a multiple of the time that it took.
const packPause = 24

// Run packs the facts of the past, which take a tenth of the memory then, until ctx is done. Without it less of the past is kept.
func (t *Timeline) Run(ctx context.Context) error {
	for {
		begun := time.Now()
		more := t.packOldest()
		wait := time.NewTimer(packPause * time.Since(begun))
		ready := wait.C
		sealed := t.sealed
		if more {
			sealed = nil
		} else {
			wait.Stop()
			ready = nil
		}
		select {
		case <-ctx.Done():
			wait.Stop()
			return nil
		case <-ready:
		case <-sealed:
		}
	}
}

// packOldest packs the facts of the oldest segment that gets no more of them. It returns false if there is none.
func (t *Timeline) packOldest() bool {
	t.mu.Lock()
	i := slices.IndexFunc(t.segments, func(s *segment) bool { return s.packed == nil })
	if i < 0 || i == len(t.segments)-1 {
		t.mu.Unlock()
		return false
	}
	s := t.segments[i]
	t.mu.Unlock()
	packed, repeats, err := pack(s.facts) // they are never changed
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		packed, repeats = []byte{}, nil // they stay as they are
	} else {
		s.facts = nil
	}
	s.packed, s.repeats = packed, repeats
	if err == nil && slices.Contains(t.segments, s) { // else it was dropped meanwhile
		less := s.factBytes - len(packed) - sizeOfRepeats(repeats)
		s.bytes -= less
		t.bytes -= less
	}
	return true
}

// pack returns facts as a recording, and what it leaves out since it repeats.
func pack(facts []fact.Fact) ([]byte, []repeat, error) {
	var b bytes.Buffer
	w, err := record.NewWriter(&b, time.Time{})
	if err != nil {
		return nil, nil, err
	}
	short, repeats := leaveOut(facts)
	for _, f := range short {
		if err := w.Write(f); err != nil {
			return nil, nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, nil, err
	}
	return slices.Clone(b.Bytes()), repeats, nil
}

// unpack returns the facts of a recording. If it breaks off, the others come with the error.
func unpack(packed []byte) ([]fact.Fact, error) {
	r, err := record.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	var list []fact.Fact
	for {
		f, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return list, err
		}
		list = append(list, f)
	}
}

// stretch is a segment as those read it who do not hold the lock.
type stretch struct {
	segment *segment // for comparing
	from    uint64
	key     *model.Model
	facts   []fact.Fact
	packed  []byte
	repeats []repeat
	count   int         // of facts
	last    model.Stamp // the time after the facts
}

func (s *segment) stretch() stretch {
	to := stretch{segment: s, from: s.from, key: s.key, facts: s.facts, packed: s.packed, repeats: s.repeats, count: len(s.stamps), last: s.key.Stamp()}
	if to.count > 0 {
		to.last = s.stamps[to.count-1]
	}
	return to
}

// unpack returns the facts. A recording that breaks off is a mistake in package record: facts that say nothing stand for the rest, so that the
// states keep their numbers.
func (s stretch) unpack() []fact.Fact {
	if s.facts != nil || len(s.packed) == 0 {
		return s.facts
	}
	list, err := unpack(s.packed)
	putBack(list, s.repeats)
	if err != nil {
		list = append(list, make([]fact.Fact, max(s.count-len(list), 0))...)
	}
	return list
}
