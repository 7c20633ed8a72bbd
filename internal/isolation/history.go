package isolation

import "time"

// history is a container's last minute, in steps of HistoryStep.
type history struct {
	ring [HistoryLength]MemoryPoint
	step int64 // the latest step that has a place, in steps since the epoch; 0 for none
}

func (h *history) at(t time.Time) *MemoryPoint {
	step := t.UnixNano() / int64(HistoryStep)
	if step <= 0 || step <= h.step-HistoryLength {
		return nil // no time at all, or too late to matter
	}
	for h.step < step {
		if step-h.step > HistoryLength {
			h.step = step - HistoryLength
		}
		h.step++
		h.ring[h.step%HistoryLength] = MemoryPoint{}
	}
	return &h.ring[step%HistoryLength]
}

func (h *history) usage(t time.Time, bytes uint64) {
	if p := h.at(t); p != nil {
		p.MaxBytes = max(p.MaxBytes, bytes)
		p.Known = true
	}
}

func (h *history) kill(t time.Time) {
	if p := h.at(t); p != nil {
		p.Kills++
	}
}

// points lists the minute that ends with now, oldest first; nil where nothing is known.
func (h *history) points(now time.Time) []MemoryPoint {
	last := now.UnixNano() / int64(HistoryStep)
	if h.step == 0 || last >= h.step+HistoryLength {
		return nil
	}
	list := make([]MemoryPoint, HistoryLength)
	for i := range list {
		step := last - HistoryLength + 1 + int64(i)
		if step > 0 && step > h.step-HistoryLength && step <= h.step {
			list[i] = h.ring[step%HistoryLength]
		}
	}
	return list
}
