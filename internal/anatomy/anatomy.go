package anatomy

import (
	"net/netip"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/model"
)

// Anatomy describes one container; `nsviz inspect -o json` prints it, and docs/EVENTS.md describes it. A nil slice, map or
// pointer means unknown.
type Anatomy struct {
	Container event.Container      `json:"container"`
	State     model.ContainerState `json:"state"`
	// PID and Comm are those of its PID 1; PID is the host's number.
	PID     int32     `json:"pid,omitempty"`
	Comm    string    `json:"comm,omitempty"`
	Started time.Time `json:"started,omitzero"`

	Namespaces map[event.NamespaceType]*Namespace `json:"namespaces"`
	// Hostname is its host name as seen inside; it may be empty, and nil means unknown.
	Hostname    *string        `json:"hostname,omitempty"`
	UIDMap      []nsfs.IDRange `json:"uid_map,omitzero"`
	GIDMap      []nsfs.IDRange `json:"gid_map,omitzero"`
	TimeOffsets *TimeOffsets   `json:"time_offsets,omitempty"`
	Network     *Network       `json:"network,omitempty"`
	// Ports are the host's ports that lead into it.
	Ports     []Port    `json:"ports,omitzero"`
	Processes []Process `json:"processes,omitzero"`

	// Unheld is set if its PID 1 is not in its own cgroup, Stuck if its processes wait forever for memory.
	Unheld *fact.Unheld `json:"unheld,omitempty"`
	Stuck  *fact.Stuck  `json:"stuck,omitempty"`
	// SharedCgroup is the path of the cgroup that its PID 1 is in, if it has none of its own.
	SharedCgroup string `json:"shared_cgroup,omitempty"`
	// Paused is set while the freezer stops its processes.
	Paused *fact.Paused `json:"paused,omitempty"`
	// RestartCount is how often its engine has restarted it by its restart policy.
	RestartCount *int `json:"restart_count,omitempty"`

	// Resources is nil if its cgroup could not be read.
	Resources *resources.Resources `json:"resources,omitempty"`
	// PSSBytes is the sum of the proportional set sizes of its processes, if it has no cgroup that counts its memory; nil is unknown.
	PSSBytes *uint64 `json:"pss_bytes,omitempty"`

	Root    *Root    `json:"root,omitempty"`
	Mounts  []Mount  `json:"mounts,omitzero"`
	Devices []Device `json:"devices,omitzero"`

	Privileges *Privileges `json:"privileges,omitempty"`
	Findings   []Finding   `json:"findings"`
	// Unknown lists, in sentences, what could not be read.
	Unknown []string `json:"unknown,omitempty"`

	settings *fact.Settings
	// hostBounding is the bounding set of the host's PID 1.
	hostBounding []string
	// hostMnt is the number of the host's mount namespace; 0 is unknown.
	hostMnt uint64
	// outOfReach has the indexes in Mounts of cgroups that belong to a user whom the container's user namespace does not have:
	// nobody in the container may write there.
	outOfReach map[int]bool
}

// Namespace describes one namespace that a container is in, and its place there.
type Namespace struct {
	ID uint64 `json:"id"`
	// Owner is the user namespace that owns it. Parent, for a pid or user namespace, is the one around it.
	Owner          uint64   `json:"owner,omitempty"`
	Parent         uint64   `json:"parent,omitempty"`
	SharedWithHost *bool    `json:"shared_with_host,omitempty"`
	SharedWith     []string `json:"shared_with,omitempty"`
	// MadeFor is the container that it was made for, by name or short id. That may be this container, or one that is not in it
	// any more. If it is unknown, Oldest is the container in it that started first.
	MadeFor string `json:"made_for,omitempty"`
	Oldest  string `json:"oldest,omitempty"`
	// Abandoned is set if the container that it was made for has ended or is in another one.
	Abandoned *model.Abandoned `json:"abandoned,omitempty"`
}

// TimeOffsets holds how many nanoseconds its clocks are ahead of the host's.
type TimeOffsets struct {
	MonotonicNS int64 `json:"monotonic_ns"`
	BoottimeNS  int64 `json:"boottime_ns"`
}

