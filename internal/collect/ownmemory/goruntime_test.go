package ownmemory

import (
	"bytes"
	"log/slog"
	"math"
	"runtime/debug"
	"strings"
	"testing"
)

// The runtime keeps to what the cgroup allows, unless the user says how much it may use.
func TestLimitGoRuntime(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	t.Setenv(variable, "off")
	if LimitGoRuntime(logger) != nil {
		t.Error("the user's own limit is not respected")
	}
	t.Setenv(variable, "")
	limit := LimitGoRuntime(logger)
	limit(new(uint64(1 << 30)))
	limit(new(uint64(1 << 30)))
	if got := debug.SetMemoryLimit(-1); got != 1<<30/10*9 {
		t.Errorf("the limit is %d", got)
	}
	if limit(nil); debug.SetMemoryLimit(-1) != math.MaxInt64 {
		t.Error("the limit is kept though the cgroup has none any more")
	}
	if n := strings.Count(log.String(), "GOMEMLIMIT=966367638 limit_bytes=1073741824"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, &log)
	}
}

// A limit far above what a machine has stays one that the runtime can take.
func TestGoLimitIsBelowThatOfTheCgroup(t *testing.T) {
	for limit, want := range map[uint64]int64{100: 90, 64 << 20: 60397974, math.MaxUint64: math.MaxInt64} {
		if got := goLimit(&limit); got != want {
			t.Errorf("of %d: %d, want %d", limit, got, want)
		}
	}
	if got := goLimit(nil); got != math.MaxInt64 {
		t.Errorf("without a limit: %d", got)
	}
}
