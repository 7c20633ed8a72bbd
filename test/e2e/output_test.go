//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// nsviz events | head -1
func TestReaderGoesAway(t *testing.T) {
	for _, form := range []string{"text", "json"} {
		t.Run(form, func(t *testing.T) {
			read, p := startPiped(t, "events", "-o", form)
			p.stderr.await(t, "watching")
			// unshare --mount causes an event, whatever else happens.
			if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
				t.Fatalf("unshare: %v\n%s", err, out)
			}
			line, err := bufio.NewReader(read).ReadString('\n')
			if err != nil || len(line) < 10 {
				t.Errorf("read %q, %v", line, err)
			}
			p.checkGoneWith(t, read)
		})
	}
}

// On a quiet host, nsviz notices without a further event that nobody reads.
func TestReaderGoesAwayAtOnce(t *testing.T) {
	for _, args := range [][]string{{"events"}, {"demo", "start"}, {"demo", "start", "--no-docker"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			read, p := startPiped(t, args...)
			p.stderr.await(t, "watching")
			p.checkGoneWith(t, read)
		})
	}
	for _, args := range [][]string{{"ps"}, {"ns", "-o", "json"}, {"doctor"}, {"version"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			read, p := startPiped(t, args...)
			p.checkGoneWith(t, read)
		})
	}
}

// startPiped runs nsviz with a pipe as its stdout.
func startPiped(t *testing.T, args ...string) (*os.File, *process) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	p := start(t, write, args...)
	t.Cleanup(func() { _ = read.Close() }) // is called before p is stopped
	return read, p
}

// checkGoneWith closes the reading end. nsviz must end with exit code 0 and print nothing.
func (p *process) checkGoneWith(t *testing.T, read *os.File) {
	t.Helper()
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatal("nsviz goes on although nobody reads")
	}
	if p.err != nil {
		t.Errorf("%v, want exit code 0", p.err)
	}
	if said := sentence(t, p.stderr.String()); said != "" {
		t.Errorf("nsviz says: %s", said)
	}
}

// Data goes to stdout, everything else to stderr.
func TestStreams(t *testing.T) {
	for _, args := range [][]string{{"ps"}, {"ps", "-o", "json"}, {"ns"}, {"ns", "-o", "json"}, {"ns", "-o", "dot"}, {"ns", "-o", "mermaid"}, {"doctor"}, {"version"}, {"--help"}, {"completion", "bash"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			stdout, stderr, code := nsviz(t, args...)
			if code != 0 || stdout == "" || stderr != "" {
				t.Errorf("exit code %d, %d bytes on stdout, on stderr:\n%s", code, len(stdout), stderr)
			}
			if slices.Contains(args, "json") && !json.Valid([]byte(stdout)) {
				t.Errorf("no JSON:\n%s", stdout)
			}
		})
	}
}

// A full disk is an error; a reader that has gone away is not.
func TestOutputFails(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, args := range [][]string{{"ps"}, {"ps", "-o", "json"}, {"ns"}, {"version"}, {"demo", "start", "--no-docker"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary(), args...)
			var stderr strings.Builder
			cmd.Stdout, cmd.Stderr = full, &stderr
			_ = cmd.Run() // the exit code reports it
			if code := cmd.ProcessState.ExitCode(); code != failed || !strings.Contains(sentence(t, stderr.String()), "no space left") {
				t.Errorf("exit code %d\n%s", code, &stderr)
			}
		})
	}
}
