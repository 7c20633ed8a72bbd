//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// patience limits the wait for something that should come soon. An emulated machine takes ten seconds to start a container.
const patience = 90 * time.Second

// eventually waits until ok, and fails with what describe says if it never is. Where asking takes long, as in an emulated machine,
// what is waited for has most of the time.
func eventually(t *testing.T, ok func() bool, describe func() string) {
	t.Helper()
	const least = 50 * time.Millisecond
	deadline := time.After(patience)
	for {
		began := time.Now()
		if ok() {
			return
		}
		select {
		case <-time.After(max(least, 2*time.Since(began))):
		case <-deadline:
			t.Fatalf("waited %v in vain: %s", patience, describe())
		}
	}
}

// docker runs a docker command and returns what it printed. A container that it starts in the background runs its own program then.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("docker", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	said := strings.TrimSpace(string(out))
	if args[0] == "run" && (slices.Contains(args, "-d") || slices.Contains(args, "--detach")) {
		awaitProgram(t, said)
	}
	return said
}

// awaitProgram waits until nothing in the cgroup of a container is its runtime any more. The engine says that a container is started when
// its runtime's init has been told to execute the program, which a busy host may do later than a test looks.
func awaitProgram(t *testing.T, id string) {
	t.Helper()
	var lists []string
	for _, name := range []string{id, "docker-" + id + ".scope"} {
		for _, above := range []string{"*", "*/*", "*/*/*"} {
			found, err := filepath.Glob(filepath.Join("/sys/fs/cgroup", above, name, "cgroup.procs"))
			if err != nil {
				t.Fatal(err)
			}
			lists = append(lists, found...)
		}
	}
	isRuntime := func(pid string) bool {
		comm, err := os.ReadFile("/proc/" + pid + "/comm")
		return err == nil && strings.HasPrefix(string(comm), "runc:[")
	}
	var list []byte
	eventually(t, func() bool {
		for _, file := range lists {
			list, _ = os.ReadFile(file) // which is gone with the container
			if slices.ContainsFunc(strings.Fields(string(list)), isRuntime) {
				return false
			}
		}
		return true
	}, func() string { return fmt.Sprintf("the program of %s does not start: %s", id, list) })
}

// removeContainer removes a container at the end of the test, and one that an earlier test has left.
func removeContainer(t *testing.T, name string) {
	remove := func() { _ = exec.Command("docker", "rm", "-f", name).Run() }
	remove()
	t.Cleanup(remove)
}

// process is a running nsviz.
type process struct {
	cmd    *exec.Cmd
	stderr *lines
	ended  chan struct{}
	err    error // valid after the end
}

// start runs nsviz until the end of the test, when it must end with exit code 0.
func start(t *testing.T, stdout io.Writer, args ...string) *process {
	t.Helper()
	return startBy(t, stdout, exec.Command(binary(), args...))
}

// startBy runs nsviz by a command that execs it.
func startBy(t *testing.T, stdout io.Writer, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, stderr: newLines(), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { p.stop(t) })
	return p
}

// stop ends nsviz as Ctrl-C does and checks that its exit code is 0.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		t.Errorf("nsviz %v does not end on SIGINT", p.cmd.Args[1:])
		return
	}
	if p.err != nil {
		t.Errorf("nsviz %v: %v\n%s", p.cmd.Args[1:], p.err, p.stderr)
	}
}

// lines collects output and lets tests wait for it.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newLines() *lines { return &lines{more: make(chan struct{}, 1)} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// whole returns the complete lines of the output. The last one may come in parts, and an event in it may end in the middle of a rune.
func (l *lines) whole() string {
	text := l.String()
	return text[:strings.LastIndexByte(text, '\n')+1]
}

// await waits until the output contains text.
func (l *lines) await(t *testing.T, text string) {
	t.Helper()
	l.awaitIn(t, text, func(output string) string { return output })
}

// awaitProse waits until the output contains text, with any line breaks.
func (l *lines) awaitProse(t *testing.T, text string) {
	t.Helper()
	l.awaitIn(t, text, prose)
}

func (l *lines) awaitIn(t *testing.T, text string, in func(output string) string) {
	t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(in(l.String()), text) {
		select {
		case <-l.more:
		case <-deadline:
			t.Fatalf("no %q in:\n%s", text, l)
		}
	}
}

// stream is `nsviz events -o json`.
type stream struct {
	*process
	mu     sync.Mutex
	events []event.Event
	more   chan struct{}
	parsed chan struct{} // closed when all output is in events
}

