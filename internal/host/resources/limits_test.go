package resources

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/host/hosttest"
)

func TestOwnLimits(t *testing.T) {
	for _, test := range []struct {
		host, path string
		want       OwnLimits
	}{
		{"v2", hosttest.DockerScope, OwnLimits{SwapBytes: &Limit[uint64]{Value: new(uint64(0))}, QuotaCores: &Limit[float64]{Value: new(0.5)}, PIDs: &Limit[uint64]{Value: new(uint64(100))}}},
		{"v2", "/system.slice", OwnLimits{QuotaCores: &Limit[float64]{Value: new(2.0)}, PIDs: &Limit[uint64]{Unlimited: true}}},
		{"v2", "/nowhere", OwnLimits{}},
		{"v1", "/docker/f1", OwnLimits{QuotaCores: &Limit[float64]{Value: new(1.5)}, PIDs: &Limit[uint64]{Unlimited: true}}},
		{"v1", "/docker", OwnLimits{QuotaCores: &Limit[float64]{Unlimited: true}, PIDs: &Limit[uint64]{Value: new(uint64(50))}}},
		{"v1", "/docker/f1:odd", OwnLimits{SwapBytes: &Limit[uint64]{Value: new(uint64(64 << 20))}}}, // has only memory
	} {
		_, layout, _ := resourcesHost(t, test.host)
		memory := &Limit[uint64]{Value: new(uint64(64 << 20))}
		if diff := cmp.Diff(test.want, In(layout).OwnLimits(test.path, memory)); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.host, test.path, diff)
		}
	}
}
