package ui

import (
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/report"
)

// ExportForm is a form in which what is on screen can be written. Its value is the ending of the file's name.
type ExportForm string

// The forms.
const (
	ExportText ExportForm = "txt"
	ExportSVG  ExportForm = "svg"
	ExportJSON ExportForm = "json"
)

// exportBindings returns the keys that write what is on screen.
func exportBindings() []binding {
	write := func(c command, hint, help string, form ExportForm) binding {
		return binding{
			does: commands(c), modes: inExport, hint: always(hint), help: help,
			when: func(at place) bool { return form != ExportJSON || at.hasDocument() },
			do: func(at place, _ command) (State, Action) {
				at.Exporting, at.ExportForm = false, form
				return at.State, Export
			},
		}
	}
	return []binding{
		{
			does: commands(cmdExport), modes: reading, hint: func(at place) string {
				if at.mode == inHelp {
					return ""
				}
				return "export"
			},
			help: "write what is on screen to a file: then {export-text} for text, {export-picture} for a picture (SVG), {export-json} for JSON",
			do: func(at place, _ command) (State, Action) {
				at.Exporting = true
				return at.State, Stay
			},
		},
		write(cmdExportText, "text", "write the screen as text", ExportText),
		write(cmdExportPicture, "picture (SVG)", "write the screen as a picture", ExportSVG),
		write(cmdExportJSON, "JSON", "write what is listed as nsviz ps, ns or events does with -o json, and a page as nsviz inspect does", ExportJSON),
		{
			does: commands(cmdCancel, cmdExport, cmdQuit), alike: true, modes: inExport, hint: always("close"), help: "write nothing",
			do: func(at place, _ command) (State, Action) { at.Exporting = false; return at.State, Stay },
		},
	}
}

// hasDocument reports whether what is shown has a form in JSON.
func (at place) hasDocument() bool { return !at.Help && views[at.Tab].filtered() != noRows }

// Write writes what a State shows of a snapshot in its ExportForm, a picture in the colours of a theme.
func (st State) Write(w io.Writer, latest *model.Snapshot, theme Theme) error {
	switch st.ExportForm {
	case ExportJSON:
		return st.writeJSON(w, latest)
	case ExportSVG:
		return Render(latest, st, st.Width, st.Height).WriteSVG(w, theme)
	}
	_, err := io.WriteString(w, Render(latest, st, st.Width, st.Height).Text())
	return err
}

// writeJSON writes what a State shows of a snapshot as the commands write it with -o json: workloads as nsviz ps, namespaces as nsviz ns,
// events and kills as nsviz events, and the page of a container as nsviz inspect, or as nsviz inspect --from if it has not been read. What
// the search and the filter leave out is left out.
func (st State) writeJSON(w io.Writer, latest *model.Snapshot) error {
	s := st.shown(latest)
	switch views[st.Tab].filtered() {
	case workloadRows:
		if c := containerOf(s, st.Open); c != nil {
			if in := st.inspection(c); in != nil && in.Dissection != nil && in.Dissection.Anatomy != nil {
				return report.WriteJSON(w, in.Dissection.Anatomy)
			}
			return report.WriteJSON(w, report.NewKnown(c, s))
		}
		return report.WriteJSON(w, st.listedWorkloads(s))
	case namespaceRows:
		only := *s
		only.Namespaces = nil
		for _, n := range st.filteredNamespaces(s) {
			if st.Open == "" || st.Open == namespaceKey(n) {
				only.Namespaces = append(only.Namespaces, *n)
			}
		}
		return report.WriteJSON(w, report.Namespaces(&only))
	case eventKindRows:
		encoder := json.NewEncoder(foreign.JSONWriter(w))
		encoder.SetEscapeHTML(false)
		for _, e := range st.listedEvents(s) {
			if err := encoder.Encode(e); err != nil {
				return err
			}
		}
		return nil
	}
	return errors.New("this view has no form in JSON")
}

// listedWorkloads returns those that are listed, in the order of nsviz ps; of a page its own.
func (st State) listedWorkloads(s *model.Snapshot) []report.Workload {
	st.Folded = nil
	keys := map[string]bool{st.Open: true}
	if st.Open == "" {
		for _, key := range st.keys(s) {
			keys[key] = true
		}
	}
	all := report.Workloads(s)
	of := make([]string, 0, len(all)) // their keys
	for c := range s.All() {
		of = append(of, containerKey(c))
	}
	for i := range s.VMs {
		of = append(of, vmKey(&s.VMs[i]))
	}
	list := []report.Workload{}
	for i := range all {
		if keys[of[i]] {
			list = append(list, all[i])
		}
	}
	return list
}

// listedEvents returns the events that the search and the filter let through, the oldest first. In the view of kills these are kills alone.
func (st State) listedEvents(s *model.Snapshot) []event.Event {
	var list []event.Event
	if st.Tab == Kills {
		for _, k := range slices.Backward(st.filteredKills(s)) {
			if st.Open == "" || st.Open == killKey(k) {
				list = append(list, k.Event)
			}
		}
		return list
	}
	as := func(e event.Event) query.Event {
		return query.Event{First: &e, Line: func() string { return wordEvents([]event.Event{e}, s).line() }}
	}
	for _, e := range s.Events {
		if st.Search == "" || query.Events.Match(as(e), st.Search) {
			list = append(list, e)
		}
	}
	return accepted(list, st.Filter[eventKindRows], query.Events, s, as)
}

// fileName returns the beginning of the name of a file with what is shown: the view and the time of the snapshot.
func (st State) fileName(s *model.Snapshot) string {
	return "nsviz-" + st.Tab.Name() + "-" + s.Time.Format("20060102-150405")
}
