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
	swap := func(set, has int) func(*Anatomy, *fact.Settings) {
		limit := func(n int) *fact.Limit {
			if n < 0 {
				return &fact.Limit{Unlimited: true}
			}
			return &fact.Limit{Value: new(float64(n))}
		}
		return func(a *Anatomy, t *fact.Settings) { t.Swap, a.Resources.Memory.SwapMaxBytes = limit(set), limit(has) }
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
		{"a higher limit", func(_ *Anatomy, t *fact.Settings) { t.MemoryBytes = 32 << 20 }, looser, Medium, "memory limit: 33554432 bytes in the settings of docker, 67108864 bytes in the kernel"},
		{"a lower one", func(_ *Anatomy, t *fact.Settings) { t.MemoryBytes = 65 << 20 }, stricter, Info, "memory limit: 68157440 bytes in the settings of docker, 67108864 bytes in the kernel"},
		{"one that nobody set", func(_ *Anatomy, t *fact.Settings) { t.MemoryBytes = 0 }, stricter, Info, "memory limit: none in the settings of docker, 67108864 bytes in the kernel"},
		{"an unknown one", func(a *Anatomy, _ *fact.Settings) { a.Resources.Memory.MaxBytes = nil }, "", 0, ""},
		{"processes", func(a *Anatomy, t *fact.Settings) { t.PIDs = 10 }, looser, Medium, "limit of processes: 10 in the settings of docker, 50 in the kernel"},
		{"a quota", func(a *Anatomy, t *fact.Settings) {
			t.CPUs = 0.5
			a.Resources.CPU = &resources.CPUUse{QuotaCores: &fact.Limit{Unlimited: true}}
		}, looser, Medium, "CPU quota: 0.5 CPUs in the settings of docker, none in the kernel"},
		{"the same quota", func(a *Anatomy, t *fact.Settings) {
			t.CPUs = 0.333
			a.Resources.CPU = &resources.CPUUse{QuotaCores: &fact.Limit{Value: new(0.33333)}}
		}, "", 0, ""},
		{"more swap", swap(64<<20, 128<<20), looser, Medium, "swap limit: 67108864 bytes in the settings of docker, 134217728 bytes in the kernel"},
		{"less swap", swap(64<<20, 0), stricter, Info, "swap limit: 67108864 bytes in the settings of docker, 0 bytes in the kernel"},
		{"swap without a limit", swap(0, -1), looser, Medium, "swap limit: 0 bytes in the settings of docker, none in the kernel"},
		{"a limit of swap that nobody set", swap(-1, 0), stricter, Info, "swap limit: none in the settings of docker, 0 bytes in the kernel"},
		{"swap in pages", swap(64<<20+4095, 64<<20), "", 0, ""},
		{"no swap at all", swap(0, 0), "", 0, ""},
		{"swap without a limit, as set", swap(-1, -1), "", 0, ""},
		{"swap that the engine does not report", func(a *Anatomy, t *fact.Settings) {
			swap(0, 9<<20)(a, t)
			t.Swap = nil
		}, "", 0, ""},
		{"memory and swap together as set", func(a *Anatomy, t *fact.Settings) {
			swap(64<<20, 32<<20)(a, t)
			t.MemoryBytes = 32 << 20
		}, looser, Medium, "memory limit: 33554432 bytes in the settings of docker, 67108864 bytes in the kernel"},
		{"root file system", func(_ *Anatomy, t *fact.Settings) { t.ReadOnly = false }, stricter, Info, "root file system: writable in the settings of docker, read-only in the kernel"},

		{"set to the host's", func(_ *Anatomy, t *fact.Settings) { t.Modes[event.PID] = "host" }, stricter, Info, "pid namespace: the host's in the settings of docker, another one in the kernel"},
		{"another one's that is its own", func(_ *Anatomy, t *fact.Settings) { t.Modes[event.PID] = "container:x" }, "", 0, ""},

		{"a capability more", func(a *Anatomy, t *fact.Settings) { t.CapDrop = []string{"CHOWN"} }, looser, High, "capabilities: none of these in the settings of docker, cap_chown in the kernel"},
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
		{"given up", func(a *Anatomy, t *fact.Settings) { capability(a.Privileges.Capabilities.Bounding[1:]...)(a) }, stricter, Info, "capabilities: cap_chown in the settings of docker, none of these in the kernel"},
		{"unknown", func(a *Anatomy, _ *fact.Settings) { a.Privileges.Capabilities.Bounding = nil }, "", 0, ""},
		{"seccomp", func(_ *Anatomy, t *fact.Settings) { t.SeccompUnconfined = true }, stricter, Info, "seccomp: no filter in the settings of docker, one in the kernel"},
		{"no_new_privs", func(_ *Anatomy, t *fact.Settings) { t.NoNewPrivs = false }, stricter, Info, "no_new_privs: off in the settings of docker, on in the kernel"},
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
		looser := Finding{See: "nsviz inspect shows the kernel's values and where to see them", Close: "find out who did it; recreate the container, or set it again"}
		stricter := Finding{See: looser.See, Close: "nothing, if that is intended"}
		if inspect := r.Commands[runtime.Inspect]; inspect != "" {
			looser.See = inspect + " 4f5ac1d2e3b4; " + looser.See
			stricter.See = looser.See
		}
		if update := r.Commands[runtime.Update]; update != "" {
			looser.Close += " (" + update + ")"
			stricter.Close += "; " + update + " sets a limit again"
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
