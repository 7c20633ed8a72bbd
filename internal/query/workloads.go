package query

import (
	"strconv"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// Workloads are the keys by which a list of workloads is filtered.
var Workloads = Keys[*report.Workload]{
	{Name: "name", Text: func(w *report.Workload) string { return w.Label() }, Compare: Contains},
	{Name: "id", Text: func(w *report.Workload) string { return w.ID }, Compare: Begins},
	{Name: "status", Text: func(w *report.Workload) string { return string(w.State) }, Values: []string{
		string(model.Created), string(model.Starting), string(model.Running), string(model.Paused), string(model.Exited),
	}},
	{Name: "runtime", Text: func(w *report.Workload) string { return w.Runtime }},
	{Name: "kind", Text: func(w *report.Workload) string { return string(w.KindOf()) }, Values: Kinds()},
	{Name: "image", Text: func(w *report.Workload) string { return w.Image }, Compare: Contains},
	{Name: "group", Text: func(w *report.Workload) string { return w.Group.Path() }, Compare: Contains},
	{Name: "oom", Text: func(w *report.Workload) string {
		if killed := w.Killed(); killed != nil {
			return strconv.FormatBool(*killed)
		}
		return ""
	}, Values: []string{"true", "false"}},
}

// Kinds returns the kinds of workloads.
func Kinds() []string {
	return []string{
		string(event.KindContainer), string(event.KindPod), string(event.KindVM), string(event.KindSandbox), string(event.KindService),
	}
}
