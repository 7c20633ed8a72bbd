//go:build e2e

package e2e

import (
	"io"
	"testing"
)

// recordWhile records while do runs. SIGINT ends it.
func recordWhile(t *testing.T, file string, do func()) {
	t.Helper()
	p := start(t, io.Discard, "record", file)
	p.stderr.await(t, "recording")
	do()
	p.stop(t)
}
