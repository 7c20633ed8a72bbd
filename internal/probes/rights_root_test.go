//go:build root

package probes

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/fact"
)

// attempt holds what a user with some rights gets from the kernel.
type attempt struct {
	Methods map[fact.ProbeName]fact.Method
	Reasons map[fact.ProbeName]string
	// NotPermitted is set if that is nothing; Error has the reason.
	NotPermitted bool
	Error        string
}

// attemptAs opens probes as another user with exactly these capabilities, and with the limit on locked memory that users have.
// tracefs is mounted there or not, as asked for.
func attemptAs(t *testing.T, tracefs bool, rights ...uintptr) attempt {
	t.Helper()
	cfg, err := json.Marshal(hostConfigOf(t))
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"rights", strconv.FormatBool(tracefs)}
	for _, r := range rights {
		words = append(words, strconv.Itoa(int(r)))
	}
	cmd := helperCommand(strings.Join(words, " "))
	cmd.Stdin = strings.NewReader("\n" + string(cfg) + "\n")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var a attempt
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return a
}

// openConfig holds the parts of a Config that differ from host to host.
type openConfig struct {
	Hierarchy       uint32
	Unified         bool
	OwnMntNamespace uint64
}

func hostConfigOf(t *testing.T) openConfig {
	cfg := hostConfig(t)
	return openConfig{cfg.Hierarchy, cfg.Unified, cfg.OwnMntNamespace}
}

// tryRights is the helper's part: as root in a mount namespace of its own it mounts or hides tracefs and starts itself once more
// as another user, who tries.
func tryRights(argument string, config string) error {
	words := strings.Fields(argument)
	if words[0] == "here" {
		return tryHere(config)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	const dir = "/sys/kernel/tracing"
	kind := "tmpfs"
	if words[0] == "true" {
		kind = "tracefs"
	} else if err := unix.Mount("none", "/sys/kernel/debug", "tmpfs", 0, ""); err != nil {
		return err
	}
	if err := unix.Mount("none", dir, kind, 0, "mode=700"); err != nil {
		return err
	}
	var rights []uintptr
	for _, word := range words[1:] {
		n, err := strconv.Atoi(word)
		if err != nil {
			return err
		}
		rights = append(rights, uintptr(n))
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperVariable+"=rights here")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("\n"+config), os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: rights}
	return cmd.Run()
}

func tryHere(config string) error {
	limit := unix.Rlimit{Cur: 64 << 10, Max: 64 << 10}
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		return err
	}
	var c openConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	a := attempt{Methods: map[fact.ProbeName]fact.Method{}, Reasons: map[fact.ProbeName]string{}}
	p, err := Open(Config{Hierarchy: c.Hierarchy, Unified: c.Unified, OwnMntNamespace: c.OwnMntNamespace, Clock: fixedClock})
	if err != nil {
		a.NotPermitted, a.Error = errors.Is(err, ErrNotPermitted), err.Error()
	} else {
		for _, choice := range p.Choices() {
			a.Methods[choice.Name], a.Reasons[choice.Name] = choice.Method, choice.Reason
		}
		err = p.Close()
	}
	return errors.Join(json.NewEncoder(os.Stdout).Encode(a), ignoreRefusal(err))
}

// ignoreRefusal is for an attempt that failed, which is its result.
func ignoreRefusal(err error) error {
	if errors.Is(err, ErrNotPermitted) || errors.Is(err, ErrNotSupported) {
		return nil
	}
	return err
}

// chargesLockedMemory reports whether this kernel counts BPF maps as locked memory, as those before 5.11 do.
func chargesLockedMemory(t *testing.T) bool {
	t.Helper()
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	major, rest, _ := strings.Cut(unix.ByteSliceToString(uts.Release[:]), ".")
	minor, _, _ := strings.Cut(rest, ".")
	x, errX := strconv.Atoi(major)
	y, errY := strconv.Atoi(minor)
	if err := errors.Join(errX, errY); err != nil {
		t.Fatal(err)
	}
	return x < 5 || x == 5 && y < 11
}

// The capabilities that docs/INSTALL.md lists suffice, and all of them are needed.
func TestListedRights(t *testing.T) {
	p := openProbes(t, hostConfig(t))
	root := map[fact.ProbeName]fact.Method{}
	for _, choice := range p.Choices() {
		root[choice.Name] = choice.Method
	}
	// Perf events may be for administrators alone.
	viaPerf := []uintptr{}
	if perfLevel(perfParanoid) > 2 {
		viaPerf = append(viaPerf, unix.CAP_SYS_ADMIN)
	}
	needed := slices.Clone(rightsNeeded)
	// Seeing the processes of others is for those who read /proc.
	needed = slices.DeleteFunc(needed, func(r uintptr) bool { return r == unix.CAP_SYS_PTRACE })
	charges := chargesLockedMemory(t)
	if charges {
		needed = append(needed, unix.CAP_SYS_RESOURCE)
	}
	same := func(t *testing.T, a attempt) {
		t.Helper()
		if a.Error != "" {
			t.Fatalf("refused: %s", a.Error)
		}
		for name, method := range root {
			if a.Methods[name] != method {
				t.Errorf("%s by %s, root has it by %s: %s", name, a.Methods[name], method, a.Reasons[name])
			}
		}
	}
	with := func(more ...uintptr) []uintptr { return append(slices.Clone(needed), more...) }
	without := func(right uintptr) []uintptr {
		return slices.DeleteFunc(slices.Clone(needed), func(r uintptr) bool { return r == right })
	}
	t.Run("suffice", func(t *testing.T) {
		a := attemptAs(t, false, needed...)
		if a.Error != "" {
			t.Fatalf("refused: %s", a.Error)
		}
		for name, method := range root {
			because := map[fact.Method]string{fact.MethodTracepoint: "tracefs"}
			if len(viaPerf) > 0 {
				because[fact.MethodKprobe] = "kernel.perf_event_paranoid is "
			}
			reason, allowed := because[method]
			if got := a.Methods[name]; got != method && (!allowed || got != fact.MethodNone || !strings.Contains(a.Reasons[name], reason)) {
				t.Errorf("%s by %s, root has it by %s: %s", name, got, method, a.Reasons[name])
			}
		}
	})
	t.Run("none too many", func(t *testing.T) {
		for _, right := range needed {
			if a := attemptAs(t, false, without(right)...); !a.NotPermitted {
				t.Errorf("without capability %d: %+v", right, a)
			}
		}
		if a := attemptAs(t, false); !a.NotPermitted {
			t.Errorf("without any: %+v", a)
		}
	})
	t.Run("tracefs for root alone", func(t *testing.T) {
		same(t, attemptAs(t, true, with(append(viaPerf, unix.CAP_DAC_READ_SEARCH)...)...))
		a := attemptAs(t, true, needed...)
		for name, method := range root {
			if method == fact.MethodTracepoint && (a.Methods[name] != fact.MethodNone || !strings.Contains(a.Reasons[name], "CAP_DAC_READ_SEARCH")) {
				t.Errorf("%s by %s: %s", name, a.Methods[name], a.Reasons[name])
			}
		}
	})
	t.Run("tracefs not mounted", func(t *testing.T) {
		same(t, attemptAs(t, false, with(unix.CAP_SYS_ADMIN, unix.CAP_DAC_READ_SEARCH)...))
	})
}
