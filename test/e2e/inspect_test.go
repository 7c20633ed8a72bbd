//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/nsfs"
)

func inspect(t *testing.T, name string) anatomy.Anatomy {
	t.Helper()
	var a anatomy.Anatomy
	nsvizJSON(t, &a, "inspect", name, "-o", "json")
	if len(a.Unknown) > 0 {
		t.Errorf("%s: unknown: %q", name, a.Unknown)
	}
	return a
}

// dockerSocket returns the socket of the tests' engine.
func dockerSocket(t *testing.T) string {
	t.Helper()
	host := os.Getenv("DOCKER_HOST")
	if host == "" {
		host = "unix:///var/run/docker.sock"
	}
	path, found := strings.CutPrefix(host, "unix://")
	if !found {
		t.Fatalf("the engine listens at %s, which is no socket", host)
	}
	return path
}

// Each finding applies to a real container and not to the others.
func TestInspectFindings(t *testing.T) {
	const prefix = "nsviz-test-inspect-"
	folder := t.TempDir()
	cases := []struct {
		name string
		args []string
		want []string
	}{
		{
			"plain", []string{"--cgroupns=private"},
			[]string{"host_root", "new_privileges", "no_memory_limit", "no_pids_limit", "shared_net_namespace", "writable_root"},
		},
		{
			"walled", []string{
				"--cgroupns=private", "--memory=64m", "--pids-limit=50", "--read-only", "--security-opt=no-new-privileges",
				"--user=1000", "--cap-drop=ALL", "-v", folder + ":/data",
			},
			nil,
		},
		{
			"host", []string{"--cgroupns=host", "--pid=host", "--network=host", "--ipc=host", "--uts=host", "--read-only"},
			[]string{
				"host_cgroup_namespace", "host_ipc_namespace", "host_net_namespace", "host_pid_namespace", "host_root", "host_uts_namespace",
				"new_privileges", "no_memory_limit", "no_pids_limit",
			},
		},
		{
			"able", []string{
				"--cgroupns=private", "--memory=64m", "--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined",
				"--security-opt=systempaths=unconfined", "--network=container:" + prefix + "plain",
			},
			[]string{
				"added_capabilities", "host_root", "new_privileges", "no_pids_limit", "no_seccomp", "shared_net_namespace",
				"writable_proc_sys", "writable_root",
			},
		},
		{
			"open", []string{
				"--cgroupns=private", "--pids-limit=50", "-v", "/:/host:ro", "-v", dockerSocket(t) + ":/var/run/docker.sock",
				"--device=/dev/kmsg", "--security-opt=no-new-privileges",
			},
			[]string{"devices", "engine_socket", "host_mount", "host_root", "no_memory_limit", "writable_root"},
		},
	}
	// All run at the same time, since one is in another's network.
	for _, c := range cases {
		name := prefix + c.name
		removeContainer(t, name)
		docker(t, slices.Concat([]string{"run", "-d", "--name", name}, c.args, []string{busyboxImage, "sleep", "1000"})...)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			name := prefix + c.name
			a := inspect(t, name)
			var found []string
			for _, f := range a.Findings {
				// Whether there is a security module, and which files all of the host's / includes, depends on the host.
				if !slices.Contains([]string{"no_lsm", "lsm_unconfined", "writable_sys", "writable_cgroups"}, f.ID) {
					found = append(found, f.ID)
				}
			}
			slices.Sort(found)
			if diff := cmp.Diff(c.want, found); diff != "" {
				t.Errorf("findings (-want +found):\n%s", diff)
			}
			checkLimits(t, name, &a)
			for _, severity := range anatomy.Severities() {
				checkFailOn(t, name, severity, a.Findings)
			}
		})
	}
}

