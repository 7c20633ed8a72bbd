package pipeline

import (
	"fmt"
	"slices"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/procfs"
)

func (p *Pipeline) host() (fact.Host, error) {
	h, err := p.fs.Machine.Read()
	if err != nil {
		p.cfg.Log.Warn("some facts about the host are unknown", "error", err)
	}
	if p.boot, err = p.fs.Machine.BootID(); err != nil {
		p.cfg.Log.Debug("the id of this boot is unknown", "error", err) // then the ids of kills are made of less
	}
	namespaces, from, err := p.fs.NS.OfHost()
	if err != nil {
		p.cfg.Log.Warn("the host's own namespaces are not all known", "error", err)
	}
	p.cfg.Log.Debug("the host's namespaces", "from", from)
	if p.self, err = p.fs.Proc.Self(); err != nil {
		return fact.Host{}, err
	}
	if p.own, err = p.fs.NS.Of(p.self); err != nil {
		return fact.Host{}, fmt.Errorf("read nsviz's own namespaces: %w", err)
	}
	if p.hostPIDs, err = p.fs.NS.HostPIDs(); err != nil {
		return fact.Host{}, err
	}
	if p.sight, err = p.fs.Proc.Sight(); err != nil {
		return fact.Host{}, err
	}
	notes := slices.Clone(p.layout.Notes)
	if !p.hostPIDs {
		notes = append(notes, noteForeignPIDs)
	}
	p.warn(notes...)
	// These are warned of where they matter.
	for _, note := range []string{noteUnseen(p.sight), noteUnfound(p.sight)} {
		if note != "" {
			notes = append(notes, note)
		}
	}
	return fact.Host{
		Name: h.Name, Kernel: h.Kernel, CgroupVersion: string(p.layout.Version), Namespaces: namespaces,
		MemoryBytes: h.MemoryBytes, CPUs: h.CPUs, Notes: notes,
	}, nil
}

// noteForeignPIDs says what a PID namespace of its own hides from nsviz.
const noteForeignPIDs = "/proc shows only the processes of nsviz's own PID namespace, so of containers that ran before nsviz " +
	"the processes stay unknown, and who is in which namespace: run nsviz on the host, or start its container with --pid=host"

// noteUnseen says which processes nsviz may not look into, where these are most of them.
func noteUnseen(s procfs.Sight) string {
	const means = "; their namespaces, and virtual machines among them, stay unknown: run nsviz as root, or with CAP_SYS_PTRACE"
	switch {
	case s.Hidden:
		return "/proc hides the processes of other users (hidepid), and CAP_SYS_PTRACE is missing" + means
	case s.Refused > 0 && !s.MayTrace:
		return fmt.Sprintf("nsviz may not look into %d of %d processes, because CAP_SYS_PTRACE is missing%s", s.Refused, s.Processes, means)
	}
	return ""
}

// noteUnfound says what becomes of a lost event where nsviz may not look up a cgroup by its number.
func noteUnfound(s procfs.Sight) string {
	if s.MayOpenByID {
		return ""
	}
	return "CAP_DAC_READ_SEARCH is missing, so a container whose creation event is lost is found only when the cgroup tree is read the next time"
}

// noteUnlisted says that not all sandboxes and services are listed.
func noteUnlisted(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d sandboxes or services are not listed: their users have more than nsviz keeps", n)
}

// warn logs the notes that there are.
func (p *Pipeline) warn(notes ...string) {
	for _, note := range notes {
		if note != "" {
			p.cfg.Log.Warn(note)
		}
	}
}
