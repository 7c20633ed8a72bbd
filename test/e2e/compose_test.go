//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nsviz as deploy/compose.yaml runs it, with these rights and no others, names the other containers and counts a kill in one of them. Docker Compose itself is not
// there; its own library says what it would ask the engine for.
func TestComposeService(t *testing.T) {
	const watcher, victim = "nsviz-test-compose-watcher", "nsviz-test-compose-victim"
	file, err := filepath.Abs("../../deploy/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "../../bin/check", "compose", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var project struct {
		Services map[string]struct {
			Command     []string
			PID, Cgroup string
			ReadOnly    bool     `json:"read_only"`
			CapAdd      []string `json:"cap_add"`
			CapDrop     []string `json:"cap_drop"`
			SecurityOpt []string `json:"security_opt"`
			MemLimit    string   `json:"mem_limit"`
			Volumes     []struct {
				Source, Target string
				ReadOnly       bool `json:"read_only"`
			}
		}
	}
	if err := json.Unmarshal(out, &project); err != nil {
		t.Fatal(err)
	}
	service := project.Services["nsviz"]
	args := []string{
		"run", "-d", "--name", watcher, "--pid=" + service.PID, "--cgroupns=" + service.Cgroup, "--memory=" + service.MemLimit,
		fmt.Sprintf("--read-only=%v", service.ReadOnly), "-v", binary() + ":/nsviz:ro", "--entrypoint=/nsviz",
	}
	for _, c := range service.CapDrop {
		args = append(args, "--cap-drop="+c)
	}
	for _, c := range service.CapAdd {
		args = append(args, "--cap-add="+c)
	}
	for _, o := range service.SecurityOpt {
		args = append(args, "--security-opt="+o)
	}
	for _, v := range service.Volumes {
		source := v.Source
		if source == "/var/run/docker.sock" {
			if host, ok := strings.CutPrefix(os.Getenv("DOCKER_HOST"), "unix://"); ok { // of these tests' own engine
				source = host
			}
		}
		args = append(args, "-v", fmt.Sprintf("%s:%s:%s", source, v.Target, map[bool]string{true: "ro", false: "rw"}[v.ReadOnly]))
	}
	removeContainer(t, watcher)
	docker(t, append(append(args, busyboxImage), service.Command...)...)

	var page string
	ask := func(sample string) bool {
		answer, err := exec.Command("docker", "exec", watcher, "wget", "-qO-", "http://127.0.0.1:10064/metrics").Output()
		page = string(answer)
		return err == nil && strings.Contains(page, "\n"+sample+"\n")
	}
	describe := func() string {
		log, _ := exec.Command("docker", "logs", watcher).CombinedOutput()
		return string(log) + page
	}
	eventually(t, func() bool { return ask(`nsviz_oom_kills_total{container="",scope="cgroup"} 0`) }, describe)
	if strings.Contains(page, `nsviz_probe_info{method="none",probe="OOM victims"}`) {
		t.Error(describe())
	}
	removeContainer(t, victim)
	docker(t, "run", "-d", "--name", victim, "--memory=32m", busyboxImage, "sh", "-c", "tail /dev/zero; sleep 1000")
	eventually(t, func() bool { return ask(`nsviz_oom_kills_total{container="` + victim + `",scope="cgroup"} 1`) }, describe)
	if !strings.Contains(page, `nsviz_container_info{container="`+victim+`",`) {
		t.Errorf("it does not name %s\n%s", victim, page)
	}
}
