package anatomy

import (
	"cmp"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/model"
)

// walled returns a container without a finding.
func walled() *Anatomy {
	a := &Anatomy{
		PID: 4242, Namespaces: map[event.NamespaceType]*Namespace{},
		UIDMap:    []nsfs.IDRange{{Inside: 0, Outside: 0, Count: 4294967295}},
		Processes: []Process{{PID: 4242, Comm: "web"}},
		Resources: &resources.Resources{
			Memory: &resources.MemoryUse{MaxBytes: &fact.Limit{Value: new(float64(64 << 20))}},
			PIDs:   &resources.PIDsUse{Max: &fact.Limit{Value: new(float64(50))}},
		},
		Root: &Root{Type: "overlay", ReadOnly: true},
		Mounts: []Mount{
			{Path: "/", Kind: KindRoot, Type: "overlay", ReadOnly: true},
			{Path: "/proc", Kind: KindKernel, Type: "proc"},
			{Path: "/proc/sys", Kind: KindKernel, Type: "proc", ReadOnly: true},
			{Path: "/sys", Kind: KindKernel, Type: "sysfs", ReadOnly: true},
			{Path: "/sys/fs/cgroup", Kind: KindKernel, Type: "cgroup2", ReadOnly: true},
			{Path: "/data", Kind: KindVolume, Type: "ext4", Source: "/var/lib/docker/volumes/data/_data"},
			{Path: "/srv", Kind: KindBind, Type: "ext4", Source: "/srv/web"},
		},
		Devices: []Device{{Path: "/dev/null", Major: 1, Minor: 3}, {Path: "/dev/console", Major: 136, Minor: 5}},
		Privileges: &Privileges{
			UID:          new(uint32(1000)),
			Capabilities: Capabilities{Bounding: runtime.UsualCapabilities(), Effective: []string{}, Ambient: []string{}},
			Seccomp:      seccompFilter, NoNewPrivs: new(true), LSM: new("docker-default (enforce)"),
		},
		hostBounding: append(runtime.UsualCapabilities(), "cap_sys_admin", "cap_sys_module"),
	}
	for _, t := range event.NamespaceTypes() {
		// Like nearly all containers it has the host's user and time namespaces.
		a.Namespaces[t] = &Namespace{ID: uint64(t) + 1, SharedWithHost: new(t == event.User || t == event.Time)}
	}
	return a
}

func mount(a *Anatomy, source, at string, readOnly bool) {
	a.Mounts = append(a.Mounts, Mount{Path: at, Kind: KindBind, Type: "ext4", Source: source, ReadOnly: readOnly})
}

// remap gives the container a user namespace whose root is the user outside on the host.
func remap(a *Anatomy, outside uint32) {
	a.Namespaces[event.User].SharedWithHost = new(false)
	a.UIDMap = []nsfs.IDRange{{Inside: 0, Outside: outside, Count: 65536}}
}

