package metrics

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func (c *Collector) collectProbes(ch chan<- prometheus.Metric, probes []fact.Probe) {
	seen := make(map[[2]string]bool, len(probes))
	for _, p := range probes {
		labels := [2]string{string(p.Name), string(p.Method)}
		if seen[labels] {
			continue
		}
		seen[labels] = true
		c.send(ch, probeInfo, 1, labels[:]...)
	}
}

// collectNamespaces counts the namespaces by type. The host itself has one of each type. So a count of 0
// means that they could not be read, and the type is absent.
//
// If nsviz may not look into the processes of others, those that it finds are far from all: then every type is absent.
func (c *Collector) collectNamespaces(ch chan<- prometheus.Metric, all []model.Namespace, unseen *fact.Unseen) {
	if unseen != nil && !unseen.Hidden {
		c.send(ch, processesUnseen, float64(unseen.Processes))
	}
	if unseen.Blind() {
		return
	}
	var counts [event.NamespaceTypeCount]int
	for i := range all {
		counts[all[i].Type]++
	}
	for t, n := range counts {
		if n > 0 {
			c.send(ch, namespaces, float64(n), event.NamespaceType(t).String())
		}
	}
}

// labelled is a live container with its label.
type labelled struct {
	*model.Container
	label string
}

// liveContainers picks the containers that have gauges. Labels are unique among the live ones; if
// two labels were equal after all, the container that started first keeps its label, since a duplicate
// sample would fail the scrape. The other is still counted in nsviz_containers.
func liveContainers(all []model.Container) []labelled {
	live := make([]labelled, 0, len(all))
	seen := make(map[string]bool, len(all))
	for i := range all {
		label := all[i].Label
		if !all[i].Live() || seen[label] {
			continue
		}
		seen[label] = true
		live = append(live, labelled{&all[i], label})
	}
	return live
}

func (c *Collector) collectContainers(ch chan<- prometheus.Metric, s *model.Snapshot, live []labelled) {
	all, moves := s.Containers, s.Watches(fact.ProbeCgroupsEntered)
	// A runtime whose containers have all ended counts 0: its last value must not just vanish.
	running := make(map[string]int)
	for i := range all {
		if kind := all[i].Kind; kind == event.KindSandbox || kind == event.KindService {
			continue // no containers
		}
		runtime := all[i].Runtime
		running[runtime] += 0
		if all[i].Live() {
			running[runtime]++
		}
	}
	for runtime, n := range running {
		c.send(ch, containers, float64(n), runtime)
	}
	for _, l := range live {
		c.collectInfo(ch, l)
		c.collectMemberships(ch, l)
		c.collectMemory(ch, l)
		c.collectUse(ch, l)
		c.collectFindings(ch, l)
		c.collectHold(ch, l, moves)
	}
}

// collectInfo sends what a container is.
func (c *Collector) collectInfo(ch chan<- prometheus.Metric, l labelled) {
	var pod, namespace, project string
	switch g := l.Group; {
	case g == nil:
	case g.Kind == event.GroupPod:
		pod, namespace = g.Name, g.Namespace
	case g.Kind == event.GroupCompose:
		project = g.Name
	}
	kind := cmp.Or(l.Kind, event.KindContainer)
	values := []string{l.label, l.Image, l.Runtime, l.ID, string(kind), pod, namespace, project}
	for _, key := range c.cfg.Labels {
		values = append(values, l.Labels[key])
	}
	c.send(ch, containerInfo, 1, values...)
}

// collectHold sends whether a container is held by its limits, which is known if moves are seen, whether it is stuck at
// them, and whether it is paused.
func (c *Collector) collectHold(ch chan<- prometheus.Metric, l labelled, moves bool) {
	if l.Unheld != nil || moves && l.InitPID != 0 {
		c.send(ch, outsideCgroup, truth(l.Unheld != nil), l.label)
	}
	if l.StuckKnown {
		c.send(ch, stuckAtLimit, truth(l.Stuck != nil), l.label)
	}
	if l.PausedKnown {
		c.send(ch, paused, truth(l.Paused != nil), l.label)
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func (c *Collector) collectMemberships(ch chan<- prometheus.Metric, l labelled) {
	for t, m := range l.Namespaces {
		var shared, withHost float64
		switch m.Relation {
		case model.RelationOwn:
		case model.RelationShared:
			shared = 1
		case model.RelationHost:
			shared, withHost = 1, 1
		default:
			continue
		}
		name := event.NamespaceType(t).String()
		c.send(ch, namespaceShared, shared, l.label, name)
		c.send(ch, namespaceSharedWithHost, withHost, l.label, name)
	}
}

func (c *Collector) collectMemory(ch chan<- prometheus.Metric, l labelled) {
	if l.Memory.UsageBytes != nil {
		c.send(ch, memoryUsage, float64(*l.Memory.UsageBytes), l.label)
	}
	sendLimit(c, ch, memoryLimit, l.label, l.Memory.LimitBytes, l.Memory.Unlimited)
	if l.Memory.WorkingSetBytes != nil {
		c.send(ch, memoryWorkingSet, float64(*l.Memory.WorkingSetBytes), l.label)
	}
	if l.Forecast != nil {
		c.send(ch, memoryLimitReached, l.Forecast.In.Seconds(), l.label)
	}
}

// collectVMs counts the virtual machines. One that is in a container is counted with that container's name,
// since its process and its memory are the container's, too.
//
// Like namespaces, they are absent if nsviz may look into hardly any process.
func (c *Collector) collectVMs(ch chan<- prometheus.Metric, all []model.VM, unseen *fact.Unseen) {
	if unseen.Blind() {
		return
	}
	counts := make(map[[4]string]int)
	for i := range all {
		v := &all[i]
		counts[[...]string{string(v.Kind), string(v.Acceleration), v.Manager, v.Container}]++
	}
	for labels, n := range counts {
		c.send(ch, virtualMachines, float64(n), labels[:]...)
	}
}

// collectOwnMemory sends what nsviz does without, if its limit of memory is known.
func (c *Collector) collectOwnMemory(ch chan<- prometheus.Metric, s *model.Snapshot) {
	if s.OwnMemory == nil {
		return
	}
	c.send(ch, memorySaving, float64(s.OwnMemory.Saving))
	for _, step := range fact.Savings() {
		c.count(ch, memorySavings, s.Totals.Savings[step], s.Totals.Since, step.String())
	}
}