// checkLimits compares with the engine's settings.
func checkLimits(t *testing.T, name string, a *anatomy.Anatomy) {
	t.Helper()
	var memory uint64
	if limit := a.Resources.Memory.MaxBytes; !limit.Unlimited {
		memory = uint64(*limit.Value)
	}
	pids := "none"
	if limit := a.Resources.PIDs.Max; !limit.Unlimited {
		pids = fmt.Sprint(uint64(*limit.Value))
	}
	got := fmt.Sprint(memory, " ", pids, " ", a.Root.ReadOnly)
	want := strings.NewReplacer("<nil>", "none").Replace(docker(t, "inspect", "-f",
		"{{.HostConfig.Memory}} {{if .HostConfig.PidsLimit}}{{.HostConfig.PidsLimit}}{{else}}none{{end}} {{.HostConfig.ReadonlyRootfs}}", name))
	if got != want {
		t.Errorf("memory, pids and read-only are %s, docker says %s", got, want)
	}
}

func checkFailOn(t *testing.T, name, severity string, findings []anatomy.Finding) {
	t.Helper()
	threshold, err := anatomy.ParseSeverity(severity)
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	if slices.ContainsFunc(findings, func(f anatomy.Finding) bool { return f.Severity >= threshold }) {
		want = failed
	}
	stdout, stderr, code := nsviz(t, "inspect", name, "--fail-on", severity)
	if code != want || !strings.Contains(stdout, "Holes in its walls") || (code != 0) != strings.Contains(stderr, " or worse") {
		t.Errorf("--fail-on %s: exit code %d, want %d, and all of the output\n%s%s", severity, code, want, stdout, stderr)
	}
}

func TestInspectRefuses(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"nsviz-test-nobody"}, failed, "nothing is known of a container"},
		{[]string{fmt.Sprint(os.Getpid())}, failed, fmt.Sprintf("process %d is in no container", os.Getpid())},
		{[]string{}, badUsage, "wants NAME|ID|PID"},
		{[]string{"x", "--fail-on", "bad"}, badUsage, "there are info, low, medium, high, critical"},
		{[]string{"x", "-o", "yaml"}, badUsage, "want text or json"},
	} {
		stdout, stderr, code := nsviz(t, append([]string{"inspect"}, test.args...)...)
		if code != test.code || stdout != "" || !strings.Contains(sentence(t, stderr), test.says) {
			t.Errorf("%q: exit code %d\n%s%s", test.args, code, stdout, stderr)
		}
	}
}

// TestInspectAgrees compares with the engine, with /proc read by hand, capsh and findmnt.
func TestInspectAgrees(t *testing.T) {
	const name, volume = "nsviz-test-inspect-agree", "nsviz-test-inspect-volume"
	removeContainer(t, name)
	t.Cleanup(func() { _ = exec.Command("docker", "volume", "rm", "-f", volume).Run() })
	folder := t.TempDir()
	const odd = "/odd\x1b[2J name"
	docker(t, "run", "-d", "--name", name, "--cap-add=NET_ADMIN", "--cap-drop=KILL", "-v", volume+":/volume", "-v", folder+":/folder:ro",
		"-v", folder+":"+odd, "--tmpfs=/scratch", busyboxImage,
		"sh", "-c", renameSelf+"echo 12345 >/written; rm /bin/vi; sleep 1001 & while :; do sleep 1000; done")
	pid, err := strconv.Atoi(docker(t, "inspect", "-f", "{{.State.Pid}}", name))
	if err != nil {
		t.Fatal(err)
	}
	var a anatomy.Anatomy
	eventually(t, func() bool {
		nsvizJSON(t, &a, "inspect", name, "-o", "json")
		return len(a.Processes) == 3 && a.Root.Written != nil && a.Root.Written.Deleted == 1
	}, func() string { return fmt.Sprintf("%s has %+v and %+v", name, a.Processes, a.Root) })

	if a.PID != int32(pid) || a.Container.ID != docker(t, "inspect", "-f", "{{.Id}}", name) || a.Container.Image != busyboxImage {
		t.Errorf("%+v in process %d, want %d", a.Container, a.PID, pid)
	}
	for kind, n := range a.Namespaces {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
		if want := fmt.Sprintf("%s:[%d]", kind, n.ID); err != nil || link != want {
			t.Errorf("%s is %s, %v", want, link, err)
		}
	}
	if len(a.Namespaces) != event.NamespaceTypeCount {
		t.Errorf("namespaces: %+v", a.Namespaces)
	}
	checkAddresses(t, name, &a)
	checkProcesses(t, name, a.Processes)
	checkCapabilities(t, pid, &a)
	checkRoot(t, name, a.Root)
	checkMounts(t, name, pid, a.Mounts, odd)

	for _, other := range []string{a.Container.ID, fmt.Sprint(pid), fmt.Sprint(a.Processes[1].PID), "/" + name} {
		if b := inspect(t, other); b.Container.ID != a.Container.ID {
			t.Errorf("%s is %+v", other, b.Container)
		}
	}
	for _, form := range []string{"text", "json"} {
		stdout, _, _ := nsviz(t, "inspect", name, "-o", form)
		checkHarmless(t, "nsviz inspect -o "+form, stdout)
		if form == "text" && (!strings.Contains(stdout, escapedName) || !strings.Contains(stdout, `/odd\x1b[2J name: bind mount`)) {
			t.Errorf("names are not shown escaped:\n%s", stdout)
		}
	}
}

