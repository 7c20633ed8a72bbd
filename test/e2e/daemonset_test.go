//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// daemonSet is the part of the manifest that a kubelet hands to the container runtime.
type daemonSet struct {
	Spec struct {
		Template struct {
			Spec struct {
				HostPID    bool `yaml:"hostPID"`
				Containers []struct {
					Args            []string
					SecurityContext struct {
						RunAsUser                int64 `yaml:"runAsUser"`
						ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
						AllowPrivilegeEscalation bool  `yaml:"allowPrivilegeEscalation"`
						Capabilities             struct{ Add, Drop []string }
						AppArmorProfile          struct{ Type string } `yaml:"appArmorProfile"`
						SeccompProfile           struct{ Type string } `yaml:"seccompProfile"`
					} `yaml:"securityContext"`
					VolumeMounts []struct {
						Name      string
						MountPath string `yaml:"mountPath"`
						ReadOnly  bool   `yaml:"readOnly"`
					} `yaml:"volumeMounts"`
				}
				Volumes []struct {
					Name     string
					HostPath struct{ Path string } `yaml:"hostPath"`
				}
			}
		}
	}
}

// readDaemonSet reads the manifest, with the socket of the runtime at another place.
func readDaemonSet(t *testing.T, socketFolder string) daemonSet {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "kubernetes", "base", "daemonset.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("/run/containerd"), []byte(socketFolder))
	var d daemonSet
	if err := yaml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// container returns what a kubelet asks the runtime for. The program comes from outside of the image.
func (d daemonSet) container(t *testing.T, address string) *cri.ContainerConfig {
	t.Helper()
	pod := d.Spec.Template.Spec
	c := pod.Containers[0]
	var args []string
	for _, arg := range c.Args {
		if strings.HasPrefix(arg, "--web.listen-address=") {
			arg = "--web.listen-address=" + address
		}
		args = append(args, arg)
	}
	paths := map[string]string{}
	for _, v := range pod.Volumes {
		paths[v.Name] = v.HostPath.Path
	}
	mounts := []*cri.Mount{{ContainerPath: "/nsviz", HostPath: binary(), Readonly: true}}
	for _, m := range c.VolumeMounts {
		mounts = append(mounts, &cri.Mount{ContainerPath: m.MountPath, HostPath: paths[m.Name], Readonly: m.ReadOnly})
	}
	profiles := map[string]cri.SecurityProfile_ProfileType{"RuntimeDefault": cri.SecurityProfile_RuntimeDefault, "Unconfined": cri.SecurityProfile_Unconfined}
	options := hostNetwork()
	if pod.HostPID {
		options.Pid = cri.NamespaceMode_NODE
	}
	own := c.SecurityContext
	return &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: "nsviz"}, Command: []string{"/nsviz"}, Args: args, Mounts: mounts,
		Linux: &cri.LinuxContainerConfig{
			Resources: &cri.LinuxContainerResources{MemoryLimitInBytes: 256 << 20},
			SecurityContext: &cri.LinuxContainerSecurityContext{
				NamespaceOptions: options, RunAsUser: &cri.Int64Value{Value: own.RunAsUser},
				ReadonlyRootfs: own.ReadOnlyRootFilesystem, NoNewPrivs: !own.AllowPrivilegeEscalation,
				Capabilities: &cri.Capability{AddCapabilities: own.Capabilities.Add, DropCapabilities: own.Capabilities.Drop},
				Seccomp:      &cri.SecurityProfile{ProfileType: profiles[own.SeccompProfile.Type]},
				Apparmor:     &cri.SecurityProfile{ProfileType: profiles[own.AppArmorProfile.Type]},
			},
		},
	}
}

// TestDaemonSet runs the pod of the manifest with the rights that it asks for, below a real container runtime. It names the pods of the node as the
// runtime does, counts a kill in one of them, and sees what nsviz sees on the host.
func TestDaemonSet(t *testing.T) {
	s := newCRIService(t)
	address := freeAddress(t)
	asked := readDaemonSet(t, s.dir).container(t, address)
	config, pod := s.podWith(asked.GetLinux().GetSecurityContext().GetNamespaceOptions(), "monitoring", "nsviz-x7k2p", s.parents())
	id := s.run(pod, config, asked)
	said := func() string {
		log, _ := os.ReadFile(filepath.Join(s.dir, "nsviz.log"))
		return string(log)
	}
	eventually(t, func() bool { return strings.Contains(said(), "watching; metrics are served") }, said)

	parent := ""
	if s.systemd {
		parent = filepath.Dir(s.cgroups[0])
	}
	cart, cartID := s.pod("shop", "cart", parent)
	s.container(cartID, cart, "app", 0, "/bin/sleep", "100000")
	// Its PID 1 lives on.
	s.container(cartID, cart, "hog", 16<<20, "/bin/sh", "-c", "/bin/tail /dev/zero; exec /bin/sleep 100000")

	const killed = `nsviz_oom_kills_total{container="shop/cart/hog",scope="cgroup"}`
	eventually(t, func() bool {
		samples, _ := scrape(t, address)
		return samples[killed] == "1"
	}, said)

	var diff string
	var itself bool // runs, with the host's PIDs
	eventually(t, func() bool {
		names := map[string]string{}
		for _, w := range psOf(t, "--from", "http://"+address) {
			if w.Runtime == "containerd" {
				names[w.ID] = w.Name
			}
			if pids := w.Namespaces[event.PID]; w.ID == id {
				itself = w.State == model.Running && pids != nil && pids.SharedWithHost != nil && *pids.SharedWithHost
			}
		}
		diff = cmp.Diff(s.running(), names)
		return diff == "" && itself
	}, func() string { return fmt.Sprintf("it knows itself: %t, names (-CRI +nsviz):\n%s", itself, diff) })

	// What it may do is what the host allows, not what the pod does.
	beside := freeAddress(t)
	start(t, os.Stderr, "serve", "--web.listen-address", beside).stderr.await(t, "watching")
	allowed := func(address string) map[string]string {
		samples, _ := scrape(t, address)
		maps.DeleteFunc(samples, func(name, _ string) bool {
			return name != "nsviz_processes_unseen" && !strings.HasPrefix(name, "nsviz_probe_info{") && !strings.HasPrefix(name, "nsviz_namespaces{")
		})
		return samples
	}
	eventually(t, func() bool {
		diff = cmp.Diff(allowed(beside), allowed(address))
		return diff == ""
	}, func() string { return "-on the host +in the pod:\n" + diff })

	answer, err := s.ExecSync(s.context(), &cri.ExecSyncRequest{ContainerId: id, Cmd: []string{"/nsviz", "doctor", "--cgroup-root=/host/cgroup", "--cri-endpoint", s.endpoint()}, Timeout: 60})
	if err != nil || answer.GetExitCode() != 0 || !match(`(?m)^containerd +connected`)(string(answer.GetStdout())) {
		t.Errorf("doctor: %v, exit code %d\n%s%s", err, answer.GetExitCode(), answer.GetStdout(), answer.GetStderr())
	}

	var why report.ContainerAnswer
	nsvizJSON(t, &why, "why", "shop/cart/hog", "--from", "http://"+address, "-o", "json")
	if why.Container.Runtime != "containerd" || why.OOMKills == nil || *why.OOMKills != 1 {
		t.Errorf("why: %+v", why)
	}
}
