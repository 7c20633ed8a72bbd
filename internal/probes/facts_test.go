package probes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

func TestCheck(t *testing.T) {
	const privileges = "look for lockdown=confidentiality (cat /sys/kernel/security/lockdown), a seccomp filter or missing " +
		"capabilities if nsviz is in a container (it needs CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_SYS_RESOURCE)"
	refused := fmt.Errorf("map create: %w", unix.EPERM)
	for _, test := range []struct {
		name  string
		facts Facts
		is    error
		says  string
	}{
		{name: "all is well", facts: Facts{Root: true}},
		{name: "the limit on locked memory alone is no reason", facts: Facts{Root: true, Memlock: unix.EPERM}},
		{
			name:  "no BTF",
			facts: Facts{Kernel: "5.4.0", Root: true, BTF: &fs.PathError{Op: "open", Path: "vmlinux", Err: unix.ENOENT}},
			is:    ErrNotSupported,
			says: "kernel 5.4.0 has no type information (BTF): not supported: open vmlinux: no such file or directory; nsviz " +
				"needs a kernel of 5.8 or newer built with CONFIG_DEBUG_INFO_BTF=y, which shows as /sys/kernel/btf/vmlinux",
		},
		{
			name:  "BTF is hidden",
			facts: Facts{BTF: &fs.PathError{Op: "open", Path: "vmlinux", Err: unix.EACCES}},
			is:    ErrNotPermitted,
			says: "the kernel's type information cannot be read: not permitted: open vmlinux: permission denied; " +
				"run nsviz as root: sudo nsviz",
		},
		{
			name:  "too old",
			facts: Facts{Kernel: "5.7.19", Root: true, RingBuffer: fmt.Errorf("map type RingBuf: %w", ebpf.ErrNotSupported)},
			is:    ErrNotSupported,
			says:  "kernel 5.7.19 has no BPF ring buffers: not supported; nsviz needs 5.8 or newer",
		},
		{
			name:  "not root",
			facts: Facts{RingBuffer: refused, Memlock: unix.EPERM},
			is:    ErrNotPermitted,
			says:  "loading BPF programs needs root: not permitted: operation not permitted; run: sudo nsviz",
		},
		{
			name:  "root with too little locked memory",
			facts: Facts{Root: true, RingBuffer: refused, Memlock: fmt.Errorf("set memlock rlimit: %w", unix.EPERM)},
			is:    ErrNotPermitted,
			says: "the kernel refuses BPF maps: not permitted: operation not permitted; the limit on locked memory is too low " +
				"and could not be raised (operation not permitted): start nsviz with a higher one (ulimit -l unlimited, " +
				"LimitMEMLOCK=infinity); or else " + adviceRefused,
		},
		{
			name:  "root in a cage",
			facts: Facts{Root: true, RingBuffer: refused},
			is:    ErrNotPermitted,
			says:  "the kernel refuses BPF although nsviz is root: not permitted: operation not permitted; " + privileges,
		},
		{
			name:  "something else",
			facts: Facts{Root: true, RingBuffer: unix.ENOMEM},
			is:    unix.ENOMEM,
			says:  "set up BPF: cannot allocate memory",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.facts.Check()
			if test.is == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, test.is) {
				t.Fatalf("%v, want %v", err, test.is)
			}
			if err.Error() != test.says {
				t.Errorf("%q\nwant %q", err, test.says)
			}
			for _, other := range []error{ErrNotPermitted, ErrNotSupported} {
				if other != test.is && errors.Is(err, other) {
					t.Errorf("%v is %v as well", err, other)
				}
			}
		})
	}
}

func TestPlainCause(t *testing.T) {
	verifier := &ebpf.VerifierError{Cause: unix.EACCES, Log: []string{"R2 type=mem expected=fp"}}
	mute := &ebpf.VerifierError{Cause: unix.EPERM}
	unknown := errors.New("no number")
	for _, test := range []struct{ err, want error }{
		{fmt.Errorf("load: %w", verifier), verifier},
		{fmt.Errorf("load: %w", mute), unix.EPERM},
		{fmt.Errorf("attach: %w", os.NewSyscallError("bpf", unix.EBUSY)), unix.EBUSY},
		{fmt.Errorf("attach: %w", unix.Errno(524)), ebpf.ErrNotSupported},
		{unknown, unknown},
	} {
		if got := plainCause(test.err); got != test.want {
			t.Errorf("%v comes from %v, want %v", test.err, got, test.want)
		}
	}
}

// TestMarkVictimPrototype: (void *, int) in older kernels, (void *, struct task_struct *, uid_t) since.
func TestMarkVictimPrototype(t *testing.T) {
	integer := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	context := btf.FuncParam{Type: &btf.Pointer{Target: (*btf.Void)(nil)}}
	task := btf.FuncParam{Type: &btf.Pointer{Target: &btf.Struct{Name: "task_struct"}}}
	number := btf.FuncParam{Type: integer}
	pid := btf.FuncParam{Type: &btf.Typedef{Name: "pid_t", Type: integer}}
	for _, test := range []struct {
		name   string
		params []btf.FuncParam
		want   bool
	}{
		{"btf_trace_mark_victim", []btf.FuncParam{context, number}, false},
		{"btf_trace_mark_victim", []btf.FuncParam{context, pid}, false},
		{"btf_trace_mark_victim", []btf.FuncParam{context, task, number}, true},
		{"btf_trace_mark_victim", []btf.FuncParam{context}, false},
		{"btf_trace_other", []btf.FuncParam{context, task}, false},
	} {
		proto := &btf.FuncProto{Return: (*btf.Void)(nil), Params: test.params}
		builder, err := btf.NewBuilder([]btf.Type{
			&btf.Typedef{Name: test.name, Type: &btf.Pointer{Target: proto}},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		types, err := builder.Spec()
		if err != nil {
			t.Fatal(err)
		}
		if got := markVictimTakesTask(types); got != test.want {
			t.Errorf("%s with %d arguments passes the task: %v, want %v", test.name, len(test.params), got, test.want)
		}
	}
}
