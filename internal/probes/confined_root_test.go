//go:build root

package probes

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// filterCall makes a seccomp filter answer a system call with an error number, in all threads of this process.
func filterCall(call, errno uint32) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the call, the first field of seccomp_data
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | errno},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if failed != 0 {
		return failed
	}
	return nil
}

// checkBehindFilter writes nsviz's message behind a filter of the bpf system call.
func checkBehindFilter(errno uint32) error {
	if err := filterCall(unix.SYS_BPF, errno); err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	fmt.Println(Gather(btf.NewCache()).Check())
	return nil
}

// Behind a seccomp filter nsviz names it, whatever the limit on locked memory is.
func TestBehindSeccompFilter(t *testing.T) {
	setpriv, err := exec.LookPath("setpriv") // by its path: a shell may have one of its own
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		task    string
		command []string
		says    string
	}{
		{"EPERM", fmt.Sprint("filter-bpf ", int(unix.EPERM)), nil, "a seccomp filter refuses the bpf system call: not permitted: operation not permitted; start"},
		{"ENOSYS", fmt.Sprint("filter-bpf ", int(unix.ENOSYS)), nil, "a seccomp filter refuses the bpf system call: not permitted: function not implemented; start"},
		{
			"EPERM, and locked memory that cannot be raised", fmt.Sprint("filter-bpf ", int(unix.EPERM)),
			[]string{"sh", "-c", `ulimit -l 64 && exec "$@"`, "sh", setpriv, "--bounding-set=-sys_resource", "--"}, "a seccomp filter refuses the bpf system call",
		},
		{
			"no filter, no capabilities", "check", []string{setpriv, "--bounding-set=-all", "--"},
			"the kernel refuses BPF: not permitted: operation not permitted; nsviz lacks CAP_BPF and CAP_PERFMON",
		},
		{"nothing", "check", nil, "<nil>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			command := append(tt.command[:len(tt.command):len(tt.command)], os.Args[0])
			cmd := exec.Command(command[0], command[1:]...)
			cmd.Env = append(os.Environ(), helperVariable+"="+tt.task)
			cmd.Stdin = strings.NewReader("go\n")
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), tt.says) {
				t.Errorf("%v\n%s want %s", err, out, tt.says)
			}
		})
	}
}
