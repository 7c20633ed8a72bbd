package probes

import (
	"context"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/nsviz/nsviz/gen"
)

// Run delivers what happens until ctx is done or Close is called, in order and from one goroutine,
// and then what is left in the rings. deliver must not block for long: meanwhile the rings fill up.
func (p *Probes) Run(ctx context.Context, deliver func(Batch)) error {
	return p.reader.run(ctx, deliver)
}

// Sync waits until everything that has happened by now was delivered to the function that Run was given, and that
// has returned. It returns false where ctx is done before, and at once where Run has returned.
func (p *Probes) Sync(ctx context.Context) bool { return p.reader.sync(ctx) }

// Follow tells the programs of a container's init that was there before they were, so that its
// exit is reported. Only a process that does not share all of its parent's namespaces is looked at
// when it exits, which no container's init does.
func (p *Probes) Follow(pid int32, cgroupID uint64) error {
	err := p.maps[gen.NsvizMapInits].Update(uint32(pid), gen.NsvizInit{CgroupId: cgroupID}, ebpf.UpdateNoExist)
	if err != nil && !errors.Is(err, ebpf.ErrKeyExist) {
		return fmt.Errorf("follow container init %d: %w", pid, err)
	}
	return nil
}

// Unfollow takes back a Follow for a process that turned out to be gone.
func (p *Probes) Unfollow(pid int32) error {
	err := p.maps[gen.NsvizMapInits].Delete(uint32(pid))
	if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("stop following container init %d: %w", pid, err)
	}
	return nil
}

// Settled tells the programs that they have been told of every container that there is. Until then they report
// every start and every end of what may be a container's init, for whoever reads to judge.
func (p *Probes) Settled() error {
	if err := p.settling.Set(false); err != nil {
		return fmt.Errorf("end the programs' search for containers: %w", err)
	}
	return nil
}

// Expect tells the programs of a container's cgroup that was there before they were and in which
// the container's own program has not run yet, so that its start is reported. The start's duration
// stays unknown.
func (p *Probes) Expect(cgroupID uint64) error {
	err := p.maps[gen.NsvizMapFreshCgroups].Update(cgroupID, gen.NsvizStartSteps{}, ebpf.UpdateNoExist)
	if err != nil && !errors.Is(err, ebpf.ErrKeyExist) {
		return fmt.Errorf("expect a start in cgroup %d: %w", cgroupID, err)
	}
	return nil
}
