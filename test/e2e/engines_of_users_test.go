//go:build e2e && systemd

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/report"
)

// session is what an ordinary user has who logged in: a service manager, with a cgroup that is the user's own.
type session struct {
	t       *testing.T
	uid     uint32
	runtime string // the folder XDG_RUNTIME_DIR
	user    *user.User
}

// newSession begins one of a user with a range of ids, whom test/vm/system makes.
func newSession(t *testing.T) *session {
	t.Helper()
	u, err := user.Lookup("rootless")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	unit := "user@" + u.Uid + ".service"
	systemctl(t, "start", unit)
	t.Cleanup(func() { systemctl(t, "stop", unit) }) // with all that the user runs
	return &session{t: t, uid: uint32(uid), runtime: "/run/user/" + u.Uid, user: u}
}

func (s *session) command(args ...string) *exec.Cmd {
	cmd := exec.Command("setpriv", append([]string{"--reuid", s.user.Uid, "--regid", s.user.Gid, "--clear-groups", "--"}, args...)...)
	cmd.Dir = s.user.HomeDir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.user.HomeDir, "USER=" + s.user.Username,
		"XDG_RUNTIME_DIR=" + s.runtime, "DBUS_SESSION_BUS_ADDRESS=unix:path=" + s.runtime + "/bus",
	}
	return cmd
}

// startDocker runs a rootless Docker until the session ends, and returns its address.
func (s *session) startDocker() (host string) {
	s.t.Helper()
	must(s.t, s.command("systemd-run", "--user", "--quiet", "--unit=nsviz-test-docker", "--property=Delegate=yes",
		"--setenv=PATH="+os.Getenv("PATH"), "/usr/share/docker.io/contrib/dockerd-rootless.sh", "--storage-driver=overlay2", "--bridge=none", "--iptables=false", "--ip6tables=false"))
	return "unix://" + s.runtime + "/docker.sock"
}

// startRemapped runs a Docker of root's that maps the ids of its containers to those of a user, and returns its address.
func startRemapped(t *testing.T, of *user.User) (host string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "nsviz-test-") //nolint:usetesting // t.TempDir is closed to other users
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	host = "unix://" + dir + "/docker.sock"
	// It must leave the bridge of the other engine alone.
	cmd := exec.Command("dockerd", "--host="+host, "--userns-remap="+of.Username, "--data-root="+dir+"/data", "--exec-root="+dir+"/exec",
		"--pidfile="+dir+"/pid", "--storage-driver=overlay2", "--bridge=docker0", "--iptables=false", "--ip6tables=false")
	log := newLines()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("dockerd: %v\n%s", err, log)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return host
}

