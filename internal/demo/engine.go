package demo

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/container/engine/docker"
)

// Engine makes containers with Docker, from an image that holds only nsviz itself: that is enough for a static
// program, and a dynamic one is refused.
type Engine struct {
	runner *docker.Runner
	binary string // the path of nsviz
	owner  int    // the pid of this nsviz
	image  string // set once its import has begun
	ready  bool   // the image is there
	made   []string
	// unfinished is set if a request was given up.
	unfinished error
	// after is time.AfterFunc, and returns a function that stops it.
	after func(time.Duration, func()) (stop func() bool)
}

// grace is how long a request that makes or removes something may go on after the end of the demo. The engine finishes
// it even if nobody waits for it, and only by waiting can the demo remove the result.
const grace = 5 * time.Second

// label marks the containers of demos; its value is the pid of the nsviz that made them.
const label = "nsviz.demo"

const imageName = "nsviz-demo-image"

// NewEngine makes containers with runner, which it closes in the end.
func NewEngine(runner *docker.Runner, binary string, owner int) *Engine {
	return &Engine{runner: runner, binary: binary, owner: owner, after: func(d time.Duration, f func()) func() bool {
		return time.AfterFunc(d, f).Stop
	}}
}

// finish returns a context for a request that has to be finished if ctx ends: it ends a while later.
func (e *Engine) finish(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	var late func() bool
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		late = e.after(grace, func() { cancel(errLate) })
	})
	return longer, func() {
		if !stop() {
			<-ended
			late()
		}
		cancel(nil)
	}
}

// errLate reports a request that was not finished in time.
var errLate = errors.New("the engine has not answered; what it makes of it the next demo removes")

// Clean removes the containers and images of demos whose nsviz is gone.
func (e *Engine) Clean(ctx context.Context) (others bool, err error) {
	found, err := e.runner.Labelled(ctx, label)
	if err != nil {
		return false, err
	}
	for id, owner := range found {
		if alive(owner) {
			others = true
		} else if err := e.runner.Remove(ctx, id); err != nil {
			return others, err
		}
	}
	images, err := e.runner.Images(ctx, imageName+":*")
	if err != nil {
		return others, err
	}
	for _, name := range images {
		if alive(name[len(imageName)+1:]) {
			others = true
		} else if err := e.runner.RemoveImage(ctx, name); err != nil {
			return others, err
		}
	}
	return others, nil
}

// alive reports whether an nsviz of that pid is running.
func alive(pid string) bool {
	if _, err := strconv.Atoi(pid); err != nil {
		return false
	}
	comm, err := os.ReadFile("/proc/" + pid + "/comm")
	return err == nil && strings.HasPrefix(string(comm), "nsviz")
}

// Start makes and starts a container, the image first.
func (e *Engine) Start(ctx context.Context, spec Spec) error {
	longer, cancel := e.finish(ctx)
	defer cancel()
	if !e.ready {
		// Noted before it exists, like the containers: if the demo ends meanwhile, it is removed.
		e.image = fmt.Sprintf("%s:%d", imageName, e.owner)
		if err := e.build(longer, e.image); err != nil {
			return e.late(longer, err)
		}
		e.ready = true
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e.made = append(e.made, spec.Name)
	return e.late(longer, e.runner.Start(longer, docker.Run{
		Name: spec.Name, Image: e.image, Command: []string{"/nsviz", Command, string(spec.Role)},
		Labels:      map[string]string{label: strconv.Itoa(e.owner)},
		MemoryBytes: spec.MemoryBytes, NetworkOf: spec.NetworkOf,
		HostPID: spec.HostPID, HostNetwork: spec.HostNetwork, NoNetwork: true,
	}))
}

// late notes for the end that a request was not finished.
func (e *Engine) late(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errLate) {
		e.unfinished = errLate
	}
	return err
}

// build imports an image with the nsviz binary as its only file.
func (e *Engine) build(ctx context.Context, name string) error {
	binary, err := os.Open(e.binary)
	if err != nil {
		return fmt.Errorf("read nsviz itself: %w", err)
	}
	defer func() { _ = binary.Close() }()
	if err := checkStatic(binary); err != nil {
		return err
	}
	info, err := binary.Stat()
	if err != nil {
		return err
	}
	read, write := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		archive := tar.NewWriter(write)
		err := archive.WriteHeader(&tar.Header{Name: "nsviz", Mode: 0o755, Size: info.Size(), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = io.Copy(archive, binary)
		}
		_ = write.CloseWithError(errors.Join(err, archive.Close()))
	}()
	err = e.runner.Import(ctx, read, name)
	_ = read.Close() // ends the writer if the import failed half-way
	<-written
	return err
}

// Remove removes a container.
func (e *Engine) Remove(ctx context.Context, name string) error {
	longer, cancel := e.finish(ctx)
	defer cancel()
	if err := e.runner.Remove(longer, name); err != nil {
		return e.late(longer, err)
	}
	e.made = slices.DeleteFunc(e.made, func(made string) bool { return made == name })
	return nil
}

// Close removes the containers, the latest first, and the image.
func (e *Engine) Close(ctx context.Context) error {
	var errs []error
	for len(e.made) > 0 {
		last := len(e.made) - 1
		errs = append(errs, e.runner.Remove(ctx, e.made[last]))
		e.made = e.made[:last]
	}
	if e.image != "" {
		errs = append(errs, e.runner.RemoveImage(ctx, e.image))
	}
	return errors.Join(append(errs, e.unfinished, e.runner.Close())...)
}