func checkAddresses(t *testing.T, name string, a *anatomy.Anatomy) {
	t.Helper()
	want := docker(t, "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}/{{.IPPrefixLen}}{{end}}", name)
	found := map[string]string{}
	for _, i := range a.Network.Interfaces {
		for _, address := range i.Addresses {
			found[address.String()] = i.Name
		}
	}
	if found[want] == "" || found[want] == "lo" || found["127.0.0.1/8"] != "lo" {
		t.Errorf("addresses are %v, docker says %s", found, want)
	}
}

func checkProcesses(t *testing.T, name string, processes []anatomy.Process) {
	t.Helper()
	var pids []string
	for _, p := range processes {
		pids = append(pids, fmt.Sprint(p.PID))
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
		if err != nil {
			t.Error(err)
			continue
		}
		var want []string
		for _, n := range p.PIDs {
			want = append(want, fmt.Sprint(n))
		}
		if !strings.Contains(string(status), "\nNSpid:\t"+strings.Join(want, "\t")+"\n") {
			t.Errorf("%+v, /proc says\n%s", p, status)
		}
	}
	top := strings.Fields(docker(t, "top", name, "-o", "pid"))[1:]
	slices.Sort(top)
	slices.Sort(pids)
	if diff := cmp.Diff(top, pids); diff != "" {
		t.Errorf("processes (-docker +nsviz): %s", diff)
	}
}

func checkCapabilities(t *testing.T, pid int, a *anatomy.Anatomy) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(a.Privileges.Capabilities.Bounding, "cap_net_admin") || slices.Contains(a.Privileges.Capabilities.Bounding, "cap_kill") {
		t.Errorf("bounding: %v", a.Privileges.Capabilities.Bounding)
	}
	for line := range strings.Lines(string(status)) {
		field, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		set, ok := map[string][]string{
			"CapBnd": a.Privileges.Capabilities.Bounding, "CapEff": a.Privileges.Capabilities.Effective,
			"CapPrm": a.Privileges.Capabilities.Permitted, "CapInh": a.Privileges.Capabilities.Inheritable, "CapAmb": a.Privileges.Capabilities.Ambient,
		}[field]
		switch {
		case ok:
			out, err := exec.Command("capsh", "--decode="+value).Output()
			if err != nil {
				t.Fatalf("capsh: %v", err)
			}
			_, want, _ := strings.Cut(strings.TrimSpace(string(out)), "=")
			if got := strings.Join(set, ","); got != want {
				t.Errorf("%s: %s, capsh says %s", field, got, want)
			}
		case field == "Seccomp" && value != "2" || field == "NoNewPrivs" && value != "0":
			t.Errorf("the kernel says %s", line)
		}
	}
	if a.Privileges.Seccomp != "filter" || *a.Privileges.NoNewPrivs {
		t.Errorf("privileges: %+v", a.Privileges)
	}
}

