package probes

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"github.com/nsviz/nsviz/gen"
	"github.com/nsviz/nsviz/internal/fact"
)

// Config holds what the programs need of the host.
type Config struct {
	// Hierarchy is the number of the tracked cgroup hierarchy: 0 for cgroup v2's.
	Hierarchy uint32
	// Unified is whether that is the cgroup v2 hierarchy.
	Unified bool
	// OwnMntNamespace is the mount namespace that nsviz is in.
	OwnMntNamespace uint64
	// EventsRingBytes, LifecycleRingBytes and UrgentRingBytes are the sizes of the rings, powers of two and
	// multiples of the page size; 0 is the default of 2 MiB, 1 MiB and 512 KiB.
	EventsRingBytes, LifecycleRingBytes, UrgentRingBytes uint32
	// ThrottleBurst is how many records one source may send at once, by default 8,192, and ThrottleInterval is the time
	// after which it may send one more, by default 1 ms. A source is a user in a cgroup.
	ThrottleBurst    uint64
	ThrottleInterval time.Duration
	// Clock turns the kernel's boot time in ns into wall-clock time.
	Clock Clock
	// CgroupsWatched, if not nil, is called when the creation of cgroups is hooked and nothing else yet.
	CgroupsWatched func() error
	// Methods, if there are any, are the only ones that may be used.
	Methods []fact.Method
	// InNamespaceCall reports whether a thread, by the host's number, is in unshare or setns, or may be. It may be nil.
	InNamespaceCall func(tid int32) bool
	// NoCommandLines leaves out the command lines of OOM victims and of what is run in containers from outside.
	NoCommandLines bool
}

// Probes is the set of attached programs with their rings.
type Probes struct {
	facts   Facts
	choices []Choice
	maps    map[string]*ebpf.Map
	// settling is true while the programs also report containers that user space may not have registered.
	settling *ebpf.Variable
	// programs and links are kept because an unreferenced one is collected and detaches.
	programs []*ebpf.Program
	links    []io.Closer
	reader   *reader
	sockets  *Sockets

	closing  sync.Once
	closeErr error
}

// Open gathers the facts, makes the plan, loads and attaches. If a hook that the plan chose does
// not attach after all, the plan is made again without it. The errors wrap ErrNotPermitted or
// ErrNotSupported if nothing on this host would help.
func Open(cfg Config) (*Probes, error) { return openWith(cfg, btf.NewCache()) }

// openWith is Open with a cache of the kernel's types, which several may share.
func openWith(cfg Config, cache *btf.Cache) (*Probes, error) {
	facts := Gather(cache).only(cfg.Methods)
	if err := facts.Check(); err != nil {
		return nil, err
	}
	p := &Probes{facts: facts, maps: map[string]*ebpf.Map{}}
	if err := p.open(cfg, cache); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Probes) open(cfg Config, cache *btf.Cache) error {
	spec, err := gen.LoadNsviz()
	if err != nil {
		return fmt.Errorf("read the built-in BPF programs: %w", err)
	}
	if err := configure(spec, cfg); err != nil {
		return err
	}
	loader := &loader{spec: spec, opts: ebpf.CollectionOptions{Cache: cache, MapReplacements: p.maps}}
	defer loader.close()

	// The maps first: a map fails for other reasons than a program.
	maps, err := ebpf.NewCollectionWithOptions(&ebpf.CollectionSpec{
		Maps: spec.Maps, Variables: spec.Variables, Types: spec.Types, ByteOrder: spec.ByteOrder,
	}, loader.opts)
	if err != nil {
		return p.facts.refused(err)
	}
	for name, m := range maps.Maps {
		p.maps[name] = m
	}
	p.settling = maps.Variables[gen.NsvizVarSettling]
	maps.Maps = nil // ours from here on
	maps.Close()

	if p.reader, err = newReader(rings{
		events: p.maps[gen.NsvizMapEvents], lifecycle: p.maps[gen.NsvizMapLifecycle], urgent: p.maps[gen.NsvizMapUrgent],
		errors: p.maps[gen.NsvizMapErrors], calls: p.maps[gen.NsvizMapCalls], state: p.maps[gen.NsvizMapReader],
		throttled: []*ebpf.Map{p.maps[gen.NsvizMapThrottleNamespaces], p.maps[gen.NsvizMapThrottleLifecycle]},
	}, cfg.Clock); err != nil {
		return err
	}
	p.reader.inCall = cfg.InNamespaceCall
	if err := p.attachAll(loader, cfg.CgroupsWatched); err != nil {
		return err
	}
	p.sockets = openSockets(cache)
	return nil
}

