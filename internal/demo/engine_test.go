package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nsviz/nsviz/internal/container/engine/docker"
)

// slowEngine is an engine that finishes a request to make something even if nobody waits for it, and then only after it was
// asked to remove it.
type slowEngine struct {
	t *testing.T
	// interrupt is called at the request of that number.
	at        int
	interrupt func()
	waits     chan struct{} // closed when a request goes on after that

	mu       sync.Mutex
	requests []string
	made     map[string]bool          // containers and images
	removed  map[string]chan struct{} // closed when the removal was answered
}

func (e *slowEngine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/") // without the version
	w.Header().Set("Api-Version", "1.41")
	switch {
	case strings.HasSuffix(r.URL.Path, "/_ping"):
	case r.Method == http.MethodGet: // a list
		e.arrived("list " + path)
		io.WriteString(w, "[]")
	case path == "images/create":
		name := r.FormValue("repo")
		e.make(r, name, e.arrived("import"))
	case path == "containers/create":
		name := r.FormValue("name")
		e.make(r, name, e.arrived("create "+name))
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]string{"Id": name})
	case strings.HasSuffix(path, "/start"):
		e.arrived(path)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodDelete:
		name := strings.TrimPrefix(strings.TrimPrefix(path, "containers/"), "images/")
		e.mu.Lock()
		if !e.made[name] {
			w.WriteHeader(http.StatusNotFound)
		}
		delete(e.made, name)
		select {
		case <-e.removal(name):
		default:
			close(e.removal(name))
		}
		e.mu.Unlock()
		if strings.HasPrefix(path, "images/") {
			io.WriteString(w, "[]")
		}
	}
}

// removal returns the channel of a removal; the caller holds the lock.
func (e *slowEngine) removal(name string) chan struct{} {
	if e.removed[name] == nil {
		e.removed[name] = make(chan struct{})
	}
	return e.removed[name]
}

// arrived notes a request. It reports whether the demo was interrupted at it.
func (e *slowEngine) arrived(what string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requests = append(e.requests, what)
	if len(e.requests) != e.at {
		return false
	}
	e.interrupt()
	return true
}

// make makes something: late, if the demo was interrupted.
func (e *slowEngine) make(r *http.Request, name string, interrupted bool) {
	e.mu.Lock()
	removed := e.removal(name)
	e.mu.Unlock()
	if interrupted {
		select {
		case <-e.waits:
		case <-r.Context().Done(): // nobody waits
			<-removed
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.made[name] = true
}

// interrupted plays a scenario that is interrupted at the request of a number. It returns the requests and what is left.
func interrupted(t *testing.T, s Scenario, at int, expire bool) (requests []string, left map[string]bool, err error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	e := &slowEngine{t: t, at: at, interrupt: stop, waits: make(chan struct{}), made: map[string]bool{}, removed: map[string]chan struct{}{}}
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(e)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	defer server.Close() // waits for the engine's requests under way
	runner, err := docker.NewRunner(t.Context(), "unix://"+listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "nsviz")
	if err := os.WriteFile(binary, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	backend := NewEngine(runner, binary, 1)
	backend.after = func(d time.Duration, f func()) func() bool {
		if d != grace {
			t.Errorf("a request goes on for %v", d)
		}
		if expire {
			f()
		} else {
			close(e.waits)
		}
		return func() bool { return true }
	}
	err = Run(ctx, backend, s, Play{})
	return e.requests, e.made, err
}

// Whenever a demo is interrupted, nothing of it is left, not even what the engine was just making.
func TestInterruptedDemoLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t)
	want := []string{
		"list containers/json", "list images/json", "import", "create nsviz-demo-quiet", "containers/nsviz-demo-quiet/start",
		"create nsviz-demo-hog", "containers/nsviz-demo-hog/start",
	}
	for at := 1; at <= len(want); at++ {
		t.Run(fmt.Sprint("at ", want[at-1]), func(t *testing.T) {
			requests, left, err := interrupted(t, OOM, at, false)
			if err != nil {
				t.Errorf("error %v", err)
			}
			if !slices.Equal(requests[:at], want[:at]) || len(requests) > at+1 {
				t.Errorf("requests %q", requests)
			}
			if len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// A demo ends even if the engine hangs, and then says what may be left.
func TestInterruptedDemoOnHungEngine(t *testing.T) {
	_, _, err := interrupted(t, OOM, 4, true)
	if err == nil || !strings.Contains(err.Error(), errLate.Error()) {
		t.Errorf("error %v, want %v", err, errLate)
	}
}
