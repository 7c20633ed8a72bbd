//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// wanted holds what to keep of a kernel's types.
type wanted struct {
	// types holds the names of structs, unions and enums.
	types []string
	// functions and tracepoints are the hooked ones.
	functions, tracepoints []string
}

// wantedBy returns what the programs in some objects are compiled against and what they hook: every named type in them. Kernels
// do not have the types of nsviz itself.
func wantedBy(objects ...string) (wanted, error) {
	var w wanted
	for _, path := range objects {
		spec, err := ebpf.LoadCollectionSpec(path)
		if err != nil {
			return wanted{}, err
		}
		for typ, err := range spec.Types.All() {
			if err != nil {
				return wanted{}, fmt.Errorf("types of %s: %w", path, err)
			}
			if name := typ.TypeName(); name != "" && isTagged(typ) {
				name, _, _ = strings.Cut(name, "___") // a flavour
				w.types = append(w.types, name)
			}
		}
		for _, prog := range spec.Programs {
			hook, target, _ := strings.Cut(prog.SectionName, "/")
			switch hook {
			case "tp_btf", "raw_tp":
				w.tracepoints = append(w.tracepoints, target)
			case "fentry", "fexit", "kprobe", "kretprobe":
				w.functions = append(w.functions, target)
			case "iter":
				w.functions = append(w.functions, "bpf_iter_"+target) // which exists only for its type
			}
		}
	}
	for _, names := range []*[]string{&w.types, &w.functions, &w.tracepoints} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	return w, nil
}

// isTagged reports whether C calls a type struct, union or enum before its name.
func isTagged(typ btf.Type) bool {
	switch typ.(type) {
	case *btf.Struct, *btf.Union, *btf.Enum:
		return true
	}
	return false
}

// prune makes BTF with only the wanted types of a kernel. Wanted types that the kernel lacks are left out.
func prune(raw []byte, w wanted) ([]byte, error) {
	kernel, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	p := &pruner{keep: map[btf.Type]bool{}, made: map[btf.Type]btf.Type{}, forward: map[btf.Fwd]*btf.Fwd{}}
	var roots []btf.Type
	add := func(name string, fits func(btf.Type) bool) error {
		found, err := named(kernel, name)
		if err != nil {
			return err
		}
		for _, typ := range found {
			if fits(typ) {
				roots = append(roots, typ)
			}
		}
		return nil
	}
	for _, name := range w.types {
		if err := add(name, isTagged); err != nil {
			return nil, err
		}
	}
	for _, typ := range roots {
		p.keep[typ] = true
	}
	for _, name := range w.functions {
		if err := add(name, is[*btf.Func]); err != nil {
			return nil, err
		}
	}
	for _, name := range w.tracepoints {
		if err := add("btf_trace_"+name, is[*btf.Typedef]); err != nil {
			return nil, err
		}
	}
	builder, err := btf.NewBuilder(nil, nil)
	if err != nil {
		return nil, err
	}
	for _, typ := range roots {
		if _, err := builder.Add(p.root(typ)); err != nil {
			return nil, err
		}
	}
	return builder.Marshal(nil, &btf.MarshalOptions{Order: binary.LittleEndian})
}

func is[T btf.Type](typ btf.Type) bool {
	_, ok := typ.(T)
	return ok
}

