//go:build e2e

package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// containerd is a containerd, in a namespace that Docker does not know.
type containerd struct {
	t         *testing.T
	socket    string
	namespace string
	image     string
}

// newContainerd returns the containerd of the engine of DOCKER_HOST.
func newContainerd(t *testing.T, namespace string) *containerd {
	t.Helper()
	c := &containerd{
		t: t, namespace: namespace,
		socket: filepath.Join(filepath.Dir(strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://")), "containerd.sock"),
	}
	if _, err := os.Stat(c.socket); err != nil {
		c.socket = "/run/containerd/containerd.sock"
	}
	c.importImage()
	return c
}

// importImage has the image of busybox until the end of the test.
func (c *containerd) importImage() {
	c.t.Helper()
	archive := filepath.Join(c.t.TempDir(), "image.tar")
	docker(c.t, "save", "-o", archive, busyboxImage)
	c.run("images", "import", archive)
	c.image = c.run("images", "list", "--quiet")
	c.t.Cleanup(func() {
		_ = c.command("images", "rm", c.image).Run()
		removeCgroup(c.t, c.namespace)
	})
}

func (c *containerd) command(args ...string) *exec.Cmd {
	return exec.Command("ctr", append([]string{"--address", c.socket, "--namespace", c.namespace}, args...)...)
}

func (c *containerd) run(args ...string) string {
	c.t.Helper()
	return printed(c.t, c.command(args...))
}

// remove removes a container, if it exists.
func (c *containerd) remove(id string) {
	_ = c.command("task", "rm", "--force", id).Run()
	_ = c.command("container", "rm", id).Run()
}

// start runs a container as nerdctl does, until its command ends or in the background, and returns its id.
func (c *containerd) start(name string, background bool, command ...string) string {
	c.t.Helper()
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(name)))
	c.remove(id)
	c.t.Cleanup(func() { c.remove(id) })
	args := []string{"run", "--label", "nerdctl/name=" + name, "--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=job"}
	if background {
		args = append(args, "--detach")
	}
	c.run(append(append(args, c.image, id), command...)...)
	return id
}

// The containers of a containerd that nobody asks have their names from its files, from their start on, although they live for a moment.
func TestNamesFromFiles(t *testing.T) {
	const containers, few = 20, 4
	c := newContainerd(t, "nsviz-test")
	early := c.start("nsviz-test-files-early", true, "sleep", "1000")
	events := startEvents(t)
	ids := map[string]string{}
	for began, i := time.Now(), 0; i < few || i < containers && time.Since(began) < 10*time.Second; i++ { // in an emulated machine each takes seconds
		name := fmt.Sprint("nsviz-test-files-", i)
		ids[c.start(name, false, "true")] = name
	}
	about := func(typ event.Type) func(*event.Event) bool {
		return func(e *event.Event) bool { return e.Type == typ && e.Container != nil && ids[e.Container.ID] != "" }
	}
	for _, typ := range []event.Type{event.ContainerStarted, event.ContainerExited} {
		for _, e := range events.await(t, len(ids), about(typ)) {
			if got := e.Container; got.Name != ids[got.ID] || got.Runtime != "containerd" || got.Group.Path() != "shop" || got.Group.Member != "job" {
				t.Errorf("%s of %+v, want %s", typ, got, ids[got.ID])
			}
		}
	}
	// One with an id of the user's choice, in a namespace of containerd that no path shows to be one.
	const named = "nsviz-test-files-named"
	c.remove(named)
	t.Cleanup(func() { c.remove(named) })
	c.run("run", c.image, named, "true")
	if got := events.await(t, 1, of(event.ContainerStarted, named))[0].Container; got.ID != named || got.Runtime != "containerd" {
		t.Errorf("started %+v", got)
	}
	var list []psEntry
	nsvizJSON(t, &list, "ps", "-o", "json")
	for _, entry := range list {
		if entry.ID == early && entry.Name == "nsviz-test-files-early" && entry.Runtime == "containerd" {
			return
		}
	}
	t.Errorf("ps: %+v", list)
}
