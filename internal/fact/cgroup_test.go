package fact

import "testing"

func TestShareOfMemoryRoom(t *testing.T) {
	for _, tt := range []struct {
		room MemoryRoom
		want float64
	}{{MemoryRoom{LimitBytes: 200, WorkingSetBytes: 50}, 0.25}, {MemoryRoom{LimitBytes: 50, WorkingSetBytes: 60}, 1.2}, {MemoryRoom{}, 0}} {
		if got := tt.room.Share(); got != tt.want {
			t.Errorf("%+v: %v, want %v", tt.room, got, tt.want)
		}
	}
}
