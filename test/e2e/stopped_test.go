//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	sys "golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/record"
)

// launch starts nsviz. Unlike start, it accepts any exit code.
func launch(t *testing.T, stdout, stderr *os.File, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary(), args...), stderr: newLines(), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = stdout, p.stderr
	if stderr != nil {
		p.cmd.Stderr = stderr
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// pipe returns a pipe whose ends are both closed at the end of the test.
func pipe(t *testing.T) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = read.Close()
		_ = write.Close()
	})
	return read, write
}

// fill fills a pipe.
func fill(t *testing.T, write *os.File) {
	t.Helper()
	raw, err := write.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		for _, size := range []int{4096, 1} {
			for failed == nil {
				_, failed = sys.Write(int(fd), make([]byte, size))
			}
			if errors.Is(failed, sys.EAGAIN) {
				failed = nil
			}
		}
		return true
	})
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	if err := sys.SetNonblock(int(write.Fd()), false); err != nil { // the signal goes to the process that gets it
		t.Fatal(err)
	}
}

// Somebody scrolls back in `nsviz events | less`: nothing waits for the reader. When it goes on, it gets the number of missed
// events, and all later ones.
func TestReaderStopsForAWhile(t *testing.T) {
	const calls = 30_000 // two events each: more than may wait, and more than the kernel may send from one source
	read, write := pipe(t)
	p := launch(t, write, nil, "events", "-o", "json")
	_ = write.Close()
	p.stderr.await(t, "watching")
	storm := exec.Command("/proc/self/exe")
	storm.Env = append(os.Environ(), fmt.Sprintf("%s=%d", stormVariable, calls))
	pid, end := begin(t, storm)
	end()

	// Every namespace of the storm that is not throttled is created and freed. Of these two events each is reported or lost.
	created, freed, lost := uint64(0), uint64(0), map[string]uint64{}
	missing := func() int {
		return 2*(2*calls-int(lost[event.LostThrottled])) - int(created+freed+lost[event.LostReader])
	}
	// A few later ones are all reported.
	after := map[int32]bool{}
	stop := make(chan struct{})
	defer close(stop)
	pids := make(chan int32)
	go func() {
		for {
			cmd := exec.Command("unshare", "--uts", "true")
			if err := cmd.Run(); err != nil {
				t.Errorf("unshare: %v", err)
				return
			}
			select {
			case pids <- int32(cmd.Process.Pid):
			case <-stop:
				return
			}
		}
	}()
	began := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer began.Stop()
	lines := bufio.NewScanner(read)
	lines.Buffer(nil, 1<<20)
	complete, more := false, 0
	for !complete && lines.Scan() {
		var e event.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%v in %s", err, lines.Text())
		}
		switch {
		case e.Type == event.EventsLost:
			lost[e.Lost.Reason] += e.Lost.Count
		case e.Type == event.NamespaceFreed && (e.Namespace.Type == event.UTS || e.Namespace.Type == event.IPC): // like those of the storm
			freed++
		case e.Type == event.NamespaceCreated && e.PID == pid:
			created++
		case e.Type == event.NamespaceCreated && lost[event.LostReader] > 0:
			after[e.PID] = true
		}
		if missing() > 0 {
			continue
		}
		select {
		case pid := <-pids:
			more++
			if after[pid] || len(after) > 20 {
				complete = true
			}
		default:
		}
	}
	t.Logf("of %d namespaces %d were reported when they were created and %d when they were freed, lost are %v", 2*calls, created, freed, lost)
	if !complete || lost[event.LostReader] == 0 || lost[event.LostThrottled] == 0 || created == 0 {
		t.Errorf("complete: %v (%v)", complete, lines.Err())
	}
	// Losses are counted once: any excess comes from the few after the storm, with two events each.
	if n := -missing(); n > 2*(more+1) {
		t.Errorf("%d events too many were counted", n)
	}
	p.end(t, syscall.SIGTERM)
	if p.err != nil {
		t.Errorf("%v, want exit code 0: all was written\n%s", p.err, p.stderr)
	}
}

// nsviz also ends if its reader has stopped for good, and reports what was not written.
func TestSignalWhileTheReaderHasStopped(t *testing.T) {
	for name, signal := range signals() {
		t.Run("events "+name, func(t *testing.T) {
			_, write := pipe(t)
			fill(t, write)
			p := launch(t, write, nil, "events")
			p.stderr.await(t, "watching")
			if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
				t.Fatalf("unshare: %v\n%s", err, out)
			}
			p.endsUnwritten(t, signal)
		})
	}
	for _, args := range [][]string{{"ps"}, {"doctor"}} {
		t.Run(args[0], func(t *testing.T) {
			_, write := pipe(t)
			fill(t, write)
			p := launch(t, write, nil, args...)
			p.awaitBlocked(t)
			p.endsUnwritten(t, syscall.SIGTERM)
		})
	}
}

func (p *process) endsUnwritten(t *testing.T, signal os.Signal) {
	t.Helper()
	began := time.Now()
	p.end(t, signal)
	t.Logf("ended after %v", time.Since(began))
	if code := p.cmd.ProcessState.ExitCode(); code != failed || !strings.Contains(sentence(t, p.stderr.String()), "nobody reads") {
		t.Errorf("exit code %d, %s", code, p.stderr)
	}
}

// awaitBlocked waits until a thread of nsviz waits for room in a pipe.
func (p *process) awaitBlocked(t *testing.T) {
	t.Helper()
	blocked := func() bool {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			// write(1, …)
			if call, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(call), fmt.Sprintf("%d 0x1 ", sys.SYS_WRITE)) {
				return true
			}
		}
		return false
	}
	eventually(t, blocked, func() string { return "it does not write: " + p.stderr.String() })
}

// Nothing waits for a log that nobody reads.
func TestLogIsNotRead(t *testing.T) {
	_, write := pipe(t)
	fill(t, write)
	address := freeAddress(t)
	p := launch(t, nil, write, "serve", "--log-level", "debug", "--web.listen-address", address)
	healthy := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/-/healthy", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return true
	}
	eventually(t, healthy, func() string { return "nsviz does not serve" })
	eventually(t, func() bool { return metrics(t, address)[`nsviz_containers_folded_total`] == "0" }, func() string { return "no metrics" })
	p.end(t, syscall.SIGTERM)
	if p.err != nil {
		t.Errorf("%v, want exit code 0", p.err)
	}
}

// A full disk ends a recording with a sentence. What was recorded until then is kept.
func TestRecordToAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := sys.Mount("nsviz-test", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	file := filepath.Join(dir, "recording")
	p := launch(t, nil, nil, "record", file)
	p.stderr.await(t, "recording")
	for ended := false; !ended; {
		if out, err := exec.Command("unshare", "--mount", "--uts", "--ipc", "true").CombinedOutput(); err != nil {
			t.Fatalf("unshare: %v\n%s", err, out)
		}
		select {
		case <-p.ended:
			ended = true
		default:
		}
	}
	said := sentence(t, p.stderr.String())
	if code := p.cmd.ProcessState.ExitCode(); code != failed || !strings.Contains(said, "no space left on device; what was recorded until then is kept") {
		t.Errorf("exit code %d, %s", code, p.stderr)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := record.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	facts := 0
	for err == nil {
		if _, err = r.Next(); err == nil {
			facts++
		}
	}
	if errors.Is(err, io.EOF) || facts == 0 {
		t.Errorf("%d facts, %v", facts, err)
	}
}
