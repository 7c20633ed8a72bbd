//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// workshop makes what the machines boot, in a folder of its own.
type workshop struct {
	dir   string
	tests string // a regular expression, if other tests than usual are to run
}

// testPackages returns the packages with tests that run in the small machines: those that use the kernel directly. The tests of
// internal/pipeline mostly wait for surveys, and run in a machine of their own.
func testPackages(m machine) []string {
	if m.pipeline {
		return []string{"internal/pipeline"}
	}
	return []string{"internal/probes", "internal/host/machine", "internal/host/nsfs", "internal/host/cgroupfs", "internal/host/resources", "internal/host/procfs"}
}

// e2e is where a full system has the end-to-end tests, smallTests where a small machine has those of packages.
const (
	e2e        = "payload/tests/test/e2e"
	smallTests = "tests"
)

// makeAll makes what machines boot and hands it over, one after the other, since they share what is built and downloaded. A
// machine for which that fails is left out.
func (w *workshop) makeAll(ctx context.Context, machines []machine, ready func(machine, image)) error {
	var failed error
	for _, m := range machines {
		img, err := w.make(ctx, m)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("prepare %s: %w", m.id(), err))
			continue
		}
		ready(m, img)
	}
	return failed
}

func (w *workshop) make(ctx context.Context, m machine) (image, error) {
	trees, err := output(ctx, "test/vm/fetch", m.kernel+"/"+m.arch, "tools/"+m.arch)
	if err != nil {
		return image{}, err
	}
	kernel, err := kernelIn(trees[0])
	if err != nil {
		return image{}, err
	}
	img := image{kernel: kernel}
	kind, wanted := fmt.Sprint(m.arch, "-pipeline=", m.pipeline), []string{"brd"}
	if m.full {
		kind, wanted = "system", []string{"virtio_pci", "virtio_blk", "ext4"}
		system, err := output(ctx, "test/vm/system")
		if err != nil {
			return image{}, err
		}
		disk, err := output(ctx, "test/vm/modules", "--disk", trees[0])
		if err != nil {
			return image{}, err
		}
		img.disks = []string{system[0], disk[0]}
	}
	modules, err := output(ctx, "test/vm/modules", append([]string{trees[0]}, wanted...)...)
	if err != nil {
		return image{}, err
	}
	// What is tested is the same for all machines of a kind; a kernel takes two archives as one.
	shared := filepath.Join(w.dir, kind+".cpio")
	if _, err := os.Stat(shared); err != nil {
		root := filepath.Join(w.dir, kind)
		if err := w.fill(ctx, root, m, trees[1]); err != nil {
			return image{}, err
		}
		if err := pack(ctx, root, shared); err != nil {
			return image{}, err
		}
	}
	root := filepath.Join(w.dir, m.id())
	if err := os.MkdirAll(root, 0o755); err != nil {
		return image{}, err
	}
	if err := w.choose(m, root); err != nil {
		return image{}, err
	}
	if err := copyInto(ctx, filepath.Join(root, "modules"), modules[0]+"/."); err != nil {
		return image{}, err
	}
	img.initrd = root + ".cpio"
	if err := pack(ctx, root, img.initrd); err != nil {
		return image{}, err
	}
	// Each archive is padded to a multiple of the kernel's unit.
	join := exec.CommandContext(ctx, "sh", "-c", `cat "$0" >>"$1"`, shared, img.initrd)
	if out, err := join.CombinedOutput(); err != nil {
		return image{}, fmt.Errorf("cat: %w: %s", err, out)
	}
	return img, nil
}

// pack packs the contents of a folder into an archive, and removes the folder.
func pack(ctx context.Context, root, archive string) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", `cd "$0" && find . | cpio --quiet -o -H newc >"$1"`, root, archive)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cpio: %w: %s", err, out)
	}
	return os.RemoveAll(root)
}

func copyInto(ctx context.Context, to string, from ...string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "cp", append(append([]string{"-a"}, from...), to)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cp: %w: %s", err, out)
	}
	return nil
}

