package story

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// Doer is who spends the time of a step.
type Doer uint8

// The doers.
const (
	ByEngine  Doer = iota
	ByNetwork      // the engine's, for the network
	ByRuntime
)

// String returns a word for who it is: engine, network or runtime.
func (d Doer) String() string {
	switch d {
	case ByEngine:
		return "engine"
	case ByNetwork:
		return "network"
	}
	return "runtime"
}

// Step is one stretch of a container's start.
type Step struct {
	// Label names it in at most 16 columns, Sentence says what happens in it.
	Label, Sentence string
	Doer            Doer
	// From and To are since the cgroup was made; below zero before.
	From, To time.Duration
	// Kernel is how long the kernel took for the call that ends it; 0 is unknown.
	Kernel time.Duration
}

// StepLabel is how many columns a Step.Label has at most.
const StepLabel = 16

// maxPhase bounds the times of phases: a recording may hold any number.
const maxPhase = 24 * time.Hour

// StartSteps returns the steps between the phases of a start, in order. A step ends with the phases that it leads to. A
// start with fewer than two known phases has none.
func StartSteps(phases []event.Phase) []Step {
	var steps []Step
	eachStep(phases, func(from event.Phase, ends []event.Phase) { steps = append(steps, step(from, ends)) })
	return steps
}

// StartLength returns what StartTook returns of the steps of a start, and how many steps it has, without their words.
func StartLength(phases []event.Phase) (took time.Duration, steps int) {
	var begin, exec time.Duration
	eachStep(phases, func(from event.Phase, ends []event.Phase) {
		last := ends[len(ends)-1]
		if steps++; steps == 1 {
			begin = fromMS(from.AtMS)
		}
		if last.Name != event.PhaseEngineStart || from.Name == event.PhaseCreate {
			exec = fromMS(last.AtMS)
		}
	})
	return exec - begin, steps
}

