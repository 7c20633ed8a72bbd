//go:build e2e

package e2e

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/record"
)

// signals are those that end nsviz well.
func signals() map[string]syscall.Signal {
	return map[string]syscall.Signal{"SIGINT": syscall.SIGINT, "SIGTERM": syscall.SIGTERM, "SIGHUP": syscall.SIGHUP, "SIGQUIT": syscall.SIGQUIT}
}

// Every signal that asks nsviz to end does, with exit code 0, and nothing is left in the kernel.
func TestSignals(t *testing.T) {
	for name, signal := range signals() {
		recording := filepath.Join(t.TempDir(), "recording")
		for command, args := range map[string][]string{
			"serve":  {"serve", "--web.listen-address", freeAddress(t)},
			"events": {"events"},
			"record": {"record", recording},
		} {
			t.Run(command+" "+name, func(t *testing.T) {
				p := start(t, io.Discard, args...)
				said := "watching"
				if command == "record" {
					said = "recording"
				}
				p.stderr.await(t, said)
				objects := bpfObjects(t, p.cmd.Process.Pid)
				p.end(t, signal)
				if p.err != nil {
					t.Errorf("%v, want exit code 0\n%s", p.err, p.stderr)
				}
				if said := sentence(t, p.stderr.String()); said != "" {
					t.Errorf("nsviz says: %s", said)
				}
				awaitBPFGone(t, objects)
			})
		}
		checkWhole(t, recording)
		t.Run("dashboard "+name, func(t *testing.T) {
			term := tmux(t, 120, 40, nil, binary(), "--web.listen-address=")
			term.await(t, match(`\d+ namespaces`))
			pid := term.pid(t)
			objects := bpfObjects(t, pid)
			if err := syscall.Kill(pid, signal); err != nil {
				t.Fatal(err)
			}
			term.awaitEnd(t, 0)
			awaitBPFGone(t, objects)
		})
	}
}

// A signal that comes before nsviz has begun ends it, too.
func TestSignalAtOnce(t *testing.T) {
	for name, args := range map[string][]string{
		"serve":  {"serve", "--web.listen-address", freeAddress(t)},
		"events": {"events"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, io.Discard, args...)
			// Once the engine is being asked the signals are handled and the probes are on their way.
			eventually(t, func() bool { return p.stderr.String() != "" }, func() string { return "it says nothing" })
			p.end(t, syscall.SIGTERM)
			if p.err != nil {
				t.Errorf("%v, want exit code 0\n%s", p.err, p.stderr)
			}
		})
	}
}

// What is killed leaves nothing in the kernel either.
func TestKilled(t *testing.T) {
	p := start(t, io.Discard, "events")
	p.stderr.await(t, "watching")
	objects := bpfObjects(t, p.cmd.Process.Pid)
	p.end(t, syscall.SIGKILL)
	p.err = nil
	awaitBPFGone(t, objects)
}

// end sends a signal and waits for the end.
func (p *process) end(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("nsviz %v does not end on %v", p.cmd.Args[1:], signal)
	}
}

// checkWhole checks that a recording has its end and returns the number of its facts.
func checkWhole(t *testing.T, file string) (facts int) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := record.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		facts++
	}
	if facts == 0 {
		t.Error("a recording without facts")
	}
	return facts
}
