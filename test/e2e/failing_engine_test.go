//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// shortVariable holds how many short containers are to run, if not the few that a test takes.
const shortVariable = "NSVIZ_SHORT_CONTAINERS"

// ownEngine is a Docker engine of a test's own, with its own containerd. The test may have it fail.
type ownEngine struct {
	t    *testing.T
	dir  string
	host string // as in DOCKER_HOST
	// restarting is held from the end of a daemon until it answers again.
	restarting sync.Mutex
	// made are the cgroups of containers that it may leave behind.
	made []string
}

func newOwnEngine(t *testing.T) *ownEngine {
	t.Helper()
	cmd := exec.Command("../with-engine", "sh", "-c", `echo "$DOCKER_HOST"; exec cat`)
	cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+filepath.Join(t.TempDir(), "none.sock"))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e := &ownEngine{t: t}
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v\n%s", cmd.Args, err, stderr.String())
		}
		for _, cgroup := range e.made { // where the engine was killed in between, what its runtime has begun waits for ever
			emptyCgroup(t, cgroup)
		}
	})
	host, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("start an engine: %v\n%s", err, stderr.String())
	}
	e.host = strings.TrimSpace(host)
	e.dir = filepath.Dir(strings.TrimPrefix(e.host, "unix://"))
	archive := filepath.Join(t.TempDir(), "image.tar")
	docker(t, "save", "-o", archive, busyboxImage)
	must(t, exec.Command("docker", "--host", e.host, "load", "--input", archive))
	return e
}

// pid returns the PID of dockerd or containerd.
func (e *ownEngine) pid(daemon string) int {
	e.t.Helper()
	text, err := os.ReadFile(filepath.Join(e.dir, daemon+".pid"))
	if err != nil {
		e.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		e.t.Fatal(err)
	}
	return pid
}

// restart ends dockerd or containerd by a signal and starts it again.
func (e *ownEngine) restart(daemon string, by syscall.Signal) {
	e.t.Helper()
	e.restarting.Lock()
	defer e.restarting.Unlock()
	pid := e.pid(daemon)
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		e.t.Fatal(err)
	}
	if err := syscall.Kill(pid, by); err != nil {
		e.t.Fatal(err)
	}
	eventually(e.t, func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
		return err != nil
	}, func() string { return daemon + " ends" })
	log, err := os.OpenFile(filepath.Join(e.dir, daemon+".log"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		e.t.Fatal(err)
	}
	defer log.Close()
	args := strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }() // with-engine ends it
	if err := os.WriteFile(filepath.Join(e.dir, daemon+".pid"), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		e.t.Fatal(err)
	}
	socket := map[string]string{"dockerd": "docker.sock", "containerd": "containerd.sock"}[daemon]
	eventually(e.t, func() bool {
		conn, err := net.Dial("unix", filepath.Join(e.dir, socket))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, func() string { return daemon + " answers again" })
}

// awaitRestart waits until a daemon answers that is being restarted.
func (e *ownEngine) awaitRestart() {
	e.restarting.Lock()
	defer e.restarting.Unlock()
}

// stopFor stops dockerd or containerd for a while.
func (e *ownEngine) stopFor(daemon string, d time.Duration) {
	e.t.Helper()
	pid := e.pid(daemon)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		e.t.Fatal(err)
	}
	<-time.After(d) // that is what is tested
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		e.t.Fatal(err)
	}
}

