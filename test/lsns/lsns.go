// Package lsns asks lsns(8) of util-linux for namespaces, for tests that compare what nsviz says with it.
package lsns

import (
	"errors"
	"fmt"
	"os/exec"
	"testing"
)

// attempts bounds how often lsns is asked: it fails, often without a word, where a process ends while it reads it.
const attempts = 20

// Output returns what `lsns args` writes.
func Output(t testing.TB, args ...string) []byte {
	t.Helper()
	var failures error
	for range attempts {
		out, err := exec.Command("lsns", args...).Output()
		if err == nil {
			return out
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatal(err)
		}
		failures = errors.Join(failures, fmt.Errorf("%w: %s", err, exit.Stderr))
	}
	t.Fatalf("lsns %q: %v", args, failures)
	return nil
}
