package ondisk

import (
	"context"
	"errors"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// Settings implements [engine.Engine], by the container's OCI bundle: what the engine told the runtime. Its image and its ports are
// unknown there.
func (s *Source) Settings(ctx context.Context, id string) (*fact.Settings, error) {
	bundled := func(f found) bool { return f.spec != nil }
	f, ok := s.lookUp(ctx, id, bundled)
	if !ok && s.scanIfDue() {
		f, ok = s.lookUp(ctx, id, bundled)
	}
	if !ok {
		return nil, errors.New("no bundle of the container was found")
	}
	settings := f.spec.settings()
	settings.Engine = f.Runtime
	return &settings, nil
}

// ociNamespaces are the types of namespaces as an OCI bundle calls them.
var ociNamespaces = map[event.NamespaceType]string{
	event.Net: "network", event.PID: "pid", event.IPC: "ipc", event.UTS: "uts", event.Mnt: "mount", event.User: "user", event.CgroupNS: "cgroup",
}

func (s *spec) settings() fact.Settings {
	t := fact.Settings{Modes: map[event.NamespaceType]string{}, ReadOnly: s.Root != nil && s.Root.ReadOnly, SeccompUnconfined: true}
	if p := s.Process; p != nil {
		t.NoNewPrivs, t.AppArmor = p.NoNewPrivileges, container.Cut(p.AppArmor)
		t.CapDrop = []string{"all"} // a bundle lists what is left, and knows no default
		if p.Capabilities != nil {
			t.CapAdd = p.Capabilities.Bounding
		}
	}
	if s.Linux == nil {
		return t
	}
	t.SeccompUnconfined = s.Linux.Seccomp == nil
	for kind, name := range ociNamespaces {
		t.Modes[kind] = "host"
		for _, n := range s.Linux.Namespaces {
			switch {
			case n.Type != name:
			case n.Path == "":
				t.Modes[kind] = "private"
			default: // one that exists, which may be anybody's
				t.Modes[kind] = "container:" + container.Cut(n.Path)
			}
		}
	}
	if s.Linux.Resources != nil {
		s.Linux.Resources.settings(&t)
	}
	return t
}

func (r *resources) settings(t *fact.Settings) {
	positive := func(n *int64) bool { return n != nil && *n > 0 }
	if m := r.Memory; m != nil {
		if positive(m.Limit) {
			t.MemoryBytes = uint64(*m.Limit)
		}
		switch {
		case m.Swap == nil:
		case *m.Swap < 0:
			t.Swap = &fact.Limit{Unlimited: true}
		case positive(m.Limit) && *m.Swap >= *m.Limit:
			t.Swap = &fact.Limit{Value: new(float64(*m.Swap - *m.Limit))}
		}
	}
	if c := r.CPU; c != nil && positive(c.Quota) {
		period := uint64(100_000) // microseconds, the kernel's default
		if c.Period != nil && *c.Period > 0 {
			period = *c.Period
		}
		t.CPUs = float64(*c.Quota) / float64(period)
	}
	if r.PIDs != nil && positive(r.PIDs.Limit) {
		t.PIDs = uint64(*r.PIDs.Limit)
	}
}
