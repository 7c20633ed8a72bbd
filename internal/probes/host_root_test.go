//go:build root && !vm

package probes

import (
	"context"
	"os"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// machineCases are the tests that take a machine of their own.
func machineCases() []methodCase { return nil }

// The tests below do not depend on the kernel, and take seconds on an emulated machine.

// TestOverflow: without a reader, the ring of ordinary events overflows. The reported losses equal
// the missing events, and no kill and no death is missing.
func TestOverflow(t *testing.T) {
	const calls, made = 300, 600 // two namespaces a call
	quiet := startWatch(t)       // sees other activity on this host meanwhile
	cfg := hostConfig(t)
	cfg.EventsRingBytes = uint32(4 * os.Getpagesize())
	cfg.UrgentRingBytes = uint32(os.Getpagesize())
	small := openProbes(t, cfg)
	home := makeCgroup(t, "urgent")
	hungry := makeCgroup(t, "hungry")
	hungry.limit(limitBytes)
	const kills = 3
	dying := start(t, isolated(helperCommand("hold 1")))
	if err := small.Follow(dying.pid, home.id); err != nil {
		t.Fatal(err)
	}
	flood := startHelper(t, "unshare 300")
	flood.release()
	flood.line()
	for range kills {
		hog := startHelper(t, "hog")
		hungry.add(hog)
		hog.release()
		hog.wait()
	}
	dying.release()
	dying.line()
	dying.release()
	dying.wait()
	flood.release()
	flood.wait()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var received, lost, others uint64
	var exits, killed int
	err := small.Run(ctx, func(b Batch) {
		for _, e := range b.Events {
			switch {
			case e.Type == event.NamespaceCreated && e.PID == flood.pid:
				received++
			case e.Type == event.ContainerExited && e.CgroupID == home.id:
				exits++
			case e.Type == event.OOMKill && e.CgroupID == hungry.id:
				killed++
			case e.Type == event.EventsLost && e.Lost.Reason == "ring full":
				lost += e.Lost.Count
			case e.Type == event.EventsLost:
				t.Errorf("%d lost: %s", e.Lost.Count, e.Lost.Reason)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if exits != 1 {
		t.Errorf("%d exits reported, want one", exits)
	}
	if killed != kills || hungry.kills() != kills {
		t.Errorf("%d kills reported of %d; the kernel counted %d", killed, kills, hungry.kills())
	}
	if received == 0 || lost == 0 {
		t.Fatalf("%d received, %d lost: the ring did not overflow", received, lost)
	}
	quiet.catchUp()
	all := quiet.await("creations", made, namespaceEvents(event.NamespaceCreated, flood.pid))
	if len(all) != made || calls*2 != made {
		t.Errorf("%d creations reported to a reader with room, want %d", len(all), made)
	}
	others = uint64(len(quiet.seen(func(e event.Event) bool { return e.PID != flood.pid && e.CgroupID != home.id })))
	if missing := made - received; lost < missing || lost > missing+others {
		t.Errorf("%d said to be lost; %d are missing, and others made %d", lost, missing, others)
	}
	t.Logf("%d of %d creations lost, %d said to be; others made %d events", made-received, made, lost, others)
}

// TestNothingStaysOpen counts this process's descriptors around Open and Close.
func TestNothingStaysOpen(t *testing.T) {
	open := func() {
		p, err := Open(hostConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	open() // what the libraries keep open for good
	before := descriptors(t)
	open()
	cfg := hostConfig(t)
	cfg.EventsRingBytes = 12345 // not a power of two
	if p, err := Open(cfg); err == nil {
		t.Error("a ring of 12345 bytes")
		_ = p.Close()
	}
	if after := descriptors(t); len(after) != len(before) {
		t.Errorf("%d descriptors before, %d after:\n%v\n%v", len(before), len(after), before, after)
	}
}

// descriptors returns what each of this process's descriptors is.
func descriptors(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var open []string
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil {
			open = append(open, target)
		}
	}
	return open
}
