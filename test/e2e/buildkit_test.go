//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

// buildByBuildKit builds a Dockerfile by the engine's BuildKit and returns what the engine reports. It needs no client of BuildKit: the
// engine fetches the context over HTTP.
func buildByBuildKit(t *testing.T, dockerfile string) string {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	err := w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(dockerfile))})
	if err == nil {
		_, err = w.Write([]byte(dockerfile))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-tar")
		_, _ = w.Write(archive.Bytes()) // if it fails, so does the build
	}))
	defer files.Close()
	engine := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://"))
	}}}
	defer engine.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	query := url.Values{"version": {"2"}, "nocache": {"1"}, "remote": {files.URL + "/context.tar"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://docker/build?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := engine.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	report, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v\n%s", response.Status, err, report)
	}
	return string(report)
}

// The steps of BuildKit are containers of its own, by the names that the build has for them. So is an OOM kill in one.
func TestBuildKitSteps(t *testing.T) {
	layout := trackedHierarchy(t)
	// BuildKit sets no limits.
	parent := filepath.Join(layout.Dir, "docker", "buildkit")
	limit := "memory.max"
	if layout.Version != cgroupfs.V2 {
		limit = "memory.limit_in_bytes"
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(parent, limit)
	before, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, fmt.Append(nil, isolatedLimit), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		value := bytes.TrimSpace(before)
		if layout.Version != cgroupfs.V2 {
			value = []byte("-1") // what was read may be more than may be written
		}
		if err := os.WriteFile(file, value, 0); err != nil {
			t.Error(err)
		}
	})

	address := startServe(t)
	events := startEvents(t)
	good, killed := fmt.Sprintf("RUN echo step of %d", os.Getpid()), fmt.Sprintf("RUN tail /dev/zero # of %d", os.Getpid())
	report := buildByBuildKit(t, "FROM "+busyboxImage+"\n"+good+"\n"+killed+"\n")
	if !strings.Contains(report, "137") {
		t.Errorf("the step was not killed:\n%s", report)
	}
	for _, name := range []string{good, killed} {
		started, exited := events.await(t, 1, of(event.ContainerStarted, name))[0], events.await(t, 1, of(event.ContainerExited, name))[0]
		for _, e := range []event.Event{started, exited} {
			if c := e.Container; c.Runtime != "buildkit" || c.Kind != "" || c.ID == name {
				t.Errorf("%s of %+v", e.Type, c)
			}
		}
	}
	kill := events.await(t, 1, of(event.OOMKill, killed))[0]
	if kill.Container.Runtime != "buildkit" || kill.OOM.Victim.Comm != "tail" {
		t.Errorf("killed in %+v: %+v", kill.Container, kill.OOM.Victim)
	}
	counter := fmt.Sprintf("nsviz_oom_kills_total{container=%q,scope=\"cgroup\"}", killed)
	eventually(t, func() bool { return metrics(t, address)[counter] == "1" }, func() string { return counter + " is not 1" })
	eventually(t, func() bool { a, _ := why(t, address, killed); return a.End != nil }, func() string { return killed + " has not ended" })
	stdout, stderr, code := nsviz(t, "why", killed, "--from", "http://"+address)
	if code != 0 || !strings.Contains(prose(stdout), "OOM killer ended "+killed+": it killed its PID 1") {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
}
