package probes

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/fact"
)

// The reasons why nsviz cannot watch this host at all. They come wrapped in a sentence that
// says what to do.
var (
	ErrNotPermitted = errors.New("not permitted")
	ErrNotSupported = errors.New("not supported")
)

// Facts holds what matters about a host for the choice of hooks.
type Facts struct {
	// Kernel is the release, as in uname.
	Kernel string
	// Arch is the architecture, as Go calls it.
	Arch string
	// Root is whether nsviz runs as root.
	Root bool
	// BTF and RingBuffer are the reasons why the kernel's type information cannot be read and why there are no
	// ring buffers; nil if they are available. nsviz needs both.
	BTF, RingBuffer error
	// Functions are those of the needed kernel functions that exist here.
	Functions map[string]bool
	// Tracepoints are those of the needed BTF tracepoints that exist here.
	Tracepoints map[string]bool
	// MarkVictimTakesTask is whether the tracepoint mark_victim passes the task and not only its
	// thread id.
	MarkVictimTakesTask bool
	// Refused has the reason for each method that does not work on this host; absent ones work.
	Refused map[fact.Method]error
	// Memlock is the reason why RLIMIT_MEMLOCK could not be raised; nil if it could be or need not be.
	Memlock error

	// confined holds the known limits of this process, for the words of a refusal.
	confined confinement
	// struck holds, by its first program, each option that did not load or attach although the facts
	// allowed it.
	struck map[string]error
	// taxed is whether a fact is hooked at tracepoints of system calls already, which slow down all of them.
	taxed bool
}

// Gather asks the running host. Some facts can only be found by trying: a security module may
// refuse a kind of program that the kernel has. cache may be shared with Open.
func Gather(cache *btf.Cache) Facts {
	f := Facts{
		Arch:        runtime.GOARCH,
		Root:        os.Geteuid() == 0,
		Functions:   map[string]bool{},
		Tracepoints: map[string]bool{},
		Refused:     map[fact.Method]error{},
	}
	var uts unix.Utsname
	if err := unix.Uname(&uts); err == nil {
		f.Kernel = unix.ByteSliceToString(uts.Release[:])
	}
	f.confined = readConfinement()
	// Kernels before 5.11 charge BPF maps to this limit; a failure to raise it is not fatal by
	// itself, since the maps may fit.
	f.Memlock = rlimit.RemoveMemlock()

	types, err := cache.Kernel()
	if err != nil {
		f.BTF = err
		return f
	}
	if f.RingBuffer = features.HaveMapType(ebpf.RingBuf); f.RingBuffer != nil {
		return f
	}
	f.readTypes(types)

	if err := tryTracing(f.Functions, cache); err != nil {
		f.Refused[fact.MethodFentry] = err
	}
	if err := tryKprobe(f.Functions); err != nil {
		f.Refused[fact.MethodKprobe] = err
	}
	if err := tryTracefs(); err != nil {
		f.Refused[fact.MethodTracepoint] = err
	}
	return f
}

// readTypes fills in what the kernel's BTF shows.
func (f *Facts) readTypes(types *btf.Spec) {
	for _, kind := range kinds(f.Arch) {
		for _, o := range kind.options {
			for _, name := range o.functions {
				var fn *btf.Func
				f.Functions[name] = types.TypeByName(name, &fn) == nil
			}
			for _, name := range o.tracepoints {
				var def *btf.Typedef
				f.Tracepoints[name] = types.TypeByName("btf_trace_"+name, &def) == nil
			}
		}
	}
	f.MarkVictimTakesTask = markVictimTakesTask(types)
}

// markVictimTakesTask looks at the prototype void (*)(void *, struct task_struct *, uid_t), which
// was void (*)(void *, int) in older kernels. Distributions backport the change, so that the
// version says nothing.
func markVictimTakesTask(types *btf.Spec) bool {
	var def *btf.Typedef
	if types.TypeByName("btf_trace_mark_victim", &def) != nil {
		return false
	}
	pointer, ok := def.Type.(*btf.Pointer)
	if !ok {
		return false
	}
	proto, ok := pointer.Target.(*btf.FuncProto)
	if !ok || len(proto.Params) < 2 {
		return false
	}
	_, ok = btf.UnderlyingType(proto.Params[1].Type).(*btf.Pointer)
	return ok
}

