package anatomy

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// defaultSettings returns the engine's settings for the container without a finding.
func defaultSettings() *fact.Settings {
	return &fact.Settings{
		Engine: "docker", ReadOnly: true, MemoryBytes: 64<<20 + 100, PIDs: 50, NoNewPrivs: true, AppArmor: "docker-default",
		Modes: map[event.NamespaceType]string{
			event.Net: "bridge", event.PID: "", event.IPC: "private", event.UTS: "", event.User: "", event.CgroupNS: "private", event.Mnt: "",
		},
	}
}

func TestDifferencesFromSettings(t *testing.T) {
	const looser, stricter = "looser_than_told", "stricter_than_told"
	capability := func(names ...string) func(*Anatomy) {
		return func(a *Anatomy) { a.Privileges.Capabilities.Bounding = names }
	}
	swap := func(told, has int) func(*Anatomy, *fact.Settings) {
		limit := func(n int) *fact.Limit {
			if n < 0 {
				return &fact.Limit{Unlimited: true}
			}
			return &fact.Limit{Value: new(float64(n))}
		}
		return func(a *Anatomy, t *fact.Settings) { t.Swap, a.Resources.Memory.SwapMaxBytes = limit(told), limit(has) }
	}
	for _, test := range []struct {
		name     string
		change   func(*Anatomy, *fact.Settings)
		id       string // "" is none
		severity Severity
		detail   string
	}{
		{"nothing", func(*Anatomy, *fact.Settings) {}, "", 0, ""},
		{"no engine", func(a *Anatomy, _ *fact.Settings) { a.settings, a.Root.ReadOnly = nil, true }, "", 0, ""},
		{"a higher limit", func(_ *Anatomy, t *fact.Settings) { t.MemoryBytes = 32 << 20 }, looser, Medium, "memory limit: docker was told 33554432 bytes, the kernel has 67108864 bytes"},
		{"a lower one", func(_ *Anatomy, t *fact.Settings) { t.MemoryBytes = 65 << 20 }, stricter, Info, "memory limit: docker was told 68157440 bytes, the kernel has 67108864 bytes"},
		{"one that nobody asked for", func(_ *Anatomy, t *fact.Settings) { t.MemoryBytes = 0 }, stricter, Info, "memory limit: docker was told none, the kernel has 67108864 bytes"},
		{"an unknown one", func(a *Anatomy, _ *fact.Settings) { a.Resources.Memory.MaxBytes = nil }, "", 0, ""},
		{"processes", func(a *Anatomy, t *fact.Settings) { t.PIDs = 10 }, looser, Medium, "limit of processes: docker was told 10, the kernel has 50"},
		{"a quota", func(a *Anatomy, t *fact.Settings) {
			t.CPUs = 0.5
			a.Resources.CPU = &resources.CPUUse{QuotaCores: &fact.Limit{Unlimited: true}}
		}, looser, Medium, "CPU quota: docker was told 0.5 CPUs, the kernel has none"},
		{"the same quota", func(a *Anatomy, t *fact.Settings) {
			t.CPUs = 0.333
			a.Resources.CPU = &resources.CPUUse{QuotaCores: &fact.Limit{Value: new(0.33333)}}
		}, "", 0, ""},
		{"more swap", swap(64<<20, 128<<20), looser, Medium, "swap limit: docker was told 67108864 bytes, the kernel has 134217728 bytes"},
		{"less swap", swap(64<<20, 0), stricter, Info, "swap limit: docker was told 67108864 bytes, the kernel has 0 bytes"},
		{"swap without a limit", swap(0, -1), looser, Medium, "swap limit: docker was told 0 bytes, the kernel has none"},
		{"a limit of swap that nobody asked for", swap(-1, 0), stricter, Info, "swap limit: docker was told none, the kernel has 0 bytes"},
		{"swap in pages", swap(64<<20+4095, 64<<20), "", 0, ""},
		{"no swap at all", swap(0, 0), "", 0, ""},
		{"swap without a limit, as told", swap(-1, -1), "", 0, ""},
		{"swap of which the engine said nothing", func(a *Anatomy, t *fact.Settings) {
			swap(0, 9<<20)(a, t)
			t.Swap = nil
		}, "", 0, ""},
		{"memory and swap together as told", func(a *Anatomy, t *fact.Settings) {
			swap(64<<20, 32<<20)(a, t)
			t.MemoryBytes = 32 << 20
		}, looser, Medium, "memory limit: docker was told 33554432 bytes, the kernel has 67108864 bytes"},
		{"root file system", func(_ *Anatomy, t *fact.Settings) { t.ReadOnly = false }, stricter, Info, "root file system: docker was told writable, the kernel has a read-only one"},

		{"told the host's", func(_ *Anatomy, t *fact.Settings) { t.Modes[event.PID] = "host" }, stricter, Info, "pid namespace: docker was told the host's, the kernel has another one"},
		{"another one's that is its own", func(_ *Anatomy, t *fact.Settings) { t.Modes[event.PID] = "container:x" }, "", 0, ""},

		{"a capability more", func(a *Anatomy, t *fact.Settings) { t.CapDrop = []string{"CHOWN"} }, looser, High, "capabilities: docker was told none of these, the kernel has cap_chown"},
		{"dropped all", func(a *Anatomy, t *fact.Settings) {
			t.CapDrop = []string{"ALL"}
			capability("cap_kill")(a)
			t.CapAdd = []string{"CAP_KILL"}
		}, "", 0, ""},
		{"added all", func(a *Anatomy, t *fact.Settings) {
			capability(a.hostBounding...)(a)
			t.CapAdd, t.CapDrop = []string{"all"}, []string{"cap_63"}
		}, "added_capabilities", Critical, ""},
		{"more than the host has", func(_ *Anatomy, t *fact.Settings) { t.CapAdd = []string{"CAP_BPF"} }, "", 0, ""},
		{"given up", func(a *Anatomy, t *fact.Settings) { capability(a.Privileges.Capabilities.Bounding[1:]...)(a) }, stricter, Info, "capabilities: docker was told cap_chown, the kernel has none of these"},
		{"unknown", func(a *Anatomy, _ *fact.Settings) { a.Privileges.Capabilities.Bounding = nil }, "", 0, ""},
		{"seccomp", func(_ *Anatomy, t *fact.Settings) { t.SeccompUnconfined = true }, stricter, Info, "seccomp: docker was told no filter, the kernel has one"},
		{"no_new_privs", func(_ *Anatomy, t *fact.Settings) { t.NoNewPrivs = false }, stricter, Info, "no_new_privs: docker was told off, the kernel has on"},
		{"no security module", func(a *Anatomy, t *fact.Settings) { t.AppArmor = "" }, "", 0, ""},
		{"no privileges", func(a *Anatomy, _ *fact.Settings) { a.Privileges = nil }, "", 0, ""},
		{"not running", func(a *Anatomy, t *fact.Settings) { a.PID, t.MemoryBytes = 0, 1 }, "", 0, ""},
	} {
		a := walled()
		a.settings = defaultSettings()
		test.change(a, a.settings)
		found := Findings(a)
		switch {
		case test.id == "":
			if len(found) > 0 {
				t.Errorf("%s: %+v", test.name, found)
			}
		case len(found) != 1 || found[0].ID != test.id || found[0].Severity != test.severity:
			t.Errorf("%s: %+v", test.name, found)
		case test.detail != "" && strings.Join(found[0].Details, "; ") != test.detail:
			t.Errorf("%s: %q, want %q", test.name, found[0].Details, test.detail)
		}
	}
}

