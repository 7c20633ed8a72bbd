package probes

import (
	"context"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/nsviz/nsviz/gen"
)

// Run delivers events until ctx is done or Close is called, in order and from one goroutine,
// and then those left in the rings. deliver must not block for long: meanwhile the rings fill up.
func (p *Probes) Run(ctx context.Context, deliver func(Batch)) error {
	return p.reader.run(ctx, deliver)
}

// Sync waits until everything that has happened by now was delivered to the function passed to Run, and that function
// has returned. It returns false if ctx is done before, and returns at once if Run has returned.
func (p *Probes) Sync(ctx context.Context) bool { return p.reader.sync(ctx) }

// Follow registers a container's init that existed before the programs, so that its
// exit is reported. The programs ignore the exit of a process that shares all of its parent's
// namespaces, but no container's init does.
func (p *Probes) Follow(pid int32, cgroupID uint64) error {
	err := p.maps[gen.NsvizMapInits].Update(uint32(pid), gen.NsvizInit{CgroupId: cgroupID}, ebpf.UpdateNoExist)
	if err != nil && !errors.Is(err, ebpf.ErrKeyExist) {
		return fmt.Errorf("follow container init %d: %w", pid, err)
	}
	return nil
}

// Unfollow undoes Follow for a process that turned out to be gone.
func (p *Probes) Unfollow(pid int32) error {
	err := p.maps[gen.NsvizMapInits].Delete(uint32(pid))
	if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("stop following container init %d: %w", pid, err)
	}
	return nil
}

// Settled reports to the programs that every existing container is registered. Until then they report every start and
// every end of what may be a container's init, and the reader of the events decides.
func (p *Probes) Settled() error {
	if err := p.settling.Set(false); err != nil {
		return fmt.Errorf("end the programs' search for containers: %w", err)
	}
	return nil
}

// Expect registers a container's cgroup that existed before the programs and in which the
// container's own program has not run yet, so that its start is reported. The start's duration
// stays unknown.
func (p *Probes) Expect(cgroupID uint64) error {
	err := p.maps[gen.NsvizMapFreshCgroups].Update(cgroupID, gen.NsvizStartSteps{}, ebpf.UpdateNoExist)
	if err != nil && !errors.Is(err, ebpf.ErrKeyExist) {
		return fmt.Errorf("expect a start in cgroup %d: %w", cgroupID, err)
	}
	return nil
}
