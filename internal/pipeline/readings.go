package pipeline

import (
	"github.com/nsviz/nsviz/internal/collect/sample"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// sampling is what the sampler needs.
func (p *Pipeline) sampling() sample.Config {
	return sample.Config{Proc: p.fs.Proc, Resources: p.fs.Resources, Net: p.fs.Net, Layout: p.layout, Now: p.now, Log: p.cfg.Log, Mishaps: p.cfg.Mishaps, Loop: samplerLoop{p}, Recount: p.recount}
}

// samplerLoop is the loop as the sampler knows it.
type samplerLoop struct{ p *Pipeline }

func (l samplerLoop) Watched() (live []model.Watched, writesReported bool, audience sample.Audience) {
	live, writesReported = l.p.live.Watched()
	return live, writesReported, l.p.audience.current(l.p.now())
}

func (l samplerLoop) Wake() <-chan struct{} { return l.p.wake }

func (l samplerLoop) Take(r sample.Readings) {
	l.p.audience.take(r)
	l.p.send(readings(r))
}

// readings are what live containers use.
type readings sample.Readings

func (m readings) handle(l *loop) {
	apply := l.live.Apply
	if m.Idle { // a screen is drawn once a second in any case
		apply = l.live.ApplyUnseen
	}
	l.applyBy(apply, fact.Fact{Time: m.Time, Memory: m.List})
	for _, id := range m.Gone {
		l.tracker.Gone(id)
		l.apply(fact.Fact{Time: m.Time, Gone: &fact.Gone{ID: id}})
	}
}