// checkRoot compares with the storage driver's report.
func checkRoot(t *testing.T, name string, root *anatomy.Root) {
	t.Helper()
	var driver struct{ LowerDir, UpperDir string }
	if err := json.Unmarshal([]byte(docker(t, "inspect", "-f", "{{json .GraphDriver.Data}}", name)), &driver); err != nil {
		t.Fatal(err)
	}
	if driver.UpperDir != root.Upper || root.Type != "overlay" {
		t.Errorf("%s in %s, docker says %s", root.Type, root.Upper, driver.UpperDir)
	}
	var lower []string
	for _, layer := range root.Lower { // links with short names
		path, err := filepath.EvalSymlinks(layer)
		if err != nil {
			t.Error(err)
		}
		lower = append(lower, path)
	}
	if diff := cmp.Diff(strings.Split(driver.LowerDir, ":"), lower); diff != "" {
		t.Errorf("layers (-docker +nsviz): %s", diff)
	}
	size := docker(t, "inspect", "--size", "-f", "{{.SizeRw}}", name)
	if w := root.Written; fmt.Sprint(w.Bytes) != size || w.Files != 1 || w.Deleted != 1 || w.Stopped != "" {
		t.Errorf("written: %+v, docker says %s", w, size)
	}
}

func checkMounts(t *testing.T, name string, pid int, mounts []anatomy.Mount, odd string) {
	t.Helper()
	byPath := map[string]anatomy.Mount{}
	var paths []string
	for _, m := range mounts {
		byPath[m.Path] = m
		paths = append(paths, m.Path)
	}
	var reported []struct {
		Type, Source, Destination string
		RW                        bool
	}
	if err := json.Unmarshal([]byte(docker(t, "inspect", "-f", "{{json .Mounts}}", name)), &reported); err != nil {
		t.Fatal(err)
	}
	if len(reported) != 3 {
		t.Errorf("docker reports %+v", reported)
	}
	for _, m := range reported {
		if got := byPath[m.Destination]; string(got.Kind) != m.Type || got.Source != m.Source || got.ReadOnly == m.RW {
			t.Errorf("%+v, docker says %+v", got, m)
		}
	}
	for path, kind := range map[string]anatomy.MountKind{
		"/": anatomy.KindRoot, "/scratch": anatomy.KindTmpfs, "/etc/hosts": anatomy.KindEngine, "/proc": anatomy.KindKernel, odd: anatomy.KindBind,
	} {
		if byPath[path].Kind != kind {
			t.Errorf("%q: %+v, want %s", path, byPath[path], kind)
		}
	}
	out, err := exec.Command("findmnt", "--task", fmt.Sprint(pid), "--json", "--list", "--output", "TARGET").Output()
	if err != nil {
		t.Fatalf("findmnt: %v", err)
	}
	var list struct{ Filesystems []struct{ Target string } }
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	var want []string
	for _, m := range list.Filesystems {
		want = append(want, m.Target)
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("mounts (-findmnt +nsviz): %s", diff)
	}
}

// The PID 1 of a container makes a user namespace and, for its child, a PID namespace.
func TestInspectNested(t *testing.T) {
	const name = "nsviz-test-inspect-nested"
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, "--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined",
		busyboxImage, "unshare", "-U", "-r", "-p", "-f", "sleep", "1000")
	var a anatomy.Anatomy
	eventually(t, func() bool {
		nsvizJSON(t, &a, "inspect", name, "-o", "json")
		return len(a.Processes) == 2 && a.Processes[1].Comm == "sleep"
	}, func() string { return fmt.Sprintf("%s has %+v", name, a.Processes) })
	checkProcesses(t, name, a.Processes)
	if levels := a.Processes[1].PIDs; len(levels) != 3 || levels[2] != 1 {
		t.Errorf("the child is %v", levels)
	}
	if user := a.Namespaces[event.User]; user.SharedWithHost == nil || *user.SharedWithHost {
		t.Errorf("the user namespace is %+v", user)
	}
	if diff := cmp.Diff([]nsfs.IDRange{{Inside: 0, Outside: 0, Count: 1}}, a.UIDMap); diff != "" {
		t.Error(diff)
	}
	stdout, _, _ := nsviz(t, "inspect", name)
	for _, want := range []string{"root inside is uid 0 outside; uids 0 are 0; gids 0 are 0", "one level in is PID 1 inside: sleep"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
}

