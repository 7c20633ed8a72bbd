//go:build linux

package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"slices"
	"strings"
	"time"
)

// machine is one virtual machine to run.
type machine struct {
	name string // its name on the command line
	// kernel and arch name what test/vm/downloads lists.
	kernel, arch string
	// cgroup is "v1" for one hierarchy per controller, else the unified hierarchy is used.
	cgroup string
	// onDemand is set if it runs only when asked for by name.
	onDemand bool
	// pipeline is set if it is for the tests of internal/pipeline.
	pipeline bool
	// only are the tests of a small machine, if it has not all of them; but are those that it leaves out.
	only, but []string
	// full is whether it boots a full system, appArmor whether that confines its containers.
	full, appArmor bool
	// tests is a regular expression for the tests that run by default; "" is all tests.
	tests string
	// memory is in MiB. farMemory is that of a second memory node (NUMA), also in MiB.
	memory, farMemory int
	// patience limits the time from power on to power off.
	patience time.Duration
}

// runs reports whether a small machine has a test.
func (m machine) runs(test string) bool {
	return (len(m.only) == 0 || slices.Contains(m.only, test)) && !slices.Contains(m.but, test)
}

// id tells a machine from all others, also from one of the other set with the same kernel.
func (m machine) id() string {
	if m.full {
		return m.name + "-system"
	}
	return m.name
}

//go:embed downloads
var downloads []byte

// kernels returns the kernels of test/vm/downloads by name and architecture, in its order.
func kernels() []machine {
	var list []machine
	seen := map[[2]string]bool{{"tools", "amd64"}: true, {"tools", "arm64"}: true}
	lines := bufio.NewScanner(bytes.NewReader(downloads))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0][0] == '#' || seen[[2]string{fields[0], fields[1]}] {
			continue
		}
		seen[[2]string{fields[0], fields[1]}] = true
		m := machine{name: fields[0], kernel: fields[0], arch: fields[1]}
		if m.arch != "amd64" {
			m.name += "-" + m.arch
		}
		list = append(list, m)
	}
	return list
}

// sameOnAll are tests of what nsviz's own programs count and agree on with their reader. All that a kernel has to do with them is
// to run those programs, which the other tests of internal/probes ask of each. They run on the oldest kernel, which on arm64 has nothing
// but kprobes, and on the newest.
var sameOnAll = []string{
	"TestFloodIsThrottled", "TestFloodFromManyCgroupsIsThrottled", "TestMissedReturnIsCounted", "TestStaleCallsMakeRoom",
	"TestDrainKeepsOrder", "TestErrorsAreTold",
	"TestReaderSleepsWhileNothingHappens", "TestFirstEventWakesTheReader", "TestNothingWaitsForASleepingReader",
}

// ofCgroups are tests for which the version of cgroups makes a difference.
var ofCgroups = []string{
	"TestByEveryMethod", "TestThereBefore", "TestFloodFromManyCgroupsIsThrottled",
	"TestPathByID", "TestLiveCgroups", "TestRootThreadedCgroup", "TestRootCgroupWrites", "TestRootResources", "TestRootCgroup",
}

// ofHooks are tests of what is hooked, and of the arguments that hooks have.
var ofHooks = []string{"TestOpen", "TestEveryAllowedProgramAttaches", "TestFailedReadsAreCounted", "TestByEveryMethod"}

// matrix returns a small machine for each kernel, one more with cgroup v1, and one for the tests of internal/pipeline, on the
// kernel of which the full system is the usual one.
func matrix() []machine {
	var list []machine
	for _, m := range kernels() {
		m.memory, m.farMemory, m.patience = 640, 64, 8*time.Minute
		switch m.kernel {
		case "5.10.218": // it differs from 5.10 in a tracepoint's arguments
			m.only = ofHooks
		case "5.10", "sid": // all
		default:
			m.but = sameOnAll
		}
		list = append(list, m)
		if m.kernel == "6.1" && m.arch == "amd64" {
			m.name, m.cgroup, m.only, m.but = m.name+"-cgroup1", "v1", ofCgroups, nil
			list = append(list, m)
		}
		if m.kernel == "6.12" && m.arch == "amd64" {
			m.name, m.pipeline, m.but = m.name+"-pipeline", true, nil
			list = append(list, m)
		}
	}
	return list
}

