//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const pauseImage = "nsviz-test/pause"

// criService is a real containerd that serves the CRI API, with folders of its own. Its pods have the host's network, which needs no CNI.
type criService struct {
	cri.RuntimeServiceClient

	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	log  *lines
	pods []string
	// cgroups are those that are removed at the end, the innermost first.
	cgroups []string
	// systemd is set where systemd makes the cgroups, as on most nodes.
	systemd bool
}

// newCRIService starts one that has the images of busybox and of sandboxes. At the end of the test it removes the pods.
func newCRIService(t *testing.T) *criService {
	t.Helper()
	_, err := os.Stat("/run/systemd/system")
	s := &criService{t: t, dir: t.TempDir(), log: newLines(), systemd: err == nil}
	config := fmt.Sprintf(`version = 2
root = "%[1]s/root"
state = "%[1]s/state"
[grpc]
  address = "%[1]s/containerd.sock"
[debug]
  level = "warn"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/%[2]s:latest"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    conf_dir = "%[1]s/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = %[3]t
`, s.dir, pauseImage, s.systemd)
	if err := os.WriteFile(filepath.Join(s.dir, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(s.dir, "images.tar")
	name := fmt.Sprintf("nsviz-test-cri-%d", os.Getpid())
	removeContainer(t, name)
	docker(t, "create", "--name", name, busyboxImage, "true")
	must(t, exec.Command("sh", "-c", `docker export "$0" | docker import --change 'CMD ["/bin/sleep", "100000"]' - "$1"`, name, pauseImage))
	t.Cleanup(func() { _ = exec.Command("docker", "rmi", pauseImage).Run() })
	docker(t, "save", "-o", archive, busyboxImage, pauseImage)

	connection, err := grpc.NewClient(s.endpoint(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	s.RuntimeServiceClient = cri.NewRuntimeServiceClient(connection)
	s.start()
	t.Cleanup(func() {
		s.start()
		for _, id := range s.pods {
			_, err := s.StopPodSandbox(s.context(), &cri.StopPodSandboxRequest{PodSandboxId: id})
			if err == nil {
				_, err = s.RemovePodSandbox(s.context(), &cri.RemovePodSandboxRequest{PodSandboxId: id})
			}
			if err != nil {
				t.Error(err)
			}
		}
		s.stop()
		_ = connection.Close()
		for _, name := range append(s.cgroups, "k8s.io") {
			if s.systemd && strings.HasSuffix(name, ".slice") {
				must(t, exec.Command("systemctl", "stop", filepath.Base(name)))
			} else {
				removeCgroups(t, name)
			}
		}
	})
	must(t, exec.Command("ctr", "--address", s.dir+"/containerd.sock", "--namespace", "k8s.io", "images", "import", "--snapshotter", "native", archive))
	return s
}

func (s *criService) endpoint() string { return "unix://" + s.dir + "/containerd.sock" }

// context returns the context of a request.
func (s *criService) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.t.Cleanup(cancel)
	return ctx
}

// start has it run, if it does not, until stop. It returns once it answers.
func (s *criService) start() {
	s.t.Helper()
	if s.cmd != nil {
		return
	}
	s.cmd = exec.Command("containerd", "--config", s.dir+"/config.toml")
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	var err error
	eventually(s.t, func() bool { // its plugin begins to answer before it is ready
		_, err = s.Status(s.context(), &cri.StatusRequest{})
		return err == nil
	}, func() string { return fmt.Sprintf("containerd: %v\n%s", err, s.log) })
}

// stop ends it. Its containers live on.
func (s *criService) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait() // by the signal
	s.cmd = nil
	_ = os.Remove(s.dir + "/containerd.sock")
}

// hostNetwork are the namespaces of a container without a network of its own.
func hostNetwork() *cri.NamespaceOption {
	return &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_CONTAINER}
}

// parents returns a cgroup for a pod, below one for all pods, as the kubelet names them, and has them removed at the end of the test.
func (s *criService) parents() (pod string) {
	pods := fmt.Sprintf("nsviztestpods%d", os.Getpid())
	pod = "/" + pods + "/pod0f6b9a4e-7c1d-4f0e-9a53-2f8f5d0c1e77"
	if s.systemd {
		pods += ".slice"
		pod = "/" + pods + "/" + strings.TrimSuffix(pods, ".slice") + "-pod0f6b9a4e_7c1d_4f0e_9a53_2f8f5d0c1e77.slice"
	}
	s.cgroups = []string{pod[1:], pods}
	return pod
}

// pod makes a pod and returns the settings of its sandbox, and its id. parent is the cgroup around those of its containers, which the kubelet
// chooses; "" leaves that to containerd.
func (s *criService) pod(namespace, name, parent string) (*cri.PodSandboxConfig, string) {
	s.t.Helper()
	return s.podWith(hostNetwork(), namespace, name, parent)
}

// podWith makes one with other namespaces of the host.
func (s *criService) podWith(namespaces *cri.NamespaceOption, namespace, name, parent string) (*cri.PodSandboxConfig, string) {
	s.t.Helper()
	config := &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Namespace: namespace, Name: name, Uid: "uid-of-" + name},
		LogDirectory: s.dir, Labels: map[string]string{"tier": "of " + name},
		Linux: &cri.LinuxPodSandboxConfig{CgroupParent: parent, SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: namespaces}},
	}
	made, err := s.RunPodSandbox(s.context(), &cri.RunPodSandboxRequest{Config: config})
	if err != nil {
		s.t.Fatalf("run pod %s: %v\n%s", name, err, s.log)
	}
	s.pods = append(s.pods, made.GetPodSandboxId())
	return config, made.GetPodSandboxId()
}

