//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// unit starts guest again once the system is up.
const unit = `[Unit]
Description=Tests of nsviz
Requires=docker.service
After=docker.service

[Service]
Type=exec
WorkingDirectory=/nsviz
Environment=HOME=/root LANG=C.UTF-8
ExecStart=/nsviz/guest
StandardInput=null
StandardOutput=journal
OOMPolicy=continue
TimeoutStopSec=5
`

// handOver makes the disk the root and its init PID 1. It returns only on failure.
func handOver() error {
	if err := loadModules("/modules"); err != nil {
		return err
	}
	const root = "/newroot"
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if err := mountSoon("/dev/vda", root, 0); err != nil {
		return err
	}
	if err := mountSoon("/dev/vdb", root+"/usr/lib/modules", unix.MS_RDONLY); err != nil {
		return err
	}
	if out, err := exec.Command("/bin/busybox", "cp", "-a", "/payload/.", root+"/nsviz/").CombinedOutput(); err != nil {
		return fmt.Errorf("copy what is to be tested: %w: %s", err, out)
	}
	self, err := os.ReadFile("/init")
	if err != nil {
		return err
	}
	if err := os.WriteFile(root+"/nsviz/guest", self, 0o755); err != nil {
		return err
	}
	const units = root + "/etc/systemd/system/"
	if err := os.WriteFile(units+"nsviz-test.service", []byte(unit), 0o644); err != nil {
		return err
	}
	if err := os.MkdirAll(units+"multi-user.target.wants", 0o755); err != nil {
		return err
	}
	for _, wanted := range []string{"multi-user.target.wants/nsviz-test.service", "default.target"} {
		_ = os.Remove(units + wanted)
	}
	if err := os.Symlink("../nsviz-test.service", units+"multi-user.target.wants/nsviz-test.service"); err != nil {
		return err
	}
	if err := os.Symlink("/usr/lib/systemd/system/multi-user.target", units+"default.target"); err != nil {
		return err
	}
	for _, dir := range []string{"/proc", "/sys", "/dev", "/run"} {
		if err := unix.Mount(dir, root+dir, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s: %w", dir, err)
		}
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	return unix.Exec("/sbin/init", []string{"/sbin/init"}, []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=linux"})
}

// mountSoon mounts an ext4 disk once the kernel has found it.
func mountSoon(device, dir string, flags uintptr) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := unix.Mount(device, dir, "ext4", flags, "")
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("mount %s: %w", device, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// inSystem runs the tests in the full system, after its Docker has started.
func inSystem(console *os.File) error {
	if out, err := exec.Command("docker", "version").CombinedOutput(); err != nil {
		return fmt.Errorf("docker: %w: %s", err, out)
	}
	fmt.Fprintf(console, "%sready\n", marker)
	if err := os.Setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return runTests(console, filepath.Join(filepath.Dir(self), "tests"))
}