func TestFindings(t *testing.T) {
	if found := Findings(walled()); len(found) != 0 || found == nil {
		t.Fatalf("holes in a whole wall: %+v", found)
	}
	host := func(kind event.NamespaceType) func(*Anatomy) {
		return func(a *Anatomy) { a.Namespaces[kind].SharedWithHost = new(true) }
	}
	caps := func(bounding, effective, ambient []string) func(*Anatomy) {
		return func(a *Anatomy) {
			c := &a.Privileges.Capabilities
			c.Bounding, c.Effective, c.Ambient = append(c.Bounding, bounding...), append(c.Effective, effective...), ambient
		}
	}
	port := func(at string, by PortBy) func(*Anatomy) {
		a := netip.MustParseAddrPort(at)
		return func(anatomy *Anatomy) {
			anatomy.Ports = append(anatomy.Ports, Port{HostIP: a.Addr(), HostPort: a.Port(), Protocol: "tcp", ContainerPort: 8080, By: by, PID: 7})
		}
	}
	tests := []struct {
		name     string
		change   func(*Anatomy)
		id       string // "" is none
		severity Severity
		details  string
	}{
		{"mnt", host(event.Mnt), "host_mnt_namespace", Critical, ""},
		{"pid", host(event.PID), "host_pid_namespace", High, ""},
		{"net", host(event.Net), "host_net_namespace", High, ""},
		{"ipc", host(event.IPC), "host_ipc_namespace", Medium, ""},
		{"uts", host(event.UTS), "host_uts_namespace", Low, ""},
		{"cgroup", host(event.CgroupNS), "host_cgroup_namespace", Low, ""},
		{"time", host(event.Time), "", 0, ""},
		{"unknown namespace", func(a *Anatomy) { a.Namespaces[event.PID].SharedWithHost = nil; delete(a.Namespaces, event.Net) }, "", 0, ""},
		{"a pod", func(a *Anatomy) { a.Namespaces[event.Net].SharedWith = []string{"sidecar"} }, "shared_net_namespace", Info, "sidecar"},
		{"left by whoever it was made for", func(a *Anatomy) {
			a.Namespaces[event.Net].Abandoned = &model.Abandoned{By: "vpn", Since: time.Unix(1, 0)}
		}, "abandoned_net_namespace", Medium, "vpn"},
		{"left, and that one has ended", func(a *Anatomy) {
			a.Namespaces[event.IPC].Abandoned = &model.Abandoned{By: "db", Ended: true}
		}, "abandoned_ipc_namespace", Medium, "db"},
		{"neighbours in the host's", func(a *Anatomy) { a.Namespaces[event.Time].SharedWith = []string{"other"} }, "", 0, ""},

		{"outside of its cgroup", func(a *Anatomy) {
			a.Unheld, a.Resources.Cgroup = &fact.Unheld{Cgroup: "/"}, "/docker/web"
		}, "outside_its_cgroup", High, "PID 1 is in /, and not in /docker/web"},
		{"outside, who knows where", func(a *Anatomy) {
			a.Unheld, a.Resources = &fact.Unheld{}, nil
		}, "outside_its_cgroup", High, "PID 1 is in a cgroup that is unknown"},

		{"root", func(a *Anatomy) { a.Privileges.UID = new(uint32(0)) }, "host_root", Medium, ""},
		{"root inside only", func(a *Anatomy) { a.Privileges.UID = new(uint32(100000)); remap(a, 100000) }, "", 0, ""},
		{"unknown user", func(a *Anatomy) { a.Privileges.UID = nil }, "", 0, ""},

		{"bounding", caps([]string{"cap_sys_admin"}, nil, []string{}), "added_capabilities", High, "cap_sys_admin (bounding)"},
		{"effective", caps([]string{"cap_sys_module"}, []string{"cap_sys_module"}, []string{}), "added_capabilities", Critical, "cap_sys_module (bounding, effective)"},
		{"ambient", caps(nil, nil, []string{"cap_net_admin"}), "added_capabilities", Medium, "cap_net_admin (ambient)"},
		{"a default one", caps(nil, []string{"cap_chown"}, []string{"cap_net_raw"}), "", 0, ""},
		{"a harmless one", caps([]string{"cap_wake_alarm"}, nil, nil), "added_capabilities", Low, ""},
		{"one that is newer", caps([]string{"cap_63"}, nil, nil), "added_capabilities", Medium, "cap_63 (bounding)"},
		{"in a user namespace", func(a *Anatomy) { caps([]string{"cap_sys_admin"}, nil, nil)(a); remap(a, 100000) }, "added_capabilities", Medium, ""},
		{"in one with the host's root", func(a *Anatomy) { caps([]string{"cap_sys_admin"}, nil, nil)(a); remap(a, 0) }, "added_capabilities", High, ""},

		{"no seccomp", func(a *Anatomy) { a.Privileges.Seccomp = seccompDisabled }, "no_seccomp", High, ""},
		{"strict", func(a *Anatomy) { a.Privileges.Seccomp = seccompStrict }, "", 0, ""},
		{"unknown seccomp", func(a *Anatomy) { a.Privileges.Seccomp = "" }, "", 0, ""},
		{"new privileges", func(a *Anatomy) { a.Privileges.NoNewPrivs = new(false) }, "new_privileges", Low, ""},
		{"unknown", func(a *Anatomy) { a.Privileges.NoNewPrivs = nil }, "", 0, ""},
		{"unconfined", func(a *Anatomy) { a.Privileges.LSM = new("unconfined") }, "lsm_unconfined", Medium, "unconfined"},
		{"complaining", func(a *Anatomy) { a.Privileges.LSM = new("x (complain)") }, "lsm_unconfined", Medium, "x (complain)"},
		{"spc_t", func(a *Anatomy) { a.Privileges.LSM = new("system_u:system_r:spc_t:s0") }, "lsm_unconfined", Medium, ""},
		{"container_t", func(a *Anatomy) { a.Privileges.LSM = new("system_u:system_r:container_t:s0:c1,c2") }, "", 0, ""},
		{"no module", func(a *Anatomy) { a.Privileges.LSM = new("") }, "no_lsm", Low, ""},
		{"unknown label", func(a *Anatomy) { a.Privileges.LSM = nil }, "", 0, ""},
		{"unknown privileges", func(a *Anatomy) { a.Privileges = nil }, "", 0, ""},

		{"an exec with more", func(a *Anatomy) {
			a.Processes = append(a.Processes, Process{PID: 4300, Comm: "sh", privileges: procfs.Privileges{Bounding: new(procfs.Capabilities(1 << 21))}})
		}, "privileged_process", High, "PID 4300 (sh): cap_sys_admin"},
		{"an exec without a filter", func(a *Anatomy) {
			a.Processes = append(a.Processes, Process{PID: 4300, Comm: "sh", privileges: procfs.Privileges{Seccomp: new(procfs.SeccompDisabled)}})
		}, "privileged_process", High, "PID 4300 (sh): no seccomp filter"},
		{"an exec with less", func(a *Anatomy) {
			a.Processes = append(a.Processes, Process{PID: 4300, privileges: procfs.Privileges{Bounding: new(procfs.Capabilities(1)), Seccomp: new(procfs.SeccompFilter)}})
		}, "", 0, ""},

		{"/proc/sys", func(a *Anatomy) { a.Mounts[2].ReadOnly = false }, "writable_proc_sys", High, ""},
		{"no /proc/sys of its own", func(a *Anatomy) { a.Mounts = slices.Delete(a.Mounts, 2, 3) }, "writable_proc_sys", High, ""},
		{"covered", func(a *Anatomy) {
			a.Mounts[2].ReadOnly = false
			a.Mounts = append(a.Mounts, Mount{Path: "/proc/sys", Kind: KindMask, Type: "tmpfs"})
		}, "", 0, ""},
		{"/sys", func(a *Anatomy) { a.Mounts[3].ReadOnly = false }, "writable_sys", High, "/sys"},
		{"/sys in a user namespace", func(a *Anatomy) { a.Mounts[3].ReadOnly = false; remap(a, 100000) }, "writable_sys", Medium, ""},
		{"cgroups", func(a *Anatomy) { a.Mounts[4].ReadOnly = false }, "writable_cgroups", Medium, "/sys/fs/cgroup"},
		{"cgroups that its users do not own", func(a *Anatomy) { a.Mounts[4].ReadOnly, a.outOfReach = false, map[int]bool{4: true} }, "", 0, ""},
		{"root file system", func(a *Anatomy) { a.Root.ReadOnly = false }, "writable_root", Info, ""},
		{"unknown file systems", func(a *Anatomy) { a.Root, a.Mounts = nil, nil }, "", 0, ""},

		{"the socket", func(a *Anatomy) { mount(a, "/run/docker.sock", "/x", true) }, "engine_socket", Critical, "/run/docker.sock at /x"},
		{"another socket", func(a *Anatomy) { mount(a, "/run/web.sock", "/x", false) }, "", 0, ""},
		{"/", func(a *Anatomy) { mount(a, "/", "/host", false); mount(a, "/run", "/host/run", false) }, "host_mount", Critical, "/ at /host, writable: all files of the host"},
		{"/ to read", func(a *Anatomy) { mount(a, "/", "/host", true) }, "host_mount", High, "/ at /host, read-only: all files of the host"},
		{"/ that others cover", func(a *Anatomy) { mount(a, "/", "/host", false); a.Mounts[len(a.Mounts)-1].Covered = true }, "", 0, ""},
		{"/etc to read", func(a *Anatomy) { mount(a, "/etc", "/e", true) }, "host_mount", High, ""},
		{"/etc/localtime", func(a *Anatomy) { mount(a, "/etc/localtime", "/etc/localtime", true) }, "", 0, ""},
		{"a folder of a user", func(a *Anatomy) { mount(a, "/home/me/site", "/x", false) }, "", 0, ""},
		{"what the engine makes", func(a *Anatomy) {
			a.Mounts = append(a.Mounts, Mount{Path: "/etc/hosts", Kind: KindEngine, Source: "/etc"})
		}, "", 0, ""},

		{"a disk", func(a *Anatomy) { a.Devices = append(a.Devices, Device{"/dev/sda", true, 8, 0}) }, "devices", High, "/dev/sda: block device 8:0"},
		{"mem", func(a *Anatomy) { a.Devices = append(a.Devices, Device{"/dev/mem", false, 1, 1}) }, "devices", Critical, ""},
		{"kvm", func(a *Anatomy) { a.Devices = append(a.Devices, Device{"/dev/kvm", false, 10, 232}) }, "devices", Medium, "/dev/kvm: character device 10:232"},
		{"unknown devices", func(a *Anatomy) { a.Devices = nil }, "", 0, ""},

		{"a port everywhere", port("0.0.0.0:80", ByProxy), "host_ports", Medium, "0.0.0.0:80/tcp of the host leads to port 8080 (by docker-proxy, PID 7)"},
		{"a port everywhere, IPv6", port("[::]:80", ByEngine), "host_ports", Medium, "[::]:80/tcp of the host leads to port 8080 (as the engine reports)"},
		{"a port at an address", port("192.0.2.1:80", ByProxy), "host_ports", Low, ""},
		{"a port for the host", port("127.0.0.1:8080", BySocket), "host_ports", Info, "127.0.0.1:8080/tcp of the host (its own socket, PID 7)"},
		{"no ports", func(a *Anatomy) { a.Ports = []Port{} }, "", 0, ""},

		{"memory", func(a *Anatomy) { a.Resources.Memory.MaxBytes = &fact.Limit{Unlimited: true} }, "no_memory_limit", Medium, ""},
		{"pids", func(a *Anatomy) { a.Resources.PIDs.Max = &fact.Limit{Unlimited: true} }, "no_pids_limit", Medium, ""},
		{"unknown limits", func(a *Anatomy) { a.Resources = &resources.Resources{Memory: &resources.MemoryUse{}} }, "", 0, ""},
		{"no resources", func(a *Anatomy) { a.Resources = nil }, "", 0, ""},
		{"a limit above", func(a *Anatomy) {
			a.Resources.Memory.MaxBytes = &fact.Limit{Unlimited: true}
			a.Resources.Memory.EffectiveMaxBytes = &resources.EffectiveLimit{Limit: fact.Limit{Value: new(float64(1 << 30))}, Cgroup: "/pod"}
		}, "", 0, ""},
	}
	for _, test := range tests {
		a := walled()
		test.change(a)
		found := Findings(a)
		if test.id == "" {
			if len(found) > 0 {
				t.Errorf("%s: %+v, want nothing", test.name, found)
			}
			continue
		}
		if len(found) != 1 || found[0].ID != test.id || found[0].Severity != test.severity {
			t.Errorf("%s: %+v, want %s %s", test.name, found, test.severity, test.id)
			continue
		}
		f := found[0]
		if test.details != "" && strings.Join(f.Details, "; ") != test.details {
			t.Errorf("%s: details %q, want %q", test.name, f.Details, test.details)
		}
		if f.Title == "" || f.Meaning == "" || f.See == "" || f.Close == "" {
			t.Errorf("%s does not say all: %+v", test.name, f)
		}
		adviceOfEveryRuntime(t, test.name, test.change)
	}
}

