package turns

import "sync/atomic"

// Unsent bounds the bytes of the answers that are being sent, some to clients that read slowly. One answer alone may be larger.
type Unsent struct {
	most  int64
	bytes atomic.Int64
}

// NewUnsent returns a bound of so many bytes.
func NewUnsent(most int64) *Unsent { return &Unsent{most: most} }

// Add counts an answer of a size, and returns what has to be called once it is sent. It returns false, and counts nothing, if there is no room.
func (u *Unsent) Add(size int) (sent func(), ok bool) {
	n := int64(size)
	if all := u.bytes.Add(n); all > u.most && all > n {
		u.bytes.Add(-n)
		return nil, false
	}
	return func() { u.bytes.Add(-n) }, true
}

// Bytes returns how many are being sent.
func (u *Unsent) Bytes() int64 { return u.bytes.Load() }
