package story

import (
	"fmt"
	"syscall"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// BriefEnd words how a run of a container ended in a few words, for a cell of a table.
func BriefEnd(e model.End) Text {
	if e.NeverRan {
		return text(Fatal, "OOM-killed").add(Plain, " before its own program ran")
	}
	return BriefExit(e.Exit)
}

// BriefExit words the end of a PID 1 in a few words; nil is an unseen end.
func BriefExit(x *event.Exit) Text {
	if x == nil {
		return text(Unknown, "how is unknown")
	}
	switch {
	case x.Cause == event.CauseOOMKill:
		return text(Fatal, "OOM-killed")
	case x.PIDNamespaceEnded != nil:
		whose := "its"
		if c := x.PIDNamespaceEnded.Container; c != nil {
			whose = c.Label() + "'s"
		}
		return text(Alert, "killed: "+whose+" PID namespace ended")
	case x.Cause == event.CauseSignal || x.Signal != 0:
		t := text(Alert, "killed by a signal")
		if x.Signal != 0 {
			t = text(Alert, fmt.Sprintf("killed by signal %d", x.Signal))
		}
		switch by := x.By; {
		case by == nil:
		case by.Comm != "" && by.PID != 0:
			t = t.add(Plain, fmt.Sprintf(" (by %s, PID %d)", by.Comm, by.PID))
		case by.Comm != "":
			t = t.add(Plain, " (by "+by.Comm+")")
		case by.PID != 0:
			t = t.add(Plain, fmt.Sprintf(" (by PID %d)", by.PID))
		}
		return t
	case x.Code != nil && *x.Code == 0:
		return text(Plain, "exited 0")
	case x.Code != nil:
		return text(Alert, fmt.Sprintf("exited %d", *x.Code))
	}
	return text(Plain, "exited, its code is unknown")
}

// exitWords describes how PID 1 ended.
func exitWords(at time.Time, x *event.Exit) Text {
	if x == nil {
		return text(Plain, "its PID 1 ended; how is unknown")
	}
	t := text(Plain, "its PID 1 ")
	switch {
	case x.Cause == event.CauseOOMKill:
		t = t.add(Plain, "was killed by the ").add(Strong, "kernel's OOM killer")
	case x.PIDNamespaceEnded != nil:
		t = t.add(Plain, "was ended by ").add(Strong, signalName(x.Signal)).add(Plain, ": ").join(namespaceEnd(x.PIDNamespaceEnded))
	case x.Signal != 0:
		t = t.add(Plain, "was ended by ").add(Strong, signalName(x.Signal))
		if x.By != nil {
			t = t.add(Plain, " from ").join(process(x.By))
		}
	case x.Cause == event.CauseSignal:
		t = t.add(Plain, "was ended by a signal")
	default:
		t = t.add(Plain, "ended by itself")
	}
	if x.Code != nil {
		t = t.add(Plain, ", ").add(Strong, fmt.Sprintf("exit code %d", *x.Code))
	}
	if s := x.EarlierSignal; s != nil && s.By != nil && syscall.Signal(s.Signal) != 0 {
		if past := at.Sub(s.Time); past >= 0 && past <= signalWindow {
			t = t.add(Plain, "; "+duration(past)+" before, ").join(process(s.By)).add(Plain, " had sent it ").add(Strong, signalName(s.Signal))
		}
	}
	return t
}