// named returns the types with that name, in the kernel's order.
func named(kernel *btf.Spec, name string) ([]btf.Type, error) {
	found, err := kernel.AnyTypesByName(name)
	if err != nil {
		return nil, nil //nolint:nilerr // the only error is that there are none, which is an answer
	}
	ids := map[btf.Type]btf.TypeID{}
	for _, typ := range found {
		if ids[typ], err = kernel.TypeID(typ); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(found, func(a, b btf.Type) int { return int(ids[a]) - int(ids[b]) })
	return found, nil
}

// pruner copies types. Of the types that these refer to, it keeps only what preserves sizes, offsets and names.
type pruner struct {
	keep    map[btf.Type]bool     // those with all of their members
	made    map[btf.Type]btf.Type // the copies
	forward map[btf.Fwd]*btf.Fwd
}

// root copies a type that is wanted for itself. A function's prototype is only kept for these.
func (p *pruner) root(typ btf.Type) btf.Type {
	switch t := typ.(type) {
	case *btf.Func:
		return &btf.Func{Name: t.Name, Type: p.prototype(t.Type), Linkage: t.Linkage}
	case *btf.Typedef: // for a pointer to a function
		if pointer, ok := t.Type.(*btf.Pointer); ok {
			return &btf.Typedef{Name: t.Name, Type: &btf.Pointer{Target: p.prototype(pointer.Target)}}
		}
	}
	return p.copy(typ)
}

func (p *pruner) prototype(typ btf.Type) btf.Type {
	proto, ok := typ.(*btf.FuncProto)
	if !ok {
		return p.copy(typ)
	}
	made := &btf.FuncProto{Return: p.copy(proto.Return)}
	for _, param := range proto.Params {
		made.Params = append(made.Params, btf.FuncParam{Name: param.Name, Type: p.copy(param.Type)})
	}
	return made
}

func (p *pruner) copy(typ btf.Type) btf.Type {
	if made, ok := p.made[typ]; ok {
		return made
	}
	// Before its parts, since a struct may point to itself.
	remember := func(made btf.Type) { p.made[typ] = made }
	switch t := typ.(type) {
	case *btf.Struct:
		made := &btf.Struct{Name: t.Name, Size: t.Size}
		remember(made)
		made.Members = p.members(t, t.Members)
		return made
	case *btf.Union:
		made := &btf.Union{Name: t.Name, Size: t.Size}
		remember(made)
		made.Members = p.members(t, t.Members)
		return made
	case *btf.Enum:
		made := &btf.Enum{Name: t.Name, Size: t.Size, Signed: t.Signed}
		remember(made)
		if p.keep[t] {
			made.Values = t.Values
		}
		return made
	case *btf.Pointer:
		made := &btf.Pointer{}
		remember(made)
		made.Target = p.target(t.Target)
		return made
	case *btf.Array:
		made := &btf.Array{Nelems: t.Nelems}
		remember(made)
		made.Index, made.Type = p.copy(t.Index), p.copy(t.Type)
		return made
	case *btf.Typedef:
		made := &btf.Typedef{Name: t.Name}
		remember(made)
		made.Type = p.copy(t.Type)
		return made
	case *btf.Const:
		made := &btf.Const{}
		remember(made)
		made.Type = p.copy(t.Type)
		return made
	case *btf.Volatile:
		made := &btf.Volatile{}
		remember(made)
		made.Type = p.copy(t.Type)
		return made
	case *btf.Restrict:
		made := &btf.Restrict{}
		remember(made)
		made.Type = p.copy(t.Type)
		return made
	case *btf.TypeTag:
		made := &btf.TypeTag{Value: t.Value}
		remember(made)
		made.Type = p.copy(t.Type)
		return made
	case *btf.FuncProto: // behind a typedef, and never called
		return (*btf.Void)(nil)
	}
	return typ // has no parts
}

// members copies the members of a struct or union that is wanted or has no name: the members then count as those of the
// enclosing type. Of any other only the size matters.
func (p *pruner) members(typ btf.Type, members []btf.Member) []btf.Member {
	if typ.TypeName() != "" && !p.keep[typ] {
		return nil
	}
	var made []btf.Member
	for _, m := range members {
		made = append(made, btf.Member{
			Name: m.Name, Type: p.copy(m.Type), Offset: m.Offset, BitfieldSize: m.BitfieldSize,
		})
	}
	return made
}

// target copies the target of a pointer. An unwanted struct or union becomes a forward declaration, or nothing if it has no
// name.
func (p *pruner) target(typ btf.Type) btf.Type {
	var kind btf.FwdKind
	switch t := typ.(type) {
	case *btf.Struct:
		kind = btf.FwdStruct
	case *btf.Union:
		kind = btf.FwdUnion
	case *btf.Const:
		return &btf.Const{Type: p.target(t.Type)}
	case *btf.Volatile:
		return &btf.Volatile{Type: p.target(t.Type)}
	case *btf.TypeTag:
		return &btf.TypeTag{Type: p.target(t.Type), Value: t.Value}
	case *btf.Typedef:
		if isTagged(btf.UnderlyingType(t)) && !p.keep[btf.UnderlyingType(t)] {
			return (*btf.Void)(nil)
		}
		return p.copy(typ)
	default:
		return p.copy(typ)
	}
	if p.keep[typ] {
		return p.copy(typ)
	}
	if typ.TypeName() == "" {
		return (*btf.Void)(nil)
	}
	declaration := btf.Fwd{Name: typ.TypeName(), Kind: kind}
	if p.forward[declaration] == nil {
		p.forward[declaration] = &declaration
	}
	return p.forward[declaration]
}
