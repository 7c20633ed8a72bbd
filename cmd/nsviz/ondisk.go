package main

import (
	"log/slog"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/engine/ondisk"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// withFiles adds to engines, and to those that find returns, what finds names where no engine answers: the files of the host's
// runtimes, and those of users'.
func (o *options) withFiles(log *slog.Logger, engines []engine.Engine, find func() []engine.Engine) ([]engine.Engine, func() []engine.Engine, error) {
	proc, err := pseudofs.OpenProc(o.procRoot)
	if err != nil {
		return nil, nil, err
	}
	c := ondisk.Config{Proc: proc, Log: log, Mishaps: o.mishaps}
	users := ondisk.NewUsers(c)
	return append(engines, ondisk.New(c)), func() []engine.Engine {
		if find == nil {
			return users.Find()
		}
		return append(find(), users.Find()...)
	}, nil
}
