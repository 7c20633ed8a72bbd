package webui

import (
	"bytes"
	"net/http"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/story"
)

// maxFirst bounds the rows and the kills of the document, which a browser without JavaScript shows.
const (
	maxFirst      = 500
	maxFirstKills = 20
)

// first is what the document shows before any script has run.
type first struct {
	Host, Kernel, Version string
	Metrics               string
	Time                  string
	Types                 []string
	Rows                  []firstRow
	More                  int
	Kills                 []firstKill
	Live                  int
	KillCount             uint64
}

type firstRow struct {
	*row

	Status string
}

type firstKill struct{ When, Words string }

func (p *Page) serveFirst(w http.ResponseWriter, _ *http.Request) {
	d := first{Version: p.version, Metrics: p.metrics, Host: "this host"}
	for _, t := range event.NamespaceTypes() {
		d.Types = append(d.Types, t.String())
	}
	if f := p.hub.current(); f != nil {
		d.fill(f)
	}
	var out bytes.Buffer
	if err := p.first.Execute(&out, d); err != nil {
		http.Error(w, "the page could not be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes()) // a client that has gone does not matter
}

func (d *first) fill(f *frame) {
	s := f.snapshot
	if s.Host.Name != "" {
		d.Host = foreign.Name(s.Host.Name)
	}
	d.Kernel, d.Live, d.KillCount = foreign.Name(s.Host.Kernel), s.LiveCount(), s.OOMKillCount()
	d.Time = s.Time.UTC().Format(time.DateTime) + " UTC"
	for i := range s.Containers {
		if len(d.Rows) == maxFirst {
			d.More++
			continue
		}
		c := &s.Containers[i]
		d.Rows = append(d.Rows, firstRow{rowOf(c, s, "", ""), story.Status(c, s.Now())})
	}
	for i := range s.VMs {
		if len(d.Rows) == maxFirst {
			d.More++
			continue
		}
		d.Rows = append(d.Rows, firstRow{vmRow(&s.VMs[i]), story.Up(s.VMs[i].Started, s.Time)})
	}
	for i := len(s.Kills) - 1; i >= 0 && len(d.Kills) < maxFirstKills; i-- {
		k := &s.Kills[i]
		d.Kills = append(d.Kills, firstKill{k.Event.Time.UTC().Format(time.DateTime) + " UTC", story.Kill(k, s).For(time.UTC)})
	}
}
