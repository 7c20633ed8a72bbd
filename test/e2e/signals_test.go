//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/record"
)

// signals returns the signals that end nsviz with exit code 0.
func signals() map[string]syscall.Signal {
	return map[string]syscall.Signal{"SIGINT": syscall.SIGINT, "SIGTERM": syscall.SIGTERM, "SIGHUP": syscall.SIGHUP, "SIGQUIT": syscall.SIGQUIT}
}

// Every signal that asks nsviz to end ends it with exit code 0, and nothing is left in the kernel.
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

// A command under nohup goes on when the terminal is gone.
func TestNohup(t *testing.T) {
	dir := t.TempDir()
	recording, log := filepath.Join(dir, "recording"), filepath.Join(dir, "log")
	term := tmux(t, 80, 24, nil, "bash", "-ic", `nohup "$0" record "$1" >"$2" 2>&1 & echo "started $!"; wait`, binary(), recording, log)
	screen := term.await(t, match(`started \d+`))
	pid, err := strconv.Atoi(regexp.MustCompile(`started (\d+)`).FindStringSubmatch(screen)[1])
	if err != nil {
		t.Fatal(err)
	}
	says := func(text string) func() bool {
		return func() bool {
			content, err := os.ReadFile(log)
			return err == nil && strings.Contains(string(content), text)
		}
	}
	logged := func() string {
		content, err := os.ReadFile(log)
		return fmt.Sprintf("the log is %s, %v", content, err)
	}
	eventually(t, says("end it with Ctrl-C"), logged)
	before := modified(t, recording)
	term.run(t, "kill-server") // hangs up the terminal
	// It still writes events.
	eventually(t, func() bool { return modified(t, recording).After(before) }, logged)
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	before = modified(t, recording)
	eventually(t, func() bool { return modified(t, recording).After(before) }, logged)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, says("msg=recorded"), logged)
	checkWhole(t, recording)
}

func modified(t *testing.T, file string) time.Time {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

// A signal before nsviz is ready ends it, too.
func TestSignalAtOnce(t *testing.T) {
	for name, args := range map[string][]string{
		"serve":  {"serve", "--web.listen-address", freeAddress(t)},
		"events": {"events"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, io.Discard, args...)
			// Once nsviz asks the engine, the signals are handled and the probes are being attached.
			eventually(t, func() bool { return p.stderr.String() != "" }, func() string { return "it says nothing" })
			p.end(t, syscall.SIGTERM)
			if p.err != nil {
				t.Errorf("%v, want exit code 0\n%s", p.err, p.stderr)
			}
		})
	}
}

// A killed nsviz leaves nothing in the kernel either.
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

// checkWhole checks that a recording is complete and returns the number of its facts.
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
