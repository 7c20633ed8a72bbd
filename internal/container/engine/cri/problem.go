package cri

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/nsviz/nsviz/internal/fact"
)

// maxDetail bounds the reasons that come from the engine, in bytes.
const maxDetail = 200

// errNoAPI is that a gRPC server does not serve the API.
var errNoAPI = errors.New("serves no CRI API")

// problem holds the reason why a session ended, in the words for engine.Sink.EngineState.
type problem struct {
	state  fact.EngineState
	detail string
	err    error
}

func (p *problem) Error() string { return fmt.Sprintf("%s: %v", p.detail, p.err) }
func (p *problem) Unwrap() error { return p.err }

// ended returns the problem that a connection has ended. An engine that is stopped ends it.
func ended() *problem { return &problem{fact.EngineConnecting, errOver.Error(), errOver} }

// explain puts the failure of a request into words. what is the request's name.
func (f *Follower) explain(what string, err error) *problem {
	switch said := status.Convert(err); said.Code() {
	case codes.DeadlineExceeded:
		return &problem{fact.EngineFailing, fmt.Sprintf("does not answer the %s in time", what), context.DeadlineExceeded}
	case codes.Unimplemented:
		return &problem{fact.EngineAbsent, errNoAPI.Error(), errNoAPI}
	case codes.ResourceExhausted:
		return &problem{fact.EngineFailing, fmt.Sprintf("%s: the answer is larger than %d MiB", what, maxMessage>>20), err}
	default:
		return &problem{fact.EngineFailing, what + ": " + brief(said.Message()), err}
	}
}

// brief returns a text in one short line.
func brief(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "")
	}
	return text
}
