package tour

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/demo"
	"github.com/nsviz/nsviz/internal/demo/lesson"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// host is a host of files: four containers, as the kernel and nsviz describe them.
type host struct {
	t         *testing.T
	dir       string
	snapshot  model.Snapshot
	startFail error
	started   []string
}

func (h *host) Snapshot() *model.Snapshot {
	s := h.snapshot
	return &s
}

func (h *host) Changed() <-chan struct{} {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	return c
}

func (h *host) Name(what string) string { return "demo-" + what }

func (h *host) Start(_ context.Context, spec demo.Spec) error {
	h.started = append(h.started, spec.Name)
	return h.startFail
}

func (h *host) write(path, content string) {
	h.t.Helper()
	path = filepath.Join(h.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) link(path, to string) {
	h.t.Helper()
	path = filepath.Join(h.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	_ = os.Remove(path) // there may be none
	if err := os.Symlink(to, path); err != nil {
		h.t.Fatal(err)
	}
}

// process makes the files of a process. own are the namespaces that are not the host's, by their numbers.
func (h *host) process(pid int, inside string, own map[event.NamespaceType]int) {
	folder := fmt.Sprint("proc/", pid, "/")
	for _, typ := range event.NamespaceTypes() {
		id := 1
		if n := own[typ]; n != 0 {
			id = n
		}
		h.link(folder+"ns/"+typ.String(), fmt.Sprintf("%s:[%d]", typ, id))
	}
	h.write(folder+"status", fmt.Sprintf("Name:\tx\nPPid:\t1\nNSpid:\t%d%s\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\tfffffffe7ffbfeff\nCapEff:\t00000000a80425fb\n", pid, inside))
	h.write(folder+"comm", "idle\n")
	h.write(folder+"mountinfo", "one\ntwo\n")
	h.write(folder+"net/dev", "Inter-|   Receive\n face |bytes\n    lo: 0 0\n")
	h.write(folder+"root/proc/sys/kernel/random/boot_id", "b001\n")
	h.link(folder+"fd/1", "pipe:[77]")
}

func (h *host) container(what string, pid int32, own map[event.NamespaceType]int) {
	c := model.Container{ID: "id-" + what, Label: "demo-" + what, State: model.Running, InitPID: pid, InitComm: "idle", CgroupPath: "/" + what, Runtime: "docker"}
	for _, typ := range event.NamespaceTypes() {
		c.Namespaces[typ].Relation = model.RelationHost
		if own[typ] != 0 {
			c.Namespaces[typ].Relation = model.RelationOwn
		}
	}
	h.snapshot.Containers = append(h.snapshot.Containers, c)
	inside := "\t1"
	if own[event.PID] == 0 {
		inside = ""
	}
	h.process(int(pid), inside, own)
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{t: t, dir: t.TempDir()}
	h.process(1, "", nil)
	h.container(web, 101, map[event.NamespaceType]int{event.Mnt: 11, event.PID: 12, event.Net: 13})
	h.container(sidecar, 102, map[event.NamespaceType]int{event.Mnt: 21, event.PID: 22, event.Net: 13})
	h.snapshot.Containers[1].Namespaces[event.Net].Relation = model.RelationShared
	h.container(agent, 103, map[event.NamespaceType]int{event.Mnt: 31})
	h.container(hog, 104, map[event.NamespaceType]int{event.Mnt: 41, event.PID: 42, event.Net: 43})
	h.container(brief, 105, map[event.NamespaceType]int{event.Mnt: 51})
	h.snapshot.Containers[4].Phases = []event.Phase{{Name: event.PhaseCgroup}, {Name: event.PhaseExec, AtMS: 12}, {Name: event.PhaseEngineStart, AtMS: 13}}
	h.snapshot.Host = fact.Host{Kernel: "6.12"}
	h.snapshot.Kills = []model.Kill{{
		Event: event.Event{
			Time: time.Unix(1, 0), Type: event.OOMKill, PID: 109, Container: &event.Container{ID: "id-hog", Name: "demo-hog"},
			OOM: &event.OOM{Scope: event.ScopeCgroup, Victim: event.Victim{PID: 109, Comm: "worker"}},
		}, Ordinal: 1,
	}}
	for path, content := range map[string]string{
		"proc/sys/kernel/osrelease": "6.12.1\n", "proc/sys/kernel/random/boot_id": "b001\n", "proc/modules": "ext4 1\n",
		"cgroup/hog/memory.max": "67108864\n", "cgroup/hog/memory.events": "oom 3\noom_kill 2\n", "cgroup/hog/cgroup.procs": "104\n109\n",
	} {
		h.write(path, content)
	}
	return h
}

// tour plays the tour on a host.
func (h *host) tour(change func(*Config)) (text string, err error) {
	var out strings.Builder
	cfg := Config{
		Out: &out, Width: func() int { return 80 }, Watch: h, Proc: filepath.Join(h.dir, "proc"), Cgroups: filepath.Join(h.dir, "cgroup"),
		Unified: true, VM: lesson.VM{None: true}, Patience: time.Millisecond,
	}
	if change != nil {
		change(&cfg)
	}
	err = Run(h.t.Context(), h, cfg)
	return strings.ReplaceAll(out.String(), h.dir, ""), err
}

// Everything that the tour says is so. It waits after each step but the last, and answers the three questions.
func TestTour(t *testing.T) {
	h := newHost(t)
	waited := 0
	text, err := h.tour(func(cfg *Config) { cfg.Wait = func(context.Context) { waited++ } })
	if err != nil {
		t.Error(err)
	}
	n := len(steps())
	if checked := strings.Count(text, "  checked   "); checked != n || waited != n-1 || strings.Contains(text, "NOT SO") {
		t.Errorf("%d of %d steps are checked, it waits %d times\n%s", checked, n, waited, text)
	}
	prose := strings.Join(strings.Fields(text), " ")
	for _, want := range []string{
		"its NSpid is 101 1: one process, 101 outside and 1 inside", "differ for mnt, pid and net, and nsviz has the same",
		"are both in net:[13], each in a PID namespace of its own", "memory.max holds 67108864, and process 104 is in cgroup.procs",
		"memory.events has oom_kill 2, and PID 1, process 104, lives on", "the program ran after 12.0 ms", "boot b001, inside and outside",
		"by hand cat /cgroup/hog/memory.max", "by hand ls -l /proc/101/ns /proc/1/ns",
		"a virtual machine in seconds? The container's program ran 12.0 ms after", "killed worker (PID 109) with a SIGKILL",
		"demo-web lacks the right for it (CAP_SYS_MODULE)", "those namespaces of demo-web that are the host's: ipc, uts, user, cgroup and time",
	} {
		if !strings.Contains(prose, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 && !strings.HasPrefix(line, "  by hand") {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if got := strings.Join(h.started, " "); got != "hog start1" {
		t.Errorf("it starts %s", got)
	}
}

// What is not so is reported with what is, and the tour goes on.
func TestTourThatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*host)
		want   string
	}{
		"no PID namespace":        {func(h *host) { h.write("proc/101/status", "PPid:\t1\nNSpid:\t101\nCapEff:\t0\n") }, "its numbers are 101: it is not PID 1"},
		"another net namespace":   {func(h *host) { h.link("proc/102/ns/net", "net:[14]") }, "are in the same net namespace: false"},
		"nsviz errs":              {func(h *host) { h.snapshot.Containers[0].Namespaces[event.UTS].Relation = model.RelationOwn }, "by /proc its mnt, pid and net are not the host's, and nsviz has mnt, pid, net and uts"},
		"to nsviz not shared":     {func(h *host) { h.snapshot.Containers[1].Namespaces[event.Net].Relation = model.RelationOwn }, "to nsviz the net namespace of demo-sidecar is own"},
		"another limit":           {func(h *host) { h.write("cgroup/hog/memory.max", "1\n") }, "memory.max holds 1"},
		"no limit":                {func(h *host) { h.write("cgroup/hog/memory.max", "max\n") }, `parsing "max"`},
		"moved out":               {func(h *host) { h.write("cgroup/hog/cgroup.procs", "109\n") }, "process 104 is not in that cgroup"},
		"no kill counted":         {func(h *host) { h.write("cgroup/hog/memory.events", "oom_kill 0\n") }, "counts no kill"},
		"the victim is PID 1":     {func(h *host) { h.snapshot.Kills[0].Event.OOM.Victim.PID = 104 }, "the victim was PID 1, process 104"},
		"its log is the kernel's": {func(h *host) { h.link("proc/104/fd/1", "/dev/kmsg") }, "the kernel's log"},
		"SIGKILL is caught":       {func(h *host) { h.write("proc/104/status", "SigCgt:\t0000000000000100\n") }, "SigCgt has SIGKILL"},
		"another boot":            {func(h *host) { h.write("proc/101/root/proc/sys/kernel/random/boot_id", "b002\n") }, "the boot is b002 inside and b001 outside"},
		"somebody removes one":    {func(h *host) { h.snapshot.Containers[0].State = model.Exited }, "demo-web does not run"},
		"the engine fails":        {func(h *host) { h.startFail = errors.New("no space left") }, "no space left"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			c.change(h)
			text, err := h.tour(nil)
			if prose := strings.Join(strings.Fields(text), " "); !strings.Contains(prose, "NOT SO") || !strings.Contains(prose, c.want) {
				t.Errorf("no %q in\n%s", c.want, text)
			}
			if err == nil || !strings.Contains(err.Error(), "were not as the tour says") || !strings.Contains(text, "Three questions") {
				t.Errorf("%v after\n%s", err, text)
			}
		})
	}
}

// A kernel without modules, one with CAP_SYS_MODULE, and a right that counts in a user namespace alone.
func TestModules(t *testing.T) {
	for want, change := range map[string]func(*host){
		"built without modules":                 func(h *host) { _ = os.Remove(filepath.Join(h.dir, "proc/modules")) },
		"that it loads is in the host's kernel": func(h *host) { h.write("proc/101/status", "CapEff:\t000001ffffffffff\n") },
		"the kernel refuses": func(h *host) {
			h.write("proc/101/status", "CapEff:\t000001ffffffffff\n")
			h.link("proc/101/ns/user", "user:[99]")
		},
	} {
		h := newHost(t)
		change(h)
		tour := tour{kernel: kernel{filepath.Join(h.dir, "proc")}, Config: Config{Proc: filepath.Join(h.dir, "proc")}}
		text, err := tour.modules(&h.snapshot.Containers[0])
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%q, %v, want %q", text, err, want)
		}
	}
}

