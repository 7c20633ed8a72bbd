package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/docker/docker/client"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/fact"
)

// errNoAnswer cancels a request that took too long.
var errNoAnswer = errors.New("no answer in time")

// explain puts the failure of a request into words. what is the request's name.
func explain(h host, what string, timeout time.Duration, err error) *engine.Problem {
	if p, ok := errors.AsType[*engine.Problem](err); ok {
		return p
	}
	if errors.Is(err, errNoAnswer) {
		return engine.NewProblem(fact.EngineFailing, fmt.Sprintf("does not answer the %s within %v", what, timeout), err)
	}
	if errors.Is(err, engine.ErrNotRunning) {
		return engine.NewProblem(fact.EngineAbsent, engine.ErrNotRunning.Error(), err)
	}
	failure, inRequest := errors.AsType[*url.Error](err)
	if client.IsErrConnectionFailed(err) && !inRequest {
		// The client only says "cannot connect" if the connection was refused.
		return engine.NewProblem(fact.EngineAbsent, "nothing answers at "+h.url, err)
	}
	if isGarbage(err) {
		return engine.NewProblem(fact.EngineFailing, what+": the answer is not the Docker API's: "+brief(err), err)
	}
	if inRequest {
		err = failure.Err // without the address, which is an encoded path for a unix socket
	}
	return engine.NewProblem(fact.EngineFailing, what+": "+brief(err), err)
}

// explainStream puts the end of the event stream into words. An engine that is stopped ends it.
func explainStream(h host, timeout time.Duration, err error) *engine.Problem {
	_, broken := errors.AsType[net.Error](err)
	if broken || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return engine.NewProblem(fact.EngineConnecting, "the event stream ended", err)
	}
	return explain(h, "event stream", timeout, err)
}

// isGarbage reports whether err comes from decoding.
func isGarbage(err error) bool {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, shape := errors.AsType[*json.UnmarshalTypeError](err)
	// Bare, these come from the decoder; if the connection broke, the transport wraps them.
	return syntax || shape || err == io.EOF || err == io.ErrUnexpectedEOF
}

// brief returns an error in one short line.
func brief(err error) string {
	text := strings.TrimPrefix(err.Error(), "Error response from daemon: ")
	// "request returned 500 Internal Server Error for API route and version http://%2Frun%2F…"
	text, _, _ = strings.Cut(text, " for API route and version ")
	return engine.Brief(text)
}
