//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// vmEntry is what the test checks of a virtual machine in `nsviz ps -o json`.
type vmEntry struct {
	psEntry
	Kind string
	VM   struct {
		Manager      string
		Container    string
		VCPUs        *int
		MemoryBytes  *uint64 `json:"memory_bytes"`
		Acceleration string
	}
}

// vms returns the virtual machines in ps by PID; the host may run others.
func vms(t *testing.T) map[int32]vmEntry {
	t.Helper()
	var list []vmEntry
	nsvizJSON(t, &list, "ps", "-o", "json")
	found := map[int32]vmEntry{}
	for _, e := range list {
		if e.Kind == "vm" {
			found[e.PID] = e
		}
	}
	return found
}

// startProgram runs a program and ends it by its PID at the end of the test.
func startProgram(t *testing.T, program string, args ...string) int32 {
	t.Helper()
	pid, _ := startEndable(t, program, args...)
	return pid
}

// startEndable is startProgram, and also returns a function that ends it earlier.
func startEndable(t *testing.T, program string, args ...string) (pid int32, end func()) {
	t.Helper()
	cmd := exec.Command(program, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(end)
	return int32(cmd.Process.Pid), end
}

// statusBytes returns a line of /proc/PID/status that counts kB.
func statusBytes(t *testing.T, pid int32, name string) uint64 {
	t.Helper()
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), name+":"); found {
			kib, err := strconv.ParseUint(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("no %s of PID %d", name, pid)
	return 0
}

// trackedCgroup returns the folder of a process's cgroup, in the hierarchy that nsviz follows.
func trackedCgroup(t *testing.T, pid string) string {
	t.Helper()
	lines, err := os.ReadFile("/proc/" + pid + "/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range []struct{ key, dir string }{{":memory:", "/sys/fs/cgroup/memory"}, {"0::", "/sys/fs/cgroup"}} {
		for line := range strings.Lines(string(lines)) {
			if _, path, found := strings.Cut(line, root.key); found {
				return filepath.Join(root.dir, strings.TrimSpace(path))
			}
		}
	}
	t.Fatalf("PID %s is in no cgroup that is followed:\n%s", pid, lines)
	return ""
}

// moveInto puts a process into a cgroup.
func moveInto(t *testing.T, pid int32, cgroup string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), fmt.Append(nil, pid), 0); err != nil {
		t.Fatal(err)
	}
}

// qemuPath returns the program that the tests run machines with.
func qemuPath(t *testing.T) string {
	t.Helper()
	qemu, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		t.Fatalf("%v; test/setup installs it", err)
	}
	return qemu
}

// stoppedVM holds QEMU's arguments for an emulated, stopped machine, which takes no CPU.
func stoppedVM(args ...string) []string {
	return append([]string{"-machine", "accel=tcg", "-nographic", "-nodefaults", "-display", "none", "-S"}, args...)
}

