package ondisk

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// What has no cgroup of its own is named by the command line of the process that isolates it: bwrap, firejail, systemd-nspawn. These stay
// outside, as the parent of the first process inside.

// isolatedBy are the types of namespaces that an id may be of, the best one first.
var isolatedBy = []event.NamespaceType{event.PID, event.User}

// isIsolated reports whether an id is that of something without a cgroup of its own.
func isIsolated(id string) bool {
	for _, typ := range isolatedBy {
		if number, ok := strings.CutPrefix(id, typ.String()+"-"); ok && isNumber(number) {
			return true
		}
	}
	return false
}

// stillIsolated reports whether a monitor's process is what it was when it was read.
func (s *Source) stillIsolated(m monitor) bool {
	if s.isolates(m.pid) == m.id {
		return true
	}
	ids, err := s.ns.Of(m.pid) // it may be a leader
	return err == nil && container.IsolatedID(event.PID, ids[event.PID]) == m.id
}

// isolates returns the id of what a process isolates: of what one of its children is in, and it is not. "" is nothing.
func (s *Source) isolates(pid int32) string {
	own, err := s.ns.Of(pid)
	if err != nil {
		return "" // it has ended
	}
	for _, child := range s.children(pid) {
		ids, err := s.ns.Of(child)
		if err != nil {
			continue
		}
		for _, typ := range isolatedBy {
			if ids[typ] != 0 && own[typ] != 0 && ids[typ] != own[typ] {
				return container.IsolatedID(typ, ids[typ])
			}
		}
	}
	return ""
}

// isolator reads the command line of a user's process that calls itself comm and isolates something. Whoever it belongs to, it names
// nothing but what its own child is in. It returns false if that is nothing, or not yet.
func (s *Source) isolator(pid int32, comm string, uid uint32, r runtime.Runtime, args []string) (monitor, bool) {
	m := monitor{pid: pid, id: s.isolates(pid), runtime: r.Name}
	if m.id == "" {
		return monitor{}, false
	}
	if r.Name == runtime.Bubblewrap {
		if app := s.flatpak(pid, uid); app != "" {
			m.name, m.runtime = app, runtime.Flatpak
			return m, true
		}
	}
	switch line := r.ReadCommandLine(args[1:]); {
	case line.Name != "":
		m.name = container.Cut(line.Name)
	case line.Program != "":
		m.name = container.Cut(fmt.Sprintf("%s-%d (%s)", comm, pid, line.Program))
	}
	return m, true
}

// children returns the children of a process's first thread.
func (s *Source) children(pid int32) []int32 {
	data, err := pseudofs.ReadFile(fmt.Sprintf("%s/task/%d/children", s.cfg.Proc.PID(pid), pid), nil)
	if err != nil {
		return nil // it has ended, or the kernel was built without this file
	}
	var list []int32
	for field := range strings.FieldsSeq(string(data)) {
		if child, err := strconv.ParseInt(field, 10, 32); err == nil {
			list = append(list, int32(child))
		}
	}
	return list
}

// maxInstances bounds the running apps of a user that are looked at.
const maxInstances = 256

// flatpak returns the id of the app that a user's bwrap runs for Flatpak; "" is none. Flatpak notes each running app in the user's folder
// .flatpak/INSTANCE before it becomes bwrap itself (flatpak, common/flatpak-run.c).
func (s *Source) flatpak(bwrap int32, uid uint32) string {
	p := place{dir: fmt.Sprintf("/run/user/%d/.flatpak", uid)}
	// The look has a patience of its own, and what a user's files do is no matter of anybody else's.
	app, err := within(context.Background(), &s.lanes, p.dir, func() (string, error) {
		root, err := s.openRoot(p)
		if err != nil {
			return "", err
		}
		defer root.Close()
		in := folder{root, uid, &s.lists}
		for _, instance := range in.names(".", maxInstances) {
			pid, err := in.content(instance + "/pid")
			if err != nil || string(bytes.TrimSpace(pid)) != strconv.Itoa(int(bwrap)) {
				continue
			}
			info, err := in.content(instance + "/info")
			return appName(info), err
		}
		return "", fs.ErrNotExist
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Debug("look for an app of Flatpak", "bwrap", bwrap, "error", err)
	}
	return app
}

// content reads a small file.
func (f folder) content(name string) ([]byte, error) {
	file, _, err := f.open(name, maxFile)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAll(file, maxFile)
}

// appName returns the name in the section [Application] of a key file; "" is none.
func appName(info []byte) string {
	section := ""
	lines := bufio.NewScanner(bytes.NewReader(info))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section = line
		}
		if name, ok := strings.CutPrefix(line, "name="); ok && section == "[Application]" {
			return container.Cut(name)
		}
	}
	return ""
}