// trialFunction returns one of the functions that nsviz may hook and that exist here, to try whether a
// kind of hook works. All of them are seldom called.
func trialFunction(functions map[string]bool) (string, error) {
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		if functions[name] {
			return name, nil
		}
	}
	return "", errors.New("the kernel has none of the functions that nsviz would hook")
}

func trivial(spec ebpf.ProgramSpec) *ebpf.ProgramSpec {
	spec.Name = "nsviz_trial"
	spec.License = "GPL"
	spec.Instructions = asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
	return &spec
}

func tryTracing(functions map[string]bool, cache *btf.Cache) error {
	function, err := trialFunction(functions)
	if err != nil {
		return err
	}
	spec := &ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{
		"trial": trivial(ebpf.ProgramSpec{
			Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFEntry, AttachTo: function,
		}),
	}}
	opts := ebpf.CollectionOptions{Cache: cache, Programs: ebpf.ProgramOptions{LogDisabled: true}}
	coll, err := ebpf.NewCollectionWithOptions(spec, opts)
	if err != nil {
		return plainCause(err)
	}
	defer coll.Close()
	// arm64 before 6.0 loads such programs and cannot attach them.
	l, err := link.AttachTracing(link.TracingOptions{Program: coll.Programs["trial"]})
	if err != nil {
		return plainCause(err)
	}
	return l.Close()
}

func tryKprobe(functions map[string]bool) error {
	function, err := trialFunction(functions)
	if err != nil {
		return err
	}
	// Every kernel that has ring buffers has this PMU, if it has kprobes.
	if _, err := os.Stat("/sys/bus/event_source/devices/kprobe"); errors.Is(err, os.ErrNotExist) {
		return errors.New("the kernel is built without kprobes")
	}
	prog, err := ebpf.NewProgramWithOptions(trivial(ebpf.ProgramSpec{Type: ebpf.Kprobe}),
		ebpf.ProgramOptions{LogDisabled: true})
	if err != nil {
		return plainCause(err)
	}
	defer func() { _ = prog.Close() }()
	l, err := link.Kprobe(function, prog, nil)
	if err != nil {
		return perfCause(err)
	}
	return l.Close()
}

func tryTracefs() error {
	dir, err := openTracefs()
	if err != nil {
		return err
	}
	return dir.Close()
}

// plainCause returns the innermost reason of a long error, in the words of the kernel: the verifier's
// message about a program, else the error number.
func plainCause(err error) error {
	var verifier *ebpf.VerifierError
	if errors.As(err, &verifier) && len(verifier.Log) > 0 {
		return verifier
	}
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return err
	}
	if errno == enotsupp {
		return ebpf.ErrNotSupported
	}
	return errno
}

// perfParanoid holds who may use perf events. Debian's kernels also have 3: only with CAP_SYS_ADMIN.
const perfParanoid = "/proc/sys/kernel/perf_event_paranoid"

// perfCause returns the plainCause of a perf event that could not be opened.
func perfCause(err error) error {
	cause := plainCause(err)
	if level := perfLevel(perfParanoid); cause == unix.EACCES && level > 2 {
		return fmt.Errorf("%w: kernel.perf_event_paranoid is %d, and CAP_SYS_ADMIN is missing", cause, level)
	}
	return cause
}

// perfLevel reads a file like perfParanoid; it returns 0 if it cannot.
func perfLevel(file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	level, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return level
}

// enotsupp is ENOTSUPP of the kernel's include/linux/errno.h, which is not meant for user space and
// has no text there. Attaching a program may still return it.
const enotsupp unix.Errno = 524