// adviceOfEveryRuntime fails if the advice on a finding names a program of another runtime, or flags that the container's runtime
// lacks.
func adviceOfEveryRuntime(t *testing.T, name string, change func(*Anatomy)) {
	t.Helper()
	programs, flags := regexp.MustCompile(`\b(docker|podman)\b`), regexp.MustCompile(`(^|[ (])-`)
	for _, r := range append(runtime.All(), runtime.Runtime{Name: "of a later version"}) {
		a := walled()
		a.Container.Runtime = r.Name
		change(a)
		for _, f := range Findings(a) {
			for _, program := range programs.FindAllString(f.Close, -1) {
				if program != r.Name {
					t.Errorf("%s, runtime %q: advised %q", name, r.Name, f.Close)
				}
			}
			ofTable := runtime.Advice(r.Name, false, f.ID)
			if f.Close == "" || flags.MatchString(f.Close) && !strings.Contains(f.Close, cmp.Or(ofTable, r.Commands[runtime.Exec], "?")) {
				t.Errorf("%s, runtime %q: advised %q", name, r.Name, f.Close)
			}
		}
	}
}

// Advice has the words of what starts the container: a pod of Kubernetes by its spec, whatever its runtime.
func TestAdviceByStarter(t *testing.T) {
	for _, test := range []struct {
		runtime, cgroup string
		group           *event.Group
		want            string
	}{
		{runtime.Docker, "/docker/1", nil, "start it with --memory"},
		{runtime.Podman, "/machine.slice/libpod-1.scope", &event.Group{Kind: event.GroupPod, Name: "shop"}, "start it with --memory"},
		{runtime.Docker, "/docker/1", &event.Group{Kind: event.GroupCompose, Name: "shop"}, "start it with --memory"},
		{runtime.Containerd, "/default/1", nil, "give it a limit of memory"},
		{runtime.Containerd, "/kubepods/burstable/pod1/1", nil, "set resources.limits.memory"},
		{runtime.CRIO, "/kubepods.slice/kubepods-pod1.slice/crio-1.scope", nil, "set resources.limits.memory"},
		{runtime.Containerd, "/k8s.io/1", &event.Group{Kind: event.GroupPod, Name: "cart", Namespace: "shop"}, "set resources.limits.memory"},
		{"lxc", "/lxc.payload.a", nil, "set lxc.cgroup2.memory.max (v1: lxc.cgroup.memory.limit_in_bytes)"},
		{"nspawn", "/machine.slice/machine-a.scope/payload", nil, "start it with --property=MemoryMax"},
		{runtime.Unknown, "/a", nil, "give it a limit of memory"},
	} {
		a := walled()
		a.Container.Runtime, a.Container.Group = test.runtime, test.group
		a.Resources.Cgroup, a.Resources.Memory.MaxBytes = test.cgroup, &fact.Limit{Unlimited: true}
		if found := Findings(a); len(found) != 1 || found[0].Close != test.want {
			t.Errorf("%q in %s: %+v, want %q", test.runtime, test.cgroup, found, test.want)
		}
	}
}

