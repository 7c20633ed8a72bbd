package story

import (
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// A runtime is named by its command if it runs where the container's engine does: on the host, or in the container around this one.
func TestEnteredFromWhere(t *testing.T) {
	outer, other := &event.Container{ID: "outer", Name: "outer"}, &event.Container{ID: "other", Name: "other"}
	for _, test := range []struct {
		runtime, parent, comm string
		in                    *event.Container
		unknown               bool
		want                  string
	}{
		{"docker", "", "runc", nil, false, "runc (PID 9, of the host) ran `sh` in it, as `docker exec` does"},
		{"runc", "outer", "runc", outer, false, "runc (PID 9, in outer) ran `sh` in it, as `runc exec` does"},
		{"runc", "outer", "runc", other, false, "runc (PID 9, in other) ran `sh` in it"},
		{"runc", "", "runc", other, false, "runc (PID 9, in other) ran `sh` in it"},
		{"docker", "", "runc", nil, true, "runc (PID 9, in an unknown place) ran `sh` in it"},
		{"lxc", "", "memfd:lxc-attac", nil, false, "memfd:lxc-attac (PID 9, of the host) ran `sh` in it, as `lxc-attach` does"},
		{"docker", "", "nsenter", nil, false, "nsenter (PID 9, of the host) ran `sh` in it"},
	} {
		m := model.Entry{
			Kind: model.EntryKind(event.ContainerEntered), By: &event.Process{PID: 9, Comm: test.comm, Container: test.in, ContainerUnknown: test.unknown},
			Entered: &event.Entered{CommandLine: "sh"},
		}
		if got := Entry(&m, &model.Container{ID: "web", Runtime: test.runtime, Parent: test.parent}).String(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
