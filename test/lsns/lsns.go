// Package lsns runs lsns(8) of util-linux, for tests that compare nsviz with it.
package lsns

import (
	"errors"
	"os/exec"
	"testing"
	"time"
)

// lsns is run again: it fails, often without a message, if a process ends while lsns reads it, and as long as any process name
// on the host has a line break.
const (
	patience = 30 * time.Second
	pause    = 20 * time.Millisecond
)

// Output returns the output of `lsns args`.
func Output(t testing.TB, args ...string) []byte {
	t.Helper()
	for began := time.Now(); ; time.Sleep(pause) {
		out, err := exec.Command("lsns", args...).Output()
		if err == nil {
			return out
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if time.Since(began) > patience {
			t.Fatalf("lsns %q: %v: %s", args, err, exit.Stderr)
		}
	}
}
