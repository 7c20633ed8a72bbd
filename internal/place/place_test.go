package place

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestEnoughFiles(t *testing.T) {
	if err := enoughFiles(1); err != nil {
		t.Error(err)
	}
	var unfit *Error
	err := enoughFiles(math.MaxUint64)
	if err == nil || !strings.Contains(err.Error(), "ulimit -n") || !errors.As(err, &unfit) {
		t.Errorf("got %v", err)
	}
}

func TestNotLent(t *testing.T) {
	for own, refused := range map[ids]bool{
		{0, 0, 0, 0}: false, {1000, 1000, 1000, 1000}: false, {1000, 0, 1000, 1000}: true, {1000, 1000, 1000, 0}: true, {0, 1000, 0, 0}: true,
	} {
		err := own.notLent()
		var unfit *Error
		if (err != nil) != refused || refused && !errors.As(err, &unfit) {
			t.Errorf("%+v: %v", own, err)
		}
	}
}
