package resources

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Meter keeps open the files with what one container uses and has used: CPU, tasks, swap, block devices, pressure. What is not
// counted, or not there, is unknown. It is for one goroutine at a time.
type Meter struct {
	// account has the CPU time; on v2 throttle is the same file, and not open.
	account, throttle meterFile
	tasks, swap       meterFile
	// io are io.stat, or the files of v1, of which the first that lists a device counts.
	io       [2]meterFile
	pressure [3]meterFile // of memory, CPU, I/O
}

// MeterFiles is how many files a [Meter] keeps open at most.
const MeterFiles = 9

// meterFile is a file of a meter; it is open if path is not "".
type meterFile struct {
	path string
	fd   int
	v1   bool
}

// Meter opens the files of the container whose cgroup in layout's tracked hierarchy is at path. In other hierarchies it is where its
// process pid is, or at the same path if that is 0.
func (r *Reader) Meter(pid int32, layout cgroupfs.Layout, path string) *Meter {
	find := &resourceReader{tracked: layout, path: path, pathIn: r.pathsOf(pid, layout, path)}
	open := func(controller string, names ...string) meterFile {
		c, found := find.cgroup(controller)
		if !found || c.unconfined {
			return meterFile{}
		}
		name := names[0]
		if c.v1() {
			name = names[len(names)-1]
		}
		if name == "" {
			return meterFile{}
		}
		file := c.dir + "/" + name
		fd, err := pseudofs.Open(unix.AT_FDCWD, file, unix.O_RDONLY)
		if err != nil {
			return meterFile{} // not counted here, or gone just now
		}
		return meterFile{file, fd, c.v1()}
	}
	return &Meter{
		account: open("cpuacct", "cpu.stat", "cpuacct.usage"), throttle: open("cpu", "", "cpu.stat"),
		tasks: open("pids", "pids.current"), swap: open(layout.Controller, "memory.swap.current", "memory.memsw.usage_in_bytes"),
		io: [2]meterFile{
			open("blkio", "io.stat", "blkio.throttle.io_service_bytes_recursive"), open("blkio", "", "blkio.bfq.io_service_bytes_recursive"),
		},
		pressure: [3]meterFile{open("", "memory.pressure", ""), open("", "cpu.pressure", ""), open("", "io.pressure", "")},
	}
}

func (m *Meter) files() [MeterFiles]*meterFile {
	return [MeterFiles]*meterFile{
		&m.account, &m.throttle, &m.tasks, &m.swap, &m.io[0], &m.io[1], &m.pressure[0], &m.pressure[1], &m.pressure[2],
	}
}

// Open returns how many files are open.
func (m *Meter) Open() int {
	n := 0
	for _, f := range m.files() {
		if f.path != "" {
			n++
		}
	}
	return n
}

// Close closes the files.
func (m *Meter) Close() {
	for _, f := range m.files() {
		if f.path != "" {
			_ = unix.Close(f.fd) // nothing was written to it
			f.path = ""
		}
	}
}

// text reads a file. It returns false if there is none, or its cgroup is gone.
func (f meterFile) text() (string, bool, error) {
	if f.path == "" {
		return "", false, nil
	}
	var space [pseudofs.SmallFile]byte
	n, err := pread(f.fd, space[:], 0)
	switch {
	case err == unix.ENODEV, err == unix.EOPNOTSUPP: // gone; pressure that is switched off
		return "", false, nil
	case err != nil:
		return "", false, pseudofs.PathError("read", f.path, err)
	case n == len(space):
		return "", false, fmt.Errorf("read %s: longer than %d bytes", f.path, n)
	}
	return string(space[:n]), true, nil
}

// CPUMicros reads the CPU time used, in microseconds; nil is unknown.
func (m *Meter) CPUMicros() (*uint64, error) {
	text, found, err := m.account.text()
	if !found {
		return nil, err
	}
	return m.accounted(text)
}

