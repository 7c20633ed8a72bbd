//go:build root

package ondisk

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// The tests with the tag root run containers with containerd, runc and podman.

const realPatience = 30 * time.Second

// do runs a command in a folder and returns what it printed.
func do(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, errors.String())
	}
	return string(out)
}

// busyboxRoot makes a root file system with nothing but busybox.
func busyboxRoot(t *testing.T, dir string) {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bin", "busybox"), program, 0o755); err != nil {
		t.Fatal(err)
	}
}

// startContainerd starts a containerd of the test's own, whose files are in no default place, and returns its socket.
func startContainerd(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "containerd.sock")
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\n  address = %q\n",
		filepath.Join(dir, "data"), filepath.Join(dir, "state"), socket)
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command("containerd", "--config", file)
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Signal(os.Interrupt)
		_ = daemon.Wait()
	})
	deadline := time.After(realPatience)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for exec.Command("ctr", "-a", socket, "version").Run() != nil {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatal("containerd does not answer")
		}
	}
	return socket
}

// await asks a source until it has answered.
func await(t *testing.T, s *Source, identities <-chan container.Identity, id string) container.Identity {
	t.Helper()
	deadline := time.After(realPatience)
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		s.Ask(id)
		select {
		case identity := <-identities:
			if identity.ID == id {
				return identity
			}
		case <-again.C:
		case <-deadline:
			t.Fatalf("no word of %s", id)
		}
	}
}

// A container of ctr is named though its containerd is in no usual place: its shim shows where.
func TestRealContainerd(t *testing.T) {
	const namespace, name, image = "nsviz-test", "nsviz-test-ondisk", "nsviz.test/busybox:1"
	socket := startContainerd(t)
	ctr := func(args ...string) { do(t, "", "ctr", append([]string{"-a", socket, "-n", namespace}, args...)...) }
	root := t.TempDir()
	busyboxRoot(t, root)
	ctr("images", "import", dockerArchive(t, root, image))
	s := New(Config{Proc: pseudofs.DefaultProc})
	identities := run(t, s)
	ctr("run", "--detach", "--label", "com.docker.compose.project=shop", image, name, "/bin/busybox", "sleep", "600")
	t.Cleanup(func() {
		_ = exec.Command("ctr", "-a", socket, "-n", namespace, "task", "rm", "--force", name).Run()
		_ = exec.Command("ctr", "-a", socket, "-n", namespace, "container", "rm", name).Run()
	})
	if got := await(t, s, identities, name); got.Name != name || got.Runtime != "containerd" || got.Source != container.SourceFiles {
		t.Errorf("%+v", got)
	}
	settings, err := s.Settings(t.Context(), name)
	if err != nil || len(settings.CapAdd) == 0 || settings.Engine != "containerd" {
		t.Errorf("%+v, %v", settings, err)
	}
	// One that starts later finds it without a question.
	again := run(t, New(Config{Proc: pseudofs.DefaultProc}))
	for {
		select {
		case got := <-again:
			if got.ID == name {
				return
			}
			continue
		default:
		}
		t.Fatal("it was not reported at the start")
	}
}

