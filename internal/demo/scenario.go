package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
)

// Prefix is the prefix of all names that a demo uses.
const Prefix = runtime.DemoPrefix

// Role is the task of a demo container.
type Role string

// The roles.
const (
	// Hog repeatedly lets a child take memory until the kernel kills it.
	Hog Role = "hog"
	// Idle keeps a few MiB and waits.
	Idle Role = "idle"
	// Brief runs for a moment and exits.
	Brief Role = "brief"
)

// Spec describes one demo container.
type Spec struct {
	Name string // begins with Prefix
	Role Role
	// MemoryBytes is its limit; 0 is none.
	MemoryBytes uint64
	// NetworkOf is the name of the demo container whose net namespace it joins.
	NetworkOf string
	// HostPID and HostNetwork leave it in the host's namespaces.
	HostPID, HostNetwork bool
}

// Backend makes containers, with an engine or by hand.
type Backend interface {
	// Clean removes what earlier demos left behind. It reports whether another demo is running.
	Clean(ctx context.Context) (others bool, err error)
	// Start makes a container and starts it.
	Start(ctx context.Context, spec Spec) error
	// Remove ends and removes the named container.
	Remove(ctx context.Context, name string) error
	// Close removes everything that is left.
	Close(ctx context.Context) error
}

// Scenario is a lesson.
type Scenario string

// The lessons.
const (
	OOM       Scenario = "oom"
	Start     Scenario = "start"
	Isolation Scenario = "isolation"
)

// Scenarios lists the lessons, the default first.
func Scenarios() []Scenario { return []Scenario{OOM, Start, Isolation} }

// Parse finds a scenario by name.
func Parse(name string) (Scenario, error) {
	for _, s := range Scenarios() {
		if string(s) == name {
			return s, nil
		}
	}
	return "", fmt.Errorf("no demo %q: there are oom, start and isolation", name)
}

const mib = 1 << 20

// Play holds how a scenario is played.
type Play struct {
	// Suffix distinguishes the names of two demos that run at the same time.
	Suffix string
	// Wait is time.After.
	Wait func(time.Duration) <-chan time.Time
	// Guide leads through the scenario Isolation, once its containers have been started. The scenario ends when it returns.
	Guide func(ctx context.Context, stage *Stage) error
	// Started, if not nil, is called after each start of the scenario Start.
	Started func(ctx context.Context, name string) error
}

// Stage makes more containers for a guide.
type Stage struct {
	backend Backend
	name    func(what string) string
}

// Name returns the full name of a container.
func (s *Stage) Name(what string) string { return s.name(what) }

// Start makes a container and starts it; the name of the spec is a short one.
func (s *Stage) Start(ctx context.Context, spec Spec) error {
	spec.Name = s.name(spec.Name)
	if err := s.backend.Start(ctx, spec); err != nil {
		return fmt.Errorf("start %s: %w", spec.Name, err)
	}
	return nil
}

// Run plays a scenario until ctx is done, or until its guide returns, and removes everything it made.
func Run(ctx context.Context, b Backend, s Scenario, play Play) (err error) {
	defer func() {
		// ctx is done by now: the removal has a time limit of its own.
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		err = errors.Join(err, b.Close(cleanup))
	}()
	others, err := b.Clean(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove what an earlier demo left: %w", err)
	}
	name := func(what string) string {
		if others {
			return Prefix + what + "-" + play.Suffix
		}
		return Prefix + what
	}
	var specs []Spec
	switch s {
	case OOM:
		specs = []Spec{
			{Name: name("quiet"), Role: Idle, MemoryBytes: 64 * mib},
			{Name: name("hog"), Role: Hog, MemoryBytes: 64 * mib},
		}
	case Isolation:
		specs = []Spec{
			{Name: name("web"), Role: Idle, MemoryBytes: 64 * mib},
			{Name: name("sidecar"), Role: Idle, MemoryBytes: 32 * mib, NetworkOf: name("web")},
			{Name: name("agent"), Role: Idle, HostPID: true, HostNetwork: true},
		}
	case Start:
		return startAgain(ctx, b, name, play)
	}
	for _, spec := range specs {
		if ctx.Err() != nil {
			return nil
		}
		if err := b.Start(ctx, spec); err != nil && ctx.Err() == nil {
			return fmt.Errorf("start %s: %w", spec.Name, err)
		}
	}
	if s == Isolation && ctx.Err() == nil {
		return play.Guide(ctx, &Stage{b, name})
	}
	<-ctx.Done()
	return nil
}

// startAgain starts one small container after the other: an existing kernel needs no
// boot.
func startAgain(ctx context.Context, b Backend, name func(string) string, play Play) error {
	for i := 1; ctx.Err() == nil; i++ {
		spec := Spec{Name: name(fmt.Sprintf("start%d", i)), Role: Brief}
		if err := b.Start(ctx, spec); err != nil && ctx.Err() == nil {
			return fmt.Errorf("start %s: %w", spec.Name, err)
		}
		if play.Started != nil {
			if err := play.Started(ctx, spec.Name); err != nil && ctx.Err() == nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-play.Wait(2 * time.Second):
		}
		if err := b.Remove(ctx, spec.Name); err != nil && ctx.Err() == nil {
			return fmt.Errorf("remove %s: %w", spec.Name, err)
		}
	}
	return nil
}
