//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/cilium/ebpf/btf"
)

// TestPrune: wanted types keep their members, sizes and prototypes, the types that they refer to keep their size, and all
// others are gone.
func TestPrune(t *testing.T) {
	number := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	list := &btf.Struct{Name: "list_head", Size: 16}
	list.Members = []btf.Member{
		{Name: "next", Type: &btf.Pointer{Target: list}},
		{Name: "prev", Type: &btf.Pointer{Target: list}, Offset: 64},
	}
	task := &btf.Struct{Name: "task_struct", Size: 32}
	task.Members = []btf.Member{
		{Name: "tasks", Type: list},
		{Name: "parent", Type: &btf.Pointer{Target: task}, Offset: 128},
		{Type: &btf.Union{Size: 8, Members: []btf.Member{{Name: "pid", Type: number}}}, Offset: 192},
	}
	other := &btf.Struct{Name: "other", Size: 4, Members: []btf.Member{{Name: "a", Type: number}}}
	proto := &btf.FuncProto{Return: number, Params: []btf.FuncParam{
		{Name: "task", Type: &btf.Pointer{Target: task}},
		{Name: "other", Type: &btf.Pointer{Target: other}},
	}}
	builder, err := btf.NewBuilder([]btf.Type{
		task, other,
		&btf.Func{Name: "hooked", Type: proto, Linkage: btf.StaticFunc},
		&btf.Func{Name: "unhooked", Type: proto, Linkage: btf.StaticFunc},
		&btf.Typedef{Name: "btf_trace_exit", Type: &btf.Pointer{Target: proto}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := builder.Marshal(nil, &btf.MarshalOptions{Order: binary.LittleEndian})
	if err != nil {
		t.Fatal(err)
	}
	small, err := prune(raw, wanted{
		types: []string{"absent", "task_struct"}, functions: []string{"hooked"}, tracepoints: []string{"exit", "fork"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(small) >= len(raw) {
		t.Errorf("%d bytes became %d", len(raw), len(small))
	}
	types, err := btf.LoadSpecFromReader(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}

	var kept *btf.Struct
	if err := types.TypeByName("task_struct", &kept); err != nil {
		t.Fatal(err)
	}
	var members []string
	for i, m := range kept.Members {
		members = append(members, m.Name)
		if m.Offset != task.Members[i].Offset {
			t.Errorf("member %q is at bit %d, was at %d", m.Name, m.Offset, task.Members[i].Offset)
		}
	}
	if kept.Size != 32 || !slices.Equal(members, []string{"tasks", "parent", ""}) {
		t.Fatalf("task_struct has %d bytes and the members %q", kept.Size, members)
	}
	if to := kept.Members[1].Type.(*btf.Pointer).Target; to != btf.Type(kept) {
		t.Errorf("the parent of a task is %v", to)
	}
	if inner := kept.Members[2].Type.(*btf.Union).Members; len(inner) != 1 || inner[0].Name != "pid" {
		t.Errorf("the union without a name has %v", inner)
	}
	var shell *btf.Struct
	if err := types.TypeByName("list_head", &shell); err != nil {
		t.Fatal(err)
	}
	if shell.Size != 16 || len(shell.Members) != 0 {
		t.Errorf("list_head has %d bytes and the members %v", shell.Size, shell.Members)
	}

	var hooked *btf.Func
	if err := types.TypeByName("hooked", &hooked); err != nil {
		t.Fatal(err)
	}
	params := hooked.Type.(*btf.FuncProto).Params
	if len(params) != 2 || params[0].Type.(*btf.Pointer).Target != btf.Type(kept) {
		t.Errorf("hooked takes %v", params)
	} else if to, ok := params[1].Type.(*btf.Pointer).Target.(*btf.Fwd); !ok || to.Name != "other" {
		t.Errorf("hooked takes a pointer to %v", params[1].Type.(*btf.Pointer).Target)
	}
	if _, err := types.AnyTypeByName("btf_trace_exit"); err != nil {
		t.Error(err)
	}
	if _, err := types.AnyTypeByName("unhooked"); !errors.Is(err, btf.ErrNotFound) {
		t.Errorf("unhooked: %v", err)
	}
}

func TestKernels(t *testing.T) {
	got := kernels([]byte("# NAME ARCH\n\n6.1 amd64 a\nsid amd64 b\nsid amd64 c\n6.1 arm64 d\ntools arm64 e\n"))
	if want := []string{"6.1/amd64", "sid/amd64", "6.1/arm64"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
