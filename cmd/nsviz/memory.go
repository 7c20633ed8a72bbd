package main

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime/debug"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/story"
)

// goMemoryLimit is the variable by which a user says how much the Go runtime may use. The runtime itself reads it.
const goMemoryLimit = "GOMEMLIMIT"

// limitMemory has the Go runtime keep to what nsviz's own cgroup allows, where the user does not say how much it may use.
func (o *options) limitMemory(log *slog.Logger) func(lowest *uint64) {
	if os.Getenv(goMemoryLimit) != "" {
		return nil
	}
	return func(lowest *uint64) {
		limit := pipeline.GoMemoryLimit(lowest)
		switch {
		case debug.SetMemoryLimit(limit) == limit:
		case lowest == nil:
			log.Info("nsviz's own cgroup has no limit any more, and the Go runtime has none")
		default:
			log.Info("the Go runtime keeps to 90 % of the lowest limit of nsviz's own cgroup", goMemoryLimit, limit, "limit_bytes", *lowest)
		}
	}
}

// ownMemoryText says what nsviz may use and what it needs to watch so many containers.
func ownMemoryText(m *fact.OwnMemory, goLimit int64, containers int) string {
	needs := fmt.Sprintf("nsviz needs about %s for %d containers", story.Bytes(pipeline.MemoryNeeded(containers)), containers)
	kept := ""
	if goLimit != math.MaxInt64 {
		kept = fmt.Sprintf(", the Go runtime keeps to %s", story.Bytes(uint64(goLimit)))
	}
	switch {
	case m == nil:
		return "its limit is unknown" + kept + "; " + needs
	case m.LimitBytes == nil:
		return "without a limit" + kept + "; " + needs
	case *m.LimitBytes < pipeline.MemoryNeeded(containers):
		needs += ": the limit is too low"
	}
	where := "of a cgroup above, out of sight"
	if m.Cgroup != "" {
		where = "of the cgroup " + foreign.Name(m.Cgroup)
	}
	return fmt.Sprintf("limit of %s %s%s; %s", story.Bytes(*m.LimitBytes), where, kept, needs)
}
