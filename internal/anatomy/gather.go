package anatomy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
	"github.com/nsviz/nsviz/internal/model"
)

// Limits on how much of one container is read.
const (
	maxProcesses   = 4096
	maxWritten     = 200_000 // entries of the upper layer
	writtenSeconds = 2
	maxLayers      = 1_000_000 // of all layers below
	layersSeconds  = 20
)

// ErrEnded reports that the container ended while nsviz read it.
var ErrEnded = errors.New("it ended while nsviz looked at it")

// Extra holds inputs besides the kernel's files, and options that take longer.
type Extra struct {
	// Settings are the engine's settings of the container, to compare with the kernel's state; nil means unknown. SettingsErr
	// says why an engine that should know them did not return them.
	Settings    *fact.Settings
	SettingsErr error
	// Sizes requests a count of the read-only layers, too.
	Sizes bool
	// FindingsOnly leaves out what no finding needs and what takes long or shows: the host name, which is read by joining the UTS
	// namespace, the sum of the processes' memory, and the count of what was written.
	FindingsOnly bool
}

// Gather reads all available information about a container of a fresh snapshot. It fails only if the container has ended;
// anything else that cannot be read is unknown.
func Gather(ctx context.Context, host *host.FS, layout cgroupfs.Layout, s *model.Snapshot, c *model.Container, extra Extra) (*Anatomy, error) {
	a := &Anatomy{
		Container: c.Identity(), State: c.State,
		PID: c.InitPID, Comm: c.InitComm, Started: c.Started,
		Namespaces: namespaces(s, c), Unheld: c.Unheld, SharedCgroup: c.SharedCgroup, Stuck: c.Stuck, Paused: c.Paused, settings: extra.Settings,
		hostMnt: s.Host.Namespaces[event.Mnt],
	}
	if extra.Settings != nil {
		a.RestartCount = extra.Settings.RestartCount
	}
	if !c.Live() {
		return nil, errors.New("it has ended")
	}
	g := gatherer{Anatomy: a, ctx: ctx, host: host, layout: layout, snapshot: s, sizes: extra.Sizes, findingsOnly: extra.FindingsOnly}
	if extra.SettingsErr != nil {
		g.unknown("its engine's settings: %v", extra.SettingsErr)
	}
	if c.CgroupPath != "" {
		g.mayUse(c.CgroupPath)
	}
	if a.PID == 0 {
		a.unknown("all of its processes: none of them is its own program yet, or they are out of nsviz's sight")
		a.Findings = Findings(a)
		return a, nil
	}
	began, err := host.Proc.StartTime(a.PID)
	if err != nil {
		return nil, ended(err)
	}
	g.sees()
	g.processes(c.CgroupPath)
	g.madeOf()
	g.joined()
	g.ports()
	g.mayDo()
	// Another process may have got its PID meanwhile, and the readings may be of that one.
	if now, err := host.Proc.StartTime(a.PID); err != nil || now != began {
		return nil, ended(err)
	}
	a.Findings = Findings(a)
	return a, nil
}

func ended(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return ErrEnded
	}
	return err
}

// namespaces returns what the snapshot has about the container's namespaces.
func namespaces(s *model.Snapshot, c *model.Container) map[event.NamespaceType]*Namespace {
	all := map[event.NamespaceType]*Namespace{}
	for t, m := range c.Namespaces {
		if m.ID == 0 {
			continue
		}
		n := &Namespace{ID: m.ID, SharedWith: m.SharedWith.Labels(), Abandoned: m.Abandoned}
		if m.Relation != model.RelationUnknown {
			n.SharedWithHost = new(m.Relation == model.RelationHost)
		}
		all[event.NamespaceType(t)] = n
	}
	for i := range s.Namespaces {
		if n := all[s.Namespaces[i].Type]; n != nil && n.ID == s.Namespaces[i].ID {
			n.Owner, n.Parent = s.Namespaces[i].Owner, s.Namespaces[i].Parent
		}
	}
	return all
}

