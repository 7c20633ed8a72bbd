package server

import (
	"os/exec"
	"strings"
	"testing"
)

// The server's real answer, nsviz's own process included, is parsed and linted by Prometheus's
// own tool.
func TestPromtoolCheckMetrics(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatalf("this test needs promtool; on Debian: apt-get install prometheus: %v", err)
	}
	_, body := get(t, "http://"+start(t, testConfig(""), 1)[0].Addr().String()+MetricsPath, nil, nil)
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(body)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
