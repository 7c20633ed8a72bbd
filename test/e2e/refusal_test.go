//go:build e2e

package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// refusal is a call of nsviz that must fail.
type refusal struct {
	name    string
	command []string
	env     []string
	code    int
	// says holds parts of the sentence.
	says []string
}

// checkRefusals runs each one. It wants its exit code, one sentence on stderr and nothing on stdout.
func checkRefusals(t *testing.T, refusals []refusal) {
	t.Helper()
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, r.command[0], r.command[1:]...)
			cmd.Env = append(os.Environ(), r.env...)
			stdout, stderr, code := outcome(t, cmd)
			if code != r.code {
				t.Errorf("exit code %d, want %d", code, r.code)
			}
			if stdout != "" {
				t.Errorf("on stdout:\n%s", stdout)
			}
			said := sentence(t, stderr)
			for _, part := range r.says {
				if !strings.Contains(said, part) {
					t.Errorf("want %q in: %s", part, said)
				}
			}
			if said == "" || strings.HasSuffix(said, ":") {
				t.Errorf("no sentence: %q", stderr)
			}
		})
	}
}

const (
	failed       = 1
	badUsage     = 2
	notSupported = 3
)

// Commands that watch fail at once if the kernel does not permit that.
func TestKernelRefuses(t *testing.T) {
	dir, open := openDir(t)
	writable := filepath.Join(dir, "recordings")
	if err := errors.Join(os.Mkdir(writable, 0o700), os.Chmod(writable, 0o777)); err != nil {
		t.Fatal(err)
	}
	live := map[string][]string{
		"events": {"events"},
		"serve":  {"serve", "--web.listen-address", freeAddress(t)},
		"record": {"record", filepath.Join(writable, "recording")},
		"demo":   {"demo", "--no-docker", "--duration=1m"},
	}
	var refusals []refusal
	for _, name := range []string{"events", "serve", "record", "demo"} {
		args := live[name]
		refusals = append(refusals,
			refusal{
				name: "not root/" + name, command: asNobody(append([]string{open}, args...)...),
				code: notSupported, says: []string{"needs root", "sudo nsviz"},
			},
			refusal{
				name: "no capabilities/" + name, command: withoutCapabilities(append([]string{binary()}, args...)...),
				code: notSupported, says: []string{"refuses", "not permitted"},
			},
			refusal{
				name: "no BTF/" + name, command: withHidden([]string{"/sys/kernel/btf"}, append([]string{binary()}, args...)...),
				code: notSupported, says: []string{"BTF", "5.8", "CONFIG_DEBUG_INFO_BTF"},
			})
	}
	refusals = append(refusals, refusal{
		name: "no method for a fact", command: []string{binary(), "events", "--probe-methods=tracepoint"},
		code: notSupported, says: []string{"cgroups made cannot be watched", "tp_btf: left out by --probe-methods"},
	})
	checkRefusals(t, refusals)
	if left, err := os.ReadDir(writable); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

// If nsviz cannot work, or would lend its rights to others, each command reports that at once.
func TestRefusesThePlace(t *testing.T) {
	dir, lent := openDir(t)
	if err := os.Chmod(lent, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	few := func(n string, args ...string) []string {
		return append([]string{"prlimit", "--nofile=" + n + ":" + n, "--", binary()}, args...)
	}
	refusals := []refusal{
		{"setuid", asNobody(lent, "ps"), nil, notSupported, []string{"setuid", "chmod ug-s", "sudo"}},
		{"few files/ps", few("20", "ps"), nil, notSupported, []string{"only 20 files", "needs 32", "ulimit -n"}},
	}
	for _, name := range []string{"events", "serve", "doctor", "demo --no-docker", "record " + filepath.Join(dir, "recording")} {
		refusals = append(refusals, refusal{
			"few files/" + name, few("100", strings.Fields(name)...), nil, notSupported, []string{"only 100 files", "needs 256", "ulimit -n"},
		})
	}
	checkRefusals(t, refusals)
	if _, err := os.Stat(filepath.Join(dir, "recording")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a recording is left: %v", err)
	}
}

// doctor reports what it can, and then fails like the others.
func TestDoctorWhereTheKernelRefuses(t *testing.T) {
	_, open := openDir(t)
	for name, command := range map[string][]string{
		"not root":        asNobody(open, "doctor"),
		"no capabilities": withoutCapabilities(binary(), "doctor"),
		"no BTF":          withHidden([]string{"/sys/kernel/btf"}, binary(), "doctor"),
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := outcome(t, exec.CommandContext(t.Context(), command[0], command[1:]...))
			if code != notSupported || sentence(t, stderr) == "" {
				t.Errorf("exit code %d, want %d\n%s", code, notSupported, stderr)
			}
			if !contains("host ", "Linux", "no probe could be attached")(stdout) {
				t.Errorf("on stdout:\n%s", stdout)
			}
		})
	}
}

