package find

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/host/resources"
)

// pass is one reading of the containers that run.
type pass struct {
	*Finder

	probes Probes // nil where nothing is watched
	host   hostState
	found  map[string]bool   // the containers that were found, by id
	empty  map[string]Cgroup // the own cgroups without processes, by their container's id
}

func (f *Finder) newPass(probes Probes) *pass {
	return &pass{Finder: f, probes: probes, host: f.readHost(), found: map[string]bool{}, empty: map[string]Cgroup{}}
}

// lookError says which container could not be looked for.
func lookError(root Cgroup, err error) error {
	return fmt.Errorf("look for container %s: %w", root.Ref.ID, err)
}

// admitAll admits the containers whose own cgroups are among these. One that fails keeps it from no other.
func (p *pass) admitAll(cgroups []Cgroup) error {
	var failed error
	for _, c := range cgroups {
		if c.isRoot() {
			failed = errors.Join(failed, p.admit(c))
		}
	}
	return failed
}

// admit reports the container whose own cgroup is root, if it has processes, and has the probes follow it: its start where its
// program does not run yet, else its end.
func (p *pass) admit(root Cgroup) error {
	if root.Ref.Unsure {
		return p.admitUnsure(root)
	}
	c, err := p.expectedOrRunning(root)
	if c == nil || err != nil {
		p.empty[root.Ref.ID] = root
	} else {
		p.found[root.Ref.ID] = true
		err = p.report(root, c)
	}
	if err != nil {
		return lookError(root, err)
	}
	return nil
}

// admitUnsure is admit for a cgroup that may be a container's own. It is if its processes show that: one that the kernel isolates. If the id
// is a name of the user's choice, that does not suffice: anybody makes such cgroups and runs such processes there. Then a runtime's files
// must have the container ([pass.admitOutside]).
func (p *pass) admitUnsure(root Cgroup) error {
	if root.Ref.Name != "" {
		return nil
	}
	return p.admitIsolated(root)
}

// admitIsolated admits a container whose cgroup is root, if its first process is isolated.
func (p *pass) admitIsolated(root Cgroup) error {
	c, err := p.container(root, p.host)
	if err != nil {
		return lookError(root, err)
	}
	if c == nil || c.InitPID == 0 || c.Unheld != nil {
		return nil
	}
	p.found[root.Ref.ID] = true
	if early := p.early[root.ID]; early != nil && early.InitPID == c.InitPID {
		c = early
	}
	if err := p.report(root, c); err != nil {
		return lookError(root, err)
	}
	return nil
}

// expectedOrRunning describes the container whose own cgroup is root; nil is none. Where its program does not run yet the probes
// expect it.
func (p *pass) expectedOrRunning(root Cgroup) (*Container, error) {
	if c := p.early[root.ID]; c != nil && p.isThere(root, c) {
		return c, nil
	}
	c, err := p.container(root, p.host)
	if err != nil || c != nil && !c.Starting || p.probes == nil {
		return c, err
	}
	if err := p.probes.Expect(root.ID); err != nil {
		return nil, err
	}
	// Its program may have begun to run before that: then this finds it.
	return p.container(root, p.host)
}

// report has the probes follow a container that was found, and hands it to the loop.
func (p *pass) report(root Cgroup, c *Container) error {
	if there, err := p.follow(root, c); !there || err != nil {
		return err
	}
	c.At = p.cfg.Now()
	if root.Path != "" { // else its cgroup is gone, and the count with it
		c.OOMKills, c.At, _ = settledKills(p.cfg.Now, func() (*uint64, error) {
			memory, err := resources.In(p.cfg.Layout).Memory(root.Path)
			return memory.OOMKills, err
		})
	}
	p.cfg.Loop.ContainerFound(*c)
	return nil
}

// follow has the probes report the end of a container's PID 1. It returns false where that has come already.
func (p *pass) follow(root Cgroup, c *Container) (bool, error) {
	if p.probes == nil || c.Starting || c.InitPID == 0 {
		return true, nil
	}
	if err := p.probes.Follow(c.InitPID, root.ID); err != nil {
		return false, err
	}
	// If it ended meanwhile, nothing would ever report that.
	if !p.isThere(root, c) {
		return false, p.probes.Unfollow(c.InitPID)
	}
	return true, nil
}

// isThere reports whether a container's PID 1 that was just found is still there.
func (f *Finder) isThere(root Cgroup, c *Container) bool {
	if c.Unheld != nil || c.SharedCgroup != "" {
		_, err := f.cfg.Proc.StartTime(c.InitPID)
		return err == nil
	}
	procs, err := f.cfg.Layout.TreeProcs(root.Path)
	return err == nil && slices.Contains(procs, c.InitPID)
}

// settledKills returns the kernel's count of kills in a cgroup and a time at which it was that: kills up to then are in
// it, later ones are not. The kernel counts a kill just before it is reported.
func settledKills(now func() time.Time, read func() (*uint64, error)) (count *uint64, at time.Time, err error) {
	const tries = 20 // a storm has some ten kills a second, and a reading takes microseconds
	for range tries {
		before, err := read()
		if err != nil {
			return nil, now(), err
		}
		at = now()
		if count, err = read(); err != nil {
			return nil, now(), err
		}
		if before == nil || count == nil || *before == *count {
			break
		}
	}
	return count, at, nil
}
