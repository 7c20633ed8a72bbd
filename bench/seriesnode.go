package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// node is a made-up host: a model that is fed facts as a host with many containers would have them.
type node struct {
	number int
	random *rand.Rand

	mu    sync.Mutex // guards what follows
	model *model.Model
	live  []*event.Container
	next  int
	used  map[string]uint64 // microseconds of CPU time
}

func newNode(number, containers int) *node {
	n := &node{
		number: number, random: rand.New(rand.NewPCG(uint64(number), 1)), model: model.New(model.DefaultLimits()), used: map[string]uint64{},
	}
	n.model.Apply(fact.Fact{Time: time.Now(), Host: &fact.Host{Name: fmt.Sprint("node-", number), CgroupVersion: "v2", Namespaces: event.NamespaceIDs{1, 2, 3, 4, 5, 6, 7, 8}}})
	probes := []fact.Probe{}
	for _, name := range []fact.ProbeName{fact.ProbeContainerStarts, fact.ProbeCgroupsEntered, fact.ProbeNamespacesFreed} {
		probes = append(probes, fact.Probe{Name: name, Method: fact.MethodTpBTF})
	}
	n.model.Apply(fact.Fact{Time: time.Now(), Probes: probes})
	n.model.Apply(fact.Fact{Time: time.Now(), Namespaces: &fact.Survey{Namespaces: []fact.Namespace{}, Unseen: &fact.Unseen{}}})
	for range containers {
		n.start()
	}
	n.read()
	return n
}

func (n *node) snapshot() *model.Snapshot {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.model.Snapshot()
}

func (n *node) happened(e event.Event) {
	e.Time = time.Now()
	n.model.Apply(fact.Fact{Time: e.Time, Event: &e})
}

func (n *node) start() {
	n.next++
	name := fmt.Sprintf("shop-%d-worker-7d9f8c6b5-%05d", n.number, n.next)
	c := &event.Container{
		ID: fmt.Sprintf("%032x%032x", n.number+1, n.next), Name: name, Image: "registry.example/team/worker:2026.11.3", Runtime: "containerd",
		Group: &event.Group{Kind: event.GroupPod, Namespace: "shop", Name: name, Member: "worker"},
	}
	first := uint64(n.number)<<40 + uint64(10+5*n.next)
	n.happened(event.Event{Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: "/kubepods/" + c.ID, ID: first, Container: c}})
	n.happened(event.Event{Type: event.ContainerStarted, PID: int32(n.next), Comm: "worker", Container: c, Start: &event.Start{
		DurationMS: new(100 + 200*n.random.Float64()), Namespaces: event.NamespaceIDs{first, first + 1, first + 2, first + 3, first + 4, 6, 7, 8},
	}})
	n.live = append(n.live, c)
}

func (n *node) end() {
	i := n.random.IntN(len(n.live))
	c := n.live[i]
	n.live[i] = n.live[len(n.live)-1]
	n.live = n.live[:len(n.live)-1]
	delete(n.used, c.ID)
	n.happened(event.Event{Type: event.ContainerExited, Container: c, Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited}})
	n.happened(event.Event{Type: event.CgroupRemoved, Cgroup: &event.Cgroup{Path: "/kubepods/" + c.ID, Container: c}})
}

// read reads all live containers.
func (n *node) read() {
	readings := make([]fact.Reading, 0, len(n.live))
	for _, c := range n.live {
		n.used[c.ID] += uint64(n.random.IntN(1_000_000))
		cpu, some, full := n.used[c.ID], n.used[c.ID]/10, n.used[c.ID]/20
		usage := uint64(50<<20 + n.random.IntN(50<<20))
		wait := fact.Wait{SomeMicros: &some, FullMicros: &full}
		readings = append(readings, fact.Reading{
			ID: c.ID, UsageBytes: &usage, LimitBytes: new(uint64(128 << 20)), WorkingSetBytes: new(usage * 9 / 10), Processes: new(3), OOMKills: new(uint64(0)), PIDsRefused: new(uint64(0)),
			Frozen: new(false), Limits: &fact.CgroupLimits{Memory: &fact.Limit{Value: new(float64(128 << 20))}, PIDs: &fact.Limit{Value: new(100.0)}},
			Use: &fact.Use{
				CPUMicros: &cpu, ThrottledMicros: &full, Periods: new(cpu / 100_000), ThrottledPeriods: new(cpu / 1_000_000), SwapBytes: new(uint64(0)), Tasks: new(uint64(9)),
				MemoryWait: wait, CPUWait: wait, IOWait: wait,
			},
		})
	}
	n.model.Apply(fact.Fact{Time: time.Now(), Memory: readings})
}

// run lets time pass until ctx is done: all containers are read every two seconds, and one is replaced every churn.
func (n *node) run(ctx context.Context, churn time.Duration) {
	replace, read := time.NewTicker(churn), time.NewTicker(2*time.Second)
	defer replace.Stop()
	defer read.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-replace.C:
			n.mu.Lock()
			n.start()
			n.end()
			n.mu.Unlock()
		case <-read.C:
			n.mu.Lock()
			n.read()
			n.mu.Unlock()
		}
	}
}