// Optional parts of the host may be missing.
func TestGoesOnWithout(t *testing.T) {
	for name, command := range map[string][]string{
		"tracefs": withHidden([]string{"/sys/kernel/tracing", "/sys/kernel/debug"}, binary(), "doctor"),
		"tracefs elsewhere": {"unshare", "--mount", "--", "sh", "-c", `mount -t tmpfs none /sys/kernel/debug && ` +
			`mount -t tmpfs none /sys/kernel/tracing && mkdir /sys/kernel/tracing/elsewhere && ` +
			`mount -t tracefs none /sys/kernel/tracing/elsewhere && exec "$0" doctor`, binary()},
		"locked memory": append([]string{"prlimit", "--memlock=65536:65536", "setpriv", "--bounding-set=-sys_resource", "--"}, binary(), "doctor"),
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := outcome(t, exec.CommandContext(t.Context(), command[0], command[1:]...))
			if code != 0 || stderr != "" {
				t.Errorf("exit code %d\n%s", code, stderr)
			}
			if !contains("OOM victims", "namespaces by unshare")(stdout) {
				t.Errorf("on stdout:\n%s", stdout)
			}
		})
	}
}

// The kernel's type information is damaged, or belongs to a kernel in which something has another name.
func TestOtherTypes(t *testing.T) {
	types, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, content []byte) string { return writeFile(t, dir, name, content) }
	renamed := func(names ...string) []byte {
		content := bytes.Clone(types)
		for _, name := range names {
			other := append(bytes.Clone([]byte(name[:len(name)-1])), '_', 0)
			if !bytes.Contains(content, append([]byte(name), 0)) {
				t.Fatalf("this kernel has no %s to begin with", name)
			}
			content = bytes.ReplaceAll(content, append([]byte(name), 0), other)
		}
		return content
	}
	checkRefusals(t, []refusal{
		{
			"cut short", withTypes(file("short", types[:len(types)/2]), binary(), "events"), nil, notSupported,
			[]string{"/sys/kernel/btf/vmlinux", "damaged"},
		},
		{
			"empty", withTypes(file("empty", nil), binary(), "events"), nil, notSupported,
			[]string{"/sys/kernel/btf/vmlinux", "damaged"},
		},
		{
			"no mark_victim", withTypes(file("victim", renamed("btf_trace_mark_victim")), binary(), "events"), nil, notSupported,
			[]string{"OOM victims cannot be watched", "no tracepoint mark_victim"},
		},
	})
	// Without any function to hook, tracepoints and reading suffice.
	unhooked := file("functions", renamed("ksys_unshare", "proc_free_inum", "oom_kill_process", syscallFunction("setns")))
	command := withTypes(unhooked, binary(), "doctor")
	stdout, stderr, code := outcome(t, exec.CommandContext(t.Context(), command[0], command[1:]...))
	if code != 0 || stderr != "" {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	for _, want := range []string{`namespaces by unshare +tracepoint`, `namespaces freed +none`, `OOM decisions +none`, `OOM victims +tp_btf`} {
		if !match(want)(stdout) {
			t.Errorf("want %q in\n%s", want, stdout)
		}
	}
}

// syscallFunction returns the kernel's name for the function of a system call.
func syscallFunction(name string) string {
	return map[string]string{"amd64": "__x64_sys_", "arm64": "__arm64_sys_"}[runtime.GOARCH] + name
}

// The unified hierarchy alone, which has the memory controller only if no v1 hierarchy has it.
func TestUnifiedHierarchyAlone(t *testing.T) {
	dir := t.TempDir()
	unified := filepath.Join(dir, "unified")
	if err := os.Mkdir(unified, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", unified, "cgroup2", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(unified, 0); err != nil {
			t.Error(err)
		}
	})
	controllers, err := os.ReadFile(filepath.Join(unified, "cgroup.controllers"))
	if err != nil {
		t.Fatal(err)
	}
	hasMemory := slices.Contains(strings.Fields(string(controllers)), "memory")

	stdout, _, code := nsviz(t, "doctor", "--cgroup-root", dir)
	if code != 0 || !strings.Contains(stdout, "cgroup v2") || strings.Contains(stdout, "no memory controller") == hasMemory {
		t.Errorf("exit code %d; the hierarchy has memory: %v; doctor says:\n%s", code, hasMemory, stdout)
	}
	events := startEvents(t, "--cgroup-root", dir)
	const name = "nsviz-test-unified"
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, "--memory=32m", busyboxImage, "tail", "/dev/zero")
	kill := events.await(t, 1, of(event.OOMKill, name))[0]
	if o := kill.OOM; o.LimitBytes == nil || *o.LimitBytes != 32<<20 || (o.Cgroup != "") != hasMemory {
		t.Errorf("the hierarchy has memory: %v; the kill is %+v", hasMemory, o)
	}
	events.await(t, 1, of(event.ContainerExited, name))
}

