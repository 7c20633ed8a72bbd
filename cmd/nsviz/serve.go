package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/server"
	"github.com/nsviz/nsviz/internal/store"
)

func newServe(s *streams, o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", GroupID: groupWatch, Args: noArguments,
		Short: "Serve metrics without a screen",
		RunE:  func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), s, o) },
	}
	o.export.flags(cmd)
	return cmd
}

func serve(parent context.Context, s *streams, o *options) error {
	log := o.logger(s.err)
	listeners, err := listen(o.listen)
	if err != nil {
		return err
	}
	if len(listeners) == 0 && o.export.target == "" {
		return errUsage{fmt.Errorf("nothing to serve on: --web.listen-address is empty, and there is no --export")}
	}
	x, err := o.exporter(log, s.zone)
	if err != nil {
		return err
	}
	defer closeExporter(x)
	o.past = store.NewTimeline(store.DefaultPast)
	p, err := o.watcher(log)
	if err != nil {
		return err
	}
	srv, err := server.New(o.server(p, log, x, s.err))
	if err != nil {
		return errUsage{err}
	}
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	var running sync.WaitGroup
	work := []func(context.Context) error{
		p.Run,
		func(ctx context.Context) error { return srv.Serve(ctx, listeners) },
	}
	if x != nil {
		work = append(work, func(ctx context.Context) error { return exportFrom(ctx, x, p, srv) })
	}
	for _, f := range work {
		running.Go(func() {
			if err := f(ctx); err != nil {
				cancel(err)
			}
		})
	}
	select {
	case <-p.Attached():
		for _, l := range listeners {
			log.Info("watching; metrics are served", "address", l.Addr().String())
		}
	case <-ctx.Done():
	}
	running.Wait()
	return failure(parent, ctx)
}

// listen opens the addresses of --web.listen-address.
func listen(addresses []string) ([]net.Listener, error) {
	listeners, err := server.Listen(addresses)
	if malformed := (*net.AddrError)(nil); errors.As(err, &malformed) {
		return nil, errUsage{err}
	}
	return listeners, err
}

// failure returns why ctx was cancelled below parent; nil if parent was done, which is a signal.
func failure(parent, ctx context.Context) error {
	if parent.Err() == nil {
		return context.Cause(ctx)
	}
	return nil
}
