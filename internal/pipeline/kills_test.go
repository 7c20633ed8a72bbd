package pipeline

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/hostfs"
)

// killAt is a kill of a process, by boot time.
func killAt(at time.Duration, pid int32, known string) event.Event {
	return event.Event{
		Type: event.OOMKill, PID: pid, BootNS: uint64(at), OOM: &event.OOM{Victim: event.Victim{PID: pid, CommandLine: known}},
	}
}

func TestVictimsAreAskedForTheirCommandLine(t *testing.T) {
	const now = 100 * time.Second
	const early, late = 9000, 10001 // ticks
	var asked []int32
	v := &victims{
		now:   func() uint64 { return uint64(now) },
		after: func(time.Duration) <-chan time.Time { return nil },
		stuck: make(chan struct{}, 1),
		read: func(pid int32, most int) (hostfs.Arguments, error) {
			asked = append(asked, pid)
			switch pid {
			case 4:
				return hostfs.Arguments{}, errors.New("gone")
			case 5:
				return hostfs.Arguments{Text: []byte("other\x00"), StartTime: late}, nil
			case 6:
				return hostfs.Arguments{StartTime: early}, nil
			case 7:
				return hostfs.Arguments{Text: []byte("java\x00-jar\xe3"), Cut: true, StartTime: early}, nil
			}
			return hostfs.Arguments{Text: []byte("python3\x00app.py\x00"), StartTime: early}, nil
		},
	}
	batch := []event.Event{
		killAt(now-time.Millisecond, 1, ""),
		killAt(now-time.Millisecond, 2, "known already"),
		killAt(now-time.Second, 3, ""),      // long ago
		killAt(now-time.Millisecond, 4, ""), // gone
		killAt(now-time.Millisecond, 5, ""), // its number is another's
		killAt(now-time.Millisecond, 6, ""), // has given its memory back
		killAt(now-time.Millisecond, 7, ""), // long
		{Type: event.ContainerExited, PID: 8},
		killAt(0, 9, ""), // when is unknown
	}
	v.complete(batch)
	want := map[int32]string{1: "python3 app.py", 2: "known already", 3: "", 4: "", 5: "", 6: "", 7: "java -jar", 9: ""}
	got := map[int32]string{}
	for _, e := range batch {
		if e.OOM != nil {
			got[e.PID] = e.OOM.Victim.CommandLine
			if cut := e.OOM.Victim.CommandLineCut; cut != (e.PID == 7) {
				t.Errorf("that of %d is cut: %v", e.PID, cut)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("command lines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int32{1, 4, 5, 6, 7}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// A victim whose memory is locked holds up the reader, and nobody else.
func TestAVictimThatDoesNotAnswerHoldsUpNothing(t *testing.T) {
	over := make(chan time.Time)
	close(over)
	locked, reading := make(chan struct{}), make(chan int32)
	v := &victims{
		now: func() uint64 { return uint64(time.Second) }, after: func(time.Duration) <-chan time.Time { return over },
		stuck: make(chan struct{}, 2),
		read: func(pid int32, most int) (hostfs.Arguments, error) {
			reading <- pid
			<-locked
			return hostfs.Arguments{Text: []byte("too late\x00")}, nil
		},
	}
	batch := []event.Event{killAt(time.Second, 1, ""), killAt(time.Second, 2, ""), killAt(time.Second, 3, "")}
	v.complete(batch) // returns, though each of them waits
	for _, e := range batch {
		if e.OOM.Victim.CommandLine != "" {
			t.Errorf("%d: %q", e.PID, e.OOM.Victim.CommandLine)
		}
	}
	asked := map[int32]bool{<-reading: true, <-reading: true}
	select {
	case pid := <-reading:
		t.Errorf("%d is asked, too, while as many as may be are stuck", pid)
	default:
	}
	if !asked[1] || !asked[2] {
		t.Errorf("asked %v", asked)
	}
	close(locked)
	for range cap(v.stuck) { // they let go
		v.stuck <- struct{}{}
	}
}

func TestNoCommandLineIsReadWhereNoneIsWanted(t *testing.T) {
	for name, p := range map[string]*Pipeline{
		"by the flag":                   {cfg: Config{NoCommandLines: true}, hostPIDs: true},
		"where procfs counts otherwise": {hostPIDs: false},
	} {
		if p.victims() != nil {
			t.Errorf("%s they are read", name)
		}
	}
	(*victims)(nil).complete([]event.Event{killAt(time.Second, 1, "")})
}
