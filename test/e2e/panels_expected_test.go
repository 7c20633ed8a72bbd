//go:build e2e

package e2e

import (
	"math"
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

const (
	many  = 1e18
	limit = 64 << 20
)

// expectedAlerts are the containers about which each alert fires at the end. No container is [""], no alert [], and nil may be either.
func expectedAlerts(layout cgroupfs.Layout) map[string][]string {
	only := func(names ...string) []string { return slices.Sorted(slices.Values(names)) }
	none := []string{}
	alerts := map[string][]string{
		"NsvizOOMKill":                      only(panelHog),
		"NsvizKillUnnoticed":                only(panelHog),
		"NsvizContainerRestartLoop":         only(panelLoop),
		"NsvizContainerNearMemoryLimit":     only(panelFull, panelStuck),
		"NsvizContainerStuckAtMemoryLimit":  only(panelStuck),
		"NsvizContainerNearPidsLimit":       only(panelFull),
		"NsvizContainerProcessesRefused":    only(panelStuck),
		"NsvizContainerThrottled":           only(panelBusy),
		"NsvizContainerOutsideCgroup":       only(panelMoved),
		"NsvizContainerCriticalFinding":     only(panelFull),
		"NsvizContainerSharesHostNamespace": only(panelSharer),

		"NsvizHostOOMKill":                     none,
		"NsvizHostOutOfMemory":                 none,
		"NsvizOOMKillsUnobserved":              none,
		"NsvizProbeMissing":                    none,
		"NsvizSavesMemory":                     none,
		"NsvizDown":                            none,
		"NsvizEventsLost":                      nil,
		"NsvizEventsThrottled":                 nil,
		"NsvizReadsFail":                       nil,
		"NsvizProcessesUnseen":                 nil, // some hosts let not even root look into all
		"NsvizContainerReachesMemoryLimitSoon": nil, // a forecast lasts as long as something grows
	}
	if layout.Controller == "" { // on v2 there is no such state: the OOM killer takes from it
		alerts["NsvizOOMKill"] = only(panelHog, panelStuck)
		alerts["NsvizContainerStuckAtMemoryLimit"] = none
		alerts["NsvizContainerNearMemoryLimit"] = only(panelFull)
	}
	return alerts
}

// expectations are the results of every query of the dashboards and of every recording rule.
func expectations(layout cgroupfs.Layout) map[string]expectation {
	all := make(map[string]expectation)
	for dashboard, queries := range map[string]map[string]expectation{
		"fleet": fleetExpectations(), "host": hostExpectations(layout), "workload": workloadExpectations(layout), "rules": ruleExpectations(layout),
	} {
		for key, e := range queries {
			all[dashboard+": "+key] = e
		}
	}
	for _, dashboard := range []string{"host", "workload"} {
		for key, e := range sharedExpectations() {
			all[dashboard+": "+key] = e
		}
	}
	return all
}

// pressure is what a query of the kernel's pressure files returns, which v1 does not have.
func pressure(layout cgroupfs.Layout) expectation {
	if layout.Controller != "" {
		return may
	}
	return some(0, many, "container", panelBusy)
}

func allKills(h truth) float64 { return h.all.kills }

// sharedExpectations are of what two dashboards have: annotations, variables, and some panels.
func sharedExpectations() map[string]expectation {
	return map[string]expectation{
		"Lives of workloads/A": each(
			had([]float64{4, 6}, "container", panelHog),
			had([]float64{6}, "container", panelLoop), // its failures are in the window all the time
			had([]float64{2}, "container", panelSharer),
			had([]float64{1}, "container", panelBusy),
		),
		"Who shares what/A now": each(
			some(2, 2, "container", panelSharer, "type", "pid"), // shared, and with the host
			some(2, 2, "container", panelSharer, "type", "net"),
			some(0, 0, "container", panelSharer, "type", "mnt"),
			some(0, 0, "container", panelSharer, "type", "ipc"),
		),
		"annotation OOM kills":             some(1, many, "container", panelHog, "scope", "cgroup"),
		"annotation OOM kills of the host": none,
		"annotation Starts": func(h truth, list []series) string {
			// The engine says when it was done with it; the program began a moment earlier, on a busy host some seconds.
			return some((h.made-2)*1000, (h.started+2)*1000, "container", panelSharer)(h, list)
		},
		"annotation Ends": each(
			some(0.5, many, "container", panelHog, "cause", "exited"),
			some(0.5, many, "container", panelLoop, "cause", "exited"),
		),
		"variable instance":  func(_ truth, list []series) string { return differs(list, "instance", 1) },
		"variable runtime":   some(1, many, "runtime", "docker"),
		"variable namespace": some(1, many, "namespace", ""),
		"variable pod":       some(1, many, "pod", ""),
		"variable project":   some(1, many, "project", ""),
		"variable container": each(
			some(1, 1, "container", panelHog), // though it was removed
			some(1, 1, "container", panelBusy),
		),
	}
}

// differs wants as many values of a label.
func differs(list []series, label string, want int) string {
	values := make(map[string]bool)
	for _, s := range list {
		values[s.labels[label]] = true
	}
	if len(values) != want {
		return "want another number of values of " + label
	}
	return ""
}

func hostExpectations(layout cgroupfs.Layout) map[string]expectation {
	seconds := value(func(_ truth, v float64) bool { return v > 0 && v < 30 })
	sometimeSeconds := some(0.001, 30)
	var madeByRuntime, aliveOfAllTypes []expectation
	for _, typ := range event.NamespaceTypes() {
		aliveOfAllTypes = append(aliveOfAllTypes, some(1, many, "type", typ.String()))
	}
	for _, typ := range []event.NamespaceType{event.Mnt, event.PID, event.Net, event.IPC, event.UTS} {
		madeByRuntime = append(madeByRuntime, some(0.5, many, "type", typ.String(), "via", "unshare"))
	}
	stuck := some(1, 1, "container", panelStuck)
	if layout.Controller == "" {
		stuck = none // v2 has no such state
	}
	return map[string]expectation{
		"Containers running/A now":       atLeast(5),
		"OOM kills/A now":                exactly(allKills),
		"In the host's pid or net/A now": atLeast(1),
		"Namespaces alive/A now":         atLeast(8),
		"Median start/A now":             seconds,
		"Events lost/A now":              exactly(servedSum("nsviz_events_lost_total")),
		"Alerts that fire/A now":         some(1, 1, "alertname", "NsvizOOMKill", "container", panelHog),
		"OOM kills by container/A":       some(1, many, "container", panelHog, "scope", "cgroup"),
		"OOM kills by container/B":       none,
		// The hog takes and loses memory several times a second; a scrape may see any amount.
		"Memory against the limit/A": some(0.9, 1, "container", panelFull),
		"Memory in use/A":            some(0.2*limit, limit, "container", panelHog),
		"Memory in use/B":            some(0.9*limit, limit, "container", panelFull),
		"Memory in use/C":            may, // there need not be swap
		"Memory limit reached in/A":  may, // the hog is killed before it has grown for long
		"Waiting for memory/A":       pressure(layout),
		"Waiting for memory/B":       may,
		"OOM kills since nsviz started/A now": func(h truth, list []series) string {
			return some(h.kills, h.kills, "container", panelHog, "scope", "cgroup")(h, list)
		},
		"Processes refused/A":                    some(1, many, "container", panelStuck),
		"Outside its limits, or stuck at them/A": some(1, 1, "container", panelMoved),
		"Outside its limits, or stuck at them/B": stuck,
		"Outside its limits, or stuck at them/C": some(1, 1, "container", panelSharer),
		"CPU in use/A":                           some(0.02, 0.5, "container", panelBusy),
		"Held back by a CPU limit/A":             some(0.3, 1, "container", panelBusy),
		"Held back by a CPU limit/B":             some(0.01, many, "container", panelBusy),
		"Waiting for CPU and disks/A":            pressure(layout),
		"Waiting for CPU and disks/B":            pressure(layout),
		"Processes and threads/A":                some(3, many, "container", panelFull),
		"Processes and threads/B":                some(3, 3, "container", panelFull),
		"Holes in the walls/A now":               some(1, many, "container", panelFull, "severity", "critical"),
		"Namespaces made/A":                      each(madeByRuntime...),
		"Namespaces joined/A":                    some(0.5, many, "type", "net"), // the engine sets up the network
		"Namespaces alive/A":                     each(aliveOfAllTypes...),
		"Namespaces alive/B":                     may, // if this host does not let root look into all processes
		"Namespaces alive/C":                     may, // if there are more sandboxes than nsviz lists
		"Containers running/A":                   some(1, many, "runtime", "docker"),
		"Containers running/B":                   some(1, many, "monitor", "qemu"),
		"Start time/A":                           sometimeSeconds,
		"Start time/B":                           sometimeSeconds,
		"Start time/C":                           sometimeSeconds,
		"Start time, spread/A":                   some(0.5, many, "le", "+Inf"),
		"Exits by cause/A":                       some(1, many, "cause", "exited"),
		"Entered from outside/A":                 some(0.5, many, "container", panelSharer),
		"Live containers/A now":                  some(1, 1, "container", panelSharer, "image", busyboxImage, "runtime", "docker"),
		"Started again/A now":                    some(3, 3, "container", panelLoop),
		"Youngest programs/A now": func(h truth, list []series) string {
			return some((h.made-2)*1000, (h.started+2)*1000, "container", panelSharer)(h, list)
		},
		"Events/A":                       each(some(0.05, many, "type", "oom_kill"), some(0.01, many, "type", "container_started")),
		"Events/B":                       none, // nothing is exported here
		"Events lost and failed reads/A": may,
		"Events lost and failed reads/B": may,
		"Events lost and failed reads/C": some(0, 0, "container", panelHog),
		"Events lost and failed reads/D": some(0, 0, "sink", "log"),
		"Events lost and failed reads/E": some(0, 0, "reason", "refused"),
		"Events lost and failed reads/F": some(0, 0, "step", "past"),
		"Events lost and failed reads/G": may,
		"Events lost and failed reads/H": none,
		"Events lost and failed reads/I": none,
		"Events lost and failed reads/J": some(0, 0, "work", "reading"),
		"What watching costs/A":          some(0, 2),
		"What watching costs/B":          some(1<<20, 200<<20),
		"Probe methods/A now":            some(1, 1, "probe", "OOM victims"),
		"Builds/A now":                   exactly(func(truth) float64 { return 1 }),
		"Containers folded away/A":       exactly(func(truth) float64 { return 0 }),
	}
}

func workloadExpectations(layout cgroupfs.Layout) map[string]expectation {
	waits := may
	if layout.Controller == "" {
		waits = atLeast(0)
	}
	return map[string]expectation{
		"OOM kills/A now":                about(allKills),
		"Ends/A now":                     atLeast(3.5), // three of the loop, one of the hog
		"Memory against the limit/A now": value(func(_ truth, v float64) bool { return v > 0.9 && v <= 1 }),
		"Waiting for memory/A now":       waits,
		"Critical holes/A now":           atLeast(1),
		"Runs since/A now":               value(func(h truth, v float64) bool { return v >= (h.made-2)*1000 }),
		"Alerts that fire/A now":         some(1, 1, "alertname", "NsvizContainerThrottled", "container", panelBusy),
		"Memory/A":                       some(0.9*limit, limit, "container", panelFull),
		"Memory/B":                       some(0.9*limit, limit, "container", panelFull),
		"Memory/C":                       some(limit, limit, "container", panelFull),
		"Memory/D":                       may, // there need not be swap
		"OOM kills/A":                    some(1, many, "container", panelHog, "scope", "cgroup"),
		"OOM kills/B":                    none,
		"Memory limit reached in/A":      may,
		"Waiting/A":                      pressure(layout),
		"Waiting/B":                      pressure(layout),
		"Waiting/C":                      pressure(layout),
		"Standing still/A":               pressure(layout),
		"CPU in use/A":                   some(0.02, 0.5, "container", panelBusy),
		"Held back by its CPU limit/A":   some(0.3, 1, "container", panelBusy),
		"Processes and threads/A":        some(3, many, "container", panelFull),
		"Processes and threads/B":        some(3, 3, "container", panelFull),
		"Processes and threads/C":        some(1, many, "container", panelStuck),
		"Ends by cause/A":                some(0.5, many, "container", panelLoop, "cause", "exited"),
		"Entered from outside/A":         some(0.5, many, "container", panelSharer),
		"Restarts/A":                     some(3, 3, "container", panelLoop),
		"Holes/A":                        some(1, many, "container", panelFull, "severity", "critical"),
		"What it is/A now":               some(1, 1, "container", panelSharer, "image", busyboxImage, "runtime", "docker"),
	}
}

func fleetExpectations() map[string]expectation {
	one := exactly(func(truth) float64 { return 1 })
	zero := exactly(func(truth) float64 { return 0 })
	return map[string]expectation{
		"Hosts watched/A now":            one,
		"Hosts down/A now":               zero,
		"Hosts half blind/A now":         atLeast(0), // some hosts let not even root look into all
		"Containers/A now":               atLeast(5),
		"OOM kills/A now":                about(allKills),
		"Critical holes/A now":           atLeast(1),
		"Alerts that fire/A now":         some(1, 1, "alertname", "NsvizOOMKill", "container", panelHog),
		"OOM kills by host/A":            some(0.5, many),
		"Nearest to a limit/A":           some(0.9, 1),
		"Waiting most/A":                 may, // v1 does not have it
		"Starts and ends/A":              each(some(5, many, "type", "container_started"), some(3.5, many, "type", "container_exited")),
		"Memory and CPU in use/A":        some(0.9*limit, many),
		"Memory and CPU in use/B":        some(0.001, many),
		"All hosts/A now":                atLeast(5),
		"All hosts/B now":                about(allKills),
		"All hosts/C now":                value(func(_ truth, v float64) bool { return v > 0.9 && v <= 1 }),
		"All hosts/D now":                atLeast(1),
		"All hosts/E now":                atLeast(0.9 * limit),
		"All hosts/F now":                atLeast(1),
		"All hosts/G now":                one,
		"All hosts/H now":                may,
		"OOM kills by pod and project/A": some(1, many),
		"Working sets/A":                 some(0.9*limit, many),
		"Namespaces and projects/A now":  atLeast(5),
		"Namespaces and projects/B now":  atLeast(0.9 * limit),
		"Namespaces and projects/C now":  atLeast(0.001),
		"Namespaces and projects/D now":  atLeast(1),
		"Namespaces and projects/E now":  atLeast(1),
		"Namespaces and projects/F now":  atLeast(0.5),
		"Events lost by host/A":          may,
		"Which hosts are down/A now":     none,
		"Versions/A":                     one,
		"annotation OOM kills":           some(0.5, many),
		"variable instance":              func(_ truth, list []series) string { return differs(list, "instance", 1) },
		"variable namespace":             some(5, many, "namespace", ""),
		"variable project":               some(5, many, "project", ""),
	}
}

func ruleExpectations(layout cgroupfs.Layout) map[string]expectation {
	waits := may
	if layout.Controller == "" {
		waits = some(0, many, "resource", "cpu")
	}
	one := exactly(func(truth) float64 { return 1 })
	killed := func(labels ...string) expectation {
		return func(h truth, list []series) string {
			return some(h.all.kills*0.9, math.Max(h.all.kills*1.5, h.all.kills+1), labels...)(h, list)
		}
	}
	return map[string]expectation{
		"instance:nsviz_first_values:news10m":                       one, // nsviz is young
		"instance_container_scope:nsviz_oom_kills:increase10m":      some(1, many, "container", panelHog, "scope", "cgroup"),
		"instance_container:nsviz_oom_kills_unobserved:increase10m": none,
		"instance_container_cause:nsviz_container_exits:increase10m": each(
			some(2.5, 4.5, "container", panelLoop, "cause", "exited"),
			some(0.9, 1.5, "container", panelHog, "cause", "exited"),
		),
		"instance_container:nsviz_container_pids_refused:increase10m": some(1, many, "container", panelStuck),
		"instance_reason:nsviz_events_lost:increase10m":               may,
		"instance_place:nsviz_bpf_errors:increase10m":                 may,

		"instance:nsviz_containers:sum":                                         atLeast(5),
		"instance:nsviz_container_memory_working_set_bytes:sum":                 atLeast(0.9 * limit),
		"instance:nsviz_container_memory_limit_ratio:max":                       value(func(_ truth, v float64) bool { return v > 0.9 && v <= 1 }),
		"instance:nsviz_container_near_memory_limit:count":                      atLeast(1),
		"instance:nsviz_container_cpu_usage_seconds:rate5m":                     atLeast(0.001),
		"instance_resource:nsviz_container_pressure_waiting_seconds:max_rate5m": waits,
		"instance_severity:nsviz_container_findings:sum":                        some(1, many, "severity", "critical"),
		"instance:nsviz_container_in_host_namespace:count":                      one,
		"instance_type:nsviz_events_total:sum":                                  some(1, many, "type", "oom_kill"),
		"instance_type:nsviz_events:increase10m":                                killed("type", "oom_kill"),
		"instance:nsviz_events_lost:increase10m":                                may,
		"instance:nsviz_blind:count":                                            may,
		"instance_container:nsviz_container_info:topk1":                         some(1, 1, "container", panelBusy),
		"namespace_project:nsviz_containers:count":                              atLeast(5),
		"namespace_project:nsviz_container_memory_working_set_bytes:sum":        atLeast(0.9 * limit),
		"namespace_project:nsviz_container_cpu_usage_seconds:rate5m":            atLeast(0.001),
		"namespace_project:nsviz_container_near_memory_limit:count":             atLeast(1),
		"namespace_project_severity:nsviz_container_findings:sum":               some(1, many, "severity", "critical"),
		"namespace_pod_project:nsviz_oom_kills:increase10m":                     killed(),
		"job:nsviz_up:sum":                   one,
		"job:nsviz_up:count":                 one,
		"job_version:nsviz_build_info:count": one,
		"job:nsviz_containers:sum":           atLeast(5),
		"job_type:nsviz_events:increase10m":  killed("type", "oom_kill"),
	}
}
