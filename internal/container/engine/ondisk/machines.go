package ondisk

import (
	"bufio"
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// maxMachines bounds the machines of systemd-machined that are looked at.
const maxMachines = 1024

// machine is what nsviz reads of a file in /run/systemd/machines, which is called by the name of the machine (systemd,
// src/machine/machine.c).
type machine struct {
	name, service, class, unit string
	leader                     int32
}

// machines lists the containers that systemd-machined knows, each by the PID namespace of its leader: their own cgroups show their
// names already, but nspawn with --keep-unit makes none that does.
func (s *Source) machines() []monitor {
	if s.cfg.User != 0 {
		return nil
	}
	p := place{dir: "/run/systemd/machines"}
	list, err := within(context.Background(), &s.lanes, p.dir, func() ([]machine, error) {
		root, err := s.openRoot(p)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		return readMachines(folder{root, s.owner, &s.lists})
	})
	if err != nil && !pseudofs.IsGone(err) {
		s.log.Debug("list the machines of systemd-machined", "error", err)
	}
	host, err := s.ns.Of(1)
	if err != nil {
		return nil
	}
	var monitors []monitor
	for _, m := range list {
		cgroups, err := pseudofs.ReadFile(s.cfg.Proc.PID(m.leader)+"/cgroup", nil)
		if err != nil || !inUnit(string(cgroups), m.unit) {
			continue // the file is left over: the leader has ended, and its PID is another one's
		}
		ids, err := s.ns.Of(m.leader)
		if err != nil || ids[event.PID] == 0 || ids[event.PID] == host[event.PID] {
			continue
		}
		its := monitor{pid: m.leader, id: container.IsolatedID(event.PID, ids[event.PID]), name: container.Cut(m.name)}
		if m.service == "systemd-nspawn" {
			its.runtime = runtime.Nspawn
		}
		monitors = append(monitors, its)
	}
	return monitors
}

// inUnit reports whether a process is in the cgroup of a unit of systemd, in any hierarchy, by its /proc/PID/cgroup.
func inUnit(cgroups, unit string) bool {
	for line := range strings.Lines(cgroups) {
		if slices.Contains(strings.Split(strings.TrimSpace(line), "/"), unit) {
			return true
		}
	}
	return false
}

func readMachines(in folder) ([]machine, error) {
	dir, err := in.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(maxMachines) // those that were read before an error count
	var list []machine
	for _, e := range entries {
		if !e.Type().IsRegular() { // links by unit
			continue
		}
		content, err := in.content(e.Name())
		if err != nil {
			continue // it has ended
		}
		if m := parseMachine(content); m.name == e.Name() && m.class == "container" && m.unit != "" && m.leader > 1 {
			list = append(list, m)
		}
	}
	return list, nil
}

func parseMachine(content []byte) machine {
	var m machine
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), "=")
		switch key {
		case "NAME":
			m.name = value
		case "SERVICE":
			m.service = value
		case "CLASS":
			m.class = value
		case "SCOPE": // a unit of any type, whose backslashes are escaped once more
			m.unit = strings.ReplaceAll(value, `\\`, `\`)
		case "LEADER":
			if pid, err := strconv.ParseInt(value, 10, 32); err == nil {
				m.leader = int32(pid)
			}
		}
	}
	return m
}
