//go:build root && !vm

package pipeline_test

import (
	"path/filepath"
	"testing"

	"github.com/nsviz/nsviz/internal/model"
)

// What a container, long dead, has left behind is no container that starts.
func TestCgroupLeftBehind(t *testing.T) {
	home := makeContainer(t, 16<<20)
	for who, s := range map[string]*model.Snapshot{"a watch": watch(t).Snapshot(), "one look": once(t)} {
		for i := range s.Containers {
			if s.Containers[i].ID == filepath.Base(home) {
				t.Errorf("%s: %+v", who, s.Containers[i])
			}
		}
	}
}
