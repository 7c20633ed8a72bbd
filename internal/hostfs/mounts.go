package hostfs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Mount is one mount of a process's mount namespace.
type Mount struct {
	// Device is the file system's major:minor.
	Device string
	// Root is what of the file system is mounted, Point where.
	Root  string
	Point string
	// ReadOnly is whether nothing can be written through this mount, because of it or of the file
	// system as a whole.
	ReadOnly bool
	FSType   string
	Source   string
	// SuperOptions are the file system's options as mountinfo has them, still escaped.
	SuperOptions string
}

// Mounts lists what is mounted below a process's root, in the order of mountinfo: of two mounts at
// one place the later one covers the earlier.
func (f *FS) Mounts(pid int32) ([]Mount, error) {
	data, err := pseudofs.ReadFile(f.proc.PID(pid)+"/mountinfo", nil)
	if err != nil {
		return nil, fmt.Errorf("list the mounts of PID %d: %w", pid, err)
	}
	return parseMounts(data), nil
}

// HostMounts lists what is mounted on the host: the mounts of PID 1, or where those are not to be
// had, nsviz's own.
func (f *FS) HostMounts() ([]Mount, error) {
	data, err := pseudofs.ReadFile(f.proc.File("1/mountinfo"), nil)
	if err != nil {
		if data, err = pseudofs.ReadFile(f.proc.File("self/mountinfo"), nil); err != nil {
			return nil, fmt.Errorf("list the host's mounts: %w", err)
		}
	}
	return parseMounts(data), nil
}

func parseMounts(mountinfo []byte) []Mount {
	var list []Mount
	for m := range mounts(mountinfo) {
		list = append(list, Mount{
			Device: string(m.device), Root: unescapeMount(m.root), Point: unescapeMount(m.point),
			ReadOnly: hasOption(string(m.options), "ro") || hasOption(string(m.superOptions), "ro"),
			FSType:   unescapeMount(m.fsType), Source: unescapeMount(m.source), SuperOptions: string(m.superOptions),
		})
	}
	return list
}

func hasOption(options, name string) bool {
	for option := range strings.SplitSeq(options, ",") {
		if option == name {
			return true
		}
	}
	return false
}

// Overlay is what a mount of overlayfs is made of. Paths are as whoever mounted it gave them.
type Overlay struct {
	// Lower are the read-only layers, the topmost first.
	Lower []string
	// Upper is the layer that takes what is written; "" where there is none.
	Upper string
}

// Overlay reads the layers of an overlayfs from the mount's options; false for other file systems.
func (m *Mount) Overlay() (Overlay, bool) {
	if m.FSType != "overlay" {
		return Overlay{}, false
	}
	var o Overlay
	for option := range strings.SplitSeq(m.SuperOptions, ",") {
		key, value, _ := strings.Cut(option, "=")
		// The kernel has escaped the commas in paths, as well as the blanks.
		value = unescapeMount([]byte(value))
		switch key {
		case "lowerdir":
			o.Lower = append(o.Lower, splitLayers(value)...)
		case "lowerdir+", "datadir+": // one by one, by the mount API that is newer
			o.Lower = append(o.Lower, value)
		case "upperdir":
			o.Upper = unescapeLayer(value)
		}
	}
	return o, true
}

// splitLayers takes a list apart at its colons; in a path overlayfs wants a colon escaped with a
// backslash, and two colons begin layers that only hold data.
func splitLayers(list string) []string {
	var layers []string
	begin := 0
	for i := 0; i < len(list); i++ {
		switch list[i] {
		case '\\':
			i++
		case ':':
			layers = append(layers, unescapeLayer(list[begin:i]))
			begin = i + 1
		}
	}
	layers = append(layers, unescapeLayer(list[begin:]))
	return slices.DeleteFunc(layers, func(layer string) bool { return layer == "" })
}

// unescapeLayer takes off the backslashes by which overlayfs wants colons, commas and backslashes
// escaped.
func unescapeLayer(path string) string {
	if !strings.Contains(path, `\`) {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+1 < len(path) {
			i++
		}
		b.WriteByte(path[i])
	}
	return b.String()
}