// liveRestore has containers outlive dockerd, from its next start on.
func (e *ownEngine) liveRestore() {
	e.t.Helper()
	if err := os.WriteFile(filepath.Join(e.dir, "daemon.json"), []byte(`{"live-restore":true}`), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

// Containers that live for 50 ms are all seen and have their names from their first event on, while their engine is restarted, is
// killed, or hangs. Their programs leave files with their names behind, which show what ran.
func TestShortContainersWhileTheEngineFails(t *testing.T) {
	count, hang, rounds := 40, time.Second, 1
	if n, err := strconv.Atoi(os.Getenv(shortVariable)); err == nil {
		count, hang, rounds = n, 10*time.Second, 3
	}
	e := newOwnEngine(t)
	c := &containerd{t: t, socket: e.dir + "/containerd.sock", namespace: "default"}
	c.importImage()
	t.Cleanup(func() { // what was begun when containerd was killed
		for id := range strings.FieldsSeq(c.run("containers", "list", "--quiet")) {
			c.remove(id)
		}
	})
	c.start("nsviz-test-short-early", true, "sleep", "1000") // which leads to the files, since they are in no usual place
	restart := func(daemon string, by syscall.Signal) func() { return func() { e.restart(daemon, by) } }
	stop := func(daemon string) func() { return func() { e.stopFor(daemon, hang) } }
	for _, tt := range []struct {
		runtime string
		cgroups string // those of the containers are in it
		command func(folder, name, program string) *exec.Cmd
		// failures come one after the other, at equal distances.
		failures []func()
	}{
		{
			"docker", "/docker/", func(folder, name, program string) *exec.Cmd {
				return exec.Command("docker", "--host", e.host, "run", "--rm", "--network=none", "--name", name, "--volume", folder+":/ran",
					busyboxImage, "sh", "-c", program)
			},
			[]func(){
				restart("dockerd", syscall.SIGTERM), restart("dockerd", syscall.SIGKILL), stop("dockerd"),
				func() {
					e.liveRestore()
					e.restart("dockerd", syscall.SIGTERM)
				},
				restart("dockerd", syscall.SIGKILL),
			},
		},
		{
			"containerd", "/default/", func(folder, name, program string) *exec.Cmd {
				return c.command("run", "--rm", "--mount", "type=bind,src="+folder+",dst=/ran,options=rbind:rw", c.image, name, "sh", "-c", program)
			},
			[]func(){restart("containerd", syscall.SIGTERM), restart("containerd", syscall.SIGKILL), stop("containerd")},
		},
	} {
		t.Run(tt.runtime, func(t *testing.T) {
			events := startEvents(t, "--docker-host", e.host)
			folder := t.TempDir()
			// An id that was used before may have left a cgroup behind, in which no start is seen.
			prefix := "nsviz-test-short-" + strings.TrimPrefix(filepath.Ext(e.dir), ".") + "-"
			command := func(number any) *exec.Cmd {
				name := prefix + fmt.Sprint(number)
				return tt.command(folder, name, ">/ran/"+name+"; exec sleep 0.05")
			}
			runShort(t, folder, count, slices.Repeat(tt.failures, rounds), func(n int64) {
				if err := command(n).Run(); err != nil {
					e.awaitRestart()
				}
			})
			t.Cleanup(func() { e.made = append(e.made, cgroupsNamed(t, tt.cgroups+prefix)...) })
			const last = "last"
			must(t, command(last))
			events.await(t, 1, of(event.ContainerExited, prefix+last)) // after all others

			lost := namesIn(t, folder)
			ran := len(lost)
			named := map[string]bool{} // whether its first event has the name, by id
			for _, ev := range events.all(func(ev *event.Event) bool { return ev.Subject() != nil }) {
				c := ev.Subject()
				if _, known := named[c.ID]; !known {
					named[c.ID] = strings.HasPrefix(c.Name, prefix) && c.Runtime == tt.runtime
					if named[c.ID] {
						e.made = append(e.made, tt.cgroups+c.ID)
					}
				}
				if ev.Type == event.ContainerStarted && lost[c.Name] && named[c.ID] {
					delete(lost, c.Name)
				}
			}
			t.Logf("%d of %d are named from their first event on", ran-len(lost), ran)
			if len(lost) > ran/1000 {
				t.Errorf("lost, or without a name at first: %v", lost)
				for _, ev := range events.all(func(ev *event.Event) bool { c := ev.Subject(); return c != nil && (lost[c.Name] || !named[c.ID]) }) {
					t.Logf("%s %+v", ev.Type, ev.Subject())
				}
			}
		})
	}
}

// cgroupsNamed lists the cgroups whose paths begin so.
func cgroupsNamed(t *testing.T, path string) []string {
	t.Helper()
	layout := trackedHierarchy(t)
	found, err := filepath.Glob(filepath.Join(layout.Dir, path) + "*")
	if err != nil {
		t.Error(err)
	}
	for i := range found {
		found[i] = strings.TrimPrefix(found[i], layout.Dir)
	}
	return found
}

// runShort has short containers run, five at a time, until so many have left a file in a folder, and the failures meanwhile. run runs one,
// or finds that it cannot.
func runShort(t *testing.T, folder string, count int, failures []func(), run func(n int64)) {
	t.Helper()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range 5 {
		workers.Go(func() {
			for !t.Failed() && len(namesIn(t, folder)) < count {
				run(next.Add(1))
			}
		})
	}
	for i, fail := range failures {
		eventually(t, func() bool { return len(namesIn(t, folder)) >= count*(i+1)/(len(failures)+1) }, func() string { return "containers run" })
		fail()
	}
	workers.Wait()
}

// namesIn lists the files in a folder.
func namesIn(t *testing.T, folder string) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Error(err)
	}
	names := make(map[string]bool, len(entries))
	for _, entry := range entries {
		names[entry.Name()] = true
	}
	return names
}
