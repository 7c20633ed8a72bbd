package demo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// vmHost returns a host with only the files that are written to it.
func vmHost(t *testing.T, files ...string) VMHost {
	t.Helper()
	h := VMHost{
		Arch: "amd64", Release: "6.12.1", Root: t.TempDir(),
		LookPath: func(name string) (string, error) { return "/usr/bin/" + name, nil },
	}
	for i, name := range files {
		path := filepath.Join(h.Root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Unix(int64(1000+i), 0)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func TestFindVM(t *testing.T) {
	for _, test := range []struct {
		name  string
		files []string
		host  func(*VMHost)
		// kernel is what is asked for, below the host's root.
		kernel string
		want   string // qemu, kernel below the host's root, KVM; or the error
	}{
		{name: "its own kernel", files: []string{"boot/vmlinuz-6.12.1", "boot/vmlinuz-6.13.0"}, want: "/usr/bin/qemu-system-x86_64 boot/vmlinuz-6.12.1 false"},
		{name: "beside its modules", files: []string{"lib/modules/6.12.1/vmlinuz", "boot/vmlinuz-6.13.0"}, want: "/usr/bin/qemu-system-x86_64 lib/modules/6.12.1/vmlinuz false"},
		{name: "the newest", files: []string{"boot/vmlinuz-b", "boot/vmlinuz-c", "boot/vmlinuz-a"}, want: "/usr/bin/qemu-system-x86_64 boot/vmlinuz-a false"},
		{name: "a folder of that name", files: []string{"boot/vmlinuz-6.12.1/x", "boot/vmlinuz-0"}, want: "/usr/bin/qemu-system-x86_64 boot/vmlinuz-0 false"},
		{name: "the one that is asked for", files: []string{"boot/vmlinuz-6.12.1", "mine, too"}, kernel: "mine, too", want: "/usr/bin/qemu-system-x86_64 mine, too false"},
		{name: "with KVM", files: []string{"boot/vmlinuz-6.12.1", "dev/kvm"}, want: "/usr/bin/qemu-system-x86_64 boot/vmlinuz-6.12.1 true"},
		{
			name: "on arm64", files: []string{"boot/vmlinuz-6.12.1"}, host: func(h *VMHost) { h.Arch = "arm64" },
			want: "/usr/bin/qemu-system-aarch64 boot/vmlinuz-6.12.1 false",
		},
		{
			name: "no kernel", want: "there is no kernel in /boot to boot; --kernel FILE names one",
		},
		{name: "not the one that is asked for", files: []string{"boot/vmlinuz-6.12.1"}, kernel: "none", want: "stat none: no such file or directory"},
		{name: "a folder is asked for", files: []string{"boot/x"}, kernel: "boot", want: "boot is no file"},
		{
			name: "no QEMU", files: []string{"boot/vmlinuz-6.12.1"}, want: "there is no qemu-system-x86_64 on this host",
			host: func(h *VMHost) { h.LookPath = func(string) (string, error) { return "", exec.ErrNotFound } },
		},
		{name: "another architecture", host: func(h *VMHost) { h.Arch = "s390x" }, want: "nsviz does not know how to boot a virtual machine on s390x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := vmHost(t, test.files...)
			if test.host != nil {
				test.host(&h)
			}
			kernel := test.kernel
			if kernel != "" {
				kernel = filepath.Join(h.Root, kernel)
			}
			vm, err := FindVM(h, kernel)
			got := fmt.Sprint(vm.QEMU, " ", vm.Kernel, " ", vm.KVM)
			if err != nil {
				got = err.Error()
			}
			if got = strings.ReplaceAll(got, h.Root+"/", ""); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// A FIFO without a writer does not stop the search.
func TestFindVMPassesOverFIFOs(t *testing.T) {
	h := vmHost(t, "boot/vmlinuz-0")
	if err := unix.Mkfifo(filepath.Join(h.Root, "boot/vmlinuz-6.12.1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if vm, err := FindVM(h, ""); err != nil || filepath.Base(vm.Kernel) != "vmlinuz-0" {
		t.Errorf("%+v, %v", vm, err)
	}
}

// fakeVM returns a machine with a shell script as its QEMU. The script's stdout is the serial line.
func fakeVM(t *testing.T, script string) VM {
	t.Helper()
	qemu := filepath.Join(t.TempDir(), "qemu")
	if err := os.WriteFile(qemu, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return VM{QEMU: qemu, Kernel: "/boot/vmlinuz", board: "q35", console: "ttyS0"}
}

func TestBoot(t *testing.T) {
	for _, test := range []struct {
		name, script string
		kvm          bool
		want         Boot   // without Total and WithKVM
		withKVM      string // "" is no error
		fails        string // "" is no error
	}{
		{name: "boots", script: "echo '[ 0.1] hello'; echo nsviz-guest 1234000; exec sleep 1000", want: Boot{Guest: 1234 * time.Microsecond}},
		{name: "with KVM", kvm: true, script: "echo nsviz-guest 1000", want: Boot{Guest: time.Microsecond, KVM: true}},
		{
			name: "KVM that does not work", kvm: true, script: "echo 'qemu: falling back to tcg' >&2; echo nsviz-guest 1000",
			want: Boot{Guest: time.Microsecond},
		},
		{
			name: "KVM at which QEMU gives up", kvm: true,
			script:  `case "$*" in *"-accel kvm"*) echo 'qemu: failed to set MSR' >&2; exit 1 ;; esac; echo nsviz-guest 1000`,
			want:    Boot{Guest: time.Microsecond},
			withKVM: "QEMU ended before a program ran in the virtual machine: qemu: failed to set MSR",
		},
		{
			name: "in vain with KVM and without", kvm: true, script: "echo 'qemu: no such machine' >&2; exit 1",
			fails: "QEMU ended before a program ran in the virtual machine: qemu: no such machine",
		},
		{name: "in the middle of other words", script: `printf 'x\033[2Jnsviz-guest 7\r\n'; exec sleep 1000`, want: Boot{Guest: 7}},
		{name: "long lines before it", script: "head -c 100000 /dev/zero | tr '\\0' x; echo; echo nsviz-guest 7", want: Boot{Guest: 7}},
		{
			name: "panics", script: "echo 'Kernel panic - not syncing: VFS: Unable to mount root fs'; echo 'Kernel panic again'",
			fails: "the kernel in the virtual machine gave up: Kernel panic - not syncing: VFS: Unable to mount root fs",
		},
		{
			name: "QEMU complains", script: "echo 'qemu: no such machine' >&2; exit 1",
			fails: "QEMU ended before a program ran in the virtual machine: qemu: no such machine",
		},
		{name: "says nothing", script: "exit 0", fails: "QEMU ended before a program ran in the virtual machine: it printed nothing"},
		{
			name: "complains without end", script: "head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1",
			fails: "QEMU ended before a program ran in the virtual machine: " + strings.Repeat("x", 4<<10),
		},
		{
			name: "a number that is none", script: "echo nsviz-guest 99999999999999999999999; echo nsviz-guest -1",
			fails: "QEMU ended before a program ran in the virtual machine: it printed nothing",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			vm := fakeVM(t, test.script)
			vm.KVM = test.kvm
			boot, err := vm.Boot(t.Context())
			if test.fails != "" {
				if err == nil || err.Error() != test.fails {
					t.Errorf("%.200v, want %.200q", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if failed := fmt.Sprint(boot.WithKVM); failed != cmp.Or(test.withKVM, "<nil>") {
				t.Errorf("with KVM: %s, want %s", failed, test.withKVM)
			}
			if boot.Total <= 0 {
				t.Errorf("it took %v", boot.Total)
			}
			if boot.Total, boot.WithKVM = 0, nil; boot != test.want {
				t.Errorf("%+v, want %+v", boot, test.want)
			}
		})
	}
	vm := VM{QEMU: filepath.Join(t.TempDir(), "none")}
	if _, err := vm.Boot(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without QEMU: %v", err)
	}
}

// A boot that is given up leaves no QEMU behind.
func TestBootIsGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	fifo := filepath.Join(t.TempDir(), "pid")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	vm := fakeVM(t, "echo $$ >"+fifo+"; exec sleep 1000")
	enough := errors.New("enough")
	failed := make(chan error, 1)
	go func() {
		_, err := vm.Boot(ctx)
		failed <- err
	}()
	pid, err := os.ReadFile(fifo) // it runs
	if err != nil {
		t.Fatal(err)
	}
	cancel(enough)
	if err := <-failed; !errors.Is(err, enough) {
		t.Errorf("%v, want %v", err, enough)
	}
	if _, err := os.Stat("/proc/" + strings.TrimSpace(string(pid))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("process %s is left: %v", pid, err)
	}
}

func TestGuestSaysHowLongItIsUp(t *testing.T) {
	var out bytes.Buffer
	if err := Inside([]string{roleGuest}, &out); err != nil {
		t.Fatal(err)
	}
	if up, _ := listen(&out); up <= 0 {
		t.Errorf("it is up for %v", up)
	}
}
