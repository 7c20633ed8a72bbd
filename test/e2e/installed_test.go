//go:build e2e && systemd

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

const (
	installedUnit = "nsviz.service"
	installedPort = "127.0.0.1:10064" // as nsviz.socket has it
)

// TestInstalledPackage installs the Debian package on a system with systemd, and follows the service through its life: in its sandbox it sees
// all that root sees; it is restarted when it stops moving, and by an upgrade; a mistake in its settings ends it for good; and after
// a purge nothing is left.
func TestInstalledPackage(t *testing.T) {
	packages, err := filepath.Glob("../../dist/nsviz_*_amd64.deb")
	if err != nil || len(packages) != 1 {
		t.Fatalf("%v, packages: %q", err, packages)
	}
	before := ownedFiles(t)
	t.Cleanup(func() { _ = exec.Command("dpkg", "--purge", "nsviz").Run() })
	dpkg(t, "--install", packages[0])
	if state := property(t, "ActiveState"); state != "active" {
		log, _ := exec.Command("journalctl", "--no-pager", "--unit", installedUnit).CombinedOutput()
		t.Fatalf("the service is %s after the installation\n%s", state, log)
	}
	first := mainPID(t)
	if status := property(t, "StatusText"); !strings.HasPrefix(status, "watching; metrics are served on "+installedPort) {
		t.Errorf("its status is %q", status)
	}
	for _, unit := range []string{installedUnit, "nsviz.socket"} {
		must(t, exec.Command("systemctl", "is-enabled", unit))
	}
	must(t, exec.Command("systemd-analyze", "verify", "--man=no", installedUnit))
	must(t, exec.Command("systemd-analyze", "security", "--no-pager", "--threshold=20", installedUnit))
	if caps, uid := rights(t, first); caps != "000000c000280004" || uid == 0 {
		t.Errorf("it runs as user %d with the capabilities %s", uid, caps)
	}
	must(t, exec.Command("nsviz", "version"))

	t.Run("sees what root sees", testInstalledSees)
	t.Run("is restarted by the watchdog", testInstalledWatchdog)
	t.Run("is restarted by an upgrade", func(t *testing.T) { testInstalledUpgrade(t, packages[0]) })
	t.Run("refuses settings of a newer version", testInstalledSettings)

	dpkg(t, "--remove", "nsviz")
	if state := property(t, "ActiveState"); state != "inactive" && state != "failed" {
		t.Errorf("removed, it is %s", state)
	}
	if _, err := os.Stat("/etc/nsviz/config.yaml"); err != nil {
		t.Errorf("the settings are removed with the program: %v", err)
	}
	dpkg(t, "--purge", "nsviz")
	if after := ownedFiles(t); !slices.Equal(before, after) {
		t.Errorf("after a purge there are\n%q, before the installation\n%q", after, before)
	}
}

// testInstalledSees compares with nsviz as root, with the kernel's own count and with who wrote the limit: this test.
func testInstalledSees(t *testing.T) {
	const name = "nsviz-test-installed"
	asRoot := startServe(t)
	ofService, ofRoot := metrics(t, installedPort), metrics(t, asRoot)
	probes := 0
	for sample := range ofRoot {
		if strings.HasPrefix(sample, "nsviz_probe_info{") {
			probes++
			if ofService[sample] != "1" {
				t.Errorf("root has %s, the service has not", sample)
			}
		}
	}
	if probes == 0 || ofService["nsviz_processes_unseen"] != "0" {
		t.Errorf("%d probes, %q processes unseen", probes, ofService["nsviz_processes_unseen"])
	}
	pid := run(t, name, "--memory=64m", busyboxImage, "sh", "-c", "echo ready; until [ -e /go ]; do sleep 1; done; tail /dev/zero; sleep 1000")
	noError(t, os.WriteFile(fileOfCgroup(t, pid, "memory", "memory.max"), []byte("33554432"), 0))
	var a report.ContainerAnswer
	eventually(t, func() bool {
		a, _ = why(t, installedPort, name)
		return slices.ContainsFunc(a.History, func(e model.Entry) bool {
			return e.Kind == model.EntryLimitsChanged && e.By != nil && int(e.By.PID) == os.Getpid()
		})
	}, func() string {
		return "who changed the limit is not in\n" + strings.Join(words(&a.Container, a.History), "\n")
	})
	noError(t, os.WriteFile(fmt.Sprintf("/proc/%d/root/go", pid), nil, 0o600))
	eventually(t, func() bool {
		a, _ = why(t, installedPort, name)
		return a.OOMKills != nil && *a.OOMKills > 0
	}, func() string { return "no OOM kill: " + a.Sentence })
	events, err := os.ReadFile(fileOfCgroup(t, pid, "memory", "memory.events.local"))
	if err != nil {
		t.Fatal(err)
	}
	if counted := "\noom_kill " + fmt.Sprint(*a.OOMKills) + "\n"; !strings.Contains(string(events), counted) {
		t.Errorf("nsviz counts %d OOM kills, the kernel says\n%s", *a.OOMKills, events)
	}
	if a.Container.Image != busyboxImage && !strings.HasPrefix(a.Container.Image, busyboxImage+":") {
		t.Errorf("its image is %q", a.Container.Image)
	}
	ofService, ofRoot = metrics(t, installedPort), metrics(t, asRoot)
	for _, family := range []string{"nsviz_namespaces{", "nsviz_containers{"} {
		for sample, value := range ofRoot {
			if strings.HasPrefix(sample, family) && ofService[sample] != value {
				t.Errorf("%s is %q, for root %q", sample, ofService[sample], value)
			}
		}
	}
}

