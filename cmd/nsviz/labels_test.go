package main

import (
	"fmt"
	"strings"
	"testing"
)

// A key that is named twice counts once.
func TestTooManyLabels(t *testing.T) {
	args := []string{"ps", "--label=key0", "--label=key0"}
	for i := range 17 {
		args = append(args, fmt.Sprintf("--label=key%d", i))
	}
	var out, stderr strings.Builder
	if code := run(t.Context(), args, &out, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "at most 16 keys can be kept, these are 17") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}
