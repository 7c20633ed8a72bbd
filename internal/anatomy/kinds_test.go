package anatomy

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// open returns a workload of a kind that has as few walls as a process of the host.
func open(kind event.Kind, runtime string) *Anatomy {
	a := walled()
	a.Container.Kind, a.Container.Runtime = kind, runtime
	for _, t := range event.NamespaceTypes() {
		a.Namespaces[t].SharedWithHost = new(t != event.Mnt)
	}
	a.Namespaces[event.Mnt].SharedWith = []string{"other"}
	a.Root.ReadOnly = false
	for i := range a.Mounts {
		a.Mounts[i].ReadOnly = false
	}
	mount(a, "/run", "/run", false)
	mount(a, "/root", "/data/root", false)
	a.Devices = append(a.Devices, Device{Path: "/dev/sda", Block: true, Major: 8})
	p := a.Privileges
	p.UID, p.Seccomp, p.NoNewPrivs, p.LSM = new(uint32(0)), seccompDisabled, new(false), new("unconfined")
	p.Capabilities.Bounding, p.Capabilities.Effective = a.hostBounding, a.hostBounding
	a.Resources.Memory.MaxBytes, a.Resources.PIDs.Max = &fact.Limit{Unlimited: true}, &fact.Limit{Unlimited: true}
	a.Unheld = &fact.Unheld{Cgroup: "/elsewhere"}
	return a
}

// What is said of a sandbox or a service holds for it: it is no container, has no engine and no image, and need not have a PID 1.
func TestFindingsOfHostProcesses(t *testing.T) {
	ofContainer := regexp.MustCompile(`PID 1|[Cc]ontainer|docker|--privileged|image|recreate`)
	allowed := regexp.MustCompile(`that containers are not given|socket of a container engine`)
	for _, test := range []struct {
		kind    event.Kind
		runtime string
		mounts  []string // of host_mount
	}{
		{event.KindService, runtime.Systemd, []string{"/root at /data/root, writable: root's files and keys"}},
		{event.KindSandbox, "bubblewrap", []string{"/run at /run, writable: the sockets of the host's services, the engine's among them", "/root at /data/root, writable: root's files and keys"}},
		{event.KindSandbox, "firejail", nil}, {event.KindSandbox, "", nil},
	} {
		found := Findings(open(test.kind, test.runtime))
		byID := map[string]Finding{}
		for _, f := range found {
			byID[f.ID] = f
			for _, words := range []string{f.Title, f.Meaning, f.Close} {
				if loose := allowed.ReplaceAllString(words, ""); ofContainer.MatchString(loose) {
					t.Errorf("%s of %s: %s", test.kind, test.runtime, words)
				}
			}
			if test.runtime == runtime.Systemd && !regexp.MustCompile(`[A-Z]\w+=|unit`).MatchString(f.Close) {
				t.Errorf("not in the words of systemd: %s: %s", f.ID, f.Close)
			}
			if usual := f.ID != "host_mount" && f.ID != "outside_its_cgroup"; usual && f.Severity > Low {
				t.Errorf("%s of %s: %s is %s, though any process of the host has it", test.kind, test.runtime, f.ID, f.Severity)
			}
		}
		for _, id := range []string{
			"host_net_namespace", "host_pid_namespace", "shared_mnt_namespace", "host_root", "no_seccomp", "new_privileges", "lsm_unconfined", "added_capabilities",
			"writable_proc_sys", "writable_sys", "writable_cgroups", "writable_root", "host_mount", "devices", "outside_its_cgroup", "no_memory_limit", "no_pids_limit",
		} {
			if _, ok := byID[id]; !ok {
				t.Errorf("%s of %s: no %s", test.kind, test.runtime, id)
			}
		}
		if _, ok := byID["privileged"]; ok {
			t.Errorf("%s of %s is called a privileged container", test.kind, test.runtime)
		}
		if got := byID["host_mount"].Details; test.mounts != nil && !slices.Equal(got, test.mounts) {
			t.Errorf("%s of %s: mounts %q", test.kind, test.runtime, got)
		}
	}
	container := open("", "docker")
	if found := Findings(container); !slices.ContainsFunc(found, func(f Finding) bool { return f.ID == "privileged" && f.Severity == Critical }) {
		t.Error("the same as a container is not privileged")
	}
}

// Each finding with words of its own for these is documented.
func TestWordsAreOfFindings(t *testing.T) {
	page, err := os.ReadFile("../../docs/EVENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	for id := range hostProcessWords {
		if !strings.Contains(string(page), "`"+id+"`") {
			t.Errorf("%s is no finding", id)
		}
	}
}
