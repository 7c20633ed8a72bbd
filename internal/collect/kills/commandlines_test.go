package kills

import (
	"bytes"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/procfs"
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
	c := &CommandLines{
		now:     func() uint64 { return uint64(now) },
		after:   func(time.Duration) <-chan time.Time { return nil },
		pending: map[quota]int{},
		read: func(pid int32, most int) (procfs.Arguments, error) {
			asked = append(asked, pid)
			switch pid {
			case 4:
				return procfs.Arguments{}, errors.New("gone")
			case 5:
				return procfs.Arguments{Text: []byte("other\x00"), StartTime: late}, nil
			case 6:
				return procfs.Arguments{StartTime: early}, nil
			case 7:
				return procfs.Arguments{Text: []byte("java\x00-jar\xe3"), Cut: true, StartTime: early}, nil
			}
			return procfs.Arguments{Text: []byte("python3\x00app.py\x00"), StartTime: early}, nil
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
	c.Complete(batch)
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

// Victims whose memory does not answer hold up the reader, and neither the events nor the victims of others. That some are left
// out is logged once.
func TestVictimsThatDoNotAnswerHoldUpNothing(t *testing.T) {
	user := func(uid uint32) *uint32 { return &uid }
	kill := func(pid int32, cgroup, domain uint64, uid *uint32) event.Event {
		e := killAt(time.Second, pid, "")
		e.CgroupID, e.OOM.CgroupID, e.OOM.Victim.UID = cgroup, domain, uid
		return e
	}
	for _, test := range []struct {
		name string
		of   func(n uint64) event.Event // the kills of which none is answered
		asks int
	}{
		{"of one cgroup", func(n uint64) event.Event { return kill(int32(n), 7, 0, user(0)) }, maxOfCgroup},
		{"in one that ran out", func(n uint64) event.Event { return kill(int32(n), 100+n, 7, user(0)) }, maxOfCgroup},
		{"of one user", func(n uint64) event.Event { return kill(int32(n), 100+n, 100+n, user(4242)) }, maxOfUser},
		{"of everybody", func(n uint64) event.Event { return kill(int32(n), 100+n, 100+n, user(0)) }, maxReadings},
	} {
		t.Run(test.name, func(t *testing.T) {
			const other = 1000 // a victim of somebody else
			answers := make(chan time.Time)
			over := make(chan time.Time)
			close(over)
			locked, reading := make(chan struct{}), make(chan int32, 3*maxReadings)
			var log bytes.Buffer
			c := &CommandLines{
				now: func() uint64 { return uint64(time.Second) }, after: func(time.Duration) <-chan time.Time { return over },
				log: slog.New(slog.NewTextHandler(&log, nil)), pending: map[quota]int{},
				read: func(pid int32, most int) (procfs.Arguments, error) {
					reading <- pid
					if pid != other {
						<-locked
					}
					return procfs.Arguments{Text: []byte("text\x00")}, nil
				},
			}
			var batch []event.Event
			for n := range uint64(2 * maxReadings) {
				batch = append(batch, test.of(n+1))
			}
			c.Complete(batch) // returns, though each of them waits
			for _, e := range batch {
				if e.OOM.Victim.CommandLine != "" {
					t.Errorf("%d: %q", e.PID, e.OOM.Victim.CommandLine)
				}
			}
			for range test.asks {
				<-reading
			}
			if n := c.pending[quota{}]; n != test.asks {
				t.Errorf("%d are being read, want %d", n, test.asks)
			}
			if n := strings.Count(log.String(), "command lines of OOM victims are missing"); n != 1 {
				t.Errorf("logged %d times: %s", n, &log)
			}
			c.after = func(time.Duration) <-chan time.Time { return answers } // waits for the answer
			batch = []event.Event{kill(other, other, other, user(other))}
			c.Complete(batch)
			if got, want := batch[0].OOM.Victim.CommandLine != "", test.name != "of everybody"; got != want {
				t.Errorf("that of another is known: %t", got)
			}
			close(locked)
			for done := false; !done; runtime.Gosched() { // they let go
				c.mu.Lock()
				done = len(c.pending) == 0 && !c.warned
				c.mu.Unlock()
			}
		})
	}
}

func TestNilReadsNoCommandLine(t *testing.T) {
	batch := []event.Event{killAt(time.Second, 1, "")}
	(*CommandLines)(nil).Complete(batch)
	if got := batch[0].OOM.Victim.CommandLine; got != "" {
		t.Errorf("%q", got)
	}
}
