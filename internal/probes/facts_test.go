package probes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

func TestCheck(t *testing.T) {
	const privileges = "look for lockdown=confidentiality (cat /sys/kernel/security/lockdown), a seccomp filter or missing " +
		"capabilities if nsviz is in a container (it needs CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_SYS_RESOURCE)"
	refused := fmt.Errorf("map create: %w", unix.EPERM)
	const all = uint64(1)<<41 - 1
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
			name:  "a seccomp filter, and too little locked memory",
			facts: Facts{Root: true, RingBuffer: refused, Memlock: unix.EPERM, confined: confinement{new(all), new(true), unix.EPERM}},
			is:    ErrNotPermitted,
			says:  "a seccomp filter refuses the bpf system call: not permitted: operation not permitted; " + adviceFilter,
		},
		{
			name:  "a seccomp filter that says there is no such call",
			facts: Facts{Root: true, RingBuffer: fmt.Errorf("map create: %w", unix.ENOSYS), confined: confinement{new(all), new(true), unix.ENOSYS}},
			is:    ErrNotPermitted,
			says:  "a seccomp filter refuses the bpf system call: not permitted: function not implemented; " + adviceFilter,
		},
		{
			name:  "a seccomp filter that has nothing to do with it",
			facts: Facts{Root: true, RingBuffer: refused, Memlock: unix.EPERM, confined: confinement{new(all), new(true), nil}},
			is:    ErrNotPermitted,
			says: "the kernel refuses BPF maps: not permitted: operation not permitted; the limit on locked memory is too low " +
				"and could not be raised (operation not permitted): start nsviz with a higher one (ulimit -l unlimited, " +
				"LimitMEMLOCK=infinity); or else " + adviceRefused,
		},
		{
			name:  "root without capabilities, behind a filter",
			facts: Facts{Root: true, RingBuffer: refused, Memlock: unix.EPERM, confined: confinement{new(uint64(0)), new(true), unix.EPERM}},
			is:    ErrNotPermitted,
			says: "the kernel refuses BPF: not permitted: operation not permitted; nsviz lacks CAP_BPF and CAP_PERFMON (docker run " +
				"--cap-add, CapabilityBoundingSet= of a systemd unit)",
		},
		{
			name:  "not root, and all capabilities",
			facts: Facts{RingBuffer: refused, confined: confinement{new(all), new(true), unix.EPERM}},
			is:    ErrNotPermitted,
			says:  "a seccomp filter refuses the bpf system call: not permitted: operation not permitted; " + adviceFilter,
		},
		{
			name:  "a security module",
			facts: Facts{Root: true, RingBuffer: refused, confined: confinement{new(all), new(false), unix.EPERM}},
			is:    ErrNotPermitted,
			says: "something refuses the bpf system call although nsviz may use it by its capabilities: not permitted: operation not " +
				"permitted; look for a security module's policy (SELinux, AppArmor, BPF) and for a user namespace around nsviz",
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

func TestConfinement(t *testing.T) {
	for _, tt := range []struct {
		status   string
		filtered *bool
		missing  string
		has      bool
	}{
		{"Name:\tnsviz\nCapEff:\t000001ffffffffff\nSeccomp:\t0\nSeccomp_filters:\t0\n", new(false), "", true},
		{"CapEff:\t0000000000200000\nSeccomp:\t2\n", new(true), "", true}, // CAP_SYS_ADMIN has it all
		{"CapEff:\t000000c000000000\nSeccomp:\t1\n", new(false), "", true},
		{"CapEff:\t0000008000000000\n", nil, "CAP_PERFMON", false},
		{"CapEff:\t0000000000000000\nSeccomp:\t2\n", new(true), "CAP_BPF CAP_PERFMON", false},
		{"CapEff:\tjunk\n", nil, "", false},
		{"", nil, "", false},
	} {
		var c confinement
		c.parse([]byte(tt.status))
		if got := strings.Join(c.missing(), " "); got != tt.missing || c.has() != tt.has || c.behindFilter() != (tt.filtered != nil && *tt.filtered) ||
			(c.filtered == nil) != (tt.filtered == nil) {
			t.Errorf("%q: %+v, missing %q", tt.status, c, got)
		}
	}
}