func TestBadUsage(t *testing.T) {
	var refusals []refusal
	for _, c := range []struct {
		args string
		says string
	}{
		{"--nonsense", "--nonsense"},
		{"nonsense", `no command "nonsense"`},
		{"events --nonsense", "--nonsense"},
		{"events nonsense", `"nonsense"`},
		{"events -o yaml", "text or json"},
		{"ps -o yaml", "table or json"},
		{"ns -o yaml", "tree, json, dot, mermaid or svg"},
		{"--log-level loud", "debug, info, warn or error"},
		{"events --probe-methods magic", `no method "magic"; there are [fentry kprobe tp_btf raw_tp tracepoint]`},
		{"serve --log-level loud", "debug, info, warn or error"},
		{"record", "wants FILE"},
		{"record one two", "wants FILE"},
		{"replay one two", "wants FILE"},
		{"evnts", "did you mean nsviz events?"},
		{"help nope", `no command "nope"`},
		{"replay --speed 0 file", "above 0"},
		{"replay --speed NaN file", "above 0"},
		{"replay --speed Inf file", "above 0"},
		{"demo --duration -5s", "0 or more"},
		{"replay --speed fast file", "fast"},
		{"demo nonsense", "oom, start and isolation"},
		{"demo oom start", "one demo at a time"},
		{"demo --duration soon", "soon"},
		{"completion nonsense", `"nonsense"`},
		{"version nonsense", `"nonsense"`},
		{"ps --docker-host nonsense", "unix:///"},
		{"events --docker-host /run/docker.sock", "unix:///run/docker.sock"},
		{"events --docker-host ssh://host", "tcp://"},
		{"serve --web.listen-address nonsense", "HOST:PORT"},
		{"serve --web.listen-address 127.0.0.1:99999", "99999"},
		{"serve --web.listen-address=", "--web.listen-address is empty"},
		{"serve --web.config.file /nonexistent", "/nonexistent"},
		{"serve --web.host *", "would let every web page read nsviz"},
		{"serve --web.host https://nsviz.example", "without a scheme and a port"},
		{"serve --web.remote none", "all or metrics"},
	} {
		refusals = append(refusals, refusal{
			name: c.args, command: append([]string{binary()}, strings.Fields(c.args)...), code: badUsage, says: []string{c.says},
		})
	}
	refusals = append(refusals, refusal{
		name: "DOCKER_HOST", command: []string{binary(), "ps"}, env: []string{"DOCKER_HOST=nonsense"}, code: badUsage,
		says: []string{"nonsense", "$DOCKER_HOST"},
	})
	checkRefusals(t, refusals)
}

func TestFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	dir := t.TempDir()
	file := func(name string, content []byte) string { return writeFile(t, dir, name, content) }
	zipped := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	cutShort := file("cut short", zipped(`{"format":"nsviz recording","version":1}`)[:30])
	existing := file("existing", []byte("precious"))

	run := func(args ...string) []string { return append([]string{binary()}, args...) }
	checkRefusals(t, []refusal{
		{"port in use", run("serve", "--web.listen-address", address), nil, failed, []string{address, "in use", "--web.listen-address"}},
		{"no address of this host", run("serve", "--web.listen-address", "192.0.2.1:10064"), nil, failed, []string{"192.0.2.1", "not an address of this host"}},
		{"no recording", run("replay", filepath.Join(dir, "missing")), nil, failed, []string{"missing", "no such file"}},
		{"empty recording", run("replay", file("empty", nil)), nil, failed, []string{"empty", "not a recording of nsviz"}},
		{"text as recording", run("replay", file("text", []byte("hello\n"))), nil, failed, []string{"text", "not a recording of nsviz"}},
		{"foreign archive as recording", run("replay", file("archive", zipped("hello\n"))), nil, failed, []string{"archive", "not a recording of nsviz"}},
		{"newer recording", run("replay", file("newer", zipped(`{"format":"nsviz recording","version":99}`+"\n"))), nil, failed, []string{"newer", "99"}},
		{"recording cut short at once", run("replay", cutShort), nil, failed, []string{"cut short"}},
		{"folder as recording", run("replay", dir), nil, failed, []string{dir}},
		{"recording over a file", run("record", existing), nil, failed, []string{existing, "there already"}},
		{"recording to nowhere", run("record", filepath.Join(dir, "missing", "file")), nil, failed, []string{"no such file"}},
		{"no procfs", run("events", "--proc-root", dir), nil, failed, []string{dir, "procfs", "--proc-root"}},
		{"no cgroups", run("ps", "--cgroup-root", dir), nil, failed, []string{dir, "cgroup", "--cgroup-root"}},
	})
	if content, err := os.ReadFile(existing); err != nil || string(content) != "precious" {
		t.Errorf("the file that was there is now %q, %v", content, err)
	}
}

// The dashboard needs a terminal.
func TestNoTerminal(t *testing.T) {
	recording := filepath.Join(t.TempDir(), "recording")
	recordWhile(t, recording, func() {})
	var refusals []refusal
	for _, args := range [][]string{nil, {"replay", recording}} {
		refusals = append(refusals, refusal{
			name: strings.Join(append([]string{"nsviz"}, args...)[:min(2, 1+len(args))], " "), command: slices.Concat([]string{binary()}, args),
			code: notSupported, says: []string{"stdout is no terminal"},
		})
	}
	checkRefusals(t, refusals)
}