// Check returns nil if nsviz can work on this host, else ErrNotPermitted or ErrNotSupported
// wrapped in a sentence that says what to do.
func (f Facts) Check() error {
	switch {
	case f.BTF != nil && errors.Is(f.BTF, os.ErrPermission):
		return fmt.Errorf("the kernel's type information cannot be read: %w: %w; run nsviz as root: sudo nsviz",
			ErrNotPermitted, f.BTF)
	case f.BTF != nil && !errors.Is(f.BTF, os.ErrNotExist) && !errors.Is(f.BTF, ebpf.ErrNotSupported):
		return fmt.Errorf("the type information of kernel %s (BTF, /sys/kernel/btf/vmlinux) is damaged: %w: %w; "+
			"is something mounted over it? nsviz cannot work without", f.Kernel, ErrNotSupported, f.BTF)
	case f.BTF != nil:
		return fmt.Errorf("kernel %s has no type information (BTF): %w: %w; nsviz needs a kernel of 5.8 or newer "+
			"built with CONFIG_DEBUG_INFO_BTF=y, which shows as /sys/kernel/btf/vmlinux", f.Kernel,
			ErrNotSupported, f.BTF)
	case f.RingBuffer != nil && errors.Is(f.RingBuffer, ebpf.ErrNotSupported):
		return fmt.Errorf("kernel %s has no BPF ring buffers: %w; nsviz needs 5.8 or newer", f.Kernel,
			ErrNotSupported)
	case f.RingBuffer != nil:
		return f.refused(f.RingBuffer)
	}
	return nil
}

// refused explains a bpf() call that the kernel refused. Known causes come before guesses.
func (f Facts) refused(err error) error {
	filter := f.confined.stopped() && f.confined.behindFilter()
	if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) && !filter {
		return fmt.Errorf("set up BPF: %w", err)
	}
	why := fmt.Errorf("%w: %w", ErrNotPermitted, plainCause(err))
	switch missing := f.confined.missing(); {
	case !f.Root && !f.confined.has():
		return fmt.Errorf("loading BPF programs needs root: %w; run: sudo nsviz", why)
	case len(missing) > 0:
		return fmt.Errorf("the kernel refuses BPF: %w; %s", why, adviceMissing(missing))
	case filter:
		return fmt.Errorf("a seccomp filter refuses the bpf system call: %w; %s", why, adviceFilter)
	case f.confined.stopped():
		return fmt.Errorf("something refuses the bpf system call although nsviz may use it by its capabilities: %w; look for "+
			"a security module's policy (SELinux, AppArmor, BPF) and for a user namespace around nsviz", why)
	case f.Memlock != nil:
		return fmt.Errorf("the kernel refuses BPF maps: %w; the limit on locked memory is too low and could not "+
			"be raised (%s): start nsviz with a higher one (ulimit -l unlimited, LimitMEMLOCK=infinity); or else %s", why,
			plainCause(f.Memlock), adviceRefused)
	}
	return fmt.Errorf("the kernel refuses BPF although nsviz is root: %w; %s", why, adviceRefused)
}

// adviceRefused says where to look when the kernel refuses BPF.
const adviceRefused = "look for lockdown=confidentiality (cat /sys/kernel/security/lockdown), a seccomp filter or " +
	"missing capabilities if nsviz is in a container (it needs CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and " +
	"CAP_SYS_RESOURCE)"

// adviceFilter says what to do about a seccomp filter.
const adviceFilter = "start nsviz without it, or allow bpf and perf_event_open in it (docker run --security-opt " +
	"seccomp=unconfined, SystemCallFilter= of a systemd unit)"

func adviceMissing(capabilities []string) string {
	return "nsviz lacks " + strings.Join(capabilities, " and ") + " (docker run --cap-add, CapabilityBoundingSet= of a systemd unit)"
}

// syscallFunction returns the kernel's function of a system call on an architecture.
func syscallFunction(arch, name string) string {
	prefix := map[string]string{"amd64": "__x64_sys_", "arm64": "__arm64_sys_"}[arch]
	return prefix + name
}