// container starts a container in a pod and returns its id.
func (s *criService) container(pod string, in *cri.PodSandboxConfig, name string, memory int64, args ...string) string {
	s.t.Helper()
	return s.run(pod, in, &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: name}, Args: args, Labels: map[string]string{"tier": "of " + name},
		Linux: &cri.LinuxContainerConfig{
			Resources:       &cri.LinuxContainerResources{MemoryLimitInBytes: memory},
			SecurityContext: &cri.LinuxContainerSecurityContext{NamespaceOptions: hostNetwork()},
		},
	})
}

// run starts a container of busybox as configured in a pod and returns its id.
func (s *criService) run(pod string, in *cri.PodSandboxConfig, config *cri.ContainerConfig) string {
	s.t.Helper()
	config.Image = &cri.ImageSpec{Image: "docker.io/" + busyboxImage + ":latest"}
	config.LogPath = config.GetMetadata().GetName() + ".log"
	made, err := s.CreateContainer(s.context(), &cri.CreateContainerRequest{PodSandboxId: pod, SandboxConfig: in, Config: config})
	if err == nil {
		_, err = s.StartContainer(s.context(), &cri.StartContainerRequest{ContainerId: made.GetContainerId()})
	}
	if err != nil {
		s.t.Fatalf("run container %s: %v\n%s", config.GetMetadata().GetName(), err, s.log)
	}
	return made.GetContainerId()
}

// running lists what runs by the API, as crictl ps and crictl pods do: the names by the ids.
func (s *criService) running() map[string]string {
	s.t.Helper()
	names := map[string]string{}
	pods, err := s.ListPodSandbox(s.context(), &cri.ListPodSandboxRequest{})
	if err != nil {
		s.t.Fatal(err)
	}
	ofPod := map[string]string{}
	for _, p := range pods.GetItems() {
		ofPod[p.GetId()] = p.GetMetadata().GetNamespace() + "/" + p.GetMetadata().GetName()
		if p.GetState() == cri.PodSandboxState_SANDBOX_READY {
			names[p.GetId()] = ofPod[p.GetId()]
		}
	}
	containers, err := s.ListContainers(s.context(), &cri.ListContainersRequest{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range containers.GetContainers() {
		if c.GetState() == cri.ContainerState_CONTAINER_RUNNING {
			names[c.GetId()] = strings.Join([]string{ofPod[c.GetPodSandboxId()], c.GetMetadata().GetName()}, "/")
		}
	}
	return names
}
