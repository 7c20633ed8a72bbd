package metrics

import (
	"maps"
	"strings"
	"testing"
)

func TestMerge(t *testing.T) {
	got := merge(map[string]uint64{"A": 2, "a": 3, "b": 1}, strings.ToLower)
	if want := map[string]uint64{"a": 5, "b": 1}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