// A difference that is also a finding of another kind is reported as both.
func TestDifferencesBesideOtherFindings(t *testing.T) {
	for _, test := range []struct {
		change func(*Anatomy)
		want   []string
	}{
		{func(a *Anatomy) { a.Namespaces[event.Net].SharedWithHost = new(true) }, []string{"host_net_namespace", "looser_than_told"}},
		{func(a *Anatomy) { a.Privileges.Seccomp = seccompDisabled }, []string{"no_seccomp", "looser_than_told"}},
		{func(a *Anatomy) { a.Privileges.NoNewPrivs = new(false) }, []string{"looser_than_told", "new_privileges"}},
		{func(a *Anatomy) { a.Privileges.LSM = new("unconfined") }, []string{"looser_than_told", "lsm_unconfined"}},
		{func(a *Anatomy) { a.settings.Privileged = true }, []string{"stricter_than_told"}},
	} {
		a := walled()
		a.settings = defaultSettings()
		test.change(a)
		var ids []string
		for _, f := range Findings(a) {
			ids = append(ids, f.ID)
		}
		slices.Sort(ids)
		slices.Sort(test.want)
		if diff := cmp.Diff(test.want, ids); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDifferencesOfEveryEngine(t *testing.T) {
	for _, r := range append(runtime.All(), runtime.Runtime{Name: "of a later version"}) {
		a := walled()
		a.Container.ID = "4f5ac1d2e3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccddee"
		looser := Finding{See: "nsviz inspect tells what the kernel has and where to see it", Close: "find out who did it; recreate the container, or tell the engine again"}
		stricter := Finding{See: looser.See, Close: "nothing, where it is meant so"}
		if r.RunFlags { // runtimes with Docker's command line
			looser.See = r.Name + " inspect 4f5ac1d2e3b4; " + looser.See
			looser.Close += " (" + r.Name + " update)"
			stricter = Finding{See: looser.See, Close: stricter.Close + "; " + r.Name + " update sets a limit anew"}
		}
		for limit, want := range map[uint64]Finding{32 << 20: looser, 65 << 20: stricter} {
			a.settings = defaultSettings()
			a.settings.Engine, a.settings.MemoryBytes = r.Name, limit
			a.settings.CapDrop, a.settings.CapAdd = []string{"ALL"}, a.Privileges.Capabilities.Bounding
			found := Findings(a)
			if len(found) != 1 || found[0].See != want.See || found[0].Close != want.Close {
				t.Errorf("engine %q: %+v, want %+v", r.Name, found, want)
			}
		}
	}
}

// If an engine's defaults are unknown, nothing counts as a difference.
func TestDifferencesWithUnknownDefaults(t *testing.T) {
	a := walled()
	a.settings = defaultSettings()
	for _, engine := range []string{"of a later version", runtime.Podman} {
		a.settings.Engine = engine
		if found := Findings(a); len(found) > 0 {
			t.Errorf("%s: %+v", engine, found)
		}
	}
	a.settings.Engine = runtime.CRIO // its default set is smaller than this container's
	if found := Findings(a); len(found) != 1 || found[0].ID != "looser_than_told" {
		t.Errorf("%+v", found)
	}
}
