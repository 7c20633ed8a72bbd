//go:build root

package probes

import (
	"os"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/gen"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// bench is a reader with rings that the test itself writes to.
type bench struct {
	*reader
	t                               *testing.T
	toEvents, toLifecycle, toUrgent *ebpf.Program
	maps                            rings
}

// frame is the size that the kernel strips from the data of a test run before a socket filter sees it: the
// Ethernet header.
const frame = 14

const recordSize = 56 // of gen.NsvizNamespaceFreedEvent

func newBench(t *testing.T) *bench {
	t.Helper()
	newMap := func(spec ebpf.MapSpec) *ebpf.Map {
		m, err := ebpf.NewMap(&spec)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		return m
	}
	// A program that puts its input into a ring.
	writer := func(ring *ebpf.Map) *ebpf.Program {
		prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
			Type: ebpf.SocketFilter, License: "GPL",
			Instructions: asm.Instructions{
				asm.Mov.Imm(asm.R2, 0),
				asm.Mov.Reg(asm.R3, asm.RFP),
				asm.Add.Imm(asm.R3, -recordSize),
				asm.Mov.Imm(asm.R4, recordSize),
				asm.FnSkbLoadBytes.Call(),
				asm.JNE.Imm(asm.R0, 0, "out"),
				asm.LoadMapPtr(asm.R1, ring.FD()),
				asm.Mov.Reg(asm.R2, asm.RFP),
				asm.Add.Imm(asm.R2, -recordSize),
				asm.Mov.Imm(asm.R3, recordSize),
				asm.Mov.Imm(asm.R4, 0),
				asm.FnRingbufOutput.Call(),
				asm.Return().WithSymbol("out"),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = prog.Close() })
		return prog
	}
	ring := ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: uint32(4 * os.Getpagesize())}
	maps := rings{
		events: newMap(ring), lifecycle: newMap(ring), urgent: newMap(ring),
		errors: newMap(ebpf.MapSpec{
			Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: uint32(gen.NsvizErrorPlaceERROR_PLACES),
		}),
		calls: newMap(ebpf.MapSpec{
			Type: ebpf.Hash, KeySize: 4, ValueSize: uint32(unsafe.Sizeof(gen.NsvizNamespaceCall{})), MaxEntries: 8,
		}),
		state: newMap(ebpf.MapSpec{
			Type: ebpf.Array, KeySize: 4, ValueSize: uint32(unsafe.Sizeof(gen.NsvizReaderState{})), MaxEntries: 1, Flags: unix.BPF_F_MMAPABLE,
		}),
		throttled: []*ebpf.Map{newMap(ebpf.MapSpec{
			Type: ebpf.LRUHash, KeySize: uint32(unsafe.Sizeof(gen.NsvizThrottleSource{})),
			ValueSize: uint32(unsafe.Sizeof(gen.NsvizThrottleState{})), MaxEntries: 8,
		})},
	}
	b := &bench{
		t: t, toEvents: writer(maps.events), toLifecycle: writer(maps.lifecycle), toUrgent: writer(maps.urgent), maps: maps,
	}
	var err error
	if b.reader, err = newReader(maps, fixedClock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// put writes the record of a freed namespace.
func (b *bench) put(prog *ebpf.Program, id uint32, at uint64) {
	b.t.Helper()
	w := gen.NsvizNamespaceFreedEvent{Header: header(gen.NsvizEventKindEVENT_NAMESPACE_FREED), Id: id}
	w.Header.BootNs = at
	b.putRaw(prog, record(w, 0))
}

func (b *bench) putRaw(prog *ebpf.Program, raw []byte) {
	b.t.Helper()
	if code, _, err := prog.Test(append(make([]byte, frame), raw...)); err != nil || code != 0 {
		b.t.Fatalf("write to the ring: %d, %v", int32(code), err)
	}
}

// count sets the counter of a place to n on every CPU.
func (b *bench) count(place gen.NsvizErrorPlace, n uint64) {
	b.t.Helper()
	perCPU := make([]uint64, ebpf.MustPossibleCPU())
	for i := range perCPU {
		perCPU[i] = n
	}
	if err := b.maps.errors.Update(uint32(place), perCPU, ebpf.UpdateAny); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) drained(final bool) []uint64 {
	b.t.Helper()
	batch, err := b.drain(final)
	if err != nil {
		b.t.Fatal(err)
	}
	var ids []uint64
	for _, e := range batch.Events {
		ids = append(ids, e.Namespace.ID)
	}
	return ids
}

// TestDrainKeepsOrder: across all rings, and across batches, in whatever order the rings are written.
func TestDrainKeepsOrder(t *testing.T) {
	b := newBench(t)
	now := BootNow()
	b.put(b.toEvents, 3, now-3)
	b.put(b.toEvents, 1, now-7) // two CPUs, one first in the ring, the other first by the clock
	b.put(b.toEvents, 5, now-1)
	b.put(b.toUrgent, 2, now-5)
	b.put(b.toLifecycle, 4, now-2)
	if diff := cmp.Diff([]uint64{1, 2, 3, 4, 5}, b.drained(false)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// Records that come while the rings are being read are for the next drain: something in the other ring
	// may be earlier.
	later := BootNow() + uint64(time.Hour)
	b.put(b.toUrgent, 7, later+2)
	b.put(b.toEvents, 6, later+1)
	b.put(b.toEvents, 5, BootNow())
	if got := b.drained(false); got != nil { // 5 is behind 6 in its ring
		t.Errorf("delivered %v early", got)
	}
	if diff := cmp.Diff([]uint64{5}, b.drained(false)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]uint64{6, 7}, b.drained(true)); diff != "" {
		t.Errorf("at the end (-want +got):\n%s", diff)
	}
	if got := b.drained(true); got != nil {
		t.Errorf("delivered %v again", got)
	}
}

// TestErrorsAreTold: totals by place once they have changed, and losses as events.
func TestErrorsAreTold(t *testing.T) {
	b := newBench(t)
	cpus := uint64(ebpf.MustPossibleCPU())
	lostOf := func(batch Batch) map[string]uint64 {
		counts := map[string]uint64{}
		for _, e := range batch.Events {
			if e.Type != event.EventsLost || e.Time.Before(fixedClock(0)) {
				t.Errorf("unexpected %+v", e)
				continue
			}
			counts[e.Lost.Reason] += e.Lost.Count
		}
		return counts
	}
	totals := func(counts map[fact.ErrorPlace]uint64) map[fact.ErrorPlace]uint64 {
		all := map[fact.ErrorPlace]uint64{}
		for _, name := range places() {
			all[name] = counts[name]
		}
		return all
	}
	for _, step := range []struct {
		do     func()
		lost   map[string]uint64
		errors map[fact.ErrorPlace]uint64
	}{
		{do: func() {}, lost: map[string]uint64{}, errors: totals(nil)}, // reported, so that all are known to be 0
		{
			do: func() {
				b.count(gen.NsvizErrorPlaceERROR_RING_EVENTS, 3)
				b.count(gen.NsvizErrorPlaceERROR_READ, 1)
				b.putRaw(b.toUrgent, make([]byte, recordSize))
			},
			lost:   map[string]uint64{"ring full": 3 * cpus, event.LostMalformed: 1},
			errors: totals(map[fact.ErrorPlace]uint64{"ring_events": 3 * cpus, "read": cpus}),
		},
		{do: func() {}, lost: map[string]uint64{}},
		{
			do:     func() { b.count(gen.NsvizErrorPlaceERROR_RING_EVENTS, 5) },
			lost:   map[string]uint64{"ring full": 2 * cpus},
			errors: totals(map[fact.ErrorPlace]uint64{"ring_events": 5 * cpus, "read": cpus}),
		},
	} {
		step.do()
		batch, err := b.drain(true)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.lost, lostOf(batch)); diff != "" {
			t.Errorf("lost (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(step.errors, batch.Errors); diff != "" {
			t.Errorf("errors (-want +got):\n%s", diff)
		}
	}
}
