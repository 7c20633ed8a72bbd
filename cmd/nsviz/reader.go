package main

import (
	"context"
	"errors"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/ui"
)

// reader reads single containers from the host's files.
type reader struct {
	host   *host.FS
	layout cgroupfs.Layout
}

func (o *options) openReader() (*reader, error) {
	fs, err := host.Open(host.Roots{Proc: o.procRoot, Cgroup: o.cgroupRoot})
	if err != nil {
		return nil, err
	}
	layout, err := fs.Cgroups.Layout()
	if err != nil {
		return nil, err
	}
	return &reader{fs, layout}, nil
}

// pageReader returns what reads a container for its page on the dashboard (ui.Options.Inspect); nil if the host's files cannot be read.
func (o *options) pageReader(p *pipeline.Pipeline) func(context.Context, *model.Snapshot, *model.Container) (*report.Dissection, error) {
	r, err := o.openReader()
	if err != nil { // the pipeline reads them, too, and has reported it
		return nil
	}
	return func(ctx context.Context, s *model.Snapshot, c *model.Container) (*report.Dissection, error) {
		var extra anatomy.Extra
		if extra.Settings, extra.SettingsErr = p.HostSettings(ctx, c.Runtime, c.ID); errors.Is(extra.SettingsErr, pipeline.ErrNoEngine) {
			extra.SettingsErr = nil // it is nobody's to say
		}
		a, err := anatomy.Gather(ctx, r.host, r.layout, s, c, extra)
		if errors.Is(err, anatomy.ErrEnded) {
			return nil, ui.ErrEnded
		}
		if err != nil {
			return nil, err
		}
		return report.Dissect(a), nil
	}
}
