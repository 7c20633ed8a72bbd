package mountinfo

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
	// Covered reports whether other mounts hide it: no path leads to it.
	Covered bool
	// ReadOnly reports whether this mount or its file system is read-only.
	ReadOnly bool
	FSType   string
	Source   string
	// SuperOptions are the file system's options as mountinfo has them, still escaped.
	SuperOptions string
}

// Reader reads mount tables of a procfs. Any number of goroutines may use one at a time.
type Reader struct{ proc pseudofs.Proc }

// New returns a reader of the mount tables in proc.
func New(proc pseudofs.Proc) *Reader { return &Reader{proc} }

// Of lists what is mounted below a process's root, in the order of mountinfo: of two mounts at
// one place the later one covers the earlier.
func (r *Reader) Of(pid int32) ([]Mount, error) {
	data, err := pseudofs.ReadFile(r.proc.PID(pid)+"/mountinfo", nil)
	if err != nil {
		return nil, fmt.Errorf("list the mounts of PID %d: %w", pid, err)
	}
	return parseMounts(data), nil
}

// HostTable reads what is mounted on the host: the mounts of PID 1, since nsviz may have a mount namespace of its own (in a container, or
// by systemd's sandboxing), or where those are not to be had, nsviz's own.
func HostTable(proc pseudofs.Proc) ([]byte, error) {
	data, err := pseudofs.ReadFile(proc.File("1/mountinfo"), nil)
	if err != nil {
		data, err = pseudofs.ReadFile(proc.File("self/mountinfo"), nil)
	}
	return data, err
}

// OfHost lists what is mounted on the host, as HostTable has it.
func (r *Reader) OfHost() ([]Mount, error) {
	data, err := HostTable(r.proc)
	if err != nil {
		return nil, fmt.Errorf("list the host's mounts: %w", err)
	}
	return parseMounts(data), nil
}

func parseMounts(mountinfo []byte) []Mount {
	var list []Mount
	var places []place
	for m := range Lines(mountinfo) {
		places = append(places, place{id: string(m.ID), parent: string(m.Parent)})
		list = append(list, Mount{
			Device: string(m.Device), Root: Unescape(m.Root), Point: Unescape(m.Point),
			ReadOnly: hasOption(string(m.Options), "ro") || hasOption(string(m.SuperOptions), "ro"),
			FSType:   Unescape(m.FSType), Source: Unescape(m.Source), SuperOptions: string(m.SuperOptions),
		})
	}
	markCovered(list, places)
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

// At returns the mount that a path is in: of those around it the innermost, and of several at one
// place the last one.
func At(mounts []Mount, at string) (*Mount, bool) {
	var best *Mount
	for i := range mounts {
		m := &mounts[i]
		around := m.Point == "/" || at == m.Point || strings.HasPrefix(at, m.Point+"/")
		if around && (best == nil || len(m.Point) >= len(best.Point)) {
			best = m
		}
	}
	return best, best != nil
}

// Overlay holds the layers of an overlayfs mount. Paths are as given when it was mounted.
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
		value = Unescape([]byte(value))
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
