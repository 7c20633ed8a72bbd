//go:build !vm

package probes

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/google/go-cmp/cmp"
)

// altered returns a kernel's types after change, which may alter each and removes it by returning false.
func altered(t *testing.T, types *btf.Spec, change func(btf.Type) bool) *btf.Spec {
	t.Helper()
	builder, err := btf.NewBuilder(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for typ, err := range types.All() {
		if err != nil {
			t.Fatal(err)
		}
		if change(typ) {
			if _, err := builder.Add(typ); err != nil {
				t.Fatal(err)
			}
		}
	}
	made, err := builder.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestKernelsLackingSomethingAreFound: the checks of the other tests find what is lacking.
func TestKernelsLackingSomethingAreFound(t *testing.T) {
	const kernel = "6.12-amd64"

	t.Run("a field", func(t *testing.T) {
		types := altered(t, kernelTypes(t, kernel), func(typ btf.Type) bool {
			if s, ok := typ.(*btf.Struct); ok && s.Name == "task_struct" {
				for i := range s.Members {
					if s.Members[i].Name == "nsproxy" {
						s.Members[i].Name = "renamed"
					}
				}
			}
			return true
		})
		places, err := unresolved(objectFor(t, archOf(kernel)), []string{"lifecycle_exit_tp_btf", "cgroups_mkdir_tp_btf"}, types)
		if err != nil {
			t.Fatal(err)
		}
		if got := places["task_struct.nsproxy"]; !slices.Equal(got, []string{"lifecycle_exit_tp_btf"}) {
			t.Errorf("unresolved are %v", places)
		}
	})
	t.Run("the width of a field", func(t *testing.T) {
		types := altered(t, kernelTypes(t, kernel), func(typ btf.Type) bool {
			if s, ok := typ.(*btf.Struct); ok && s.Name == "task_struct" {
				for i := range s.Members {
					if s.Members[i].Name == "exit_code" {
						s.Members[i].Type = &btf.Int{Name: "long", Size: 8, Encoding: btf.Signed}
					}
				}
			}
			return true
		})
		places, err := unresolved(objectFor(t, archOf(kernel)), []string{"lifecycle_exit_tp_btf"}, types)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]string{
			"task_struct.exit_code of 4 bytes": {"lifecycle_exit_tp_btf"},
			// As in the table of absences.
			"pids_cgroup___single.events_limit.counter": {"lifecycle_exit_tp_btf"},
			"cgroup___ids.ancestor_ids":                 {"lifecycle_exit_tp_btf"},
		}
		if diff := cmp.Diff(want, places); diff != "" {
			t.Errorf("unresolved (-want +got):\n%s", diff)
		}
	})
	t.Run("the value of an enum", func(t *testing.T) {
		types := altered(t, kernelTypes(t, kernel), func(typ btf.Type) bool {
			enum, ok := typ.(*btf.Enum)
			return !ok || enum.Name != "cgroup_subsys_id"
		})
		places, err := unresolved(objectFor(t, archOf(kernel)), []string{"cgroups_mkdir_tp_btf"}, types)
		if err != nil {
			t.Fatal(err)
		}
		if len(places["cgroup_subsys_id.memory_cgrp_id"]) == 0 {
			t.Errorf("unresolved are %v", places)
		}
	})
	t.Run("a function", func(t *testing.T) {
		types := altered(t, kernelTypes(t, kernel), func(typ btf.Type) bool {
			fn, ok := typ.(*btf.Func)
			return !ok || fn.Name != "ksys_unshare"
		})
		plan, err := NewPlan(factsFrom(kernel, types))
		if err != nil {
			t.Fatal(err)
		}
		want := "namespaces_unshare_sys_enter+namespaces_unshare_sys_exit: fentry: the kernel has no function ksys_unshare; " +
			"kprobe: the kernel has no function ksys_unshare; " + syscallTax
		if got := chosen(plan)["namespaces by unshare"]; got != want {
			t.Errorf("%q\nwant %q", got, want)
		}
		if _, err := arguments(types, "ksys_unshare"); !errors.Is(err, btf.ErrNotFound) {
			t.Errorf("its arguments: %v", err)
		}
	})
	t.Run("a tracepoint", func(t *testing.T) {
		types := altered(t, kernelTypes(t, kernel), func(typ btf.Type) bool { return typ.TypeName() != "btf_trace_mark_victim" })
		_, err := NewPlan(factsFrom(kernel, types))
		if !errors.Is(err, ErrNotSupported) || !strings.Contains(err.Error(), "the kernel has no tracepoint mark_victim") {
			t.Errorf("the plan: %v", err)
		}
	})
}