// eachStep calls a function with the phase from which each step leads, and those to which it does.
func eachStep(phases []event.Phase, do func(from event.Phase, ends []event.Phase)) {
	odd := func(p event.Phase) bool {
		_, known := words(p.Name)
		return !known || math.IsNaN(p.AtMS) || p.AtMS < -ms(maxPhase) || p.AtMS > ms(maxPhase)
	}
	byTime := func(a, b event.Phase) int { return cmp.Compare(a.AtMS, b.AtMS) }
	if slices.ContainsFunc(phases, odd) || !slices.IsSortedFunc(phases, byTime) {
		phases = slices.DeleteFunc(slices.Clone(phases), odd)
		slices.SortStableFunc(phases, byTime)
	}
	for i := 0; i < len(phases); {
		n := 1
		for i+n < len(phases) && isNamespace(phases[i].Name) && isNamespace(phases[i+n].Name) && phases[i+n].AtMS == phases[i].AtMS {
			n++ // made by the same call
		}
		if i > 0 {
			do(phases[i-1], phases[i:i+n])
		}
		i += n
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func millis(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }

func fromMS(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }

func isNamespace(name string) bool {
	return name == event.PhaseNamespaces || strings.HasPrefix(name, event.PhaseNamespace) || strings.HasPrefix(name, event.PhaseJoined)
}

func step(from event.Phase, ends []event.Phase) Step {
	last := ends[len(ends)-1]
	s, _ := words(last.Name)
	switch {
	case from.Name == event.PhaseCreate:
		s = Step{
			Label: "engine prepares", Doer: ByEngine,
			Sentence: "The engine gets files and a network ready and starts a shim and a runtime, which makes the cgroup. " +
				"That includes the wait for the request to start it.",
		}
	case isNamespace(last.Name):
		s = namespaceStep(s, ends)
	case last.Name == event.PhaseMountsLast && last.Count != nil:
		s.Sentence = Count(uint64(*last.Count), "mount", "mounts") + " put together the files that it will see."
	}
	s.From, s.To = fromMS(from.AtMS), fromMS(last.AtMS)
	return s
}

// namespaceStep words what one call made or joined.
func namespaceStep(s Step, ends []event.Phase) Step {
	var made, joined []string
	for _, p := range ends {
		if t, ok := strings.CutPrefix(p.Name, event.PhaseNamespace); ok && isType(t) {
			made = append(made, t)
		}
		if t, ok := strings.CutPrefix(p.Name, event.PhaseJoined); ok && isType(t) {
			joined = append(joined, t)
		}
		if p.TookMS != nil && *p.TookMS > 0 && *p.TookMS < ms(maxPhase) {
			s.Kernel = max(s.Kernel, fromMS(*p.TookMS))
		}
	}
	switch {
	case len(made) > 0:
		s.Sentence = "The kernel makes its namespaces, " + Listed(made) + ": what it sees from here on."
	case len(joined) > 0:
		s.Label = "joins " + joined[0]
		s.Sentence = "It joins a namespace that others are in: " + Listed(joined) + "."
	}
	if s.Kernel > 0 {
		s.Sentence += " The call itself took " + Millis(s.Kernel) + "."
	}
	return s
}

func isType(name string) bool {
	for _, t := range event.NamespaceTypes() {
		if t.String() == name {
			return true
		}
	}
	return false
}

// words returns the label and sentence of the step that a phase ends; false for an unknown phase.
func words(name string) (s Step, known bool) {
	switch name {
	case event.PhaseCreate: // only ever the beginning
		return Step{Label: "engine is asked", Sentence: "The engine is asked to make the container."}, true
	case event.PhaseCgroup:
		return Step{Label: "makes a cgroup", Doer: ByRuntime, Sentence: "The runtime makes the cgroup."}, true
	case event.PhaseEntered:
		return Step{
			Label: "into the cgroup", Doer: ByRuntime,
			Sentence: "A process is moved into the new cgroup: from here on what it uses is counted and limited.",
		}, true
	case event.PhaseClone:
		return Step{Label: "clones PID 1", Doer: ByRuntime, Sentence: "The process is made that will be PID 1 inside."}, true
	case event.PhaseMounts:
		return Step{
			Label: "gets ready", Doer: ByRuntime,
			Sentence: "It reads its configuration, up to the first mount.",
		}, true
	case event.PhaseMountsLast:
		return Step{Label: "mounts", Doer: ByRuntime, Sentence: "Mounts put together the files that it will see."}, true
	case event.PhaseNetwork:
		return Step{
			Label: "calls the engine", Doer: ByNetwork,
			Sentence: "Until a process of the host joins the net namespace: the engine, which the runtime has called.",
		}, true
	case event.PhaseNetworkLast:
		return Step{
			Label: "network", Doer: ByNetwork,
			Sentence: "The engine sets up interfaces, addresses and routes in the net namespace.",
		}, true
	case event.PhasePivotRoot, event.PhaseChroot:
		return Step{
			Label: "changes its root", Doer: ByRuntime,
			Sentence: "The container's root becomes /: from here on it sees its own files only.",
		}, true
	case event.PhaseExec:
		return Step{
			Label: "waits, and execs", Doer: ByRuntime,
			Sentence: "The last steps, such as giving up rights and waiting to be started; then it becomes the " +
				"container's own program.",
		}, true
	case event.PhaseEngineStart:
		return Step{Label: "engine reports", Doer: ByEngine, Sentence: "The engine reports that the container has started."}, true
	}
	if isNamespace(name) {
		return Step{Label: "namespaces", Doer: ByRuntime, Sentence: "The kernel makes its namespaces."}, true
	}
	return Step{}, false
}

// labelOf returns the label of the step that a phase ends.
func labelOf(name string) string {
	s, _ := words(name)
	return s.Label
}

// ExecAt returns when the container's own program ran: the end of the last step before the engine's report.
func ExecAt(steps []Step) time.Duration {
	for _, s := range slices.Backward(steps) {
		if s.Label != labelOf(event.PhaseEngineStart) {
			return s.To
		}
	}
	return 0
}

// StartTook returns the time from the first step to the exec of the container's own program.
func StartTook(steps []Step) time.Duration {
	if len(steps) == 0 {
		return 0
	}
	return ExecAt(steps) - steps[0].From
}

// StartSummary says where the time of a start went; "" if its steps are unknown.
func StartSummary(steps []Step) string {
	var took [ByRuntime + 1]time.Duration
	var kernel, after, total time.Duration
	for _, s := range steps {
		switch s.Label {
		case labelOf(event.PhaseEngineStart):
			after += s.To - s.From
			continue
		case labelOf(event.PhaseNamespaces):
			kernel += s.Kernel
		}
		took[s.Doer] += s.To - s.From
		total += s.To - s.From
	}
	if total <= 0 {
		return ""
	}
	var parts []string
	for doer, what := range []string{"the engine's preparation took ", "its network ", "the runtime's work "} {
		if took[doer] > 0 {
			parts = append(parts, what+Millis(took[doer]))
		}
	}
	text := "Of " + Millis(total) + " " + Listed(parts)
	if len(parts) == 1 {
		text = "All of the " + Millis(total) + " were the runtime's work"
	}
	if kernel > 0 {
		text += "; the kernel took " + Millis(kernel) + " of that to make the namespaces"
	}
	text += "."
	if after > 0 {
		text += " The engine reported the start " + Millis(after) + " later."
	}
	return text
}

// Bars draws the steps to one scale of w columns: where each begins and how many columns it has, at least one.
func Bars(steps []Step, w int) [][2]int {
	if len(steps) == 0 || w < 1 {
		return make([][2]int, len(steps))
	}
	first, last := steps[0].From, steps[len(steps)-1].To
	span := max(last-first, 1)
	column := func(t time.Duration) int { return int(float64(t-first)/float64(span)*float64(w) + 0.5) }
	bars := make([][2]int, len(steps))
	for i, s := range steps {
		from := min(column(s.From), w-1)
		bars[i] = [2]int{from, max(column(s.To)-from, 1)}
	}
	return bars
}