// configure writes the settings into the spec.
func configure(spec *ebpf.CollectionSpec, cfg Config) error {
	for name, bytes := range map[string]uint32{
		gen.NsvizMapEvents: cfg.EventsRingBytes, gen.NsvizMapLifecycle: cfg.LifecycleRingBytes, gen.NsvizMapUrgent: cfg.UrgentRingBytes,
	} {
		if bytes != 0 {
			spec.Maps[name].MaxEntries = bytes
		}
	}
	values := map[string]any{
		gen.NsvizVarTrackedHierarchy:   cfg.Hierarchy,
		gen.NsvizVarTrackedIsUnified:   cfg.Unified,
		gen.NsvizVarCommandLines:       !cfg.NoCommandLines,
		gen.NsvizVarOwnMntNamespace:    uint32(cfg.OwnMntNamespace),
		gen.NsvizVarEventsWatermark:    uint64(spec.Maps[gen.NsvizMapEvents].MaxEntries) / 4,
		gen.NsvizVarLifecycleWatermark: uint64(spec.Maps[gen.NsvizMapLifecycle].MaxEntries) / 4,
	}
	if cfg.ThrottleBurst != 0 {
		values[gen.NsvizVarThrottleBurst] = cfg.ThrottleBurst
	}
	if cfg.ThrottleInterval != 0 {
		values[gen.NsvizVarThrottleIntervalNs] = uint64(cfg.ThrottleInterval)
	}
	for name, value := range values {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s of the BPF programs: %w", name, err)
		}
	}
	return nil
}

// attachAll follows the plan; a method that fails for a kind of fact is struck out and the plan
// made again, so that the choice stays in one place.
func (p *Probes) attachAll(l *loader, cgroupsWatched func() error) error {
	attached := map[fact.ProbeName]Choice{}
	for {
		plan, err := NewPlan(p.facts)
		if err != nil {
			return err
		}
		retry := false
		for _, c := range plan {
			if _, done := attached[c.Name]; done || c.Method == fact.MethodNone {
				continue
			}
			programs, links, err := l.attach(c)
			if err != nil {
				p.facts.strike(c, err)
				retry = true
				break
			}
			p.programs = append(p.programs, programs...)
			p.links = append(p.links, links...)
			attached[c.Name] = c
			if c.Name == fact.ProbeCgroupsMade && cgroupsWatched != nil {
				if err := cgroupsWatched(); err != nil {
					return err
				}
			}
		}
		if retry {
			continue
		}
		p.choices = plan
		for i, c := range plan {
			if a, ok := attached[c.Name]; ok {
				p.choices[i] = a
			}
		}
		return nil
	}
}

// strike notes that the programs of c do not work here.
func (f *Facts) strike(c Choice, err error) {
	if f.struck == nil {
		f.struck = map[string]error{}
	}
	cause := plainCause(err)
	if c.Method == fact.MethodKprobe || c.Method == fact.MethodTracepoint {
		cause = perfCause(err)
	}
	f.struck[c.Programs[0]] = cause
}

// maxClosing is how many links are closed at a time. Each takes a thread, of which nsviz may not have many.
const maxClosing = 6