// Network describes the contents of its net namespace.
type Network struct {
	Interfaces []Interface `json:"interfaces"`
	// OtherAddresses are those whose interface is unknown.
	OtherAddresses []netip.Addr `json:"other_addresses,omitempty"`
}

// Interface is a network interface; each address has the prefix length of its network.
type Interface struct {
	Name      string         `json:"name"`
	Addresses []netip.Prefix `json:"addresses,omitempty"`
}

// Process is one process of the container.
type Process struct {
	PID  int32  `json:"pid"`
	Comm string `json:"comm"`
	UID  uint32 `json:"uid"`
	// PIDs are its numbers in each pid namespace, the host's first, its own last.
	PIDs []int32 `json:"pids"`
	// Parent is the PID of its parent, as the host counts; 0 is none or unknown.
	Parent int32 `json:"parent,omitempty"`

	privileges procfs.Privileges
	// mnt is the number of its mount namespace; 0 is unknown.
	mnt uint64
}

// Root describes its root file system. For an overlay, Lower are the read-only layers, the topmost first, and Upper receives the
// changes; paths are the host's.
type Root struct {
	Type     string   `json:"type"`
	ReadOnly bool     `json:"read_only"`
	Lower    []string `json:"lower,omitempty"`
	Upper    string   `json:"upper,omitempty"`
	Written  *Written `json:"written,omitempty"`
	// Layers describes the layers in Lower; nil if nothing more is known about them.
	Layers []Layer `json:"layers,omitempty"`
}

// Layer is one read-only layer.
type Layer struct {
	// Size describes its contents; nil if they were not counted.
	Size *Written `json:"size,omitempty"`
	fact.ImageLayer
}

// Written describes the contents of a layer.
type Written struct {
	Bytes   uint64 `json:"bytes"`
	Files   int    `json:"files"`
	Deleted int    `json:"deleted"`
	// Stopped says why the count ended early; if set, there is more.
	Stopped string `json:"stopped,omitempty"`
}

// MountKind is the purpose of a mount.
type MountKind string

// The kinds of mounts.
const (
	KindRoot   MountKind = "root"
	KindVolume MountKind = "volume" // a folder that the engine keeps for it
	KindBind   MountKind = "bind"   // something of the host
	KindEngine MountKind = "engine" // made by the engine, such as /etc/resolv.conf
	KindTmpfs  MountKind = "tmpfs"
	KindKernel MountKind = "kernel" // a view of the kernel, such as proc
	KindMask   MountKind = "mask"   // covers a part of one
	KindOther  MountKind = "other"
)

// Mount is one mount that the container sees.
type Mount struct {
	Path string    `json:"path"`
	Kind MountKind `json:"kind"`
	Type string    `json:"type"`
	// Source is the path on the host of what is mounted; "" means unknown or none.
	Source   string `json:"source,omitempty"`
	ReadOnly bool   `json:"read_only"`
	// Covered reports whether other mounts hide it: no path leads to it.
	Covered bool `json:"covered,omitempty"`
}

// Device is a device node in its /dev.
type Device struct {
	Path  string `json:"path"`
	Block bool   `json:"block"`
	Major uint32 `json:"major"`
	Minor uint32 `json:"minor"`
}

// Privileges describes what its PID 1 may do.
type Privileges struct {
	UID          *uint32      `json:"uid,omitempty"`
	Capabilities Capabilities `json:"capabilities"`
	// Seccomp is disabled, strict or filter.
	Seccomp        string `json:"seccomp,omitempty"`
	SeccompFilters *int   `json:"seccomp_filters,omitempty"`
	NoNewPrivs     *bool  `json:"no_new_privs,omitempty"`
	// LSM is the profile or label in the security module's words; "" if none is active.
	LSM *string `json:"lsm,omitempty"`
}

// Capabilities holds the five sets; each may be empty, and nil means unknown.
type Capabilities struct {
	Bounding    []string `json:"bounding,omitzero"`
	Effective   []string `json:"effective,omitzero"`
	Permitted   []string `json:"permitted,omitzero"`
	Inheritable []string `json:"inheritable,omitzero"`
	Ambient     []string `json:"ambient,omitzero"`
}