// systemTest is an end-to-end test that runs in full systems. Every end-to-end test runs on the host. An emulated machine takes
// seconds to start a container, so only a test whose result the kernel, cgroup v2, systemd or a newer engine might make different
// runs there as well: nsviz's own commands, words and screens do so only when they are asked for (`make test-system RUN=.`).
type systemTest struct {
	name string // with its subtests, if only some of them depend on the system
	why  string // what the system might make different
	only string // the kernel of the only system that has it; "" is all of them
}

// systemTests lists them.
func systemTests() []systemTest {
	return []systemTest{
		{"TestStressDemo/run_1", "the kernel's OOM killer, and its counts in cgroup v2", "5.10"},
		{"TestInitIsTheVictim", "what the engine says of a PID 1 that the kernel killed", "5.10"},
		// The kernel's part, who sent a signal, is in internal/probes for every kernel; the rest is nsviz's own words.
		{"TestWhy/nsviz-test-why-(kill|stop|oom|child)", "the signals that the engine sends, and what it says of OOM kills in cgroup v2", "5.10"},
		{"TestEnginesOfUsers", "an ordinary user's podman and Docker, with cgroups that the user's systemd makes, and a Docker that remaps users", "6.12"},
		{"TestPodmanPod", "the cgroups of a pod in cgroup v2, and a newer podman's files", "6.12"},
		{"TestCRI", "the slices and scopes that Kubernetes has systemd make", "6.12"},
		{"TestDaemonSet", "what a pod may do with its rights where the kernel allows all hooks, and the cgroup namespace that it has with cgroup v2", "6.12"},
		{"TestNamesFromFiles", "containerd's cgroups in cgroup v2, and its files", "6.12"},
		{"TestEntered", "how newer engines enter a container, which has a cgroup namespace in cgroup v2", "6.12"},
		{"TestRestartAndExec", "the engine's starts, each with a new cgroup of systemd", "6.12"},
		{"TestNsAgreesWithLsns", "the namespaces that systemd's services and the engine make", "6.12"},
		{"TestMovedOut", "moving a PID 1 out of a cgroup of systemd, in cgroup v2", "6.12"},
		{"TestProcessesRefused", "pids.max in cgroup v2, and the engine's answer", "6.12"},
		{"TestAppArmor", "AppArmor, which no other machine has", "6.12"},
		// As the host it has the host's cgroup namespace, in which nothing is different.
		{"TestInAPrivilegedContainer/by_itself", "the cgroup namespaces that containers have with cgroup v2", "6.12"},
		{"TestKillsWithoutAnEngine", "the cgroups of runc, LXC and bubblewrap in cgroup v2", "6.12"},
		{"TestPsWithoutAnEngine", "what runc's files say of a cgroup in cgroup v2", "6.12"},
		{"TestUnitsOfSystemd", "the cgroups that systemd makes for podman, runc, crun, nspawn and services", "6.12"},
		{"TestInstalledPackage", "the unit, its sandbox, its watchdog and its port, which systemd makes, and dpkg's upgrades and removals", "6.12"},
		{"TestSystemdOomd", "systemd-oomd", "6.12"},
	}
}

// systemChoice returns what -test.run is to be for the system on a kernel; "" is for one of all kernels' tests.
func systemChoice(kernel string) string {
	var patterns []string
	for _, test := range systemTests() {
		if test.only == "" || kernel == "" || test.only == kernel {
			patterns = append(patterns, "^"+strings.ReplaceAll(test.name, "/", "$/^")+"$")
		}
	}
	return strings.Join(patterns, "|")
}

// system returns a full Debian system on its own kernel and on the oldest one. On the others it runs when asked for by name.
func system() []machine {
	var list []machine
	for _, m := range kernels() {
		if m.arch == "amd64" {
			m.full, m.memory, m.patience = true, 3072, 20*time.Minute
			m.tests = systemChoice(m.kernel)
			if m.onDemand = m.kernel != "6.12" && m.kernel != "5.10"; m.onDemand {
				m.tests = systemChoice("")
			}
			m.appArmor = m.kernel == "6.12"
			list = append(list, m)
		}
	}
	return list
}