// closeAll closes several links at a time: for most of them the kernel waits until no CPU runs the program any more.
func closeAll[T io.Closer](links []T) error {
	errs := make([]error, len(links))
	free := make(chan struct{}, maxClosing)
	var closing sync.WaitGroup
	for i, l := range links {
		free <- struct{}{}
		closing.Go(func() {
			errs[i] = l.Close()
			<-free
		})
	}
	closing.Wait()
	return errors.Join(errs...)
}

// Choices returns how each kind of fact is hooked.
func (p *Probes) Choices() []Choice { return p.choices }

// Sockets returns the finder of namespaces by sockets; it is closed with the probes.
func (p *Probes) Sockets() *Sockets { return p.sockets }

// Close detaches everything, and waits until Run has delivered the remaining events and returned; so it must
// not be called by the function that Run delivers to. It may be called more than once, and returns
// the same each time.
func (p *Probes) Close() error {
	p.closing.Do(func() { p.closeErr = p.close() })
	return p.closeErr
}

func (p *Probes) close() error {
	errs := []error{closeAll(p.links)}
	for _, prog := range p.programs {
		errs = append(errs, prog.Close())
	}
	if p.reader != nil {
		errs = append(errs, p.reader.close())
	}
	if p.sockets != nil {
		errs = append(errs, p.sockets.Close())
	}
	for _, m := range p.maps {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}

// loader loads and attaches the programs of one choice after the other.
type loader struct {
	spec    *ebpf.CollectionSpec
	opts    ebpf.CollectionOptions
	tracefs *os.Root
}

func (l *loader) close() {
	if l.tracefs != nil {
		_ = l.tracefs.Close()
	}
}

func (l *loader) attach(c Choice) (programs []*ebpf.Program, links []io.Closer, err error) {
	defer func() {
		if err == nil {
			return
		}
		for _, link := range links {
			_ = link.Close()
		}
		for _, prog := range programs {
			_ = prog.Close()
		}
	}()
	sub := &ebpf.CollectionSpec{
		Maps: l.spec.Maps, Programs: map[string]*ebpf.ProgramSpec{}, Types: l.spec.Types, ByteOrder: l.spec.ByteOrder,
	}
	for _, name := range c.Programs {
		sub.Programs[name] = l.spec.Programs[name]
	}
	coll, err := ebpf.NewCollectionWithOptions(sub, l.opts)
	if err != nil {
		return nil, nil, fmt.Errorf("load the programs for %s: %w", c.Name, err)
	}
	defer coll.Close()
	for _, name := range c.Programs {
		prog := coll.Programs[name]
		attached, err := l.attachProgram(l.spec.Programs[name], prog)
		if err != nil {
			return programs, links, fmt.Errorf("attach %s: %w", name, err)
		}
		delete(coll.Programs, name) // kept
		programs = append(programs, prog)
		links = append(links, attached)
	}
	return programs, links, nil
}

// attachProgram attaches a program by the section that the C side named.
func (l *loader) attachProgram(spec *ebpf.ProgramSpec, prog *ebpf.Program) (io.Closer, error) {
	hook, target, _ := strings.Cut(spec.SectionName, "/")
	switch hook {
	case "tp_btf", "fentry", "fexit":
		return link.AttachTracing(link.TracingOptions{Program: prog})
	case "raw_tp":
		return link.AttachRawTracepoint(link.RawTracepointOptions{Name: target, Program: prog})
	case "kprobe":
		return link.Kprobe(target, prog, nil)
	case "kretprobe":
		return link.Kretprobe(target, prog, nil)
	case "tracepoint":
		if l.tracefs == nil {
			root, err := openTracefs()
			if err != nil {
				return nil, err
			}
			l.tracefs = root
		}
		group, name, _ := strings.Cut(target, "/")
		return attachTracepoint(l.tracefs, group, name, prog)
	}
	return nil, fmt.Errorf("no way to attach to section %q", spec.SectionName)
}
