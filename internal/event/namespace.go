package event

import (
	"encoding/json"
	"fmt"
)

// NamespaceType is one of the kernel's eight kinds of namespace.
type NamespaceType uint8

// The namespace types, in the order in which nsviz shows them. The BPF side counts in the same
// order (enum namespace_type in bpf/event.h); a test compares the two.
const (
	Mnt NamespaceType = iota
	PID
	Net
	IPC
	UTS
	User
	CgroupNS
	Time

	NamespaceTypeCount = 8
)

var namespaceNames = [NamespaceTypeCount]string{"mnt", "pid", "net", "ipc", "uts", "user", "cgroup", "time"}

// NamespaceTypes lists all types in display order.
func NamespaceTypes() [NamespaceTypeCount]NamespaceType {
	return [NamespaceTypeCount]NamespaceType{Mnt, PID, Net, IPC, UTS, User, CgroupNS, Time}
}

// String returns the kernel's name of the type, as in /proc/PID/ns.
func (t NamespaceType) String() string {
	if int(t) < len(namespaceNames) {
		return namespaceNames[t]
	}
	return fmt.Sprintf("NamespaceType(%d)", uint8(t))
}

// ParseNamespaceType returns the type of a name; it fails for any other word.
func ParseNamespaceType(name string) (NamespaceType, error) {
	for t, n := range namespaceNames {
		if n == name {
			return NamespaceType(t), nil
		}
	}
	return 0, fmt.Errorf("no namespace type %q", name)
}

// MarshalText writes the type's name.
func (t NamespaceType) MarshalText() ([]byte, error) {
	if int(t) >= len(namespaceNames) {
		return nil, fmt.Errorf("no namespace type %d", uint8(t))
	}
	return []byte(namespaceNames[t]), nil
}

// UnmarshalText reads the type's name.
func (t *NamespaceType) UnmarshalText(text []byte) error {
	parsed, err := ParseNamespaceType(string(text))
	*t = parsed
	return err
}

// NamespaceIDs holds one inode number per namespace type; 0 is unknown.
type NamespaceIDs [NamespaceTypeCount]uint64

// IsZero reports whether nothing is known.
func (ids NamespaceIDs) IsZero() bool { return ids == NamespaceIDs{} }

// MarshalJSON writes {type: id} for the known ones.
func (ids NamespaceIDs) MarshalJSON() ([]byte, error) {
	known := make(map[NamespaceType]uint64, len(ids))
	for t, id := range ids {
		if id != 0 {
			known[NamespaceType(t)] = id
		}
	}
	return json.Marshal(known)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (ids *NamespaceIDs) UnmarshalJSON(data []byte) error {
	var known map[NamespaceType]uint64
	if err := json.Unmarshal(data, &known); err != nil {
		return err
	}
	*ids = NamespaceIDs{}
	for t, id := range known {
		ids[t] = id
	}
	return nil
}
