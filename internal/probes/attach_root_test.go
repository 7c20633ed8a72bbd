//go:build root

package probes

import (
	"testing"

	"github.com/cilium/ebpf"

	"github.com/nsviz/nsviz/gen"
	"github.com/nsviz/nsviz/internal/fact"
)

// verifierBudget is far below the million after which the verifier gives up: older kernels follow more
// paths than newer ones do.
const verifierBudget = 100_000

// TestEveryAllowedProgramAttaches loads and attaches each option that this host allows, not only the
// best: the plan's fallbacks must work when they are needed.
func TestEveryAllowedProgramAttaches(t *testing.T) {
	facts := Gather(hostTypes)
	if err := facts.Check(); err != nil {
		t.Fatal(err)
	}
	facts.taxed = true // include the tracepoints that no other fact needs
	t.Logf("kernel %s, refused: %v", facts.Kernel, facts.Refused)
	spec, err := gen.LoadNsviz()
	if err != nil {
		t.Fatal(err)
	}
	maps := map[string]*ebpf.Map{}
	coll, err := ebpf.NewCollectionWithOptions(&ebpf.CollectionSpec{
		Maps: spec.Maps, Variables: spec.Variables, Types: spec.Types, ByteOrder: spec.ByteOrder,
	}, ebpf.CollectionOptions{Cache: hostTypes})
	if err != nil {
		t.Fatal(err)
	}
	defer coll.Close()
	for name, m := range coll.Maps {
		maps[name] = m
	}
	l := &loader{spec: spec, opts: ebpf.CollectionOptions{Cache: hostTypes, MapReplacements: maps}}
	defer l.close()
	for _, k := range kinds(facts.Arch) {
		for _, o := range k.options {
			if o.victimTask && !facts.MarkVictimTakesTask || o.victimPID && facts.MarkVictimTakesTask {
				continue
			}
			if err := facts.against(o); err != nil {
				t.Logf("%s: %v", k.name, err)
				continue
			}
			programs, links, err := l.attach(Choice{Probe: fact.Probe{Name: k.name, Method: o.method}, Programs: o.programs})
			if err != nil {
				t.Errorf("%s by %s: %v", k.name, o.method, err)
				continue
			}
			for _, link := range links {
				if err := link.Close(); err != nil {
					t.Error(err)
				}
			}
			for i, prog := range programs {
				info, err := prog.Info()
				if err != nil {
					t.Fatal(err)
				}
				if n, ok := info.VerifiedInstructions(); ok {
					t.Logf("%-30s %7d instructions verified", o.programs[i], n)
					if n > verifierBudget {
						t.Errorf("the verifier followed %d instructions of %s; keep it below %d", n, o.programs[i], verifierBudget)
					}
				}
				if err := prog.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}
