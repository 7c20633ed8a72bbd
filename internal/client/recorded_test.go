package client

import (
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/model"
)

// What was too much to be kept is no reason to say that there was nothing.
func TestNoticeOfWhatIsLeftOut(t *testing.T) {
	if err := leftOut(model.LeftOut{}); err != nil {
		t.Error(err)
	}
	err := leftOut(model.LeftOut{Containers: 1, Namespaces: 2, Cgroups: 3, Kills: 4, Unstarted: 5})
	if want := "the oldest are left out: 1 ended containers, 2 freed namespaces, 3 cgroups, 4 OOM kills and 5 containers that never started"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v", err)
	}
}