// A container of bare runc has its id for a name, and runc's word for its PID 1.
func TestRealRunc(t *testing.T) {
	const id = "nsviz-test-runc"
	bundle := t.TempDir()
	busyboxRoot(t, filepath.Join(bundle, "rootfs"))
	do(t, bundle, "runc", "spec")
	config := filepath.Join(bundle, "config.json")
	var spec map[string]any
	data, err := os.ReadFile(config)
	if err == nil {
		err = json.Unmarshal(data, &spec)
	}
	if err != nil {
		t.Fatal(err)
	}
	process := spec["process"].(map[string]any)
	process["terminal"], process["args"] = false, []string{"/bin/busybox", "sleep", "600"}
	delete(process, "rlimits") // raising one may be forbidden
	data, err = json.Marshal(spec)
	if err == nil {
		err = os.WriteFile(config, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	remove := func() { _ = exec.Command("runc", "delete", "--force", id).Run() }
	remove()
	t.Cleanup(remove)
	runc := exec.Command("runc", "run", "--detach", "--bundle", bundle, id)
	if err := runc.Run(); err != nil { // its output would be the container's, too
		t.Fatal(err)
	}
	var state struct {
		PID int32 `json:"pid"`
	}
	if err := json.Unmarshal([]byte(do(t, "", "runc", "state", id)), &state); err != nil {
		t.Fatal(err)
	}
	s := New(Config{Proc: pseudofs.DefaultProc})
	if got, ok := identify(t, s, id); !ok || got.Name != id || got.Runtime != "runc" {
		t.Errorf("%+v", got)
	}
	inits, err := s.Inits(t.Context(), func(other string) bool { return other != id })
	if err != nil || inits[id].PID != state.PID || inits[id].Runtime != "runc" {
		t.Errorf("%+v, %v; runc says %d", inits, err, state.PID)
	}
}

// A pod of podman's is known by name with its members, though podman serves no API and its files are in no usual place.
func TestRealPodman(t *testing.T) {
	const image, pod = "nsviz.test/busybox:1", "nsviz-test-pod"
	root, dir := t.TempDir(), t.TempDir()
	busyboxRoot(t, root)
	config := filepath.Join(dir, "containers.conf")
	// Neither systemd nor a journal is needed, nor higher limits than this process may have.
	settings := "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n" +
		"[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"runc\"\n"
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONTAINERS_CONF", config)
	options := []string{"--root", dir + "/root", "--runroot", dir + "/run", "--tmpdir", dir + "/tmp", "--storage-driver", "vfs"}
	podman := func(args ...string) string {
		return strings.TrimSpace(do(t, "", "podman", append(options, args...)...))
	}
	podman("load", "-i", dockerArchive(t, root, image))
	s := New(Config{Proc: pseudofs.DefaultProc})
	identities := run(t, s)
	podman("pod", "create", "--name", pod, "--network=none", "--infra-image", image, "--infra-command", "/bin/busybox sleep 600")
	t.Cleanup(func() {
		for _, args := range [][]string{{"pod", "rm", "-f", "-a", "-t", "0"}, {"rm", "-f", "-a", "-t", "0"}} {
			_ = exec.Command("podman", append(options, args...)...).Run()
		}
	})
	id := podman("run", "-d", "--pod", pod, "--name", "worker", image, "/bin/busybox", "sleep", "600")
	infra := podman("pod", "inspect", "--format", "{{.InfraContainerID}}", pod)
	for _, want := range []container.Identity{
		{ID: id, Name: "worker", Group: &event.Group{Kind: event.GroupPod, Name: pod, Member: "worker"}},
		{
			ID: infra, Name: podman("inspect", "--format", "{{.Name}}", infra), Kind: event.KindPod,
			Group: &event.Group{Kind: event.GroupPod, Name: pod},
		},
	} {
		want.Runtime, want.Image, want.Source = "podman", image, container.SourceFiles
		if diff := cmp.Diff(want, await(t, s, identities, want.ID)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// dockerArchive packs a root file system as `docker save` does, and returns the file.
func dockerArchive(t *testing.T, root, image string) string {
	t.Helper()
	dir := t.TempDir()
	layer := filepath.Join(dir, "layer.tar")
	do(t, "", "tar", "-C", root, "-c", "-f", layer, ".")
	sum := do(t, "", "sha256sum", layer)[:64]
	content, err := os.ReadFile(layer)
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{"manifest.json", fmt.Appendf(nil, `[{"Config":"config.json","RepoTags":[%q],"Layers":["layer.tar"]}]`, image)},
		{"config.json", fmt.Appendf(nil, `{"architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}`, runtime.GOARCH, sum)},
		{"layer.tar", content},
	} {
		if err := w.WriteHeader(&tar.Header{Name: file.name, Mode: 0o644, Size: int64(len(file.content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(file.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "image.tar")
	if err := os.WriteFile(path, archive.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
