//go:build !vm

package probes

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
)

// The kernels that these tests look at are those of test/vm/downloads. testdata/btf has the types and functions of
// each that nsviz reads and hooks; test/vm/btf extracted them. What only a running kernel shows, such as that arm64
// before 6.0 attaches no fentry, is for the tests with the tag root.
const (
	kernelsFolder    = "testdata/btf"
	kernelsExtension = ".btf.gz"
)

// kernelNames are those of the files, NAME-ARCH.
func kernelNames(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(kernelsFolder, "*"+kernelsExtension))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("there is nothing in %s; run: go run ./test/vm/btf", kernelsFolder)
	}
	var names []string
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(path), kernelsExtension))
	}
	return names
}

// archOf is a kernel's architecture, as Go calls it.
func archOf(kernel string) string { return kernel[strings.LastIndex(kernel, "-")+1:] }

func kernelTypes(t *testing.T, kernel string) *btf.Spec {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join(kernelsFolder, kernel+kernelsExtension))
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatalf("%s: %v", kernel, err)
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", kernel, err)
	}
	types, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%s: %v", kernel, err)
	}
	return types
}

// objectFor returns the object that is built in on an architecture, whichever one the test runs on.
func objectFor(t *testing.T, arch string) *ebpf.CollectionSpec {
	t.Helper()
	object := map[string]string{"amd64": "x86", "arm64": "arm64"}[arch]
	spec, err := ebpf.LoadCollectionSpec("../../gen/nsviz_" + object + "_bpfel.o")
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// factsFrom returns the facts of a host of which only the BTF is known, and which refuses nothing.
func factsFrom(kernel string, types *btf.Spec) Facts {
	f := Facts{Kernel: kernel, Arch: archOf(kernel), Functions: map[string]bool{}, Tracepoints: map[string]bool{}}
	f.readTypes(types)
	return f
}

// eligible returns all programs that a plan for such a host may name when options are struck out one after the
// other.
func eligible(f Facts) []string {
	f.taxed = true
	var programs []string
	for _, k := range kinds(f.Arch) {
		for {
			c, err := choose(k, f)
			if err != nil || c.Method == fact.MethodNone {
				break
			}
			programs = append(programs, c.Programs...)
			f.strike(c, errors.New("struck out by the test"))
		}
	}
	return programs
}

// unresolved returns the places in the programs that a kernel's types do not have, each with the
// programs that read it. The verifier refuses a program that can reach such a place. Fields that a kernel
// has with another width are among them.
func unresolved(object *ebpf.CollectionSpec, programs []string, types *btf.Spec) (map[string][]string, error) {
	local, err := btf.NewBuilder(nil, nil)
	if err != nil {
		return nil, err
	}
	places := map[string][]string{}
	for _, program := range programs {
		spec := object.Programs[program]
		if spec == nil {
			return nil, fmt.Errorf("there is no program %s", program)
		}
		var relocations []*btf.CORERelocation
		instructions := spec.Instructions.Iterate()
		for instructions.Next() {
			if r := btf.CORERelocationMetadata(instructions.Ins); r != nil {
				relocations = append(relocations, r)
			}
		}
		fixups, err := btf.CORERelocate(relocations, []*btf.Spec{types}, binary.LittleEndian, local.Add)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", program, err)
		}
		for i, fixup := range fixups {
			place, err := placeOf(object.Types, relocations[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", program, err)
			}
			// The type shows it in no other way.
			what := fixup.String()
			switch {
			case strings.HasSuffix(what, "=poison"):
			case strings.HasPrefix(what, "byte_off="):
				// A relocation finds a field, but it is read with the width of bpf/kernel.h.
				width := widthOf(object.Types, place)
				if width == 0 || width == widthOf(types, place) {
					continue
				}
				place += fmt.Sprintf(" of %d bytes", width)
			default:
				continue
			}
			if !slices.Contains(places[place], program) {
				places[place] = append(places[place], program)
			}
		}
	}
	return places, nil
}

var relocationWords = regexp.MustCompile(`\[([0-9:]+)\], local_id=([0-9]+)\)$`)

// placeOf names the subject of a relocation as in C: task_struct.signal. Only the relocation's text has it.
func placeOf(types *btf.Spec, relocation *btf.CORERelocation) (string, error) {
	words := relocationWords.FindStringSubmatch(relocation.String())
	if words == nil {
		return "", fmt.Errorf("cannot read %s", relocation)
	}
	id, err := strconv.ParseUint(words[2], 10, 32)
	if err != nil {
		return "", err
	}
	typ, err := types.TypeByID(btf.TypeID(id))
	if err != nil {
		return "", err
	}
	typ = btf.UnderlyingType(typ)
	name := typ.TypeName()
	path := strings.Split(words[1], ":")
	if enum, ok := typ.(*btf.Enum); ok {
		i, err := strconv.Atoi(path[0])
		if err != nil || i >= len(enum.Values) {
			return "", fmt.Errorf("cannot read %s", relocation)
		}
		return name + "." + enum.Values[i].Name, nil
	}
	for _, step := range path[1:] { // the first is an index of the pointer
		i, err := strconv.Atoi(step)
		if err != nil {
			return "", err
		}
		var members []btf.Member
		switch t := typ.(type) {
		case *btf.Struct:
			members = t.Members
		case *btf.Union:
			members = t.Members
		case *btf.Array:
			typ = btf.UnderlyingType(t.Type)
			continue
		}
		if i >= len(members) {
			return "", fmt.Errorf("cannot read %s", relocation)
		}
		typ = btf.UnderlyingType(members[i].Type)
		if members[i].Name != "" {
			name += "." + members[i].Name
		}
	}
	return name, nil
}

// widthOf returns the size of a number or a pointer that placeOf has named, or of an element if it is an
// array; 0 for all else.
func widthOf(types *btf.Spec, place string) int {
	path := strings.Split(place, ".")
	var top *btf.Struct
	if types.TypeByName(path[0], &top) != nil {
		name, _, _ := strings.Cut(path[0], "___") // a flavour is for the programs only
		if types.TypeByName(name, &top) != nil {
			return 0
		}
	}
	var typ btf.Type = top
	for _, name := range path[1:] {
		if typ = memberOf(typ, name); typ == nil {
			return 0
		}
	}
	if array, ok := typ.(*btf.Array); ok {
		typ = btf.UnderlyingType(array.Type)
	}
	switch typ.(type) {
	case *btf.Int, *btf.Enum, *btf.Pointer:
		size, err := btf.Sizeof(typ)
		if err != nil {
			return 0
		}
		return size
	}
	return 0
}

// memberOf returns the type of a member of a struct or union, or of the elements of an array of them; nil if
// there is none. Members without a name are looked into.
func memberOf(typ btf.Type, name string) btf.Type {
	var members []btf.Member
	switch t := btf.UnderlyingType(typ).(type) {
	case *btf.Array:
		return memberOf(t.Type, name)
	case *btf.Struct:
		members = t.Members
	case *btf.Union:
		members = t.Members
	}
	for _, m := range members {
		if m.Name == name {
			return btf.UnderlyingType(m.Type)
		}
		if m.Name == "" {
			if found := memberOf(m.Type, name); found != nil {
				return found
			}
		}
	}
	return nil
}

// absences are the places that some kernels do not have. The programs check before they read them.
var absences = []struct {
	places  []string
	kernels []string
	why     string
}{
	{
		places:  []string{"mm_struct___percpu.rss_stat.count"},
		kernels: []string{"5.10.218-amd64", "5.10-amd64", "5.10-arm64", "6.1-amd64", "6.1-arm64"},
		why:     "an array of per-CPU counters since 6.2; guarded by bpf_core_type_exists(struct mm_rss_stat) in mm_counter",
	},
	{
		places:  []string{"mm_struct___atomic.rss_stat.count.counter"},
		kernels: []string{"6.12-amd64", "sid-amd64"},
		why:     "a struct of atomics before 6.2; guarded by bpf_core_type_exists(struct mm_rss_stat) in mm_counter",
	},
	{
		places:  []string{"mem_cgroup.oom_lock"},
		kernels: []string{"6.12-amd64", "sid-amd64"},
		why:     "of CONFIG_MEMCG_V1 since 6.11, which Debian leaves out; guarded by bpf_core_field_exists in memcg_oom_lock",
	},
	{
		places:  []string{"mempolicy.nodes"},
		kernels: []string{"5.10.218-amd64", "5.10-amd64", "5.10-arm64"},
		why:     "in a union before 5.14; guarded by bpf_core_field_exists in policy_nodes",
	},
	{
		places:  []string{"mempolicy___union.v.nodes"},
		kernels: []string{"6.1-amd64", "6.1-arm64", "6.12-amd64", "sid-amd64"},
		why:     "in a union before 5.14; guarded by bpf_core_field_exists in policy_nodes",
	},
	{
		places:  []string{"pids_cgroup___double.events.counter", "pids_cgroup___double.events_local.counter"},
		kernels: []string{"5.10.218-amd64", "5.10-amd64", "5.10-arm64", "6.1-amd64", "6.1-arm64"},
		why:     "two counts since 6.11; guarded by bpf_core_field_exists in pids_refused",
	},
	{
		places:  []string{"pids_cgroup___single.events_limit.counter"},
		kernels: []string{"6.12-amd64", "sid-amd64"},
		why:     "one count before 6.11; guarded by bpf_core_field_exists in pids_refused",
	},
	{
		places:  []string{"cgroup___pointers.ancestors"},
		kernels: []string{"5.10.218-amd64", "5.10-amd64", "5.10-arm64"},
		why:     "ids before 6.1; guarded by bpf_core_field_exists in cgroup_ancestor_id",
	},
	{
		places:  []string{"cgroup___ids.ancestor_ids"},
		kernels: []string{"6.1-amd64", "6.1-arm64", "6.12-amd64", "sid-amd64"},
		why:     "pointers since 6.1; guarded by bpf_core_field_exists in cgroup_ancestor_id",
	},
}

// TestKernelsHaveWhatIsRead: a kernel has everything that programs read that may run on it.
func TestKernelsHaveWhatIsRead(t *testing.T) {
	names := kernelNames(t)
	for _, a := range absences {
		for _, kernel := range a.kernels {
			if !slices.Contains(names, kernel) {
				t.Errorf("the table of absences names the kernel %s, which is none", kernel)
			}
		}
	}
	for _, kernel := range names {
		t.Run(kernel, func(t *testing.T) {
			types := kernelTypes(t, kernel)
			places, err := unresolved(objectFor(t, archOf(kernel)), append(eligible(factsFrom(kernel, types)), socketIterator), types)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range absences {
				if !slices.Contains(a.kernels, kernel) {
					continue
				}
				for _, place := range a.places {
					if places[place] == nil {
						t.Errorf("the kernel has %s after all, or nobody reads it: strike it from the table of absences", place)
					}
					delete(places, place)
				}
			}
			var walk *btf.Func
			if err := types.TypeByName("bpf_iter_task_file", &walk); err != nil {
				t.Errorf("the kernel has no iterator over open files: %v", err)
			}
			for place, programs := range places {
				t.Errorf("the kernel has no %s, which %s read", place, strings.Join(programs, ", "))
			}
		})
	}
}

// TestKernelsPlan: if nothing is refused, a fact is hooked in the best way that the kernel has; and by
// kprobe if fentry is refused, as on arm64 before 6.0, whose BTF does not show that.
func TestKernelsPlan(t *testing.T) {
	best := map[fact.ProbeName]fact.Method{
		"namespaces by clone":        fact.MethodTpBTF,
		"namespaces by unshare":      fact.MethodFentry,
		"namespaces joined by setns": fact.MethodFentry,
		"namespaces freed":           fact.MethodFentry,
		"cgroups made":               fact.MethodTpBTF,
		"cgroups removed":            fact.MethodTpBTF,
		"OOM decisions":              fact.MethodFentry,
		"OOM victims":                fact.MethodTpBTF,
		"signals and their senders":  fact.MethodTpBTF,
		"container starts":           fact.MethodTpBTF,
		"container exits":            fact.MethodTpBTF,
		"cgroups entered":            fact.MethodTpBTF,
		"root file systems":          fact.MethodFentry,
	}
	// The compiler has transformed a function, so that it has no entry in the BTF.
	lacking := map[string]map[fact.ProbeName]fact.Method{"5.10-arm64": {"OOM decisions": fact.MethodNone}}
	for _, kernel := range kernelNames(t) {
		t.Run(kernel, func(t *testing.T) {
			host := factsFrom(kernel, kernelTypes(t, kernel))
			want := maps.Clone(best)
			maps.Copy(want, lacking[kernel])
			if diff := cmp.Diff(want, methodsOf(t, host)); diff != "" {
				t.Errorf("methods (-want +got):\n%s", diff)
			}
			host.Refused = map[fact.Method]error{fact.MethodFentry: ebpf.ErrNotSupported}
			for name, method := range want {
				if method == fact.MethodFentry {
					want[name] = fact.MethodKprobe
				}
			}
			if diff := cmp.Diff(want, methodsOf(t, host)); diff != "" {
				t.Errorf("methods without fentry (-want +got):\n%s", diff)
			}
		})
	}
}

// methodsOf returns how a plan hooks each fact on a host.
func methodsOf(t *testing.T, host Facts) map[fact.ProbeName]fact.Method {
	t.Helper()
	plan, err := NewPlan(host)
	if err != nil {
		t.Fatal(err)
	}
	methods := map[fact.ProbeName]fact.Method{}
	for _, c := range plan {
		methods[c.Name] = c.Method
	}
	return methods
}

// inC writes a type as C does, without typedefs and qualifiers.
func inC(typ btf.Type) string {
	switch t := btf.UnderlyingType(typ).(type) {
	case *btf.Void:
		return "void"
	case *btf.Pointer:
		return inC(t.Target) + " *"
	case *btf.Struct, *btf.Fwd:
		return "struct " + t.TypeName()
	default:
		return t.TypeName()
	}
}

// arguments returns what a function of the kernel takes, or what a tracepoint passes on.
func arguments(types *btf.Spec, name string) ([]string, error) {
	var proto btf.Type
	var fn *btf.Func
	var def *btf.Typedef
	if types.TypeByName(name, &fn) == nil {
		proto = fn.Type
	} else if err := types.TypeByName("btf_trace_"+name, &def); err != nil {
		return nil, err
	} else if pointer, ok := def.Type.(*btf.Pointer); ok {
		proto = pointer.Target
	}
	p, ok := proto.(*btf.FuncProto)
	if !ok {
		return nil, fmt.Errorf("%s is no function", name)
	}
	var list []string
	for _, param := range p.Params {
		list = append(list, inC(param.Type))
	}
	if def != nil && len(list) > 0 { // the first is the tracepoint's own
		list = list[1:]
	}
	return list, nil
}

// TestKernelsPassWhatIsTaken compares the arguments with those that the programs take. More may follow.
func TestKernelsPassWhatIsTaken(t *testing.T) {
	const task = "struct task_struct *"
	for _, kernel := range kernelNames(t) {
		t.Run(kernel, func(t *testing.T) {
			types := kernelTypes(t, kernel)
			host := factsFrom(kernel, types)
			victim := []string{"int"}
			if host.MarkVictimTakesTask {
				victim = []string{task, "unsigned int"}
			}
			for name, want := range map[string][]string{
				"sched_process_fork": {task, task},
				"sched_process_exec": {task},
				"sched_process_exit": {task},
				"signal_generate":    {"int", "struct kernel_siginfo *", task, "int", "int"},
				"cgroup_mkdir":       {"struct cgroup *", "char *"},
				"cgroup_rmdir":       {"struct cgroup *", "char *"},
				"cgroup_attach_task": {"struct cgroup *"},
				"mark_victim":        victim,
				"oom_kill_process":   {"struct oom_control *"},
				"proc_free_inum":     {"unsigned int"},
				// Only the times of these count.
				"ksys_unshare":                           {},
				syscallFunction(archOf(kernel), "setns"): {},
				// The result comes behind the only argument.
				syscallFunction(archOf(kernel), "mount"):      {"struct pt_regs *"},
				syscallFunction(archOf(kernel), "move_mount"): {"struct pt_regs *"},
				syscallFunction(archOf(kernel), "pivot_root"): {"struct pt_regs *"},
				syscallFunction(archOf(kernel), "chroot"):     {"struct pt_regs *"},
			} {
				if !host.Functions[name] && !host.Tracepoints[name] {
					continue // TestKernelsPlan has what is lacking
				}
				got, err := arguments(types, name)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				} else if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
					t.Errorf("%s(%s), the programs take (%s)", name, strings.Join(got, ", "), strings.Join(want, ", "))
				}
			}
		})
	}
}

// TestKernelsAreThoseOfTheMachines: the kernels here are those that test/vm boots.
func TestKernelsAreThoseOfTheMachines(t *testing.T) {
	downloads, err := os.ReadFile("../../test/vm/downloads")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(downloads)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0][0] == '#' || fields[0] == "tools" {
			continue
		}
		want = append(want, fields[0]+"-"+fields[1])
	}
	slices.Sort(want)
	want = slices.Compact(want)
	got := kernelNames(t)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("test/vm/downloads and %s name other kernels (-downloads +files); run: go run ./test/vm/btf\n%s",
			kernelsFolder, diff)
	}
}
