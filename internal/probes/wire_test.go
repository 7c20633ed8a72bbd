package probes

import (
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/gen"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func builtIn(t testing.TB) *btf.Spec {
	t.Helper()
	spec, err := gen.LoadNsviz()
	if err != nil {
		t.Fatal(err)
	}
	return spec.Types
}

// TestWireLayout compares the Go structs with the C compiler's layout of bpf/event.h: padding in
// only one of the two would shift all later fields.
func TestWireLayout(t *testing.T) {
	types := builtIn(t)
	for name, goType := range map[string]reflect.Type{
		"event_header":          reflect.TypeFor[gen.NsvizEventHeader](),
		"namespaces_event":      reflect.TypeFor[gen.NsvizNamespacesEvent](),
		"namespace_freed_event": reflect.TypeFor[gen.NsvizNamespaceFreedEvent](),
		"cgroup_event":          reflect.TypeFor[gen.NsvizCgroupEvent](),
		"start_event":           reflect.TypeFor[gen.NsvizStartEvent](),
		"sent_signal":           reflect.TypeFor[gen.NsvizSentSignal](),
		"exit_event":            reflect.TypeFor[gen.NsvizExitEvent](),
		"oom_event":             reflect.TypeFor[gen.NsvizOomEvent](),
		"init_moved_event":      reflect.TypeFor[gen.NsvizInitMovedEvent](),
		"entered_event":         reflect.TypeFor[gen.NsvizEnteredEvent](),
		"init":                  reflect.TypeFor[gen.NsvizInit](),
		"reader_state":          reflect.TypeFor[gen.NsvizReaderState](),
	} {
		var c *btf.Struct
		if err := types.TypeByName(name, &c); err != nil {
			t.Error(err)
			continue
		}
		if goType.Size() != uintptr(c.Size) {
			t.Errorf("%s has %d bytes in C, %d in Go", name, c.Size, goType.Size())
		}
		var fields []reflect.StructField
		for i := range goType.NumField() {
			if f := goType.Field(i); f.Name != "_" {
				fields = append(fields, f)
			}
		}
		if len(fields) != len(c.Members) {
			t.Errorf("%s has %d fields in C, %d in Go", name, len(c.Members), len(fields))
			continue
		}
		end := uint32(0)
		for i, m := range c.Members {
			size, err := btf.Sizeof(m.Type)
			if err != nil {
				t.Fatal(err)
			}
			at := m.Offset.Bytes()
			if fields[i].Offset != uintptr(at) || fields[i].Type.Size() != uintptr(size) {
				t.Errorf("%s.%s is at %d with %d bytes in C, at %d with %d in Go", name, m.Name, at, size,
					fields[i].Offset, fields[i].Type.Size())
			}
			// Padding without a name would leak kernel memory.
			if at != end {
				t.Errorf("%s has a hole before %s", name, m.Name)
			}
			end = at + uint32(size)
		}
		if end != c.Size {
			t.Errorf("%s has a hole at its end", name)
		}
	}
}

// enumValues are the values of an enum of bpf/event.h, by name.
func enumValues(t *testing.T, name string) map[string]uint64 {
	t.Helper()
	var enum *btf.Enum
	if err := builtIn(t).TypeByName(name, &enum); err != nil {
		t.Fatal(err)
	}
	values := map[string]uint64{}
	for _, v := range enum.Values {
		values[v.Name] = v.Value
	}
	return values
}

// The kernel and user space keep equally much of a command line.
func TestCommandLinesAreCutAlike(t *testing.T) {
	if n := len(gen.NsvizOomEvent{}.CommandLine); n != event.MaxCommandLine {
		t.Errorf("%d bytes by the programs, %d by procfs", n, event.MaxCommandLine)
	}
}

func TestNamespaceTypesCountAlike(t *testing.T) {
	want := map[string]uint64{"NAMESPACE_TYPES": event.NamespaceTypeCount}
	for _, kind := range event.NamespaceTypes() {
		want["NAMESPACE_"+strings.ToUpper(kind.String())] = uint64(kind)
	}
	if diff := cmp.Diff(want, enumValues(t, "namespace_type")); diff != "" {
		t.Errorf("enum namespace_type (-Go +C):\n%s", diff)
	}
}

func TestEveryKindIsDecoded(t *testing.T) {
	d := newDecoder()
	kinds := enumValues(t, "event_kind")
	for name, kind := range kinds {
		if d.table[gen.NsvizEventKind(kind)] == nil {
			t.Errorf("nothing decodes %s", name)
		}
	}
	if len(d.table) != len(kinds) {
		t.Errorf("%d kinds are decoded, there are %d", len(d.table), len(kinds))
	}
}

