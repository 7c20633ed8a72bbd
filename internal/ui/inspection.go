package ui

import (
	"time"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// Inspection is what nsviz read about one run of a workload beyond the snapshot: its processes, files and privileges.
type Inspection struct {
	// ID and InitPID are those of the workload in the snapshot that the reading began with, at Time.
	ID      string
	InitPID int32
	Time    time.Time
	// Dissection is nil if no reading succeeded.
	Dissection *report.Dissection
	// Problem says why the latest reading failed; "" if it did not.
	Problem string
}

// maxInspections limits the inspections that a State keeps.
const maxInspections = 8

// add returns inspections with a new one, the latest first. A failed reading keeps the contents and the time of one that succeeded.
func (in Inspection) add(others []Inspection) []Inspection {
	list := []Inspection{in}
	for _, other := range others {
		if other.of(in.ID, in.InitPID) {
			if in.Dissection == nil && other.Dissection != nil {
				list[0].Dissection, list[0].Time = other.Dissection, other.Time
			}
			continue
		}
		if len(list) < maxInspections {
			list = append(list, other)
		}
	}
	return list
}

// of reports whether it is of one run of a workload.
func (in *Inspection) of(id string, initPID int32) bool { return in.ID == id && in.InitPID == initPID }

// inspection returns the latest one of a container's run; nil is none.
func (st State) inspection(c *model.Container) *Inspection {
	return find(st.Inspections, func(in *Inspection) bool { return in.of(c.ID, c.InitPID) })
}

// inspected returns the container whose page is open and which can be read, nil if there is none: no page shows what a frozen or
// replayed screen does not have.
func (st State) inspected(s *model.Snapshot) *model.Container {
	if st.Tab != Containers || st.Open == "" || st.Help || st.Frozen != nil || st.Replay {
		return nil
	}
	if c := containerOf(s, st.Open); c != nil && c.Live() {
		return c
	}
	return nil
}

// inspectionNote says from when the page's processes, files and privileges are, or why there are none; nil if there is nothing to say.
func inspectionNote(c *model.Container, in *Inspection, s *model.Snapshot, st State) line {
	const what = "processes, files and privileges"
	switch {
	case in != nil && in.Dissection != nil:
		at := clockIn(in.Time, s.Time)
		switch {
		case in.Problem != "":
			return text(Dim, "Its "+what+" are those of "+at+"; since then ").add(Warn, "nsviz could not read them: "+in.Problem).add(Dim, ".")
		case !c.Live():
			return text(Dim, "It has ended: its "+what+" are ").add(Warn, "those of "+at).add(Dim, ", when nsviz last read them.")
		case in.Time.After(s.Time):
			return text(Dim, "Its "+what+" are ").add(Warn, "those of "+at).add(Dim, ", which is later than what else is shown.")
		}
		return text(Dim, "Its "+what+" are those of "+at+".")
	case in != nil && in.Problem != "":
		return text(Warn, "nsviz could not read its "+what+": "+in.Problem).add(Dim, ".")
	case st.Replay:
		return text(Dim, "A recording does not have its "+what+": nsviz reads them while it is live, for the page that is open.")
	case !st.Inspects:
		return nil
	case !c.Live():
		return text(Dim, "It has ended, and nsviz had not read its "+what+".")
	case st.Frozen != nil:
		return text(Dim, "nsviz had not read its "+what+" when the screen was frozen.")
	}
	return text(Dim, "nsviz is reading its "+what+"…")
}