// The user's own container takes the place of the tour's.
func TestTourOfAnotherContainer(t *testing.T) {
	h := newHost(t)
	h.container("mine", 201, map[event.NamespaceType]int{event.Mnt: 61, event.PID: 62})
	text, err := h.tour(func(cfg *Config) { cfg.Container = "demo-mine" })
	if err != nil || !strings.Contains(text, "its NSpid is 201 1") || strings.Contains(text, "grep NSpid /proc/101") {
		t.Errorf("%v\n%s", err, text)
	}
	if text, err := h.tour(func(cfg *Config) { cfg.Container = "none" }); err == nil || !strings.Contains(err.Error(), "no container none runs") || text != "" {
		t.Errorf("%v, %q", err, text)
	}
}

// The tour ends without a complaint when the user ends it, and with one when nobody can read it.
func TestTourEnds(t *testing.T) {
	h := newHost(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out strings.Builder
	cfg := Config{
		Out: &out, Width: func() int { return 80 }, Watch: h, Proc: filepath.Join(h.dir, "proc"), Cgroups: filepath.Join(h.dir, "cgroup"),
		Unified: true, VM: lesson.VM{None: true}, Patience: time.Millisecond, Wait: func(context.Context) { cancel() },
	}
	if err := Run(ctx, h, cfg); err != nil || !strings.Contains(out.String(), "[1/") || strings.Contains(out.String(), "[2/") {
		t.Errorf("%v\n%s", err, &out)
	}
	cfg.Out, cfg.Wait = deaf{}, nil
	if err := Run(t.Context(), h, cfg); !errors.Is(err, errDeaf) {
		t.Errorf("%v", err)
	}
}

// deaf is a reader that has gone away.
type deaf struct{}

var errDeaf = errors.New("nobody reads")

func (deaf) Write([]byte) (int, error) { return 0, errDeaf }

// A container has its own files where the tour looks for the kernel's: none of them has it wait, or read files of the host.
func TestFilesOfContainersAreNotTrusted(t *testing.T) {
	const path = "proc/" + bootFile
	h := newHost(t)
	k := kernel{filepath.Join(h.dir, "proc")}
	inside := filepath.Join(h.dir, "proc/101/root", path)
	if got, err := k.bootInside(101); got != "b001" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	h.write("secret", "of the host\n")
	for _, link := range []string{filepath.Join(h.dir, "secret"), "../../../../../../../secret", "/proc/self/cmdline"} {
		h.link("proc/101/root/"+path, link)
		if got, err := k.bootInside(101); err == nil {
			t.Errorf("a link to %s: %q", link, got)
		}
	}
	_ = os.Remove(inside)
	if err := unix.Mkfifo(inside, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := k.bootInside(101); err == nil {
		t.Errorf("a FIFO: %q", got)
	}
	_ = os.Remove(inside)
	h.write("proc/101/root/"+path, strings.Repeat("x", 1<<20))
	if got, err := k.bootInside(101); len(got) > 128 || err != nil {
		t.Errorf("a long file: %d bytes, %v", len(got), err)
	}
}
