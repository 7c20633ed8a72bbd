package engine

import (
	"fmt"
	"strings"

	"github.com/nsviz/nsviz/internal/fact"
)

// A Problem holds the reason why an engine cannot be followed, in the words for Sink.EngineState.
type Problem struct {
	State  fact.EngineState
	Detail string
	Err    error
}

// NewProblem returns a problem.
func NewProblem(state fact.EngineState, detail string, err error) *Problem {
	return &Problem{State: state, Detail: detail, Err: err}
}

func (p *Problem) Error() string { return fmt.Sprintf("%s: %v", p.Detail, p.Err) }

// Unwrap returns the error behind it.
func (p *Problem) Unwrap() error { return p.Err }

// MaxDetail bounds the reasons and other short texts that come from an engine, in bytes.
const MaxDetail = 200

// Brief returns a text of an engine's in one short line.
func Brief(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > MaxDetail {
		text = strings.ToValidUTF8(text[:MaxDetail], "")
	}
	return text
}