func (a *Anatomy) unknown(format string, args ...any) {
	a.Unknown = append(a.Unknown, fmt.Sprintf(format, args...))
}

type gatherer struct {
	*Anatomy

	ctx    context.Context
	host   *host.FS
	layout cgroupfs.Layout

	snapshot     *model.Snapshot
	sizes        bool
	findingsOnly bool
}

// sees reads what the container sees of the host, except the numbers of its namespaces.
func (g *gatherer) sees() {
	if !g.findingsOnly {
		g.hostname()
	}
	var err error
	if g.UIDMap, g.GIDMap, err = g.host.NS.IDMaps(g.PID); err != nil {
		g.unknown("which users it has outside: %v", err)
	}
	offsets, err := g.host.NS.TimeOffsets(g.PID)
	switch {
	case err == nil:
		g.TimeOffsets = &TimeOffsets{MonotonicNS: int64(offsets.Monotonic), BoottimeNS: int64(offsets.Boottime)}
	case !errors.Is(err, fs.ErrNotExist): // a kernel without time namespaces
		g.unknown("the offsets of its clocks: %v", err)
	}
	network, err := g.host.Net.Of(g.PID)
	if err != nil {
		g.unknown("its network: %v", err)
		return
	}
	g.Network = &Network{Interfaces: []Interface{}, OtherAddresses: network.Unplaced}
	for _, i := range network.Interfaces {
		g.Network.Interfaces = append(g.Network.Interfaces, Interface{Name: i.Name, Addresses: i.Addresses})
	}
}

func (g *gatherer) hostname() {
	name, err := g.host.NS.Hostname(g.PID)
	if err != nil {
		g.unknown("its host name: %v", err)
		return
	}
	g.Hostname = &name
}

// processes reads every process of the container.
func (g *gatherer) processes(cgroup string) {
	if cgroup == "" {
		g.unknown("what it may use: it has no cgroup of its own")
	}
	pids, err := g.pids(cgroup)
	if err != nil {
		g.unknown("its processes: %v", err)
		return
	}
	if cgroup == "" && !g.findingsOnly {
		g.sumOfPSS(pids)
	}
	g.Processes = []Process{}
	for i, pid := range pids {
		if i == maxProcesses {
			g.unknown("%d of its processes: nsviz looks at %d", len(pids)-i, maxProcesses)
			return
		}
		p, err := g.host.Proc.Process(pid, cgroupfs.Layout{})
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			g.unknown("its process %d: %v", pid, err)
			continue
		}
		process := Process{PID: pid, Comm: p.Comm, UID: p.UID, PIDs: p.NSPID, Parent: p.PPID}
		if ids, err := g.host.NS.Of(pid); err == nil { // else the process is taken for one of the container
			process.mnt = ids[event.Mnt]
		}
		if process.privileges, err = g.host.Proc.Privileges(pid); err != nil && !errors.Is(err, fs.ErrNotExist) {
			g.unknown("what its process %d may do: %v", pid, err)
		}
		g.Processes = append(g.Processes, process)
	}
}

