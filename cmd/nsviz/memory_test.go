package main

import (
	"bytes"
	"log/slog"
	"math"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/fact"
)

func TestOwnMemoryText(t *testing.T) {
	for _, tt := range []struct {
		own        *fact.OwnMemory
		goLimit    int64
		containers int
		want       string
	}{
		{nil, math.MaxInt64, 0, "its limit is unknown; nsviz needs about 32 MiB for 0 containers"},
		{&fact.OwnMemory{}, 50 << 20, 0, "without a limit, the Go runtime keeps to 50 MiB; nsviz needs about 32 MiB for 0 containers"},
		{
			&fact.OwnMemory{LimitBytes: new(uint64(64 << 20)), Cgroup: "/a\n"}, 58 << 20, 100,
			`limit of 64 MiB of the cgroup /a\x0a, the Go runtime keeps to 58 MiB; nsviz needs about 39.8 MiB for 100 containers`,
		},
		{
			&fact.OwnMemory{LimitBytes: new(uint64(64 << 20))}, math.MaxInt64, 1000,
			"limit of 64 MiB of a cgroup above, out of sight; nsviz needs about 110 MiB for 1000 containers: the limit is too low",
		},
	} {
		if got := ownMemoryText(tt.own, tt.goLimit, tt.containers); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// The runtime keeps to what the cgroup allows, unless the user says how much it may use.
func TestLimitMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	t.Setenv(goMemoryLimit, "off")
	if (&options{}).limitMemory(logger) != nil {
		t.Error("the user's own limit is not respected")
	}
	t.Setenv(goMemoryLimit, "")
	limit := (&options{}).limitMemory(logger)
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