// startEvents runs nsviz events with further arguments, and returns once it watches.
func startEvents(t *testing.T, args ...string) *stream {
	t.Helper()
	return startEventsBy(t, exec.Command(binary(), append([]string{"events", "-o", "json"}, args...)...))
}

func startEventsBy(t *testing.T, cmd *exec.Cmd) *stream {
	t.Helper()
	s := &stream{more: make(chan struct{}, 1), parsed: make(chan struct{})}
	read, write := io.Pipe()
	go func() {
		defer close(s.parsed)
		s.parse(t, read)
	}()
	s.process = startBy(t, write, cmd)
	go func() {
		<-s.ended
		_ = write.Close()
	}()
	t.Cleanup(func() {
		s.stop(t)
		<-s.parsed
	})
	s.stderr.await(t, "watching")
	return s
}

func (s *stream) parse(t *testing.T, r io.Reader) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var e event.Event
		decoder := json.NewDecoder(bytes.NewReader(scanner.Bytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&e); err != nil {
			t.Errorf("not an event: %v: %s", err, scanner.Text())
		}
		s.mu.Lock()
		s.events = append(s.events, e)
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
	}
}

// all returns the matching events so far.
func (s *stream) all(match func(*event.Event) bool) []event.Event {
	found, _ := s.since(0, match)
	return found
}

// since returns the matching events after the first n, and the number of events so far.
func (s *stream) since(n int, match func(*event.Event) bool) ([]event.Event, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []event.Event
	for i := n; i < len(s.events); i++ {
		if match(&s.events[i]) {
			found = append(found, s.events[i])
		}
	}
	return found, len(s.events)
}

// await waits until n events match and returns them.
func (s *stream) await(t *testing.T, n int, match func(*event.Event) bool) []event.Event {
	t.Helper()
	deadline := time.After(patience)
	var found []event.Event
	seen := 0
	for {
		var more []event.Event
		more, seen = s.since(seen, match)
		if found = append(found, more...); len(found) >= n {
			return found
		}
		select {
		case <-s.more:
		case <-s.ended:
			t.Fatalf("nsviz ended: %v\n%s", s.err, s.stderr)
		case <-deadline:
			t.Fatalf("%d events, want %d", len(found), n)
		}
	}
}

// of matches the events of a type about the named container.
func of(typ event.Type, name string) func(*event.Event) bool {
	return func(e *event.Event) bool {
		c := e.Subject()
		return e.Type == typ && c != nil && c.Name == name
	}
}

// ports counts the ports that freeAddress has tried.
var ports atomic.Uint32

// freeAddress returns a loopback address that nobody listens on, and a new one each time. Its port is below those that the kernel chooses
// for connections and for listeners that ask for any: nothing but the test takes it meanwhile.
func freeAddress(t *testing.T) string {
	t.Helper()
	const first, many = 20_000, 12_000
	for range many {
		n := (uint32(os.Getpid())*64 + ports.Add(1)) % many
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+n))
		if err == nil {
			_ = l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// startServe runs `nsviz serve` and returns its address.
func startServe(t *testing.T) string {
	t.Helper()
	address := freeAddress(t)
	p := start(t, io.Discard, "serve", "--web.listen-address", address)
	p.stderr.await(t, "watching")
	return address
}

// metrics scrapes and returns all samples: name with labels to value as written.
func metrics(t *testing.T, address string) map[string]string {
	t.Helper()
	samples, _ := scrape(t, address)
	return samples
}

func scrape(t *testing.T, address string) (samples map[string]string, body string) {
	t.Helper()
	text := get(t, "http://"+address+"/metrics")
	samples = map[string]string{}
	for line := range strings.Lines(text) {
		if i := strings.LastIndexByte(strings.TrimSpace(line), ' '); i > 0 && line[0] != '#' {
			samples[line[:i]] = strings.TrimSpace(line[i:])
		}
	}
	return samples, text
}

// get returns a web server's answer.
func get(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%s", url, response.Status, err, text)
	}
	return string(text)
}

// nsviz runs a command that ends by itself; it returns its output and exit code.
func nsviz(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return outcome(t, exec.CommandContext(ctx, binary(), args...))
}

func outcome(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	if failed := cmd.Run(); failed != nil && cmd.ProcessState == nil {
		t.Fatalf("%v: %v", cmd.Args, failed)
	}
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// nsvizJSON runs a command and decodes its output.
func nsvizJSON(t *testing.T, into any, args ...string) {
	t.Helper()
	stdout, stderr, code := nsviz(t, args...)
	if code != 0 {
		t.Fatalf("nsviz %v: exit code %d\n%s", args, code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), into); err != nil {
		t.Fatalf("nsviz %v: %v\n%s", args, err, stdout)
	}
}
