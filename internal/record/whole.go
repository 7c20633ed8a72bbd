package record

import (
	"errors"
	"io"
	"math"

	"github.com/nsviz/nsviz/internal/isolation"
)

// Whole tells a model all that a recording holds and returns what it then knows, whatever ended how long
// ago. It fails with ErrCutShort where the recording breaks off; what there is of it is returned all the
// same.
func Whole(r *Reader) (*isolation.Snapshot, error) {
	limits := isolation.DefaultLimits()
	limits.Retention, limits.Ended, limits.Kills, limits.Freed = math.MaxInt64, 1<<20, 1<<16, 1<<18
	model := isolation.New(limits)
	for {
		f, err := r.Next()
		if err == nil {
			model.Apply(f)
			continue
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return model.Whole(), err
	}
}
