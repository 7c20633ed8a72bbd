package grafana

// choice is a variable that Prometheus gives the values of.
func choice(name, label, definition string) variable {
	datasource := prometheus()
	return variable{
		Name: name, Label: label, Type: "query", Datasource: &datasource,
		Query: map[string]any{"query": definition, "refId": "PrometheusVariableQueryEditor-VariableQuery"}, Definition: definition,
		Refresh: 2, Sort: 1, Multi: true, IncludeAll: true, AllValue: ".*",
		Current: map[string]any{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}, Options: []any{},
	}
}

// datasourceChoice begins with Grafana's default. Where that is no Prometheus, or a link names one that Grafana does not know, it takes the first
// Prometheus that there is.
func datasourceChoice() variable {
	return variable{
		Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus", Refresh: 1,
		Current: map[string]any{"selected": false, "text": "default", "value": "default"}, Options: []any{},
	}
}

func fleetVariables() []variable {
	return []variable{
		datasourceChoice(),
		choice("instance", "Host", "label_values(instance:nsviz_containers:sum, instance)"),
		choice("namespace", "Namespace", "label_values(namespace_project:nsviz_containers:count, namespace)"),
		choice("project", "Project", "label_values(namespace_project:nsviz_containers:count, project)"),
	}
}

// ofGroup are the workloads that the variables before it choose.
const ofGroup = `nsviz_container_info{` + host + `, runtime=~"$runtime", namespace=~"$namespace", pod=~"$pod", project=~"$project"}`

// workloadVariables narrow each other from left to right. With all workloads chosen each one that is listed is meant. That are those of which nsviz has said
// to which group they belong and, since nobody knows that of them, those that lived between two scrapes and left counters only.
func workloadVariables() []variable {
	info := func(matchers, label string) string {
		return "label_values(nsviz_container_info{" + host + matchers + "}, " + label + ")"
	}
	workload := choice("container", "Workload", "query_result(group by (container) (last_over_time("+ofGroup+"[$__range]))"+
		` or group by (container) (last_over_time(nsviz_oom_kills_total{`+host+`, container!~"|\\(folded\\)|\\(unknown\\)"}[$__range])`+
		` unless on (job, instance, container) last_over_time(nsviz_container_info{`+host+`}[$__range])))`)
	workload.Regex, workload.AllValue = `/container="([^"]+)"/`, ""
	return []variable{
		datasourceChoice(),
		choice("instance", "Host", "label_values(nsviz_build_info, instance)"),
		choice("runtime", "Runtime", info("", "runtime")),
		choice("namespace", "Namespace", info(`, runtime=~"$runtime"`, "namespace")),
		choice("pod", "Pod", info(`, runtime=~"$runtime", namespace=~"$namespace"`, "pod")),
		choice("project", "Project", info(`, runtime=~"$runtime"`, "project")),
		workload,
	}
}

// builtIn are the annotations that people make in Grafana.
func builtIn() annotation {
	return annotation{
		BuiltIn: 1, Name: "Annotations & Alerts", Type: "dashboard", Datasource: source{"grafana", "-- Grafana --"},
		Enable: true, Hide: true, IconColor: "rgba(0, 211, 255, 1)",
	}
}

func marks(name, color, expr, title, tags string) annotation {
	return annotation{
		Name: name, Datasource: prometheus(), Enable: true, IconColor: color,
		Expr: expr, Step: "15s", TitleFormat: title, TagKeys: tags,
	}
}

func fleetAnnotations() annotations {
	return annotations{[]annotation{
		builtIn(),
		marks("OOM kills", "red", `sum by (instance) (instance_type:nsviz_events:increase10m{type="oom_kill", `+host+`}) > 0.5`,
			"OOM kills on {{instance}}", "instance"),
	}}
}

func workloadAnnotations() annotations {
	starts := marks("Starts", "blue",
		`max by (instance, container) (nsviz_container_start_time_seconds{`+chosen+`}) * 1000 > $__from`,
		"{{container}} started", "instance,container")
	starts.ValueIsTime = true
	return annotations{[]annotation{
		builtIn(),
		marks("OOM kills", "red", counted("instance, container, scope", "nsviz_oom_kills_total", chosen, window)+" > 0.5",
			"OOM kill in {{container}}", "instance,container,scope"),
		marks("OOM kills of the host", "dark-red", counted("instance, container, scope", "nsviz_oom_kills_total", outside, window)+" > 0.5",
			"OOM kill on {{instance}}, {{scope}} {{container}}", "instance,scope"),
		starts,
		marks("Ends", "orange", counted("instance, container, cause", "nsviz_container_exits_total", chosen, window)+" > 0.5",
			"{{container}} ended: {{cause}}", "instance,container,cause"),
	}}
}
