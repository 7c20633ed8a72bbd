//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// TestBuildSteps builds an image with the engine's own builder, which runs a container for each step: they have the names that the engine
// gives them, one end each, and leave nothing but counters when they are gone.
func TestBuildSteps(t *testing.T) {
	const image, steps = "nsviz-test/built", 3
	dir := t.TempDir()
	dockerfile := "FROM " + busyboxImage + "\n"
	for i := range steps {
		dockerfile += fmt.Sprintf("RUN echo step %d of %s\n", i, dir) // that no image has yet
	}
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o600); err != nil {
		t.Fatal(err)
	}
	address := startServe(t)
	events := startEvents(t)
	build := exec.Command("docker", "build", "--no-cache", "--force-rm", "-t", image, dir)
	build.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	t.Cleanup(func() { _ = exec.Command("docker", "rmi", "-f", image).Run() })
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	isStep := func(typ event.Type) func(e *event.Event) bool {
		return func(e *event.Event) bool {
			return e.Type == typ && strings.Contains(string(out), "Running in "+event.ShortID(e.Container.ID)+"\n")
		}
	}
	starts, exits := events.await(t, steps, isStep(event.ContainerStarted)), events.await(t, steps, isStep(event.ContainerExited))
	var names []string
	for _, e := range append(starts, exits...) {
		if c := e.Container; c.Name == "" || c.Runtime != "docker" || c.Image == "" {
			t.Errorf("%s of %+v", e.Type, c)
		}
		names = append(names, e.Container.Name)
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) != steps {
		t.Errorf("the steps are %q", names)
	}
	for _, name := range names {
		series := fmt.Sprintf(`nsviz_container_exits_total{cause="exited",container=%q}`, name)
		eventually(t, func() bool { return metrics(t, address)[series] == "1" }, func() string { return series + " is not 1" })
	}
	var got map[string]string
	var outlives []string
	eventually(t, func() bool {
		got, outlives = metrics(t, address), nil
		for series := range got {
			of := slices.ContainsFunc(names, func(name string) bool { return strings.Contains(series, fmt.Sprintf("container=%q", name)) })
			if of && !strings.Contains(series, "_total{") {
				outlives = append(outlives, series)
			}
		}
		return outlives == nil
	}, func() string { return fmt.Sprintf("%q outlive their steps", outlives) })
	if n := got["nsviz_containers_folded_total"]; n != "0" {
		t.Errorf("%s containers are folded", n)
	}
}