func TestEveryErrorHasAPlace(t *testing.T) {
	values := enumValues(t, "error_place")
	if values["ERROR_PLACES"] != uint64(len(values)-1) {
		t.Errorf("ERROR_PLACES is %d of %d", values["ERROR_PLACES"], len(values))
	}
	delete(values, "ERROR_PLACES")
	names := places()
	seen := map[fact.ErrorPlace]bool{}
	for name, place := range values {
		label := names[gen.NsvizErrorPlace(place)]
		if label == "" || seen[label] {
			t.Errorf("%s is called %q", name, label)
		}
		seen[label] = true
	}
	if len(names) != len(values) {
		t.Errorf("%d places have names, there are %d", len(names), len(values))
	}
	for place := range losses() {
		if names[place] == "" {
			t.Errorf("losses at %d have no place", place)
		}
	}
}

func TestEveryScopeIsDecoded(t *testing.T) {
	got := map[string]event.Scope{}
	for name, value := range enumValues(t, "oom_scope") {
		got[name] = scope(gen.NsvizOomScope(value))
	}
	want := map[string]event.Scope{
		"OOM_SCOPE_UNKNOWN": "", "OOM_SCOPE_CGROUP": event.ScopeCgroup, "OOM_SCOPE_SYSTEM": event.ScopeSystem,
		"OOM_SCOPE_CPUSET": event.ScopeCpuset, "OOM_SCOPE_MEMPOLICY": event.ScopeMempolicy,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
}

// TestPlanAndObjectNameTheSamePrograms: each program that a plan may name is in the object with the
// section of its method, and the object has no others.
func TestPlanAndObjectNameTheSamePrograms(t *testing.T) {
	spec, err := gen.LoadNsviz()
	if err != nil {
		t.Fatal(err)
	}
	sections := map[fact.Method][]string{
		fact.MethodFentry: {"fentry", "fexit"}, fact.MethodKprobe: {"kprobe", "kretprobe"},
		fact.MethodTpBTF: {"tp_btf"}, fact.MethodRawTracepoint: {"raw_tp"}, fact.MethodTracepoint: {"tracepoint"},
	}
	unused := maps.Clone(spec.Programs)
	delete(unused, socketIterator)
	for _, k := range kinds(runtime.GOARCH) {
		for _, o := range k.options {
			var hooked []string
			for _, name := range o.programs {
				prog := spec.Programs[name]
				if prog == nil {
					t.Errorf("there is no program %s", name)
					continue
				}
				delete(unused, name)
				hook, target, _ := strings.Cut(prog.SectionName, "/")
				if !slices.Contains(sections[o.method], hook) {
					t.Errorf("%s is for %s, its section is %s", name, o.method, prog.SectionName)
				}
				if !slices.Contains(hooked, target) {
					hooked = append(hooked, target)
				}
			}
			// The host is asked for exactly what the sections hook.
			if needed := slices.Concat(o.functions, o.tracepoints); o.method != fact.MethodTracepoint && !slices.Equal(needed, hooked) {
				t.Errorf("%v hook %v, their option asks for %v", o.programs, hooked, needed)
			}
		}
	}
	for name := range unused {
		t.Errorf("no plan can name %s", name)
	}
}

// TestSettingsAreTaken: the programs will read what configure writes.
func TestSettingsAreTaken(t *testing.T) {
	spec, err := gen.LoadNsviz()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Hierarchy: 7, OwnMntNamespace: 4026531841, EventsRingBytes: 1 << 16, UrgentRingBytes: 1 << 13, Clock: HostClock,
		NoCommandLines: true,
	}
	if err := configure(spec, cfg); err != nil {
		t.Fatal(err)
	}
	if events, urgent := spec.Maps[gen.NsvizMapEvents].MaxEntries, spec.Maps[gen.NsvizMapUrgent].MaxEntries; events != 1<<16 || urgent != 1<<13 {
		t.Errorf("rings of %d and %d bytes", events, urgent)
	}
	var hierarchy, own uint32
	unified, lines := true, true
	var watermark uint64
	for name, into := range map[string]any{
		gen.NsvizVarTrackedHierarchy: &hierarchy, gen.NsvizVarOwnMntNamespace: &own,
		gen.NsvizVarTrackedIsUnified: &unified, gen.NsvizVarEventsWatermark: &watermark, gen.NsvizVarCommandLines: &lines,
	} {
		if err := spec.Variables[name].Get(into); err != nil {
			t.Error(err)
		}
	}
	if hierarchy != 7 || own != 4026531841 || unified || watermark != 1<<14 || lines {
		t.Errorf("the programs would read %d, %d, %v, %d, %v", hierarchy, own, unified, watermark, lines)
	}
}
