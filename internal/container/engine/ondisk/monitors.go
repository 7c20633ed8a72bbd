package ondisk

import (
	"bytes"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
)

// A monitor is a process of a runtime that is in charge of one container, or of one pod.
type monitor struct {
	pid int32
	// id is the container's, name what it is called, bundle the path of its OCI bundle; "" is unknown.
	id, name, bundle string
	// pidFile is the path of the file that has the container's PID 1; "" is unknown.
	pidFile string
	// exitDir is the folder in which it writes the container's exit code; "" is unknown.
	exitDir string
	runtime string
}

// maxMonitors bounds the monitors that are kept.
const maxMonitors = 16 << 10

// processes lists the user's monitors among the host's processes, and the places that daemons were told to use. A process in a PID namespace of
// its own is in a container, and says nothing about the host.
func (s *Source) processes() (monitors []monitor, places []place) {
	inCharge, err := s.scanner.inCharge()
	if err != nil {
		s.log.Debug("list the monitors of containers", "error", err)
	}
	for _, p := range inCharge {
		pid, comm := p.PID, p.comm
		by, isolates := runtime.Describes(comm)
		isolates = isolates && s.cfg.User == 0
		if !isMonitor(comm) && !isDockerd(comm) && !isolates {
			continue
		}
		if len(monitors) == maxMonitors {
			break
		}
		status, err := s.proc.Status(pid)
		if err != nil || len(status.NSPID) != 1 || status.UID != s.owner && !isolates {
			continue
		}
		line, err := s.proc.Cmdline(pid)
		if err != nil {
			continue // it has ended, or does not answer
		}
		args := strings.Split(string(bytes.TrimSuffix(line, []byte{0})), "\x00")
		if isolates {
			if len(by.Processes.Creator) > 0 && status.UID != 0 {
				continue // anybody may call himself so
			}
			if m, ok := s.isolator(pid, comm, status.UID, by, args); ok {
				monitors = append(monitors, m)
			}
			continue
		}
		if isDockerd(comm) {
			if dir := dataRoot(args); dir != "" {
				places = append(places, place{dir: dir, layout: data{}}, place{dir: executorOf(dir), layout: steps{}})
			}
			continue
		}
		m := parseMonitor(args)
		if m.runtime == runtime.Containerd { // a shim works in the bundle
			m.bundle, err = os.Readlink(s.cfg.Proc.PID(pid) + "/cwd")
			if err != nil {
				continue
			}
			m.pidFile = m.bundle + "/init.pid"
		}
		m.pid = pid
		if m.runtime != "" && isID(m.id) {
			monitors = append(monitors, m)
		}
	}
	return monitors, places
}

func isDockerd(comm string) bool {
	return slices.Contains(runtime.Lookup(runtime.Docker).Processes.Daemon, comm)
}

// dataRoot returns the data folder on a command line of dockerd; "" is none.
func dataRoot(args []string) string {
	const option = "--data-root"
	for i, arg := range args {
		dir, ok := strings.CutPrefix(arg, option+"=")
		if arg == option && i+1 < len(args) {
			dir, ok = args[i+1], true
		}
		if ok && path.IsAbs(dir) {
			return path.Clean(dir)
		}
	}
	return ""
}

// isMonitor reports whether a process may be a monitor, by its name, of which the kernel keeps 15 bytes.
func isMonitor(comm string) bool {
	return slices.ContainsFunc([]string{runtime.Podman, runtime.CRIO, runtime.Containerd}, func(name string) bool {
		return slices.ContainsFunc(runtime.Lookup(name).Processes.Monitor, func(m string) bool { return m[:min(len(m), 15)] == comm })
	})
}

// parseMonitor reads a monitor's command line. Its runtime is "" if it is none.
func parseMonitor(args []string) monitor {
	program := path.Base(args[0])
	switch {
	case program == "conmon":
		return parseConmon(args[1:])
	case strings.HasPrefix(program, "containerd-shim"):
		o := options(args[1:], nil)
		return monitor{id: o["id"], runtime: runtime.Containerd}
	}
	return monitor{}
}

// conmonSwitches are the options of conmon that have no value (containers/conmon, src/cli.c).
var conmonSwitches = []string{
	"e", "exec", "exec-attach", "full-attach", "i", "stdin", "leave-stdin-open", "no-container-partial-message", "no-new-keyring", "no-pivot",
	"no-sync-log", "replace-listen-pid", "s", "systemd-cgroup", "sync", "t", "terminal", "version",
}

func parseConmon(args []string) monitor {
	o := options(args, conmonSwitches)
	for _, exec := range []string{"e", "exec"} {
		if _, ok := o[exec]; ok { // in charge of one process in a container
			return monitor{}
		}
	}
	m := monitor{
		id: first(o["c"], o["cid"]), name: container.Cut(first(o["n"], o["name"])), bundle: first(o["b"], o["bundle"]),
		pidFile: first(o["p"], o["container-pidfile"]), runtime: runtime.Podman,
	}
	if path.IsAbs(o["exit-dir"]) {
		m.exitDir = path.Clean(o["exit-dir"])
	}
	if strings.Contains(o["exit-dir"], "crio") || strings.HasPrefix(m.name, "k8s_") {
		m.runtime = runtime.CRIO
	}
	return m
}

// options returns the values of the options on a command line by their names, the first one of each. All but the switches have one.
func options(args, switches []string) map[string]string {
	values := map[string]string{}
	for len(args) > 0 {
		name, value, has := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(args[0], "-"), "-"), "=")
		args = args[1:]
		if !has && !slices.Contains(switches, name) && len(args) > 0 {
			value, args = args[0], args[1:]
		}
		if _, ok := values[name]; !ok {
			values[name] = value
		}
	}
	return values
}

// identity returns what a monitor's command line says of its container. It returns false if that is no name.
func (m monitor) identity() (container.Identity, bool) {
	identity := container.Identity{ID: m.id, Runtime: m.runtime, Source: container.SourceCommandLine}
	if names, ok := splitKubeName(m.name); ok && m.runtime == runtime.CRIO {
		identity.SetPod(names)
	} else {
		identity.Name = m.name
	}
	return identity, identity.Name != ""
}
