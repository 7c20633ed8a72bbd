package cri

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/fact"
)

// errNoAPI is that a gRPC server does not serve the API.
var errNoAPI = errors.New("serves no CRI API")

// ended returns the problem that a connection has ended. An engine that is stopped ends it.
func ended() *engine.Problem {
	return engine.NewProblem(fact.EngineConnecting, errOver.Error(), errOver)
}

// explain puts the failure of a request into words. what is the request's name.
func (f *Follower) explain(what string, err error) *engine.Problem {
	switch said := status.Convert(err); said.Code() {
	case codes.DeadlineExceeded:
		return engine.NewProblem(fact.EngineFailing, fmt.Sprintf("does not answer the %s in time", what), context.DeadlineExceeded)
	case codes.Unimplemented:
		return engine.NewProblem(fact.EngineAbsent, errNoAPI.Error(), errNoAPI)
	case codes.ResourceExhausted:
		return engine.NewProblem(fact.EngineFailing, fmt.Sprintf("%s: the answer is larger than %d MiB", what, maxMessage>>20), err)
	default:
		return engine.NewProblem(fact.EngineFailing, what+": "+engine.Brief(said.Message()), err)
	}
}
