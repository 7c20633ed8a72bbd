package story

import (
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

func TestBriefEnd(t *testing.T) {
	signalled := func(by *event.Process) *event.Exit {
		return &event.Exit{Code: new(int32(137)), Signal: 9, Cause: event.CauseSignal, By: by}
	}
	for _, tt := range []struct {
		end  model.End
		want string
		as   Weight // of its first words
	}{
		{model.End{NeverRan: true}, "OOM-killed before its own program ran", Fatal},
		{model.End{}, "how is unknown", Unknown},
		{model.End{Exit: &event.Exit{Cause: event.CauseOOMKill, Signal: 9}}, "OOM-killed", Fatal},
		{model.End{Exit: signalled(nil)}, "killed by signal 9", Alert},
		{model.End{Exit: signalled(&event.Process{Comm: "runc", PID: 7})}, "killed by signal 9 (by runc, PID 7)", Alert},
		{model.End{Exit: signalled(&event.Process{Comm: "runc"})}, "killed by signal 9 (by runc)", Alert},
		{model.End{Exit: signalled(&event.Process{PID: 7})}, "killed by signal 9 (by PID 7)", Alert},
		{model.End{Exit: &event.Exit{Cause: event.CauseSignal}}, "killed by a signal", Alert},
		{model.End{Exit: &event.Exit{Cause: event.CauseSignal, PIDNamespaceEnded: &event.Process{PID: 7}}}, "killed: its PID namespace ended", Alert},
		{model.End{Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited}}, "exited 0", Plain},
		{model.End{Exit: &event.Exit{Code: new(int32(3)), Cause: event.CauseExited}}, "exited 3", Alert},
		{model.End{Exit: &event.Exit{Cause: event.CauseExited}}, "exited, its code is unknown", Plain},
	} {
		if got := BriefEnd(tt.end); got.String() != tt.want || got[0].Weight != tt.as {
			t.Errorf("%+v: %v, want %q", tt.end, got, tt.want)
		}
	}
}
