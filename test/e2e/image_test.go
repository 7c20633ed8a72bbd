//go:build e2e

package e2e

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/report"
)

// documentedRun returns the arguments of the `docker run` that docs/INSTALL.md recommends.
func documentedRun(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/INSTALL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, command, found := strings.Cut(string(page), "\n    docker run ")
	command, _, ended := strings.Cut(command, "\n\n")
	if !found || !ended {
		t.Fatal("docs/INSTALL.md has no docker run")
	}
	return strings.Fields(strings.ReplaceAll(command, "\\\n", " "))
}

// TestImage loads the image into Docker and runs it as docs/INSTALL.md says, with the capabilities that are there: it names another container,
// its image and the kill in it, and sees as much as nsviz does on the host. podman loads it, too.
func TestImage(t *testing.T) {
	const watcher, victim = "nsviz-test-image", "nsviz-test-image-victim"
	files, err := filepath.Glob("../../bin/images/*.oci.tar")
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, images: %q; run make test-e2e", err, files)
	}
	_, loaded, found := strings.Cut(docker(t, "load", "--quiet", "--input", files[0]), "Loaded image: ")
	if !found {
		t.Fatal("docker load names no image")
	}
	t.Cleanup(func() { _ = exec.Command("docker", "rmi", "--force", loaded).Run() })
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	args := documentedRun(t)
	socket := strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	for i, arg := range args {
		switch {
		case arg == "nsviz":
			args[i] = watcher
		case strings.HasPrefix(arg, "127.0.0.1:"):
			args[i] = "127.0.0.1:" + port + ":10064"
		case strings.Contains(arg, "docker.sock") && socket != "":
			args[i] = socket + ":/var/run/docker.sock:ro"
		case strings.HasPrefix(arg, "nsviz:"):
			args[i] = loaded
		}
	}
	removeContainer(t, watcher)
	docker(t, append([]string{"run"}, args...)...)
	log := func() string {
		out, _ := exec.Command("docker", "logs", watcher).CombinedOutput()
		return string(out)
	}
	eventually(t, func() bool { return strings.Contains(log(), "watching") }, log)

	removeContainer(t, victim)
	docker(t, "run", "-d", "--name", victim, "--memory=32m", busyboxImage, "sh", "-c", "tail /dev/zero; sleep 1000")
	address := "127.0.0.1:" + port
	var a report.ContainerAnswer
	eventually(t, func() bool {
		a, _ = why(t, address, victim)
		return a.OOMKills != nil && *a.OOMKills > 0
	}, func() string { return "no OOM kill: " + a.Sentence })
	if image := a.Container.Image; *a.OOMKills != 1 || image != busyboxImage && image != busyboxImage+":latest" {
		t.Errorf("%d kills, the image is %q", *a.OOMKills, image)
	}
	// Inside, the published port is no loopback address. A web page's own name that leads there gets neither the API nor the page.
	for path, want := range map[string]int{"/": http.StatusMisdirectedRequest, "/api/v1/workloads": http.StatusMisdirectedRequest, "/metrics": http.StatusOK} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "rebound.example"
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s as rebound.example: %s, want %d", path, response.Status, want)
		}
	}
	inside, outside := metrics(t, address), metrics(t, startServe(t))
	for sample := range outside {
		if strings.HasPrefix(sample, "nsviz_probe_info{") && inside[sample] != "1" {
			t.Errorf("on the host there is %s, in the container not", sample)
		}
	}

	var labels map[string]string
	if err := json.Unmarshal([]byte(docker(t, "image", "inspect", "--format", "{{json .Config.Labels}}", loaded)), &labels); err != nil {
		t.Fatal(err)
	}
	if labels["org.opencontainers.image.title"] != "nsviz" || labels["org.opencontainers.image.version"] == "" {
		t.Errorf("its labels are %q", labels)
	}

	must(t, exec.Command("podman", "load", "--quiet", "--input", files[0]))
	names, err := exec.Command("podman", "images", "--format", "{{.Repository}}:{{.Tag}}").Output()
	if tag := "docker.io/library/" + loaded; err != nil || !slices.Contains(strings.Fields(string(names)), tag) {
		t.Errorf("podman has %q, %v", names, err)
	} else {
		must(t, exec.Command("podman", "rmi", "--force", tag))
	}
}