// The engines of an ordinary user, podman and Docker, each with cgroups that the user's systemd makes, and a Docker that remaps users, beside
// the host's Docker: nsviz finds them by itself. Each container has its name, its engine's and its group's, and whoever entered it was its engine's user.
func TestEnginesOfUsers(t *testing.T) {
	prefix := fmt.Sprintf("nsviz-test-user-%d-", os.Getpid()) // the user's engines keep what has ended, in a machine that does not last
	podmanName, dockerName, remappedName := prefix+"podman", prefix+"docker", prefix+"remapped"
	archive := filepath.Join(t.TempDir(), "image.tar")
	docker(t, "save", "-o", archive, busyboxImage)
	load := func(cmd *exec.Cmd) {
		t.Helper()
		image, err := os.Open(archive)
		if err != nil {
			t.Fatal(err)
		}
		defer image.Close()
		cmd.Stdin = image
		must(t, cmd)
	}
	s := newSession(t)
	rootless, remapped := s.startDocker(), startRemapped(t, s.user)
	load(s.command("podman", "load", "--quiet"))
	for _, host := range []string{rootless, remapped} {
		eventually(t, func() bool { return exec.Command("docker", "--host", host, "version").Run() == nil }, func() string { return "the engine at " + host })
		load(exec.Command("docker", "--host", host, "load", "--quiet"))
	}
	events := startEvents(t)

	limited := []string{"--network=none", fmt.Sprint("--memory=", isolatedLimit), busyboxImage, "sh", "-c", untilGo}
	run := map[string]*exec.Cmd{
		podmanName:   s.command("podman", "run", "-d", "--name", podmanName),
		dockerName:   exec.Command("docker", "--host", rootless, "run", "-d", "--name", dockerName, "--security-opt=apparmor=unconfined", "--label=com.docker.compose.project=nstest", "--label=com.docker.compose.service=job"),
		remappedName: exec.Command("docker", "--host", remapped, "run", "-d", "--name", remappedName),
	}
	ids := map[string]string{}
	for name, cmd := range run {
		cmd.Args = append(cmd.Args, limited...)
		ids[name] = printed(t, cmd)
	}
	about := func(typ event.Type, id string) event.Event {
		t.Helper()
		return events.await(t, 1, func(e *event.Event) bool { c := e.Subject(); return e.Type == typ && c != nil && c.ID == id })[0]
	}
	for _, id := range ids {
		about(event.ContainerStarted, id)
	}
	groups := map[string]*event.Group{dockerName: {Kind: event.GroupCompose, Name: "nstest", Member: "job"}}
	var listed map[string]report.Workload
	eventually(t, func() bool { // a look waits for names no longer than seconds
		listed = psOf(t)
		for name, id := range ids {
			if w := listed[name]; w.ID != id || w.PID == 0 || !strings.Contains(w.Image, busyboxImage) || !w.Group.Equal(groups[name]) {
				return false
			}
		}
		return true
	}, func() string { return fmt.Sprintf("ps lists %+v", listed) })
	for name := range ids {
		if shared := listed[name].Namespaces[event.User].SharedWithHost; shared == nil || *shared {
			t.Errorf("%s shares the host's user namespace", name)
		}
	}
	for _, cmd := range []*exec.Cmd{
		s.command("podman", "exec", podmanName), exec.Command("docker", "--host", rootless, "exec", dockerName), exec.Command("docker", "--host", remapped, "exec", remappedName),
	} {
		cmd.Args = append(cmd.Args, "touch", "/dev/go")
		must(t, cmd)
	}
	for name, id := range ids {
		entered, kill, end := about(event.ContainerEntered, id), about(event.OOMKill, id), about(event.ContainerExited, id)
		want := map[string]string{podmanName: "podman", dockerName: "docker", remappedName: "docker"}[name]
		for _, e := range []event.Event{about(event.ContainerStarted, id), entered, kill, end} {
			// Where a user's podman has its files is first learned from the container itself.
			named := e.Type != event.ContainerStarted || name != podmanName
			if c := e.Subject(); c.Runtime != want || c.Kind != "" || named && c.Name != name {
				t.Errorf("%s of %+v, want %s of %s", e.Type, c, name, want)
			}
		}
		by := s.uid
		if name == remappedName {
			by = 0
		}
		if in := entered.Entered; in.CommandLine != "touch /dev/go" || in.By == nil || in.By.UID == nil || *in.By.UID != by || in.By.Container != nil {
			t.Errorf("%s was entered: %+v by %+v", name, in, in.By)
		}
		if o := kill.OOM; !o.Victim.Init || o.Scope != event.ScopeCgroup || o.LimitBytes == nil || *o.LimitBytes != isolatedLimit {
			t.Errorf("%s: kill %+v", name, o)
		}
		scope := map[string]string{podmanName: "libpod-" + id + ".scope", dockerName: "docker-" + id + ".scope"}[name]
		if at := kill.OOM.Victim.Cgroup; scope != "" && !strings.HasPrefix(at, fmt.Sprintf("/user.slice/user-%d.slice/user@%[1]d.service/user.slice/%s", s.uid, scope)) {
			t.Errorf("%s was killed in the cgroup %s", name, at)
		}
		if end.Exit.Cause != event.CauseOOMKill {
			t.Errorf("%s ended: %+v", name, end.Exit)
		}
	}
	stdout, _, _ := nsviz(t, "doctor")
	if !match(`(?m)^docker at ` + s.runtime + `/docker\.sock +connected: `)(stdout) {
		t.Errorf("doctor:\n%s", stdout)
	}
}