// A stopped process answers no watchdog, and only the watchdog ends it: systemd has it abort, and go on. The Go runtime then writes the stacks of
// all goroutines; that end must not be taken for bad usage. systemd keeps the port while there is no process, so that a scrape waits instead of failing.
func testInstalledWatchdog(t *testing.T) {
	const dropIns = "/run/systemd/system/nsviz.service.d"
	t.Cleanup(func() { _ = os.Remove(dropIns) })
	// The Go runtime may wait ten seconds for stacks, which is too long.
	ended := filepath.Join(t.TempDir(), "ended")
	install(t, dropIns+"/watchdog.conf", "[Service]\nWatchdogSec=10\nTimeoutAbortSec=8\nRestartSec=1\nExecStopPost=+/bin/sh -c 'echo $EXIT_CODE $EXIT_STATUS >"+ended+"'\n")
	systemctl(t, "daemon-reload")
	systemctl(t, "restart", installedUnit)
	stopped := mainPID(t)
	_ = os.Remove(ended) // of the process that was stopped for the restart
	noError(t, syscall.Kill(stopped, syscall.SIGSTOP))
	var how []byte
	eventually(t, func() (there bool) {
		how, _ = os.ReadFile(ended)
		return len(how) > 0
	}, func() string {
		return "the service is " + property(t, "ActiveState") + ", and its process has not ended"
	})
	if !regexp.MustCompile(`^(killed|dumped) ABRT\n$`).Match(how) {
		t.Errorf("systemd says of its end: %q", how)
	}
	if scraped := metrics(t, installedPort); len(scraped) == 0 {
		t.Error("the scrape has no answer")
	}
	eventually(t, func() bool { return property(t, "ActiveState") == "active" && mainPID(t) != stopped },
		func() string { return "the service is " + property(t, "ActiveState") + ", with the same process" })
}

// An upgrade runs the scripts that an installation of the same version over itself runs.
func testInstalledUpgrade(t *testing.T, file string) {
	running := mainPID(t)
	settings := []byte("log-level: debug\n")
	noError(t, os.WriteFile("/etc/nsviz/config.yaml", settings, 0o644))
	dpkg(t, "--install", file)
	if upgraded := mainPID(t); upgraded == running || property(t, "ActiveState") != "active" {
		t.Errorf("after the upgrade process %d runs, before it %d", upgraded, running)
	}
	if kept, err := os.ReadFile("/etc/nsviz/config.yaml"); err != nil || string(kept) != string(settings) {
		t.Errorf("the settings are %q, %v", kept, err)
	}
	var unseen string
	eventually(t, func() bool { // not before its first look at all processes
		unseen = metrics(t, installedPort)["nsviz_processes_unseen"]
		return unseen != ""
	}, func() string { return "it does not say how many processes are unseen" })
	if unseen != "0" {
		t.Errorf("%s processes unseen", unseen)
	}
	systemctl(t, "stop", installedUnit, "nsviz.socket")
	dpkg(t, "--install", file)
	if state := property(t, "ActiveState"); state != "inactive" {
		t.Errorf("one that was stopped is %s after an upgrade", state)
	}
}

func testInstalledSettings(t *testing.T) {
	noError(t, os.WriteFile("/etc/nsviz/config.yaml", []byte("from-the-future: yes\n"), 0o644))
	if err := exec.Command("systemctl", "start", installedUnit).Run(); err == nil {
		t.Error("it starts with settings that it does not know")
	}
	if state, code, restarts := property(t, "ActiveState"), property(t, "ExecMainStatus"), property(t, "NRestarts"); state != "failed" || code != "2" || restarts != "0" {
		t.Errorf("it is %s with exit code %s after %s restarts", state, code, restarts)
	}
	log, err := exec.Command("journalctl", "--no-pager", "--output=cat", "--unit", installedUnit, "--lines=20").CombinedOutput()
	if err != nil || !strings.Contains(string(log), `/etc/nsviz/config.yaml:1:1: no key is called "from-the-future"`) {
		t.Errorf("%v, the log says\n%s", err, log)
	}
	_ = exec.Command("systemctl", "stop", "nsviz.socket").Run() // a connection would start it again
}

func dpkg(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("dpkg", append([]string{"--force-confold", "--force-unsafe-io"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("dpkg %v: %v\n%s", args, err, out)
	}
}

// property returns a property of the service, as systemd has it.
func property(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("systemctl", "show", "--property", name, "--value", installedUnit).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func mainPID(t *testing.T) int {
	t.Helper()
	pid, err := strconv.Atoi(property(t, "MainPID"))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// rights returns the effective capabilities of a process, in hexadecimal, and its user.
func rights(t *testing.T, pid int) (capabilities string, uid int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "CapEff:":
			capabilities = fields[1]
		case "Uid:":
			uid, err = strconv.Atoi(fields[2])
			noError(t, err)
		}
	}
	return capabilities, uid
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ownedFiles lists what is called nsviz in the folders that packages and units use.
func ownedFiles(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("find", "/etc", "/usr", "/var", "/run/systemd", "-xdev", "-name", "*nsviz*", "-not", "-path", "/var/lib/docker/*",
		"-not", "-path", "/var/lib/dpkg/info/*", "-not", "-path", "/run/systemd/propagate*", "-not", "-path", "/run/systemd/units/*").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(out))
	slices.Sort(files)
	return files
}
