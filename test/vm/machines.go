//go:build linux

package main

import (
	"bufio"
	"bytes"
	_ "embed"
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
	// full is whether it boots a full system, appArmor whether that confines its containers.
	full, appArmor bool
	// tests is a regular expression for the tests that run by default; "" is all tests.
	tests string
	// memory is in MiB. farMemory is that of a second memory node (NUMA), also in MiB.
	memory, farMemory int
	// patience limits the time from power on to power off.
	patience time.Duration
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

// matrix returns a small machine for each kernel, one more with cgroup v1, and one for the tests of internal/pipeline, on the
// kernel of which the full system is the usual one. That one has the most to do.
func matrix() []machine {
	var list []machine
	for _, m := range kernels() {
		m.memory, m.farMemory, m.patience = 640, 64, 8*time.Minute
		list = append(list, m)
		if m.kernel == "6.1" && m.arch == "amd64" {
			m.name, m.cgroup = m.name+"-cgroup1", "v1"
			list = append(list, m)
		}
		if m.kernel == "6.12" && m.arch == "amd64" {
			m.name, m.pipeline = m.name+"-pipeline", true
			list = append(list, m)
		}
	}
	return list
}

// systemTests are the end-to-end tests of what the kernel, cgroup v2, systemd and a newer engine might make
// different. An emulated machine takes ten seconds to start a container, so the others, which are about nsviz's
// own commands and screens, run there only when they are asked for: `make test-system RUN=.`. So does
// TestEarlyoom, whose daemon looks at nothing but /proc/meminfo. For the same reason the two machines share the
// tests out.
const (
	systemTests = "StressDemo|InitIsTheVictim"
	of612       = "|NsAgreesWithLsns|PsAgreesWithEngine|RestartAndExec|Podman|SystemdOomd|InAPrivilegedContainer|AppArmor|MovedOut|ProcessesRefused"
	of510       = "|Why" // thirteen containers
)

// system returns a full Debian system on its own kernel and on the oldest one. On the others it runs when asked for by name.
func system() []machine {
	var list []machine
	for _, m := range kernels() {
		if m.arch == "amd64" {
			m.full, m.memory, m.patience = true, 3072, 20*time.Minute
			own, usual := map[string]string{"6.12": of612, "5.10": of510}[m.kernel]
			if m.onDemand = !usual; m.onDemand {
				own = of612 + of510
			}
			m.appArmor = m.kernel == "6.12"
			m.tests = "^Test(" + systemTests + own + ")$"
			list = append(list, m)
		}
	}
	return list
}
