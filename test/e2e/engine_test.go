//go:build e2e

package e2e

import (
	"encoding/json"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// hungEngine returns a socket that takes connections and never answers.
func hungEngine(t *testing.T) (host string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	var open []net.Conn
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			open = append(open, c)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		accepting.Wait()
		for _, c := range open {
			_ = c.Close()
		}
	})
	return "unix://" + socket
}

// Without an engine that answers nsviz goes on, and has the names from the engine's files.
func TestEngineDoesNotAnswer(t *testing.T) {
	const name, early = "nsviz-filed", "nsviz-early"
	for engine, host := range map[string]string{
		"absent": "unix://" + filepath.Join(t.TempDir(), "docker.sock"),
		"hung":   hungEngine(t),
	} {
		t.Run(engine, func(t *testing.T) {
			removeContainer(t, early)
			removeContainer(t, name)
			earlyID := docker(t, "run", "-d", "--name", early, busyboxImage, "sleep", "1000")
			term := tmux(t, 120, 40, nil, binary(), "--web.listen-address=", "--docker-host", host)
			events := startEvents(t, "--docker-host", host)
			id := docker(t, "run", "-d", "--name", name, "--memory=32m", busyboxImage, "tail", "/dev/zero")
			of := func(typ event.Type) func(*event.Event) bool {
				return func(e *event.Event) bool {
					c := e.Subject()
					return e.Type == typ && c != nil && c.ID == id
				}
			}
			for _, typ := range []event.Type{event.ContainerStarted, event.OOMKill, event.ContainerExited} {
				e := events.await(t, 1, of(typ))[0]
				if c := e.Container; c.Name != name || c.Image != busyboxImage || c.Runtime != "docker" {
					t.Errorf("%s of %+v", typ, c)
				}
			}
			term.await(t, func(screen string) bool {
				return match(`(?m)^..`+early+` +\d+ .* no limit`)(screen) && match(`(?m)^..`+name+` +\d+ .* ended: OOM-killed`)(screen) &&
					!strings.Contains(screen, "short ids") && !strings.Contains(screen, "container engine")
			})
			term.keys(t, "4")
			term.find(t, name)
			term.keys(t, "Enter")
			term.await(t, func(screen string) bool {
				return contains(name+": the kernel killed tail", "because the victim was its PID 1.")(prose(screen))
			})
			term.keys(t, "7")
			term.await(t, match(`docker +(absent|failing): `))

			// All at once, since each one waits for an engine that hangs.
			type answer struct {
				stdout, stderr string
				code           int
			}
			ask := func(args ...string) <-chan answer {
				answers := make(chan answer, 1)
				go func() {
					defer close(answers)
					stdout, stderr, code := nsviz(t, append(args, "--docker-host", host)...)
					answers <- answer{stdout, stderr, code}
				}()
				return answers
			}
			commands := [][]string{{"ps"}, {"ps", "-o", "json"}, {"ns"}, {"inspect", early}}
			asked := make([]<-chan answer, len(commands))
			for i, args := range commands {
				asked[i] = ask(args...)
			}
			doctor := ask("doctor")
			var listed string
			for i, args := range commands {
				a := <-asked[i]
				if a.code != 0 || strings.Contains(a.stderr, "names are missing") {
					t.Errorf("nsviz %v: exit code %d\n%s", args, a.code, a.stderr)
				}
				if slices.Contains(args, "json") {
					listed = a.stdout
				}
			}
			var list []psEntry
			if err := json.Unmarshal([]byte(listed), &list); err != nil {
				t.Fatalf("%v in %s", err, listed)
			}
			found := false
			for _, c := range list {
				if c.ID == earlyID {
					found = true
					if c.Name != early || c.Image != busyboxImage || c.Runtime != "docker" || c.PID == 0 {
						t.Errorf("ps: %+v", c)
					}
				}
			}
			if !found {
				t.Errorf("ps does not list %s: %+v", earlyID, list)
			}
			if a := <-doctor; a.code != 0 || !match(`(?m)^docker +(absent|failing): .`)(a.stdout) {
				t.Errorf("doctor: exit code %d\n%s", a.code, a.stdout)
			}
		})
	}
}
