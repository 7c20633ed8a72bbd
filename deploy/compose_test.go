package deploy_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// check runs deploy/check, which reads files as Grafana and Docker Compose do, and returns what it writes.
func check(t *testing.T, args ...string) (string, error) {
	t.Helper()
	for i := 1; i < len(args); i++ {
		path, err := filepath.Abs(args[i])
		if err != nil {
			t.Fatal(err)
		}
		args[i] = path
	}
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"run", "-C", "check", "."}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Logf("check %s: %v\n%s", args[0], err, &stderr)
	}
	return string(out), err
}

func dashboards(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("grafana/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d dashboards: %v", len(files), err)
	}
	return files
}

// Grafana's schema knows everything in the dashboards, and what it does not know is found.
func TestDashboardsByGrafanasSchema(t *testing.T) {
	if _, err := check(t, append([]string{"dashboard"}, dashboards(t)...)...); err != nil {
		t.Error(err)
	}
	good := read(t, dashboards(t)[0])
	for from, to := range map[string]string{
		`"drawStyle": "bars"`:      `"drawStyl": "bars"`,
		`"colorMode": "value"`:     `"colorMode": 3`,
		`"legendFormat": "__auto"`: `"legend": "__auto"`,
		`"type": "stat"`:           `"type": "stats"`,
	} {
		spoiled := filepath.Join(t.TempDir(), "spoiled.json")
		if !strings.Contains(good, from) {
			t.Fatalf("no %s", from)
		}
		if err := os.WriteFile(spoiled, []byte(strings.Replace(good, from, to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := check(t, "dashboard", spoiled); err == nil {
			t.Errorf("%s is not found", to)
		}
	}
}

// composed is what Docker Compose makes of the file.
type composed struct {
	Services map[string]struct {
		Image       string
		Command     []string
		PID, Cgroup string
		Privileged  bool
		CapAdd      []string `json:"cap_add"`
		CapDrop     []string `json:"cap_drop"`
		Environment map[string]string
		Ports       []struct {
			HostIP string `json:"host_ip"`
			Target int
		}
		Volumes []struct {
			Type, Source, Target string
			ReadOnly             bool `json:"read_only"`
		}
	}
}

func TestComposeFile(t *testing.T) {
	out, err := check(t, "compose", "compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var project composed
	if err := json.Unmarshal([]byte(out), &project); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nsviz", "prometheus", "grafana"} {
		service := project.Services[name]
		if service.Image == "" {
			t.Errorf("no image for %s", name)
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %d is open to others (%q)", name, port.Target, port.HostIP)
			}
		}
		for _, v := range service.Volumes {
			if v.Type != "bind" || !strings.Contains(v.Source, "/deploy/") {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
				t.Errorf("%s: mount %+v: %v", name, v, err)
			}
		}
	}
	nsviz := project.Services["nsviz"]
	if nsviz.PID != "host" || nsviz.Cgroup != "host" || nsviz.Privileged || !slices.Equal(nsviz.CapDrop, []string{"ALL"}) {
		t.Errorf("nsviz: %+v", nsviz)
	}
	// It has the capabilities of the line that INSTALL.md explains, and no other.
	var documented []string
	for _, c := range regexp.MustCompile(`--cap-add=([A-Z_]+)`).FindAllStringSubmatch(read(t, "../docs/INSTALL.md"), -1) {
		documented = append(documented, c[1])
	}
	if slices.Sort(documented); len(documented) == 0 || !slices.Equal(slices.Sorted(slices.Values(nsviz.CapAdd)), slices.Compact(documented)) {
		t.Errorf("nsviz has %q, INSTALL.md says %q", nsviz.CapAdd, documented)
	}
	// Prometheus finds nsviz by the name of its service, with the same job and rules as on a host; Grafana finds Prometheus so.
	if !slices.Contains(nsviz.Command, "--web.listen-address=:10064") {
		t.Errorf("nsviz: %q", nsviz.Command)
	}
	promtool(t, "check", "config", "prometheus/prometheus.compose.yml")
	host := comments.ReplaceAllString(read(t, "prometheus/prometheus.yml"), "")
	beside := comments.ReplaceAllString(read(t, "prometheus/prometheus.compose.yml"), "")
	if want := strings.Replace(host, "127.0.0.1:10064", "nsviz:10064", 1); strings.Join(strings.Fields(beside), " ") != strings.Join(strings.Fields(want), " ") {
		t.Errorf("prometheus.compose.yml is not prometheus.yml with another target:\n%s\n%s", beside, want)
	}
	if url := project.Services["grafana"].Environment["NSVIZ_PROMETHEUS_URL"]; url != "http://prometheus:9090" {
		t.Errorf("Grafana asks %q", url)
	}
	if !strings.Contains(read(t, "grafana/provisioning/datasources/datasources.yml"), "url: ${NSVIZ_PROMETHEUS_URL}") {
		t.Error("Grafana's data source does not have the address of its environment")
	}
}

var comments = regexp.MustCompile(`(?m)#.*$`)
