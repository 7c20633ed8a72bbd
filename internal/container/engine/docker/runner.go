package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/containerd/errdefs"
	dockertypes "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	images "github.com/docker/docker/api/types/image"
)

// Runner runs containers on an engine, for the demos.
type Runner struct{ api *connection }

// Run describes a container to run.
type Run struct {
	Name, Image string
	Command     []string
	Labels      map[string]string
	// MemoryBytes limits memory, with no swap beside it; 0 is no limit.
	MemoryBytes uint64
	// NetworkOf is the name of the container whose network it shares.
	NetworkOf            string
	HostPID, HostNetwork bool
	NoNetwork            bool
}

// NewRunner connects to the engine at host, as Config.Host has it. It fails if none answers.
func NewRunner(ctx context.Context, host string) (*Runner, error) {
	address, err := parseHost(host)
	if err != nil {
		return nil, err
	}
	api, err := address.client(wallClock{}, nil)
	if err != nil {
		return nil, err
	}
	pong, err := api.Ping(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask the engine: %w", err), api.Close())
	}
	api.NegotiateAPIVersionPing(pong)
	return &Runner{api: api}, nil
}

// Close ends the connection.
func (r *Runner) Close() error { return r.api.Close() }

// Import makes an image of a tar archive with a file system.
func (r *Runner) Import(ctx context.Context, archive io.Reader, name string) error {
	answer, err := r.api.ImageImport(ctx, images.ImportSource{Source: archive, SourceName: "-"}, name, images.ImportOptions{})
	if err != nil {
		return fmt.Errorf("import image %s: %w", name, err)
	}
	_, err = io.Copy(io.Discard, answer) // the image is there when the answer ends
	return errors.Join(err, answer.Close())
}

// RemoveImage removes an image; a missing one is no error.
func (r *Runner) RemoveImage(ctx context.Context, name string) error {
	_, err := r.api.ImageRemove(ctx, name, images.RemoveOptions{Force: true})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove image %s: %w", name, err)
	}
	return nil
}

// Start creates a container and starts it.
func (r *Runner) Start(ctx context.Context, run Run) error {
	host := &dockertypes.HostConfig{Resources: dockertypes.Resources{
		Memory: int64(run.MemoryBytes), MemorySwap: int64(run.MemoryBytes),
	}}
	switch {
	case run.NetworkOf != "":
		host.NetworkMode = dockertypes.NetworkMode("container:" + run.NetworkOf)
	case run.HostNetwork:
		host.NetworkMode = "host"
	case run.NoNetwork:
		host.NetworkMode = "none"
	}
	if run.HostPID {
		host.PidMode = "host"
	}
	created, err := r.api.ContainerCreate(ctx, &dockertypes.Config{
		Image: run.Image, Cmd: run.Command, Labels: run.Labels,
	}, host, nil, nil, run.Name)
	if err != nil {
		return fmt.Errorf("create container %s: %w", run.Name, err)
	}
	if err := r.api.ContainerStart(ctx, created.ID, dockertypes.StartOptions{}); err != nil {
		return fmt.Errorf("start container %s: %w", run.Name, err)
	}
	return nil
}

// Remove kills and removes a container; a missing one is no error.
func (r *Runner) Remove(ctx context.Context, name string) error {
	err := r.api.ContainerRemove(ctx, name, dockertypes.RemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove container %s: %w", name, err)
	}
	return nil
}

// Labelled lists the containers that have a label, running or not, as id to that label's value.
func (r *Runner) Labelled(ctx context.Context, label string) (map[string]string, error) {
	found := map[string]string{}
	err := r.api.containers(ctx, filters.NewArgs(filters.Arg("label", label)), func(c *dockertypes.Summary, _ bool) { found[c.ID] = c.Labels[label] })
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	return found, nil
}

// Images lists the names of the images that match a pattern such as "name:*".
func (r *Runner) Images(ctx context.Context, pattern string) ([]string, error) {
	list, err := r.api.ImageList(ctx, images.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", pattern))})
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	names := map[string]bool{}
	for _, i := range list {
		for _, tag := range i.RepoTags {
			names[tag] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}