func kernelIn(tree string) (string, error) {
	for _, pattern := range []string{"/boot/vmlinuz-*", "/usr/lib/modules/*/vmlinuz"} {
		if found, _ := filepath.Glob(tree + pattern); len(found) == 1 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("no kernel in %s", tree)
}

// fill puts the contents of the initramfs into root.
func (w *workshop) fill(ctx context.Context, root string, m machine, tools string) error {
	for _, dir := range []string{"bin", "usr/bin", "usr/sbin", "busybox", "proc", "sys", "dev", "tmp", "run", "etc", "root"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	// With -trimpath they share what is compiled with nsviz itself and with what is released.
	build := func(name, pkg string, args ...string) error {
		cmd := exec.CommandContext(ctx, "go", append(append(args, "-o", filepath.Join(root, name)), "./"+pkg)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+m.arch)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("build %s: %w", pkg, err)
		}
		return nil
	}
	copyInto := func(to string, from ...string) error { return copyInto(ctx, filepath.Join(root, to), from...) }
	if err := build("init", "test/vm/guest", "build", "-trimpath"); err != nil {
		return err
	}
	if err := copyInto("bin", tools+"/bin/busybox"); err != nil {
		return err
	}
	if err := os.Symlink("busybox", root+"/bin/sh"); err != nil {
		return err
	}
	if m.full {
		if err := build(e2e+"/e2e.test", "test/e2e", "test", "-c", "-trimpath", "-tags", "e2e,systemd"); err != nil {
			return err
		}
		if err := build("payload/tests/bin/nsviz", "cmd/nsviz", "build", "-trimpath", "-ldflags", "-s -w"); err != nil {
			return err
		}
		if err := w.debs(ctx, filepath.Join(root, "payload/tests/dist")); err != nil {
			return err
		}
		if err := copyInto("payload/tests/deploy/kubernetes", "deploy/kubernetes/base"); err != nil { // TestDaemonSet runs it
			return err
		}
		return copyInto("payload/tests/test", "test/images")
	}
	for _, program := range []string{"/bin/cat", "/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/lsns", "/usr/bin/setpriv"} {
		if err := copyInto(filepath.Dir(program), tools+program); err != nil {
			return err
		}
	}
	// The libraries in both folders that Debian has for them, and the loader, a link to one of them.
	for _, pattern := range []string{"/lib/*/*.so.*", "/usr/lib/*/*.so.*", "/lib*/ld-linux*"} {
		files, err := filepath.Glob(tools + pattern)
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := copyInto(strings.TrimPrefix(filepath.Dir(file), tools), file); err != nil {
				return err
			}
		}
	}
	for _, pkg := range testPackages(m) {
		home := smallTests + "/" + pkg
		if err := build(home+"/"+filepath.Base(pkg)+".test", pkg, "test", "-c", "-trimpath", "-tags", "root,vm"); err != nil {
			return err
		}
		if _, err := os.Stat(pkg + "/testdata"); err == nil {
			if err := copyInto(home, pkg+"/testdata"); err != nil {
				return err
			}
		}
	}
	return nil
}

// debs makes the Debian package that is tested. It is called as one of a release is.
func (w *workshop) debs(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "run", "-C", "deploy/packages", ".", "-source", "../..", "-out", dir,
		"-arch", "amd64", "-formats", "deb", "-version", "v0.1.0", "packages")
	cmd.Env = append(os.Environ(), "GOARCH=")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("make the package: %w", err)
	}
	return nil
}

var declaredTest = regexp.MustCompile(`(?m)^func (Test\w+)\(\w+ \*testing\.T\)`)

// kernelTests returns those of a package's tests that ask the kernel: they have the build tag root, or a name that begins with
// TestLive. On all others a kernel has no influence.
func kernelTests(pkg string) ([]string, error) {
	files, err := filepath.Glob(pkg + "/*_test.go")
	if err != nil {
		return nil, err
	}
	tagged := regexp.MustCompile(`(?m)^//go:build .*\broot\b( && vm)?$`)
	var names []string
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, match := range declaredTest.FindAllSubmatch(source, -1) {
			if name := string(match[1]); tagged.Match(source) || strings.HasPrefix(name, "TestLive") {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no tests with the build tag root in %s", pkg)
	}
	return names, nil
}

// choose leaves beside the tests which of them a machine runs. It belongs into what the machine boots alone: the tests themselves
// are shared.
func (w *workshop) choose(m machine, root string) error {
	if m.full {
		return w.arguments(m, filepath.Join(root, e2e), cmp.Or(w.tests, m.tests))
	}
	for _, pkg := range testPackages(m) {
		tests := w.tests
		if tests == "" {
			names, err := kernelTests(pkg)
			if err != nil {
				return err
			}
			names = slices.DeleteFunc(names, func(test string) bool { return !m.runs(test) })
			if len(names) == 0 {
				continue // without arguments the guest leaves them out
			}
			tests = "^(" + strings.Join(names, "|") + ")$"
		}
		if err := w.arguments(m, filepath.Join(root, smallTests, pkg), tests); err != nil {
			return err
		}
	}
	return nil
}

// arguments writes the arguments of the tests beside them. Tests that hang print where before the machine is switched off.
func (w *workshop) arguments(m machine, dir, tests string) error {
	args := fmt.Sprintf("-test.timeout=%v\n-test.run=%s\n", m.patience-m.patience/4, tests)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "arguments"), []byte(args), 0o644)
}
