package ownmemory

import (
	"log/slog"
	"math"
	"os"
	"runtime/debug"
)

// variable is that of the environment by which a user says how much the Go runtime may use. The runtime itself reads it.
const variable = "GOMEMLIMIT"

// LimitGoRuntime returns a Config.LimitRuntime that has the Go runtime keep to what nsviz's own cgroup allows; nil where the user says
// how much it may use.
func LimitGoRuntime(log *slog.Logger) func(lowest *uint64) {
	if os.Getenv(variable) != "" {
		return nil
	}
	return func(lowest *uint64) {
		limit := goLimit(lowest)
		switch {
		case debug.SetMemoryLimit(limit) == limit:
		case lowest == nil:
			log.Info("nsviz's own cgroup has no limit any more, and the Go runtime has none")
		default:
			log.Info("the Go runtime keeps to 90 % of the lowest limit of nsviz's own cgroup", variable, limit, "limit_bytes", *lowest)
		}
	}
}

// goLimit returns how much of a cgroup's limit, in bytes, the Go runtime may use; without one it is math.MaxInt64, as the runtime
// has it. The rest is for what is not the runtime's.
func goLimit(lowest *uint64) int64 {
	if lowest == nil {
		return math.MaxInt64
	}
	return int64(min(*lowest/10*9, math.MaxInt64))
}
