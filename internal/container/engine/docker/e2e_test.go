//go:build e2e

package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	dockertypes "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"go.uber.org/goleak"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/fact"
)

// TestRealEngine follows the engine of $DOCKER_HOST. It fails if none answers.
func TestRealEngine(t *testing.T) {
	cli, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { goleak.VerifyNone(t) })
	t.Cleanup(func() { _ = cli.Close() })
	name := fmt.Sprintf("nsviz-test-docker-%d", os.Getpid())
	importImage(t, cli, name)
	labels := map[string]string{"name": "a label", "image": "a label", "oldName": "a label", "tier": "front"}
	before := create(t, cli, name+"-before", &dockertypes.Config{Image: name, Cmd: []string{"/true"}, Labels: labels})

	follower, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	reported := e2eSink{t, make(chan any, 1<<12)}
	done := make(chan error, 1)
	go func() { done <- follower.Run(ctx, reported) }()
	defer func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the follower ended with %v", err)
		}
	}()

	reported.identity(before, name+"-before", name, labels)
	reported.connected()
	<-follower.Synced()

	id := create(t, cli, name, &dockertypes.Config{Image: name, Cmd: []string{"/true"}, Labels: labels})
	reported.identity(id, name, name, map[string]string{"tier": "front"}) // by the event
	reported.identity(id, name, name, labels)                             // by the list

	if err := cli.ContainerStart(ctx, id, dockertypes.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	reported.wait("the end of "+name, func(call any) bool {
		v, ok := call.(fact.EngineReport)
		return ok && v.ID == id && v.ExitCode != nil && *v.ExitCode == 0 && v.OOMKilled != nil && !*v.OOMKilled && !v.Removed
	})
	follower.Ask(id)
	reported.identity(id, name, name, labels)

	if err := cli.ContainerRename(ctx, id, name+"-renamed"); err != nil {
		t.Fatal(err)
	}
	reported.identity(id, name+"-renamed", name, map[string]string{"tier": "front"})
	reported.identity(id, name+"-renamed", name, labels)

	// Without an image the event takes a label for it; the list puts that right.
	plain := create(t, cli, name+"-plain", &dockertypes.Config{Cmd: []string{"/true"}, Labels: labels})
	reported.identity(plain, name+"-plain", "", labels)

	for _, id := range []string{id, before, plain} {
		if err := cli.ContainerRemove(ctx, id, dockertypes.RemoveOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
		reported.removed(id)
	}
}

// create makes a container that is gone after the test.
func create(t *testing.T, cli *client.Client, name string, config *dockertypes.Config) string {
	t.Helper()
	c, err := cli.ContainerCreate(t.Context(), config, &dockertypes.HostConfig{NetworkMode: "none"}, nil, nil, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// It is an error where the test removed it already.
		_ = cli.ContainerRemove(context.Background(), c.ID, dockertypes.RemoveOptions{Force: true})
	})
	return c.ID
}

// importImage makes an image of a single static program, /true.
func importImage(t *testing.T, cli *client.Client, name string) {
	t.Helper()
	program := staticTrue(t)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "true", Mode: 0o755, Size: int64(len(program))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(program); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	answer, err := cli.ImageImport(t.Context(), image.ImportSource{Source: &archive, SourceName: "-"}, name, image.ImportOptions{})
	if err != nil {
		t.Fatalf("no engine to test with; is DOCKER_HOST set? %v", err)
	}
	defer answer.Close()
	if _, err := io.Copy(io.Discard, answer); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := cli.ImageRemove(context.Background(), name, image.RemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
}

// staticTrue is busybox if that is static, otherwise a Go program.
func staticTrue(t *testing.T) []byte {
	t.Helper()
	path := "/bin/busybox"
	if !isStatic(path) {
		dir := t.TempDir()
		source := filepath.Join(dir, "true.go")
		if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(dir, "true")
		build := exec.Command("go", "build", "-o", path, source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build a static program: %v\n%s", err, out)
		}
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func isStatic(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}

// e2eSink passes its calls on; those about other people's containers are skipped.
type e2eSink struct {
	t     *testing.T
	calls chan any
}

type removed string

func (s e2eSink) Identify(i container.Identity) { s.calls <- i }
func (s e2eSink) Ended(v fact.EngineReport)     { s.calls <- v }
func (s e2eSink) Lost(uint64)                   {}
func (s e2eSink) EngineState(e fact.Engine)     { s.calls <- e }

func (s e2eSink) Did(e fact.EngineEvent) {
	if e.Action == fact.ActionRemove {
		s.calls <- removed(e.ID)
	}
}

// wait takes calls until one is as wanted.
func (s e2eSink) wait(what string, wanted func(call any) bool) {
	s.t.Helper()
	deadline := time.After(patience)
	var seen []any
	for {
		select {
		case call := <-s.calls:
			if wanted(call) {
				return
			}
			seen = append(seen, call)
		case <-deadline:
			s.t.Fatalf("%s was not reported, but %+v", what, seen)
		}
	}
}

func (s e2eSink) identity(id, name, image string, labels map[string]string) {
	s.t.Helper()
	s.wait("the identity of "+name, func(call any) bool {
		i, ok := call.(container.Identity)
		return ok && i.ID == id && i.Name == name && i.Image == image && maps.Equal(i.Labels, labels)
	})
}

func (s e2eSink) removed(id string) {
	s.t.Helper()
	s.wait("the removal of "+id, func(call any) bool { return call == removed(id) })
}

func (s e2eSink) connected() {
	s.t.Helper()
	s.wait("the connection", func(call any) bool {
		e, ok := call.(fact.Engine)
		return ok && e.State == fact.EngineConnected && e.Detail != ""
	})
}
