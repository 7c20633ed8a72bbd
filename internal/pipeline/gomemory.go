package pipeline

import (
	"log/slog"
	"os"
	"runtime/debug"
)

// goMemoryLimit is the variable by which a user says how much the Go runtime may use. The runtime itself reads it.
const goMemoryLimit = "GOMEMLIMIT"

// LimitGoRuntime returns a Config.LimitMemory that has the Go runtime keep to what nsviz's own cgroup allows; nil where the user says
// how much it may use.
func LimitGoRuntime(log *slog.Logger) func(lowest *uint64) {
	if os.Getenv(goMemoryLimit) != "" {
		return nil
	}
	return func(lowest *uint64) {
		limit := GoMemoryLimit(lowest)
		switch {
		case debug.SetMemoryLimit(limit) == limit:
		case lowest == nil:
			log.Info("nsviz's own cgroup has no limit any more, and the Go runtime has none")
		default:
			log.Info("the Go runtime keeps to 90 % of the lowest limit of nsviz's own cgroup", goMemoryLimit, limit, "limit_bytes", *lowest)
		}
	}
}
