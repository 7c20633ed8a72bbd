package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/record"
)

// completed returns the candidates that a shell gets, without their descriptions, and cobra's directive.
func completed(t *testing.T, args ...string) (words []string, directive, out string) {
	t.Helper()
	out, stderr, code := command(t, append([]string{"__complete"}, args...)...)
	if code != exitDone {
		t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range lines[:len(lines)-1] {
		word, _, _ := strings.Cut(line, "\t")
		words = append(words, word)
	}
	return words, lines[len(lines)-1], out
}

const (
	noFiles        = ":4"
	noFilesNoSpace = ":6"
)

func TestCompletion(t *testing.T) {
	address := serving(t)
	recording := makeRecording(t)
	for _, test := range []struct{ args, want, directive string }{
		{"inspect --from ADDRESS |", "box full job shop web", noFiles}, // not db\x1b[2J, and no machine
		{"inspect --from ADDRESS |w", "web", noFiles},
		{"why --from ADDRESS |sh", "shop", noFiles},
		{"why --from ADDRESS web |", "", noFiles},
		{"why --recording RECORDING |web", "weba1 weba2", noFiles},
		{"why --from ADDRESS |ne", "net:", noFilesNoSpace},
		{"ps --from ADDRESS --filter |ima", "image=", noFilesNoSpace},
		{"ps --from ADDRESS --filter |!image", "!image= !image!= !image~ !image!~", noFilesNoSpace},
		{"ps --from ADDRESS --filter |oom=0||(name=w", "oom=0||(name=web", noFiles},
		{"ps --from ADDRESS --filter |name=w", "name=web", noFiles},
		{"ps --from ADDRESS --filter |group=", "group=shop", noFiles},
		{"ps --filter |status=", "status=created status=starting status=running status=paused status=exited", noFiles},
		{"ps --filter |xyzzy=", "", noFiles},
		{"ns --filter |pinned=", "pinned=true pinned=false", noFiles},
		{"ns --filter |type=u", "type=uts type=user", noFiles},
		{"events --filter |type=oom", "type=oom_kill", noFiles},
		{"ps --kind |", "container pod vm sandbox service", noFiles},
		{"ps --kind |sandbox,vm,", "sandbox,vm,container sandbox,vm,pod sandbox,vm,service", noFiles},
		{"ps --kind |sandbox,s", "sandbox,service", noFiles},
	} {
		var args []string
		for arg := range strings.FieldsSeq(test.args) {
			arg = strings.TrimPrefix(arg, "|")
			args = append(args, strings.NewReplacer("ADDRESS", address, "RECORDING", recording).Replace(arg))
		}
		awaitCompletion(t, func() error {
			words, directive, out := completed(t, args...)
			if got := strings.Join(words, " "); got != test.want || directive != test.directive {
				return fmt.Errorf("%s: %q, %s, want %q, %s\n%s", test.args, got, directive, test.want, test.directive, out)
			}
			return nil
		})
	}
	for begun, want := range map[string]string{"we": "web\tUp 3 minutes\n", "shop": "shop\tcompose project of 1 container\n"} {
		awaitCompletion(t, func() error {
			if _, _, out := completed(t, "why", "--from", address, begun); !strings.HasPrefix(out, want) {
				return fmt.Errorf("%q, want %q", out, want)
			}
			return nil
		})
	}
}

// awaitCompletion tries until a completion is as wanted: on a busy machine the answer may come too late for one.
func awaitCompletion(t *testing.T, try func() error) {
	t.Helper()
	for begun := time.Now(); ; {
		err := try()
		if err == nil {
			return
		}
		if time.Since(begun) > time.Minute {
			t.Fatal(err)
		}
	}
}

// Namespaces are completed with who is in them.
func TestCompletionOfNamespaces(t *testing.T) {
	path := recordedNamespace(t)
	awaitCompletion(t, func() error {
		if _, _, out := completed(t, "why", "--recording", path, "net:"); out != "net:77\tof db, web\n:4\n" {
			return fmt.Errorf("%q", out)
		}
		return nil
	})
}

// recordedNamespace returns a recording with two containers that share a net namespace.
func recordedNamespace(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "recording")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	at := time.Unix(0, 0).UTC()
	w, err := record.NewWriter(file, at)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"web", "db"} {
		start := &event.Start{}
		start.Namespaces[event.Net] = 77
		e := &event.Event{Time: at, Type: event.ContainerStarted, PID: 5, Comm: "app", Container: &event.Container{ID: fmt.Sprint("a", i), Name: name}, Start: start}
		if err := w.Write(fact.Fact{Time: at, Event: e}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// Whoever does not answer holds a shell up for a moment only.
func TestCompletionDoesNotWait(t *testing.T) {
	hung := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hung }))
	defer srv.Close()
	defer close(hung)
	path := filepath.Join(t.TempDir(), "docker.sock")
	engine, err := net.Listen("unix", path) // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	t.Setenv("DOCKER_HOST", "unix://"+path)
	t.Setenv("NSVIZ_URL", "http://127.0.0.1:1") // an nsviz may run at the usual address
	for _, args := range [][]string{{"why", ""}, {"inspect", "--from", srv.URL, ""}, {"ps", "--from", srv.URL, "--filter", "name="}} {
		begun := time.Now()
		words, _, _ := completed(t, args...)
		if took := time.Since(begun); len(words) > 0 || took > completionPatience+30*time.Second {
			t.Errorf("%v: %v after %v", args, words, took)
		}
	}
}

// Without an nsviz that runs the engine's names are completed.
func TestCompletionAsksEngine(t *testing.T) {
	id := strings.Repeat("a1", 32)
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		switch {
		case strings.HasSuffix(r.URL.Path, "/events"):
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case strings.HasSuffix(r.URL.Path, "/containers/json"):
			fmt.Fprintf(w, `[{"Id":%q,"Names":["/web"],"Image":"nginx","State":"running"}]`, id)
		default:
			fmt.Fprint(w, `{"Version":"28.0","ApiVersion":"1.41"}`)
		}
	}))
	defer engine.Close()
	t.Setenv("DOCKER_HOST", strings.Replace(engine.URL, "http", "tcp", 1))
	awaitCompletion(t, func() error {
		if _, _, out := completed(t, "inspect", ""); !strings.Contains("\n"+out, "\nweb\tnginx\n") {
			return fmt.Errorf("%q", out)
		}
		return nil
	})
}