// Compares with the engine's settings who joined whose namespaces, also after the first container is gone.
func TestInspectJoined(t *testing.T) {
	const prefix = "nsviz-test-joined-"
	start := func(name string, args ...string) {
		t.Helper()
		removeContainer(t, prefix+name)
		docker(t, slices.Concat([]string{"run", "-d", "--name", prefix + name}, args, []string{busyboxImage, "sleep", "1000"})...)
	}
	start("db", "--ipc=shareable", "--hostname=the-db")
	of := "container:" + prefix + "db"
	start("web", "--network="+of, "--ipc="+of)
	start("app", "--network="+of, "--pid=container:"+prefix+"web", "--uts=host")
	id := docker(t, "inspect", "-f", "{{.Id}}", prefix+"db")
	type place struct {
		with    []string
		madeFor string
	}
	check := func(name string, want map[event.NamespaceType]place) {
		t.Helper()
		got := map[event.NamespaceType]place{}
		for kind, n := range inspect(t, prefix+name).Namespaces {
			if !*n.SharedWithHost {
				got[kind] = place{n.SharedWith, n.MadeFor}
			}
			if n.Oldest != "" {
				t.Errorf("%s: %s: %+v", name, kind, n)
			}
		}
		delete(got, event.CgroupNS) // depends on the host
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(place{})); diff != "" {
			t.Errorf("%s (-want +got): %s", name, diff)
		}
	}
	db, web, app := prefix+"db", prefix+"web", prefix+"app"
	check("db", map[event.NamespaceType]place{
		event.Mnt: {}, event.PID: {}, event.UTS: {}, event.Net: {[]string{app, web}, db}, event.IPC: {[]string{web}, db},
	})
	check("web", map[event.NamespaceType]place{
		event.Mnt: {}, event.PID: {[]string{app}, web}, event.UTS: {}, event.Net: {[]string{app, db}, db}, event.IPC: {[]string{db}, db},
	})
	check("app", map[event.NamespaceType]place{
		event.Mnt: {}, event.PID: {[]string{web}, web}, event.Net: {[]string{db, web}, db}, event.IPC: {},
	})
	checkHostname(t, db, "the-db")
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	checkHostname(t, app, name)

	docker(t, "rm", "-f", db)
	gone := event.ShortID(id)
	check("web", map[event.NamespaceType]place{
		event.Mnt: {}, event.PID: {[]string{app}, web}, event.UTS: {}, event.Net: {[]string{app}, gone}, event.IPC: {},
	})
	stdout, _, _ := nsviz(t, "inspect", web)
	for _, want := range []string{
		"shared with " + app + "; made for this one", "shared with " + app + "; made for " + gone + ", which is not in it",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
}

// checkHostname compares with the name that the container reads itself.
func checkHostname(t *testing.T, container, want string) {
	t.Helper()
	if got := inspect(t, container).Hostname; got == nil || *got != want || docker(t, "exec", container, "hostname") != want {
		t.Errorf("%s is called %v, want %q", container, got, want)
	}
}

// A host name may have any content. Without the right to enter a namespace the name is unknown, and everything else is
// reported.
func TestInspectHostname(t *testing.T) {
	const name = "nsviz-test-hostname"
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, "--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined",
		"--security-opt=systempaths=unconfined", busyboxImage, "sh", "-c", `printf 'odd\033[2Jname' >/proc/sys/kernel/hostname; sleep 1000`)
	const odd = "odd\x1b[2Jname"
	eventually(t, func() bool { a := inspect(t, name); return a.Hostname != nil && *a.Hostname == odd }, func() string { return "its host name" })
	for _, form := range []string{"text", "json"} {
		stdout, _, _ := nsviz(t, "inspect", name, "-o", form)
		checkHarmless(t, "nsviz inspect -o "+form, stdout)
		if form == "text" && !strings.Contains(stdout, `host name   odd\x1b[2Jname`) {
			t.Errorf("not shown escaped:\n%s", stdout)
		}
	}
	out, err := exec.Command("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", binary(), "inspect", name, "-o", "json").Output()
	if err != nil {
		t.Fatalf("without cap_sys_admin: %v\n%s", err, out)
	}
	var a anatomy.Anatomy
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatal(err)
	}
	if a.Hostname != nil || a.Privileges == nil || a.Network == nil || !strings.Contains(strings.Join(a.Unknown, "\n"), "its host name: enter ") {
		t.Errorf("without cap_sys_admin: name %v, unknown %q", a.Hostname, a.Unknown)
	}
}