// Real machines that are emulated and stopped, so that they take no CPU, and programs that only have such a name.
func TestVM(t *testing.T) {
	qemu := qemuPath(t)
	const name = "nsviz-test-vm-container"
	removeContainer(t, name) // this needs the processes in its cgroup to have ended
	docker(t, "run", "-d", "--name", name, "--network", "none", busyboxImage, "sleep", "1000")
	began := time.Now()
	plain := startProgram(t, qemu, stoppedVM("-m", "64", "-smp", "2")...)
	named := startProgram(t, qemu, stoppedVM("-m", "size=80M", "-smp", "3", "-name", "nsviz-test-vm,debug-threads=on")...)
	// As with Kata, the monitor is in the container's cgroup, but not in its namespaces.
	inside := startProgram(t, qemu, stoppedVM("-m", "64")...)
	moveInto(t, inside, trackedCgroup(t, docker(t, "inspect", "-f", "{{.State.Pid}}", name)))
	separate := startProgram(t, "unshare", append([]string{"--net", "--uts", qemu}, stoppedVM("-m", "64")...)...)

	// By name alone these are machines: a shell that runs a script, and another program in a file of that name.
	script := filepath.Join(t.TempDir(), "qemu-system-x86_64")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nread forever\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	held, holder, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	defer holder.Close()
	asked := exec.Command(script, "-m", "64", "-smp", "2")
	asked.Stdin = held
	if err := asked.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = asked.Process.Kill()
		_ = asked.Wait()
	})
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "qemu-system-x86_64")
	data, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, data, 0o700); err != nil {
		t.Fatal(err)
	}
	fakes := []int32{int32(asked.Process.Pid), startProgram(t, copied, "1000")}

	var found map[int32]vmEntry
	eventually(t, func() bool {
		found = vms(t)
		for _, pid := range []int32{plain, named, separate, inside} {
			// unshare execs QEMU, and QEMU makes its threads after opening its files.
			if e, ok := found[pid]; !ok || e.Memory.UsageBytes == nil {
				return false
			}
		}
		return found[named].VM.VCPUs != nil && *found[named].VM.VCPUs == 3
	}, func() string { return fmt.Sprintf("ps lists the virtual machines %+v", found) })

	for _, pid := range fakes {
		if e, ok := found[pid]; ok {
			t.Errorf("taken for a virtual machine: %+v", e)
		}
	}
	if got := found[inside].VM.Container; got != name {
		t.Errorf("PID %d is in the container %q, want %s", inside, got, name)
	}
	for pid, want := range map[int32]struct {
		name   string
		vcpus  int
		memory uint64
	}{plain: {"", 2, 64 << 20}, named: {"nsviz-test-vm", 3, 80 << 20}} {
		e := found[pid]
		if e.Name != want.name || e.Runtime != "qemu" || e.VM.Acceleration != "emulation" || e.VM.Container != "" ||
			e.VM.VCPUs == nil || *e.VM.VCPUs != want.vcpus || e.VM.MemoryBytes == nil || *e.VM.MemoryBytes != want.memory {
			t.Errorf("PID %d: %+v, want %+v", pid, e, want)
		}
		if e.Started.Before(began.Add(-2*time.Second)) || e.Started.After(time.Now().Add(2*time.Second)) {
			t.Errorf("PID %d started at %v, and the test started it after %v", pid, e.Started, began)
		}
	}
	// The kernel counts pages by CPU and adds them up from time to time: the numbers may differ by some pages.
	e := found[plain]
	if rss := statusBytes(t, plain, "VmRSS"); *e.Memory.UsageBytes > rss+8<<20 || *e.Memory.UsageBytes+8<<20 < rss {
		t.Errorf("resident: %d bytes, and VmRSS is %d", *e.Memory.UsageBytes, rss)
	}
	for pid, own := range map[int32][]event.NamespaceType{plain: nil, separate: {event.Net, event.UTS}} {
		e := found[pid]
		var ids event.NamespaceIDs
		for typ, m := range e.Namespaces {
			ids[typ] = m.ID
			if m.SharedWithHost == nil || *m.SharedWithHost == slices.Contains(own, typ) {
				t.Errorf("PID %d: its %s namespace is shared with the host: %v", pid, typ, m.SharedWithHost)
			}
		}
		if diff := namespaceDiff(t, pid, ids); diff != "" {
			t.Errorf("PID %d: namespaces (-kernel +ps):\n%s", pid, diff)
		}
	}

	stdout, stderr, code := nsviz(t, "ps")
	if code != 0 {
		t.Fatalf("ps: exit code %d\n%s", code, stderr)
	}
	for _, line := range strings.Split(stdout, "\n") {
		if strings.HasPrefix(line, "nsviz-test-vm (VM) ") && strings.Contains(line, fmt.Sprint(named)) {
			if !contains("3 vCPUs, 80 MiB of guest memory, emulated", "a kernel of its own", " host ")(line) {
				t.Errorf("ps: %s", line)
			}
			return
		}
	}
	t.Errorf("ps lists no nsviz-test-vm:\n%s", stdout)
}

