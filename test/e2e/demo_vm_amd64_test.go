//go:build e2e

package e2e

import (
	"bytes"
	encoding "encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// miniKernel returns the smallest kernel that QEMU boots (Multiboot): it writes words to the serial line and halts. A real
// kernel takes seconds to emulate, and the host may have none.
func miniKernel(t *testing.T, words string) string {
	t.Helper()
	const base = 0x100000
	var image bytes.Buffer
	const magic, flags, header = 0x1BADB002, 1 << 16, 32
	code := []byte{
		0xBE, 0, 0, 0, 0, // mov esi, words
		0x66, 0xBA, 0xF8, 0x03, // mov dx, 0x3f8
		0xAC,       // next: lodsb
		0x84, 0xC0, // test al, al
		0x74, 0x03, // jz end
		0xEE,       // out dx, al
		0xEB, 0xF8, // jmp next
		0xF4,       // end: hlt
		0xEB, 0xFD, // jmp end
	}
	encoding.LittleEndian.PutUint32(code[1:], uint32(base+header+len(code)))
	end := uint32(base + header + len(code) + len(words) + 1)
	const checksum = 1<<32 - magic - flags
	for _, field := range []uint32{magic, flags, checksum, base, base, end, end, base + header} {
		_ = encoding.Write(&image, encoding.LittleEndian, field) // to memory
	}
	image.Write(code)
	image.WriteString(words + "\x00")
	image.Write(make([]byte, 4<<10)) // QEMU looks for the header of Linux first, further back
	path := filepath.Join(t.TempDir(), "kernel")
	if err := os.WriteFile(path, image.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// vmsOf returns the live virtual machines that a demo has started.
func vmsOf(t *testing.T, p *process) []int32 {
	t.Helper()
	var pids []int32
	for pid := range vms(t) {
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && bytes.Contains(cmdline, []byte("nsviz-demo-vm")) && parentOf(t, pid) == p.pid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// parentOf returns the parent's PID; 0 if the process is gone.
func parentOf(t *testing.T, pid int32) int {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, fields, _ := strings.Cut(string(stat), ") ")
	parent, err := strconv.Atoi(strings.Fields(fields)[1])
	if err != nil {
		t.Fatal(err)
	}
	return parent
}

// A virtual machine runs beside the containers: QEMU is real, its kernel is not.
func TestDemoStartWithVM(t *testing.T) {
	for _, m := range makers() {
		t.Run(m.name, func(t *testing.T) {
			text := newLines()
			args := slices.Concat([]string{"demo", "start", "--kernel", miniKernel(t, "nsviz-guest 4000000\n")}, m.args)
			p := start(t, text, args...)
			text.awaitProse(t, " came to be in ")
			text.awaitProse(t, "A virtual machine for comparison: QEMU, ")
			text.awaitProse(t, " The virtual machine took ")
			text.awaitProse(t, "4.00 ms that kernel booted")
			text.await(t, "nsviz-demo-start2") // and it goes on
			if m.runtime == "docker" {
				text.await(t, "\n  engine prepares  █")
				text.await(t, "\n  engine reports ")
			}
			if left := vmsOf(t, p); len(left) > 0 {
				t.Errorf("virtual machines that have said what they had to say live on: %v", left)
			}
			p.end(t, syscall.SIGTERM)
			if left := demoLeftovers(t, p.pid()); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// Neither Ctrl-C during the boot nor the death of nsviz leaves a virtual machine behind.
func TestDemoStartIsEndedWhileAVMBoots(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			text := newLines()
			p := start(t, text, "demo", "start", "--no-docker", "--kernel", miniKernel(t, "nothing of use\n"))
			text.awaitProse(t, "A virtual machine for comparison")
			var pids []int32
			eventually(t, func() bool {
				pids = vmsOf(t, p)
				return len(pids) == 1
			}, func() string { return "no virtual machine:\n" + text.String() })
			p.end(t, signal)
			if signal == syscall.SIGKILL {
				p.err = nil
			}
			eventually(t, func() bool { return parentOf(t, pids[0]) == 0 }, func() string { return "QEMU lives on" })
			if strings.Contains(text.String(), "There is no virtual machine") {
				t.Errorf("it is explained away:\n%s", text)
			}
		})
	}
}
