//go:build root

package probes

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The tests with this tag load BPF programs, make namespaces and cgroups and have processes killed
// by the OOM killer. `go test -tags root` as root runs them.

func TestMain(m *testing.M) {
	if task := os.Getenv(helperVariable); task != "" {
		if err := helper(task); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "these tests need root")
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
