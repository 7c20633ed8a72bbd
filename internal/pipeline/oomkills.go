package pipeline

import (
	"github.com/nsviz/nsviz/internal/collect/kills"
	"github.com/nsviz/nsviz/internal/probes"
)

// killFiles says where to read what completes OOM kills.
func (p *Pipeline) killFiles() kills.Config {
	return kills.Config{Proc: p.fs.Proc, Resources: p.fs.Resources, Layout: p.layout, BootNow: probes.BootNow, Log: p.cfg.Log}
}

// commandLines returns nil where command lines are left out, or where procfs numbers processes otherwise than the host.
func (p *Pipeline) commandLines() *kills.CommandLines {
	if p.cfg.NoCommandLines || !p.hostPIDs {
		return nil
	}
	return kills.NewCommandLines(p.killFiles())
}
