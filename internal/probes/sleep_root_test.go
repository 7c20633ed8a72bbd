//go:build root

package probes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/gen"
	"github.com/nsviz/nsviz/internal/event"
)

// TestReaderSleepsWhileNothingHappens: for very long if everything is read, otherwise as long as the remaining records allow.
func TestReaderSleepsWhileNothingHappens(t *testing.T) {
	for _, test := range []struct {
		name       string
		do         func(b *bench)
		least, max time.Duration
	}{
		{"nothing is left", func(*bench) {}, longestSleep, longestSleep},
		{"something is in a ring", func(b *bench) { b.put(b.toEvents, 1, BootNow()) }, drainInterval, drainInterval},
		{"an error is counted", func(b *bench) { b.shared.state.Notices++ }, time.Millisecond, errorsInterval},
		{"a call is under way", func(b *bench) {
			if err := b.maps.calls.Put(uint32(1), gen.NsvizNamespaceCall{EnteredNs: BootNow()}); err != nil {
				b.t.Fatal(err)
			}
			b.shared.state.Notices++
			b.nextErrors, b.nextSweep = 0, 0
			if got := b.drained(false); got != nil {
				b.t.Fatalf("%v is delivered", got)
			}
		}, time.Millisecond, errorsInterval},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.drained(false) // it reads the counters for the first time
			test.do(b)
			if got := b.fallAsleep(); got < test.least || got > test.max {
				t.Errorf("sleeps for %v, want %v to %v", got, test.least, test.max)
			}
			if b.shared.state.Asleep != 1 {
				t.Error("the programs do not know")
			}
		})
	}
}

// TestFirstEventWakesTheReader: any report of the programs wakes a sleeping reader, once.
func TestFirstEventWakesTheReader(t *testing.T) {
	p := openProbes(t, hostConfig(t))
	if err := p.Settled(); err != nil {
		t.Fatal(err)
	}
	r := p.reader
	urgent := func() int { return r.rings[0].AvailableBytes() }
	unshares := func() {
		h := startHelper(t, "unshare 1")
		h.release()
		h.line()
		h.release()
		h.wait()
	}
	for _, test := range []struct {
		name string
		do   func()
	}{
		{"a cgroup is made", func() { makeCgroup(t, "wakes") }},
		{"namespaces are made", unshares},
		{"a call begins that changes nothing", func() {
			if err := unix.Setns(-1, 0); !errors.Is(err, unix.EBADF) {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for range 2 { // the second time earlier wake-ups are gone
				if _, err := r.drain(false); err != nil {
					t.Fatal(err)
				}
				if err := r.poller.wait(time.Unix(1, 0)); err != nil {
					t.Fatal(err)
				}
			}
			before := urgent()
			r.shared.setAsleep(1)
			test.do()
			if r.shared.state.Asleep != 0 {
				t.Fatal("the reader counts as asleep")
			}
			if err := r.poller.wait(time.Time{}); err != nil { // blocks for ever if nothing has woken it
				t.Fatal(err)
			}
			woken := urgent()
			if woken == before {
				t.Error("another ring has woken the reader")
			}
			test.do()
			if got := urgent(); got != woken {
				t.Errorf("another wake-up, %d bytes more, for a reader that is awake", got-woken)
			}
		})
	}
}

// TestNothingWaitsForASleepingReader: no event waits, however shortly before or after the reader falls asleep it happens. Only
// the programs wake the reader here.
func TestNothingWaitsForASleepingReader(t *testing.T) {
	const rounds = 300
	p := openProbes(t, hostConfig(t))
	p.reader.interval = time.Microsecond // so that it falls asleep at once
	if err := p.Settled(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	removed := make(chan uint64, 1<<10)
	done := make(chan error, 1)
	go func() {
		done <- p.Run(ctx, func(b Batch) {
			for _, e := range b.Events {
				if e.Type == event.CgroupRemoved {
					select {
					case removed <- e.Cgroup.ID:
					default: // no one waits any more
					}
				}
			}
		})
	}()
	dir := filepath.Join(hostLayout(t).Dir, fmt.Sprintf("nsviz-test-%d-asleep", os.Getpid()))
	for round := range rounds {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		late := time.NewTimer(patience)
		for reported := uint64(0); reported != info.Sys().(*syscall.Stat_t).Ino; {
			select {
			case reported = <-removed:
			case <-late.C:
				t.Fatalf("the end of cgroup %d of %d is not reported", round, rounds)
			}
		}
		late.Stop()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
