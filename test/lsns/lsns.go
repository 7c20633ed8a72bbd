// Package lsns asks lsns(8) of util-linux for namespaces, for tests that compare what nsviz says with it.
package lsns

import (
	"errors"
	"os/exec"
	"testing"
	"time"
)

// lsns is asked again: it fails, often without a word, where a process ends while it reads it, and for as long as the name of
// any process of the host has a line break.
const (
	patience = 30 * time.Second
	pause    = 20 * time.Millisecond
)

// Output returns what `lsns args` writes.
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