func (m *Meter) accounted(text string) (*uint64, error) {
	if !m.account.v1 {
		return parseField(text, "usage_usec")
	}
	n, err := parseBytes(text)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", m.account.path, err)
	}
	*n /= nanoseconds / microseconds
	return n, nil
}

// Read reads all but what is of the network. memory is what the container is charged for without swap, in bytes; nil is unknown. What
// cannot be read is unknown, and an error that comes with the others.
func (m *Meter) Read(memory *uint64) (fact.Use, error) {
	var use fact.Use
	var errs []error
	failed := func(err error) { errs = append(errs, err) }
	text := func(f meterFile) (string, bool) {
		text, found, err := f.text()
		if err != nil {
			failed(err)
		}
		return text, found
	}
	number := func(f meterFile) *uint64 {
		t, found := text(f)
		if !found {
			return nil
		}
		n, err := parseBytes(t)
		if err != nil {
			failed(fmt.Errorf("parse %s: %w", f.path, err))
		}
		return n
	}
	field := func(text, key string) *uint64 {
		n, err := parseField(text, key)
		if err != nil {
			failed(err)
		}
		return n
	}

	account, found := text(m.account)
	if found {
		var err error
		if use.CPUMicros, err = m.accounted(account); err != nil {
			failed(err)
		}
	}
	throttle := account
	if m.account.v1 || m.account.path == "" {
		throttle, _ = text(m.throttle)
	}
	use.Periods, use.ThrottledPeriods = field(throttle, "nr_periods"), field(throttle, "nr_throttled")
	if use.ThrottledMicros = field(throttle, "throttled_usec"); use.ThrottledMicros == nil {
		if n := field(throttle, "throttled_time"); n != nil {
			use.ThrottledMicros = new(*n / (nanoseconds / microseconds))
		}
	}
	use.Tasks, use.SwapBytes = number(m.tasks), number(m.swap)
	if m.swap.v1 { // of both
		use.SwapBytes = difference(use.SwapBytes, memory)
	}
	if err := m.Devices(&use); err != nil {
		failed(err)
	}
	waits := [...]*fact.Wait{&use.MemoryWait, &use.CPUWait, &use.IOWait}
	for i, into := range []**float64{&use.MemoryPressure, &use.CPUPressure, &use.IOPressure} {
		stalls, _ := text(m.pressure[i])
		pressure, err := parsePressure(stalls)
		if err != nil {
			failed(fmt.Errorf("parse %s: %w", m.pressure[i].path, err))
		}
		if pressure == nil {
			continue
		}
		if pressure.Some != nil {
			*into = pressure.Some.Avg10
		}
		*waits[i] = fact.Wait{SomeMicros: pressure.Some.micros(), FullMicros: pressure.Full.micros()}
	}
	return use, errors.Join(errs...)
}

// Devices reads what was read from block devices and written to them, and leaves the other fields of use as they are.
func (m *Meter) Devices(use *fact.Use) error {
	var errs []error
	for _, f := range m.io {
		list, found, err := f.text()
		if !found {
			errs = append(errs, err)
			continue
		}
		counts, err := f.parseIO(list)
		if err != nil {
			errs = append(errs, fmt.Errorf("parse %s: %w", f.path, err))
		}
		if use.ReadBytes, use.WrittenBytes = counts.ReadBytes, counts.WriteBytes; use.ReadBytes != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// parseIO adds up the bytes of all devices in io.stat or in a file of v1. Without a device they are 0 in the former, and unknown in
// the latter, as for [IOUse].
func (f meterFile) parseIO(text string) (IOCounts, error) {
	if !f.v1 {
		devices, err := parseIOStat(text)
		if err != nil {
			return IOCounts{}, err
		}
		return sumIO(*devices).IOCounts, nil
	}
	var read, written uint64
	known := false
	err := eachService(text, func(_, operation string, n uint64) {
		known = true
		switch operation {
		case "Read":
			read += n
		case "Write":
			written += n
		}
	})
	if err != nil || !known {
		return IOCounts{}, err
	}
	return IOCounts{ReadBytes: &read, WriteBytes: &written}, nil
}
