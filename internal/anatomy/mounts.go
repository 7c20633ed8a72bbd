package anatomy

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/enginefiles"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
)

// kernelTypes are file systems whose files are views of the kernel instead of data.
var kernelTypes = []string{
	"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "debugfs", "tracefs", "securityfs", "bpf", "configfs",
	"pstore", "binfmt_misc", "selinuxfs", "efivarfs", "fusectl", "nsfs",
}

// classify returns the mounts with their kinds and their sources on the host.
func classify(mounts, host []mountinfo.Mount) []Mount {
	// Each file system has few mounts on the host, but a container may have thousands of mounts.
	byDevice := map[string][]*mountinfo.Mount{}
	for i := range host {
		byDevice[host[i].Device] = append(byDevice[host[i].Device], &host[i])
	}
	list := make([]Mount, 0, len(mounts))
	for i := range mounts {
		m := &mounts[i]
		out := Mount{Path: m.Point, Type: m.FSType, ReadOnly: m.ReadOnly, Covered: m.Covered, Source: hostPath(m, byDevice[m.Device])}
		out.Kind = kind(m, out.Source)
		switch out.Kind {
		case KindRoot, KindKernel, KindMask, KindTmpfs:
			out.Source = ""
		}
		list = append(list, out)
	}
	return list
}

// hostPath returns the path on the host of what is mounted; "" if the file system is not mounted there. Bind mounts may give it
// several paths. hostPath prefers a sensitive one, so that no other name hides it, else the one nearest to the file system's
// root.
func hostPath(m *mountinfo.Mount, candidates []*mountinfo.Mount) string {
	best, bestRoot := "", 0
	for _, c := range candidates {
		rest, ok := strings.CutPrefix(m.Root, strings.TrimSuffix(c.Root, "/"))
		if !ok || rest != "" && rest[0] != '/' {
			continue
		}
		at := path.Join(c.Point, rest)
		switch better := sensitive(at) != nil; {
		case best == "", better && sensitive(best) == nil, better == (sensitive(best) != nil) && len(c.Root) < bestRoot:
			best, bestRoot = at, len(c.Root)
		}
	}
	return best
}

// onHost returns the path on the host of what is mounted; "" if its file system is not mounted there.
func onHost(m *mountinfo.Mount, host []mountinfo.Mount) string {
	var candidates []*mountinfo.Mount
	for i := range host {
		if host[i].Device == m.Device {
			candidates = append(candidates, &host[i])
		}
	}
	return hostPath(m, candidates)
}

// volumePath matches the folders of volumes of Docker, Podman and Kubernetes.
var volumePath = regexp.MustCompile(`/volumes/([^/]+)/_data(/|$)|/volumes/kubernetes\.io~`)

// ofEngine reports whether an engine made the source of a mount for a container.
func ofEngine(source string) bool {
	_, is := enginefiles.Owner(source)
	return is
}

func kind(m *mountinfo.Mount, source string) MountKind {
	below := func(dir string) bool { return m.Point == dir || strings.HasPrefix(m.Point, dir+"/") }
	covers := below("/proc") && m.Point != "/proc" || below("/sys") && m.Point != "/sys"
	switch {
	case m.Point == "/":
		return KindRoot
	// The host's procfs is a different file system from the container's; its sysfs and cgroups are the same ones.
	case source != "" && (m.FSType == "proc" || m.FSType == "sysfs" && !below("/sys")):
		return KindBind
	case slices.Contains(kernelTypes, m.FSType):
		return KindKernel
	case covers && (m.FSType == "tmpfs" || m.FSType == "devtmpfs"):
		return KindMask
	case ofEngine(source):
		return KindEngine
	case volumePath.MatchString(source):
		return KindVolume
	case source != "":
		return KindBind
	case m.FSType == "tmpfs":
		return KindTmpfs
	}
	return KindOther
}

// exposure describes how bad it is that a path of the host is mounted in a container.
type exposure struct {
	writable, readOnly Severity
	why                string
}

// sensitive returns the exposure of a path; nil means none.
func sensitive(at string) *exposure {
	if runtime.IsSocket(path.Base(at)) { // a read-only mount does not prevent connecting
		return &exposure{Critical, Critical, "who may write to it commands the engine"}
	}
	if e, ok := sensitivePaths[at]; ok {
		return &e
	}
	for _, r := range runtime.All() {
		switch f := &r.Files; {
		case f.SocketDir != "" && f.SocketDir == at:
			return &exposure{Critical, Critical, "the sockets of the engine"}
		case f.StateDir != "" && f.StateDir == at:
			return &exposure{Critical, High, "the files of all containers"}
		}
	}
	return nil
}

var sensitivePaths = map[string]exposure{
	"/":                {Critical, High, "all files of the host"},
	"/etc":             {Critical, High, "the host's settings, its users and their password hashes"},
	"/etc/shadow":      {Critical, High, "the host's password hashes"},
	"/etc/passwd":      {Critical, Low, "the host's users"},
	"/etc/sudoers":     {Critical, Medium, "who may become root on the host"},
	"/etc/cron.d":      {Critical, Low, "what the host runs as root"},
	"/etc/kubernetes":  {Critical, High, "the cluster's keys"},
	"/root":            {Critical, High, "root's files and keys"},
	"/root/.ssh":       {Critical, High, "root's keys"},
	"/home":            {High, High, "the users' files and keys"},
	"/boot":            {Critical, Low, "the kernel that the host boots next"},
	"/usr":             {Critical, Info, "the host's programs"},
	"/usr/bin":         {Critical, Info, "the host's programs"},
	"/usr/lib":         {Critical, Info, "the host's libraries"},
	"/bin":             {Critical, Info, "the host's programs"},
	"/sbin":            {Critical, Info, "the host's programs"},
	"/lib":             {Critical, Info, "the host's libraries and kernel modules"},
	"/lib/modules":     {Critical, Info, "the host's kernel modules"},
	"/dev":             {Critical, Critical, "the host's devices, its disks among them"},
	"/proc":            {Critical, High, "the host's processes and the kernel's settings"},
	"/sys":             {Critical, Medium, "the kernel's view of the hardware, and its settings"},
	"/run":             {Critical, Critical, "the sockets of the host's services, the engine's among them"},
	"/var/run":         {Critical, Critical, "the sockets of the host's services, the engine's among them"},
	"/run/systemd":     {Critical, High, "the sockets of the host's service manager"},
	"/var":             {Critical, High, "what the host's services keep, other containers among them"},
	"/var/lib":         {Critical, High, "what the host's services keep, other containers among them"},
	"/var/lib/kubelet": {Critical, High, "the secrets of all pods"},
	"/var/log":         {Medium, Medium, "what the host's services have written down"},
	"/var/spool/cron":  {Critical, Low, "what the host runs as root"},
}
