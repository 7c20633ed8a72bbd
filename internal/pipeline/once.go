package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/collect/sample"
	"github.com/nsviz/nsviz/internal/collect/survey"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/probes"
)

// OncePatience is how long a one-shot command waits for the engines' names.
const OncePatience = 2 * time.Second

// Once looks at the host a single time, without any probe, and returns what it sees.
func (p *Pipeline) Once(ctx context.Context) (*model.Snapshot, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var producers sync.WaitGroup
	producers.Go(func() { _ = p.engines.Run(ctx) })
	var err error
	producers.Go(func() {
		defer cancel()
		err = p.look(ctx)
	})
	go func() {
		producers.Wait()
		close(p.inputs)
	}()
	p.run()
	if err != nil {
		return nil, err
	}
	return p.Snapshot(), nil
}

func (p *Pipeline) look(ctx context.Context) error {
	patience, cancel := context.WithTimeout(ctx, OncePatience)
	defer cancel()
	p.engines.AwaitSynced(patience)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.warn(noteUnseen(p.sight))
	if err := p.finder.Once(ctx); err != nil {
		return err
	}
	sockets := probes.OpenSockets()
	found, err := survey.Once(ctx, p.surveying(sockets, nil))
	err = errors.Join(err, sockets.Close())
	if err != nil {
		return err
	}
	p.ask(looked(found))
	p.warn(noteUnlisted(p.Snapshot().Unlisted))
	sample.Once(p.sampling())
	return nil
}
