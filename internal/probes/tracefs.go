package probes

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// openTracefs opens tracefs if it is mounted. Otherwise it mounts one that nobody else sees and that is
// gone when the returned directory is closed: nothing on the host changes.
func openTracefs() (*os.Root, error) {
	closed := false // it is mounted, and nsviz may not read it
	for _, dir := range []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} {
		root, err := os.OpenRoot(dir)
		if err != nil {
			var fs unix.Statfs_t
			closed = closed || errors.Is(err, os.ErrPermission) && unix.Statfs(dir, &fs) == nil && fs.Type == unix.TRACEFS_MAGIC
			continue
		}
		if _, err := root.Stat("events/syscalls"); err == nil {
			return root, nil
		}
		_ = root.Close()
	}
	root, err := mountTracefs()
	if err != nil && closed {
		return nil, fmt.Errorf("tracefs is open to root alone: %w: CAP_DAC_READ_SEARCH is missing", os.ErrPermission)
	}
	if err != nil {
		return nil, fmt.Errorf("tracefs is not mounted and cannot be: %w; try: mount -t tracefs tracefs /sys/kernel/tracing", err)
	}
	return root, nil
}

func mountTracefs() (*os.Root, error) {
	fs, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open tracefs: %w", err)
	}
	defer func() { _ = unix.Close(fs) }()
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, fmt.Errorf("configure tracefs: %w", err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("mount tracefs: %w", err)
	}
	defer func() { _ = unix.Close(mount) }()
	root, err := os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", mount))
	if err != nil {
		return nil, err
	}
	if _, err := root.Stat("events/syscalls"); err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("tracefs has no system calls: %w", err)
	}
	return root, nil
}

// perfTracepoint is a BPF program on a tracepoint by way of perf. cilium/ebpf finds a tracepoint
// only in a tracefs that is mounted for everybody, so nsviz makes these three calls itself.
type perfTracepoint struct{ fd int }

func attachTracepoint(tracefs *os.Root, group, name string, prog *ebpf.Program) (*perfTracepoint, error) {
	raw, err := tracefs.ReadFile("events/" + group + "/" + name + "/id")
	if err != nil {
		return nil, fmt.Errorf("tracepoint %s:%s: %w", group, name, err)
	}
	id, err := strconv.ParseUint(string(bytes.TrimSpace(raw)), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("tracepoint %s:%s has no number: %w", group, name, err)
	}
	attr := unix.PerfEventAttr{
		Type:        unix.PERF_TYPE_TRACEPOINT,
		Size:        unix.PERF_ATTR_SIZE_VER0,
		Config:      id,
		Sample_type: unix.PERF_SAMPLE_RAW,
		Sample:      1,
		Wakeup:      1,
	}
	// The program runs on every CPU whichever one the event is opened on: it belongs to the
	// tracepoint (perf_event_set_bpf_prog in kernel/events/core.c).
	fd, err := unix.PerfEventOpen(&attr, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open tracepoint %s:%s: %w", group, name, err)
	}
	t := &perfTracepoint{fd: fd}
	if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_SET_BPF, prog.FD()); err != nil {
		_ = t.Close()
		return nil, fmt.Errorf("attach to tracepoint %s:%s: %w", group, name, err)
	}
	if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_ENABLE, 0); err != nil {
		_ = t.Close()
		return nil, fmt.Errorf("enable tracepoint %s:%s: %w", group, name, err)
	}
	return t, nil
}

// Close detaches the program.
func (t *perfTracepoint) Close() error {
	if t.fd < 0 {
		return nil
	}
	err := unix.Close(t.fd)
	t.fd = -1
	return err
}