// A process of the host in the container's cgroup is none of the container, whatever it may do.
func TestProcessesOfTheHostInItsCgroup(t *testing.T) {
	const host, own = 900, 901
	privileged := procfs.Privileges{Bounding: new(procfs.Capabilities(1 << 21))}
	for _, test := range []struct {
		name  string
		mnt   uint64
		pids  []int32
		found bool
	}{
		{"docker exec --privileged", own, []int32{4300, 7}, true},
		{"with a mount namespace of its own inside", 903, []int32{4300, 7}, true},
		{"in its mount namespace only", own, []int32{4300}, true},
		{"unknown", 0, []int32{4300}, true},
		{"conmon", host, []int32{4300}, false},
		{"conmon of a rootless podman", 902, []int32{4300}, false},
		{"one of the host that joined its PID namespace", host, []int32{4300, 7}, false},
	} {
		a := walled()
		a.hostMnt = host
		a.Namespaces[event.Mnt].ID = own
		a.Processes = []Process{{PID: 4242, Comm: "web", PIDs: []int32{4242, 1}, mnt: own}, {PID: 4300, Comm: "x", PIDs: test.pids, mnt: test.mnt, privileges: privileged}}
		if found := Findings(a); (len(found) == 1 && found[0].ID == "privileged_process") != test.found || len(found) > 1 {
			t.Errorf("%s: %+v", test.name, found)
		}
	}
}

