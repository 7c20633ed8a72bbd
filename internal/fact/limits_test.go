package fact

import "testing"

func TestLimitsByResource(t *testing.T) {
	var limits CgroupLimits
	for i, r := range Resources() {
		limits.Set(r, &Limit{Value: new(float64(i))})
	}
	want := [ResourceCount]*Limit{limits.Memory, limits.Swap, limits.CPU, limits.PIDs}
	for i, r := range Resources() {
		if got := limits.Of(r); got == nil || got != want[i] || *got.Value != float64(i) {
			t.Errorf("the limit of %s is %v, want %d", r, got, i)
		}
	}
	limits.Set(ResourceSwap, nil)
	if limits.Of(ResourceSwap) != nil || limits.Swap != nil {
		t.Error("a limit that was taken back is still there")
	}
	limits.Set("io", &Limit{})
	if got := limits.Of("io"); got != nil {
		t.Errorf("%v is the limit of what has none", got)
	}
}
