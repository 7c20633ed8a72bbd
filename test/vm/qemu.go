//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// image is the bootable content of a machine.
type image struct {
	kernel, initrd string
	disks          []string // ext4; the machine's writes are discarded
}

// boot runs a machine until it powers off and writes its results.
func boot(ctx context.Context, m machine, img image, logs string, out io.Writer) {
	r := newReport(m.id(), out)
	defer r.close()
	ctx, cancel := context.WithTimeout(ctx, m.patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, qemu(m.arch), arguments(m, img)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = r.noise()
	serial, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.died(err)
		return
	}
	var from io.Reader = serial
	if logs != "" {
		if log, err := os.Create(filepath.Join(logs, m.id()+".log")); err == nil {
			defer func() { _ = log.Close() }()
			from = io.TeeReader(serial, log)
		}
	}
	r.read(from)
	err = cmd.Wait()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("it was not done after %v", m.patience)
	case ctx.Err() != nil:
		err = ctx.Err()
	}
	r.died(err)
}

func qemu(arch string) string {
	if arch == "arm64" {
		return "qemu-system-aarch64"
	}
	return "qemu-system-x86_64"
}

// arguments returns QEMU's arguments. One CPU, since with several the emulation of breakpoints that the kernel patches into
// itself is not reliable. A panic ends the machine.
func arguments(m machine, img image) []string {
	// The kernel uses more features of a newer CPU, which must then be emulated: page tables of five levels, wide registers to
	// save.
	console, device, board := "ttyS0", "virtio-blk-pci", []string{"-M", "q35", "-cpu", "Nehalem,+rdrand"}
	if m.arch == "arm64" {
		// Pointer authentication is by far the most expensive of the CPU's features to emulate.
		console, board = "ttyAMA0", []string{"-M", "virt", "-cpu", "max,pauth=off"}
	}
	lsm := "lsm=lockdown,yama,bpf"
	if m.appArmor {
		lsm = "lsm=lockdown,yama,apparmor,bpf"
	}
	// Unless it is told so, the kernel trusts no emulated TSC and reads the clock from an emulated HPET; and clearing all memory
	// that is handed out is a tenth of the emulated work. With programs at addresses of their own in each process QEMU
	// translates the same code again and again: a third of what a full system took.
	options := []string{
		"console=" + console, "quiet", "loglevel=1", "panic=-1", "oops=panic", "rdinit=/init",
		"mitigations=off", "random.trust_cpu=on", "tsc=reliable", "init_on_alloc=0", "norandmaps", lsm,
	}
	if m.cgroup != "" {
		options = append(options, "nsviz.cgroup="+m.cgroup)
	}
	if m.full {
		options = append(options, "nsviz.system=1", "psi=1", "systemd.show_status=false", "systemd.log_target=null",
			// Nobody logs in, what a first boot would bring up to date is not asked for, and the engine collects garbage less often.
			"systemd.condition_needs_update=0", "systemd.mask=systemd-logind.service", "systemd.mask=systemd-user-sessions.service",
			"systemd.setenv=GOGC=400")
	}
	args := append(board,
		"-accel", "tcg", "-smp", "1", "-m", strconv.Itoa(m.memory+m.farMemory),
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio",
		"-kernel", img.kernel, "-initrd", img.initrd, "-append", strings.Join(options, " "))
	if m.farMemory > 0 {
		for node, size := range []int{m.memory, m.farMemory} {
			id := fmt.Sprint("node", node)
			args = append(args, "-object", fmt.Sprintf("memory-backend-ram,id=%s,size=%dM", id, size), "-numa", "node,memdev="+id)
		}
	}
	for i, disk := range img.disks {
		id := fmt.Sprint("disk", i)
		args = append(args, "-drive", "if=none,format=raw,snapshot=on,id="+id+",file="+disk, "-device", device+",drive="+id)
	}
	return args
}
