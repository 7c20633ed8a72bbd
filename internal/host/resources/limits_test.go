package resources

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/hosttest"
)

func TestOwnLimits(t *testing.T) {
	for _, test := range []struct {
		host, path string
		want       fact.CgroupLimits // besides that of memory
	}{
		{"v2", hosttest.DockerScope, fact.CgroupLimits{Swap: &fact.Limit{Value: new(float64(0))}, CPU: &fact.Limit{Value: new(0.5)}, PIDs: &fact.Limit{Value: new(float64(100))}}},
		{"v2", "/system.slice", fact.CgroupLimits{CPU: &fact.Limit{Value: new(2.0)}, PIDs: &fact.Limit{Unlimited: true}}},
		{"v2", "/nowhere", fact.CgroupLimits{}},
		{"v1", "/docker/f1", fact.CgroupLimits{CPU: &fact.Limit{Value: new(1.5)}, PIDs: &fact.Limit{Unlimited: true}}},
		{"v1", "/docker", fact.CgroupLimits{CPU: &fact.Limit{Unlimited: true}, PIDs: &fact.Limit{Value: new(float64(50))}}},
		{"v1", "/docker/f1:odd", fact.CgroupLimits{Swap: &fact.Limit{Value: new(float64(64 << 20))}}}, // has only memory
	} {
		_, layout, _ := resourcesHost(t, test.host)
		memory := &fact.Limit{Value: new(float64(64 << 20))}
		test.want.Memory = memory
		if diff := cmp.Diff(&test.want, In(layout).OwnLimits(test.path, memory)); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.host, test.path, diff)
		}
	}
}