func TestAdviceOfDocker(t *testing.T) {
	a := walled()
	a.Container.Runtime = runtime.Docker
	a.Namespaces[event.Net].SharedWithHost = new(true)
	a.Resources.Memory.MaxBytes = &fact.Limit{Unlimited: true}
	a.Processes = append(a.Processes, Process{PID: 4243, Comm: "sh", privileges: procfs.Privileges{Bounding: new(procfs.Capabilities(1 << 21))}})
	want := map[string]string{
		"host_net_namespace": "start it without --network=host; publish the ports that are needed with -p",
		"no_memory_limit":    "start it with --memory",
		"privileged_process": "docker exec without --privileged",
	}
	for _, f := range Findings(a) {
		if f.Close != want[f.ID] {
			t.Errorf("%s: %q, want %q", f.ID, f.Close, want[f.ID])
		}
		delete(want, f.ID)
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}

// The page on findings has to document each of them.
func TestDocumentedFindings(t *testing.T) {
	page, err := os.ReadFile("../../docs/EVENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range sources {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`ID: "([a-z_]+)",`).FindAllSubmatch(source, -1) {
			n++
			if name := string(match[1]); !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("%s is not documented", name)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d findings in %q", n, sources)
	}
}

func TestPrivileged(t *testing.T) {
	a := walled()
	a.Privileges.Capabilities.Bounding = slices.Clone(a.hostBounding)
	has := func() bool {
		return slices.ContainsFunc(Findings(a), func(f Finding) bool { return f.ID == "privileged" })
	}
	if has() {
		t.Error("with a filter it is called privileged")
	}
	a.Privileges.Seccomp = seccompDisabled
	if !has() {
		t.Error("it is not called privileged")
	}
	if first := Findings(a)[0]; first.Severity != Critical {
		t.Errorf("%s comes first", first.ID)
	}
	a.hostBounding = nil
	if has() {
		t.Error("it is called privileged while what the host has is unknown")
	}
	a.hostBounding = []string{"cap_bpf"}
	if has() {
		t.Error("it is called privileged and has less than the host")
	}
}

func TestBounded(t *testing.T) {
	if got := bounded(make([]string, maxDetails)); len(got) != maxDetails {
		t.Errorf("%d", len(got))
	}
	if got := bounded(make([]string, 5000)); len(got) != maxDetails+1 || got[maxDetails] != "and 4988 more" {
		t.Errorf("%d, %q", len(got), got[len(got)-1])
	}
}
