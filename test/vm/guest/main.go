//go:build linux

// Command guest runs inside the virtual machines of test/vm. As PID 1 of the initramfs it prepares the
// machine. Then it runs the tests itself, or hands over to the full system on the disk, where a unit starts
// it again to run them. All output goes to the serial line: the tests' own output stands between two lines
// that name the package.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Marker begins the lines for the runner.
const marker = "::nsviz-vm:: "

func main() {
	console, err := serial()
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		os.Exit(1)
	}
	fmt.Fprintf(console, "%sup\n", marker)
	if err := run(console); err != nil {
		fmt.Fprintf(console, "%sfailed %v\n", marker, err)
	} else {
		fmt.Fprintf(console, "%sdone\n", marker)
	}
	powerOff(console)
}

func run(console *os.File) error {
	if os.Getpid() != 1 {
		return inSystem(console)
	}
	if err := mountAll(); err != nil {
		return err
	}
	options := kernelOptions()
	if options["nsviz.system"] != "" {
		return handOver()
	}
	if err := loadModules("/modules"); err != nil {
		return err
	}
	if err := allowNamespaces(); err != nil {
		return err
	}
	if err := mountCgroups(options["nsviz.cgroup"]); err != nil {
		return err
	}
	if out, err := exec.Command("/bin/busybox", "--install", "-s", "/busybox").CombinedOutput(); err != nil {
		return fmt.Errorf("busybox --install: %w: %s", err, out)
	}
	for name, value := range map[string]string{
		"PATH": "/usr/bin:/usr/sbin:/bin:/sbin:/busybox",
		// Garbage collection, emulated, would take half of the time that loading programs takes in user space; these tests do
		// not measure memory.
		"GOGC": "400",
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return runTests(console, "/tests")
}

// serial opens the serial line of the kernel's console, so that nothing translates the lines.
func serial() (*os.File, error) {
	const path = "/dev/console"
	if _, err := os.Stat(path); err != nil {
		if err := unix.Mount("devtmpfs", "/dev", "devtmpfs", 0, ""); err != nil {
			return nil, fmt.Errorf("mount /dev: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return f, nil //nolint:nilerr // not a terminal: nothing is translated
	}
	t.Oflag &^= unix.OPOST
	return f, unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, t)
}

func mountAll() error {
	for _, m := range []struct{ kind, dir, options string }{
		{"proc", "/proc", ""}, {"sysfs", "/sys", ""}, {"devtmpfs", "/dev", ""}, {"tmpfs", "/tmp", ""}, {"tmpfs", "/run", "mode=755"},
	} {
		if err := os.MkdirAll(m.dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.dir, m.kind, 0, m.options); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.dir, err)
		}
	}
	for link, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"} {
		if err := os.Symlink(target, "/dev/"+link); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

// allowNamespaces raises the limits on the number of namespaces of each type. The kernel derives them from the size of the
// memory, and namespaces that are being freed count, too.
func allowNamespaces() error {
	limits, err := filepath.Glob("/proc/sys/user/max_*_namespaces")
	if err != nil {
		return err
	}
	for _, limit := range limits {
		if err := os.WriteFile(limit, []byte("100000"), 0); err != nil {
			return err
		}
	}
	return nil
}

// mountCgroups mounts the unified hierarchy or, for "v1", one hierarchy for each of some controllers beside it, as systemd's
// hybrid mode does.
func mountCgroups(version string) error {
	const root = "/sys/fs/cgroup"
	if version != "v1" {
		if err := unix.Mount("cgroup2", root, "cgroup2", 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", root, err)
		}
		return os.WriteFile(root+"/cgroup.subtree_control", []byte("+memory +cpu +pids +cpuset"), 0)
	}
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount %s: %w", root, err)
	}
	for dir, options := range map[string]string{"memory": "memory", "cpu,cpuacct": "cpu,cpuacct", "pids": "pids", "cpuset": "cpuset", "freezer": "freezer", "unified": ""} {
		dir, kind := filepath.Join(root, dir), "cgroup"
		if options == "" {
			kind = "cgroup2"
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(kind, dir, kind, 0, options); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	return nil
}

// kernelOptions returns the name=value words of the kernel's command line.
func kernelOptions() map[string]string {
	options := map[string]string{}
	line, _ := os.ReadFile("/proc/cmdline")
	for word := range strings.FieldsSeq(string(line)) {
		name, value, _ := strings.Cut(word, "=")
		options[name] = value
	}
	return options
}

// runTests runs the test binaries below a folder, each in its own folder, one after the other. A file "arguments" beside one has
// more arguments, a line each; without it that one is left out.
func runTests(console *os.File, dir string) error {
	var binaries []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if _, chosen := os.Stat(filepath.Dir(path) + "/arguments"); chosen == nil && strings.HasSuffix(path, ".test") {
			binaries = append(binaries, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(binaries) == 0 {
		return fmt.Errorf("no tests in %s", dir)
	}
	for _, binary := range binaries {
		home := filepath.Dir(binary)
		more, err := os.ReadFile(home + "/arguments")
		if err != nil {
			return err
		}
		args := append([]string{"-test.v=test2json"}, strings.Split(strings.TrimSuffix(string(more), "\n"), "\n")...)
		cmd := exec.Command(binary, args...)
		cmd.Dir = home
		cmd.Stdout, cmd.Stderr = console, console
		name, _ := filepath.Rel(dir, home)
		began := time.Now()
		fmt.Fprintf(console, "\n%sbegin %s\n", marker, name)
		result := "0"
		if err := cmd.Run(); err != nil {
			result = strings.ReplaceAll(err.Error(), "\n", " ")
			if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() < 0 { // ended by a signal
				fmt.Fprint(console, kernelLog())
			}
		}
		fmt.Fprintf(console, "\n%send %s %d %s\n", marker, name, time.Since(began).Milliseconds(), result)
	}
	return nil
}

// kernelLog returns the end of the kernel's log.
func kernelLog() string {
	const (
		readAll = 3 // SYSLOG_ACTION_READ_ALL of syslog(2)
		most    = 16 << 10
	)
	text := make([]byte, most)
	n, err := unix.Klogctl(readAll, text)
	if err != nil {
		return fmt.Sprintf("the kernel's log: %v\n", err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(text[:n])) {
		b.WriteString("kernel: " + line)
	}
	return b.String()
}

func powerOff(console *os.File) {
	_ = unix.IoctlSetInt(int(console.Fd()), unix.TCSBRK, 1) // waits until everything is sent
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

// moduleOptions configures one RAM disk of 64 MiB, for swap.
var moduleOptions = map[string]string{"brd.ko": "rd_nr=1 rd_size=65536"}

// loadModules loads the modules in a folder in the order of its list.
func loadModules(dir string) error {
	list, err := os.ReadFile(filepath.Join(dir, "list"))
	if err != nil {
		return err
	}
	for line := range bytes.Lines(list) {
		name := strings.TrimSpace(string(line))
		module, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := unix.InitModule(module, moduleOptions[name]); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("load %s: %w", name, err)
		}
	}
	return nil
}
