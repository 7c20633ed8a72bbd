package resources

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// IOUse holds what a cgroup and those below it read from and wrote to block devices.
type IOUse struct {
	IOCounts
	Devices []IODevice `json:"devices,omitempty"`
}

// IODevice is the same for one device.
type IODevice struct {
	Device string `json:"device"` // major:minor
	IOCounts
}

// IOCounts holds the kernel's counters, by their names in io.stat.
type IOCounts struct {
	ReadBytes  *uint64 `json:"rbytes,omitempty"`
	WriteBytes *uint64 `json:"wbytes,omitempty"`
	Reads      *uint64 `json:"rios,omitempty"`
	Writes     *uint64 `json:"wios,omitempty"`
}

func (r *resourceReader) io() *IOUse {
	c, found := r.cgroup("blkio")
	if !found || c.unconfined {
		return nil
	}
	if c.v1() {
		return r.ioV1(c.dir)
	}
	devices := parsed(r, c.dir, "io.stat", parseIOStat)
	if devices == nil {
		return nil
	}
	return sumIO(*devices)
}

// parseIOStat reads lines "major:minor key=number …". A cgroup without I/O has none.
func parseIOStat(text string) (*[]IODevice, error) {
	devices := []IODevice{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if !isDevice(words[0]) {
			return nil, fmt.Errorf("%q is not of the form major:minor", words[0])
		}
		d := IODevice{Device: words[0]}
		counts := map[string]**uint64{"rbytes": &d.ReadBytes, "wbytes": &d.WriteBytes, "rios": &d.Reads, "wios": &d.Writes}
		for _, word := range words[1:] {
			key, value, _ := strings.Cut(word, "=")
			into := counts[key]
			if into == nil {
				continue
			}
			n, err := parseBytes(value)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", word, err)
			}
			*into = n
		}
		if d.IOCounts != (IOCounts{}) { // some kernels list devices without any counter
			devices = append(devices, d)
		}
	}
	return &devices, nil
}

// ioV1 reads the counters of throttling, or else those of the BFQ scheduler. Throttling counts only devices for which some cgroup
// configures it (since Linux 6.10, a3166c51702b), BFQ only those that it schedules. The counts of a missing device are unknown,
// they need not be zero.
func (r *resourceReader) ioV1(dir string) *IOUse {
	for _, policy := range []string{"blkio.throttle.", "blkio.bfq."} {
		var devices []IODevice
		for _, file := range []struct {
			name        string
			read, write func(*IOCounts) **uint64
		}{
			{
				policy + "io_service_bytes_recursive",
				func(c *IOCounts) **uint64 { return &c.ReadBytes }, func(c *IOCounts) **uint64 { return &c.WriteBytes },
			},
			{
				policy + "io_serviced_recursive",
				func(c *IOCounts) **uint64 { return &c.Reads }, func(c *IOCounts) **uint64 { return &c.Writes },
			},
		} {
			text, _ := r.text(dir, file.name)
			err := eachService(text, func(device, operation string, n uint64) {
				into := map[string]func(*IOCounts) **uint64{"Read": file.read, "Write": file.write}[operation]
				if into == nil {
					return
				}
				i := slices.IndexFunc(devices, func(d IODevice) bool { return d.Device == device })
				if i < 0 {
					i = len(devices)
					devices = append(devices, IODevice{Device: device})
				}
				*into(&devices[i].IOCounts) = &n
			})
			if err != nil {
				r.failed(dir, file.name, err)
			}
		}
		if len(devices) > 0 {
			return sumIO(devices)
		}
	}
	return nil
}

// eachService calls visit with what a file of v1 has of each device: lines "major:minor Read number", and a "Total number" at the end.
func eachService(text string, visit func(device, operation string, n uint64)) (err error) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) != 3 || !isDevice(words[0]) {
			continue
		}
		n, failed := parseBytes(words[2])
		if failed != nil {
			err = failed
			continue
		}
		visit(words[0], words[1], *n)
	}
	return err
}

// sumIO adds up the devices. A value that one of them lacks is unknown in the sum, too.
func sumIO(devices []IODevice) *IOUse {
	use := &IOUse{Devices: devices}
	sum := func(of func(IOCounts) *uint64) *uint64 {
		total := new(uint64)
		for _, d := range devices {
			n := of(d.IOCounts)
			if n == nil || *n > math.MaxUint64-*total {
				return nil
			}
			*total += *n
		}
		return total
	}
	use.ReadBytes = sum(func(c IOCounts) *uint64 { return c.ReadBytes })
	use.WriteBytes = sum(func(c IOCounts) *uint64 { return c.WriteBytes })
	use.Reads = sum(func(c IOCounts) *uint64 { return c.Reads })
	use.Writes = sum(func(c IOCounts) *uint64 { return c.Writes })
	return use
}

// isDevice reports whether text is of the form major:minor.
func isDevice(text string) bool {
	major, minor, found := strings.Cut(text, ":")
	return found && isDigits(major) && isDigits(minor)
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
