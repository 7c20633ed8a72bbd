package record

import (
	"errors"
	"io"

	"github.com/nsviz/nsviz/internal/model"
)

// Whole tells a model all that a recording holds and returns what it then knows, whatever ended how long
// ago, up to limits; what is too much even for these, the snapshot counts as left out. It fails with ErrCutShort where the recording breaks off; what there is of it is returned all the
// same.
func Whole(r *Reader, limits model.Limits) (*model.Snapshot, error) {
	m := model.New(limits)
	for {
		f, err := r.Next()
		if err == nil {
			m.Apply(f)
			continue
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return m.Whole(), err
	}
}
