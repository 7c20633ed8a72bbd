//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// podmanService is a real podman that serves its API, with a folder of its own.
type podmanService struct {
	t      *testing.T
	dir    string
	config string // of containers.conf
	cmd    *exec.Cmd
}

func newPodmanService(t *testing.T) *podmanService {
	t.Helper()
	p := &podmanService{t: t, dir: t.TempDir()}
	p.config = filepath.Join(p.dir, "containers.conf")
	// Neither systemd nor a journal is needed, nor higher limits than this process may have.
	config := "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n" +
		"[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"runc\"\n"
	if err := os.WriteFile(p.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *podmanService) host() string { return "unix://" + p.dir + "/podman.sock" }

func (p *podmanService) command(args ...string) *exec.Cmd {
	cmd := exec.Command("podman", append([]string{
		"--root", p.dir + "/root", "--runroot", p.dir + "/run", "--tmpdir", p.dir + "/tmp", "--storage-driver", "vfs",
	}, args...)...)
	cmd.Env = append(os.Environ(), "CONTAINERS_CONF="+p.config)
	cmd.Dir = p.dir // in which conmon notes an OOM kill
	return cmd
}

// run runs a podman command and returns what it printed.
func (p *podmanService) run(args ...string) string {
	p.t.Helper()
	return printed(p.t, p.command(args...))
}

// start has the service run until stop.
func (p *podmanService) start() {
	p.t.Helper()
	_ = os.Remove(p.dir + "/podman.sock") // which the service before has left
	p.cmd = p.command("system", "service", "--time", "0", p.host())
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	eventually(p.t, func() bool {
		conn, err := net.Dial("unix", p.dir+"/podman.sock")
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, func() string { return "podman system service" })
}

func (p *podmanService) stop() {
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait() // by the signal
		p.cmd = nil
	}
}

// ended waits until what cleans up after its containers has ended, which writes to the folder as well.
func (p *podmanService) ended() {
	p.t.Helper()
	var left []byte
	eventually(p.t, func() bool {
		left, _ = exec.Command("pgrep", "-a", "-f", "--", p.dir).Output() // it fails where there is none
		return len(left) == 0
	}, func() string { return fmt.Sprintf("podman's processes end: %s", left) })
}

// relay passes connections on to a socket, as a proxy does; cut ends them all, and it goes on with new ones.
type relay struct {
	target string

	mu   sync.Mutex
	open []net.Conn
}

// newRelay returns a relay to the engine of DOCKER_HOST, and its address.
func newRelay(t *testing.T) (r *relay, host string) {
	t.Helper()
	r = &relay{target: dockerSocket(t)}
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return // closed
			}
			to, err := net.Dial("unix", r.target)
			if err != nil {
				t.Error(err)
				_ = from.Close()
				continue
			}
			r.mu.Lock()
			r.open = append(r.open, from, to)
			r.mu.Unlock()
			for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
				serving.Go(func() {
					_, _ = io.Copy(way[0], way[1])
					_ = way[0].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		r.cut()
		serving.Wait()
	})
	return r, "unix://" + socket
}

func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.open {
		_ = conn.Close()
	}
	r.open = nil
}

// Docker and podman at once, and a third engine that hangs: each container has its name and its engine's from its first event on, also
// after both engines were restarted.
func TestSeveralEngines(t *testing.T) {
	const prefix = "nsviz-test-engines-"
	podman := newPodmanService(t)
	archive := filepath.Join(podman.dir, "image.tar")
	docker(t, "save", "-o", archive, busyboxImage)
	podman.run("load", "-i", archive)
	podman.start()
	t.Cleanup(func() {
		podman.stop()
		_ = podman.command("rm", "-f", "-a", "-t", "0").Run()
		podman.ended()
	})
	relay, dockerHost := newRelay(t)
	hosts := []string{"--docker-host", hungEngine(t), "--docker-host", dockerHost, "--docker-host", podman.host()}
	events := startEvents(t, hosts...)
	run := func(n string) {
		t.Helper()
		dockers, podmans := prefix+"docker-"+n, prefix+"podman-"+n
		removeContainer(t, dockers)
		ids := map[string]string{
			docker(t, "run", "-d", "--name", dockers, busyboxImage, "sleep", "1000"):                    dockers + " of docker",
			podman.run("run", "-d", "--name", podmans, "--network=none", busyboxImage, "sleep", "1000"): podmans + " of podman",
		}
		for id, want := range ids {
			e := events.await(t, 1, func(e *event.Event) bool {
				return e.Type == event.ContainerStarted && e.Container != nil && e.Container.ID == id
			})[0]
			if got := e.Container.Name + " of " + e.Container.Runtime; got != want {
				t.Errorf("%s: started as %q, want %q", id[:12], got, want)
			}
		}
	}
	run("1")

	// An engine on a busy host may not have answered in time at first, and the names come from its files.
	connected := func(name, address string, times int) func() bool {
		return func() bool {
			return strings.Count(events.stderr.String(), "container engine connected\" engine="+address+" runtime="+name) >= times
		}
	}
	eventually(t, connected("docker", dockerHost, 1), events.stderr.String)
	eventually(t, connected("podman", podman.host(), 1), events.stderr.String)
	relay.cut()
	podman.stop()
	podman.start()
	eventually(t, connected("docker", dockerHost, 2), events.stderr.String)
	eventually(t, connected("podman", podman.host(), 2), events.stderr.String)
	run("2")

	var list []psEntry
	nsvizJSON(t, &list, append([]string{"ps", "-o", "json"}, hosts...)...)
	runtimes := map[string]string{}
	for _, c := range list {
		if name, ok := strings.CutPrefix(c.Name, prefix); ok {
			runtimes[name] = c.Runtime
		}
	}
	if len(runtimes) != 4 || runtimes["docker-1"] != "docker" || runtimes["docker-2"] != "docker" || runtimes["podman-1"] != "podman" || runtimes["podman-2"] != "podman" {
		t.Errorf("ps lists %v", runtimes)
	}
	stdout, stderr, code := nsviz(t, append([]string{"inspect", prefix + "podman-2"}, hosts...)...)
	if code != 0 || strings.Contains(stdout, "what its engine was told") || strings.Contains(stdout, "looser_than_told") {
		t.Errorf("inspect: exit code %d\n%s\n%s", code, stdout, stderr)
	}
	eventually(t, func() bool { // an engine may need longer for an answer than doctor waits for one
		stdout, _, code = nsviz(t, append([]string{"doctor"}, hosts...)...)
		return code == 0 && match(`(?m)^podman +connected: [0-9.]+, API 1\.`)(stdout) &&
			match(`(?m)^docker at `+strings.TrimPrefix(dockerHost, "unix://")+` +connected: `)(stdout) && match(`(?m)^docker at .* +failing: `)(stdout)
	}, func() string { return fmt.Sprintf("doctor: exit code %d\n%s", code, stdout) })

	// An end by podman is known as its own word.
	podman.run("rm", "-f", "-t", "0", prefix+"podman-2")
	events.await(t, 1, of(event.ContainerExited, prefix+"podman-2"))
}
