package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/collect/findings"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/mishap"
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
		var d *report.Dissection
		err := o.mishaps.Do(mishap.Page, c.Label, func() error {
			a, err := r.gather(ctx, p, s, c, anatomy.Extra{})
			if err == nil {
				d = report.Dissect(a)
			}
			return err
		})
		if errors.Is(err, anatomy.ErrEnded) {
			err = ui.ErrEnded
		}
		return d, err
	}
}

// gather reads a container of a host that is watched, whose engines are asked for their settings.
func (r *reader) gather(ctx context.Context, p *pipeline.Pipeline, s *model.Snapshot, c *model.Container, extra anatomy.Extra) (*anatomy.Anatomy, error) {
	if extra.Settings, extra.SettingsErr = p.HostSettings(ctx, c.Runtime, c.ID); errors.Is(extra.SettingsErr, pipeline.ErrNoEngine) {
		extra.SettingsErr = nil // it is nobody's to say
	}
	return anatomy.Gather(ctx, r.host, r.layout, s, c, extra)
}

// findings returns what counts the findings of live containers; nil if the host's files cannot be read.
func (o *options) findings(p *pipeline.Pipeline, log *slog.Logger) *findings.Counts {
	r, err := o.openReader()
	if err != nil { // the pipeline reads them, too, and has reported it
		return nil
	}
	return findings.New(findings.Config{
		Snapshot: p.Peek, Now: time.Now, Log: log,
		Inspect: func(ctx context.Context, s *model.Snapshot, c *model.Container) ([]anatomy.Finding, error) {
			var found []anatomy.Finding
			err := o.mishaps.Do(mishap.Findings, c.Label, func() error {
				a, err := r.gather(ctx, p, s, c, anatomy.Extra{FindingsOnly: true})
				if err == nil {
					found = a.Findings
				}
				return err
			})
			return found, err
		},
	})
}