// A container and two real machines, one of them in that container: all are in one table, each has a page that describes it,
// and the metrics count each once.
func TestVMOnScreen(t *testing.T) {
	qemu := qemuPath(t)
	const name, machine = "nsviz-vm-web", "nsviz-vm-lesson"
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, "--network", "none", "--memory", "256m", busyboxImage, "sleep", "1000")
	address := freeAddress(t)
	term := tmux(t, 120, 40, nil, binary(), "--web.listen-address", address)
	row := match(`(?m)^..` + name + ` +\d+ .* +● +● +● +● +● `)
	term.await(t, row)
	beside := `nsviz_virtual_machines{acceleration="emulation",container="",manager="",monitor="qemu"}`
	within := fmt.Sprintf(`nsviz_virtual_machines{acceleration="emulation",container=%q,manager="",monitor="qemu"}`, name)
	counted := func(sample string) int { // none of a kind is no sample
		n, _ := strconv.Atoi(metrics(t, address)[sample])
		return n
	}
	awaitCounts := func(mine int32, runs bool) { // the host may start and end others
		t.Helper()
		var got, want int
		eventually(t, func() bool {
			machines := vms(t)
			if _, listed := machines[mine]; listed != runs || counted(within) != 1 {
				return false
			}
			got, want = counted(beside), 0
			for _, v := range machines {
				if v.Runtime == "qemu" && v.VM.Acceleration == "emulation" && v.VM.Container == "" && v.VM.Manager == "" {
					want++
				}
			}
			return got == want
		}, func() string { return fmt.Sprintf("%s is %d, and ps lists %d", beside, got, want) })
	}

	lesson, end := startEndable(t, qemu, stoppedVM("-m", "80", "-smp", "3", "-name", machine)...)
	inside := startProgram(t, qemu, stoppedVM("-m", "64")...)
	moveInto(t, inside, trackedCgroup(t, docker(t, "inspect", "-f", "{{.State.Pid}}", name)))
	term.find(t, "nsviz-vm") // the host may run others
	vmRow := match(fmt.Sprintf(`(?m)^..%s +%d .*▒ not visible from here ▒.* \d+(\.\d)?/80 MiB +emulated +3 +1 *$`, machine, lesson))
	insideRow := match(fmt.Sprintf(`(?m)^..qemu in nsviz-\S+ +%d .*▒ not visible from here ▒`, inside))
	term.await(t, func(screen string) bool {
		return row(screen) && vmRow(screen) && insideRow(screen) && match(`\d+ VMs`)(screen) &&
			contains("what it sees: namespaces", "what it sees: own kernel", "▒ its own kernel, nothing inside visible")(screen)
	})
	awaitCounts(lesson, true)

	for _, size := range []struct {
		w, h int
		row  string
	}{
		{80, 24, fmt.Sprintf(`%s +%d .*▒ not visible ▒.*/80 MiB +3$`, machine, lesson)},
		{60, 20, fmt.Sprintf(`nsviz-vm-\S+ +%d +▒ not visible ▒ .*/80 MiB +3$`, lesson)},
		{20, 5, `VM n\S+ \d`},
		{120, 40, machine},
	} {
		term.resize(t, size.w, size.h)
		term.await(t, match(`(?m)^..`+size.row))
	}

	term.keys(t, "Down")
	term.await(t, match(`(?m)^▸ `+machine))
	term.keys(t, "Enter")
	unboxed := func(screen string) string { return prose(strings.ReplaceAll(screen, "│", " ")) }
	page := unboxed(term.await(t, func(page string) bool { // its first and its last part
		return contains("THIS VIRTUAL", "The process itself uses")(page)
	}))
	for _, sentence := range []string{
		fmt.Sprintf("%s is one ordinary process of this host, PID %d, and runs qemu.", machine, lesson),
		"Its guest's 3 processors are threads of that process, in which qemu emulates every instruction",
		"Its guest's 80 MiB of memory are part of that process, which takes ",
		"Inside runs a kernel of its own: its processes, its containers and its OOM kills are not visible from here.",
		"The process itself uses the host's mnt, pid, net, ipc, uts, user, cgroup and time.",
	} {
		if !strings.Contains(page, sentence) {
			t.Errorf("the page lacks %q:\n%s", sentence, page)
		}
	}
	term.keys(t, "Escape")
	term.await(t, match(`(?m)^▸ `+machine))
	term.keys(t, "Home")
	term.await(t, match(`(?m)^▸ `+name))
	term.keys(t, "Enter")
	term.await(t, func(screen string) bool {
		return strings.Contains(unboxed(screen), fmt.Sprintf("One of its processes is a virtual machine (qemu, PID %d)", inside))
	})
	term.keys(t, "Escape")
	term.await(t, vmRow)

	// A container of which the host only has the machine, as with Kata.
	id := docker(t, "inspect", "-f", "{{.Id}}", name)
	sandbox := strings.Repeat("5a", 32)
	cgroup := strings.Replace(trackedCgroup(t, docker(t, "inspect", "-f", "{{.State.Pid}}", name)), id, sandbox, 1)
	if err := os.Mkdir(cgroup, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after its machine, which is cleaned up earlier
		if err := os.Remove(cgroup); err != nil {
			t.Error(err)
		}
	})
	only := startProgram(t, qemu, stoppedVM("-m", "64", "-name", "nsviz-vm-kata")...)
	moveInto(t, only, cgroup)
	term.keys(t, "Escape")
	term.await(t, func(screen string) bool {
		return match(`(?m)^..5a5a5a5a5a5a .*▒ a VM, below ▒`)(screen) && row(screen) &&
			match(fmt.Sprintf(`(?m)^..nsviz-vm-kata \S+ +%d .*▒ not visible from here ▒`, only))(screen)
	})
	term.find(t, "nsviz-vm")

	end()
	term.await(t, func(screen string) bool { return row(screen) && insideRow(screen) && !vmRow(screen) })
	awaitCounts(lesson, false)
	checkMetrics(t, address)
	term.keys(t, "q")
	term.awaitEnd(t, 0)
}