// pids lists the processes in the container's cgroup. If its PID 1 is in another cgroup, it adds the processes in the container's
// cgroups of other hierarchies; any others are unknown.
func (g *gatherer) pids(cgroup string) ([]int32, error) {
	if g.SharedCgroup != "" {
		return g.inItsMounts()
	}
	if cgroup == "" {
		return g.inItsNamespace()
	}
	if g.Unheld == nil {
		return g.layout.TreeProcs(cgroup)
	}
	pids := append(g.layout.ProcsElsewhere(cgroup), g.PID)
	if more, err := g.layout.TreeProcs(cgroup); err == nil {
		pids = append(pids, more...)
	}
	g.unknown("which other processes it has made in %s, where its PID 1 is", cmp.Or(g.Unheld.Cgroup, "the cgroup"))
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// inItsMounts lists the processes in the mount namespace of the container's PID 1: without a cgroup these are the container's.
func (g *gatherer) inItsMounts() ([]int32, error) {
	pids, err := g.host.Proc.PIDs()
	if err != nil {
		return nil, err
	}
	own := g.Namespaces[event.Mnt]
	return slices.DeleteFunc(pids, func(pid int32) bool {
		ids, err := g.host.NS.Of(pid)
		return pid != g.PID && (err != nil || own == nil || ids[event.Mnt] != own.ID || own.ID == g.hostMnt)
	}), nil
}

// inItsNamespace lists the processes in the namespace by which something without a cgroup of its own is known: its PID namespace or, if that is
// the host's, its user namespace.
func (g *gatherer) inItsNamespace() ([]int32, error) {
	for _, t := range []event.NamespaceType{event.PID, event.User} {
		own := g.Namespaces[t]
		if own == nil || own.ID == g.snapshot.Host.Namespaces[t] {
			continue
		}
		pids, err := g.host.Proc.PIDs()
		if err != nil {
			return nil, err
		}
		return slices.DeleteFunc(pids, func(pid int32) bool {
			ids, err := g.host.NS.Of(pid)
			return pid != g.PID && (err != nil || ids[t] != own.ID)
		}), nil
	}
	return nil, errors.New("it has no cgroup, and no namespace, by which they are known")
}

// maxPSS is how many processes are read for the sum of their memory, which takes the kernel some milliseconds for each GiB.
const maxPSS = 256

// sumOfPSS adds up the memory of some processes.
func (g *gatherer) sumOfPSS(pids []int32) {
	if len(pids) > maxPSS {
		g.unknown("how much memory it uses: it has %d processes, and nsviz adds up %d at most", len(pids), maxPSS)
		return
	}
	sum := uint64(0)
	for _, pid := range pids {
		pss, err := g.host.Proc.PSS(pid)
		if pseudofs.IsGone(err) {
			continue
		}
		if err != nil {
			g.unknown("how much memory it uses: %v", err)
			return
		}
		sum += pss
	}
	g.PSSBytes = &sum
}

// madeOf reads the container's file systems.
func (g *gatherer) madeOf() {
	mounts, err := g.host.Mounts.Of(g.PID)
	if err != nil {
		g.unknown("its file systems: %v", err)
		return
	}
	outside, err := g.host.Mounts.OfHost()
	if err != nil {
		g.unknown("where on the host its mounts are from: %v", err)
	}
	g.Mounts = classify(mounts, outside)
	g.reach(mounts, outside)
	if root, ok := mountinfo.At(mounts, "/"); ok {
		g.root(root)
	}
	devices, err := g.host.Root.Devices(g.PID, mounts)
	if err != nil {
		g.unknown("its devices, in whole or in part: %v", err)
	}
	if err == nil || len(devices) > 0 {
		g.Devices = []Device{}
	}
	for _, d := range devices {
		g.Devices = append(g.Devices, Device(d))
	}
}

// reach looks up which cgroups the users of the container own, if its user namespace has not all users.
func (g *gatherer) reach(mounts, outside []mountinfo.Mount) {
	if g.UIDMap == nil {
		return
	}
	for i := range mounts {
		m := &mounts[i]
		if m.ReadOnly || m.FSType != "cgroup" && m.FSType != "cgroup2" {
			continue
		}
		stat, err := pseudofs.Lstat(onHost(m, outside)) // "" if it is not mounted on the host
		if err == nil && stat.Mode&unix.S_IWOTH == 0 && !nsfs.HasOutsideID(g.UIDMap, stat.Uid) {
			if g.outOfReach == nil {
				g.outOfReach = map[int]bool{}
			}
			g.outOfReach[i] = true
		}
	}
}

func (g *gatherer) root(m *mountinfo.Mount) {
	g.Root = &Root{Type: m.FSType, ReadOnly: m.ReadOnly}
	overlay, ok := m.Overlay()
	if !ok {
		return
	}
	g.Root.Lower, g.Root.Upper = overlay.Lower, overlay.Upper
	g.layers()
	if overlay.Upper == "" || g.findingsOnly {
		return
	}
	ctx, cancel := context.WithTimeout(g.ctx, writtenSeconds*time.Second)
	defer cancel()
	written, err := g.host.Root.Written(ctx, overlay.Upper, maxWritten)
	if err != nil {
		g.unknown("what it has written: %v", err)
		return
	}
	g.Root.Written = new(Written(written))
}

// layers describes the read-only layers: their contents, if requested, and which layers of the image they are, if the engine
// reports that.
func (g *gatherer) layers() {
	list := make([]Layer, len(g.Root.Lower))
	if g.settings != nil && len(g.settings.Layers) > 0 && len(g.settings.Layers) <= len(list) {
		// The image's layers are the lowest ones, and the engine lists the lowest first. Above them is a layer of the engine's
		// own, with mount points for its mounts.
		for i := range g.settings.Layers {
			list[len(list)-1-i].ImageLayer = g.settings.Layers[i]
		}
		g.Root.Layers = list
	}
	if !g.sizes {
		return
	}
	g.Root.Layers = list
	ctx, cancel := context.WithTimeout(g.ctx, layersSeconds*time.Second)
	defer cancel()
	left := maxLayers
	for i, path := range g.Root.Lower {
		size, err := g.host.Root.Written(ctx, path, left)
		if err != nil {
			g.unknown("what is in the layer %s: %v", path, err)
			continue
		}
		left = max(left-size.Files-size.Deleted, 0)
		list[i].Size = new(Written(size))
	}
}

// mayDo reads the privileges of the container's PID 1.
func (g *gatherer) mayDo() {
	p, err := g.host.Proc.Privileges(g.PID)
	if err != nil {
		g.unknown("what it may do: %v", err)
		return
	}
	g.Privileges = privileges(p)
	if status, err := g.host.Proc.Status(g.PID); err == nil {
		g.Privileges.UID = &status.UID
	} else {
		g.unknown("its user: %v", err)
	}
	if label, err := g.host.Proc.LSMLabel(g.PID); err == nil {
		g.Privileges.LSM = &label
	} else {
		g.unknown("its security profile: %v", err)
	}
	if p, err := g.host.Proc.Privileges(1); err == nil {
		g.hostBounding = names(p.Bounding)
	}
}

// mayUse reads what the container uses and may use.
func (g *gatherer) mayUse(cgroup string) {
	r, err := g.host.Resources.Of(g.PID, g.layout, cgroup)
	if err != nil {
		g.unknown("what it uses and may use, in whole or in part: %v", err)
	}
	if r.Cgroup == "" {
		return
	}
	g.Resources = &r
	if r.PIDs == nil || r.PIDs.Max == nil {
		g.unknown("its limit of processes: the kernel does not report it")
	}
}

func privileges(p procfs.Privileges) *Privileges {
	out := &Privileges{
		Capabilities: Capabilities{
			Bounding: names(p.Bounding), Effective: names(p.Effective), Permitted: names(p.Permitted),
			Inheritable: names(p.Inheritable), Ambient: names(p.Ambient),
		},
		SeccompFilters: p.SeccompFilters, NoNewPrivs: p.NoNewPrivs,
	}
	if p.Seccomp != nil {
		out.Seccomp = seccompWord(*p.Seccomp)
	}
	return out
}

const (
	seccompDisabled = "disabled"
	seccompStrict   = "strict"
	seccompFilter   = "filter"
)

func seccompWord(mode procfs.SeccompMode) string {
	switch mode {
	case procfs.SeccompDisabled:
		return seccompDisabled
	case procfs.SeccompStrict:
		return seccompStrict
	case procfs.SeccompFilter:
		return seccompFilter
	}
	return fmt.Sprint("mode ", int(mode))
}

// names returns nil if the set is unknown.
func names(set *procfs.Capabilities) []string {
	if set == nil {
		return nil
	}
	return set.Names()
}
