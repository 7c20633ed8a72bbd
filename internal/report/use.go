package report

import (
	"math"

	"github.com/nsviz/nsviz/internal/model"
)

// Use holds what a workload uses beside memory. An absent value is unknown, not zero.
type Use struct {
	// CPUPercent is of one CPU, ThrottledPercent of the periods of its quota.
	CPUPercent             *float64 `json:"cpu_percent,omitempty"`
	ThrottledPercent       *float64 `json:"throttled_percent,omitempty"`
	SwapBytes              *uint64  `json:"swap_bytes,omitempty"`
	Tasks                  *uint64  `json:"tasks,omitempty"`
	ReceivedBytesPerSecond *uint64  `json:"received_bytes_per_second,omitempty"`
	SentBytesPerSecond     *uint64  `json:"sent_bytes_per_second,omitempty"`
	ReadBytesPerSecond     *uint64  `json:"read_bytes_per_second,omitempty"`
	WrittenBytesPerSecond  *uint64  `json:"written_bytes_per_second,omitempty"`
	// MemoryPressure, CPUPressure and IOPressure are in percent of the last ten seconds.
	MemoryPressure *float64 `json:"memory_pressure,omitempty"`
	CPUPressure    *float64 `json:"cpu_pressure,omitempty"`
	IOPressure     *float64 `json:"io_pressure,omitempty"`
}

// useOf returns what a container uses, in tenths of a percent and whole bytes: it is no more exact than that.
func useOf(u *model.Use) *Use {
	if u == nil {
		return nil
	}
	tenths := func(percent *float64) *float64 {
		if percent == nil {
			return nil
		}
		return new(math.Round(*percent*10) / 10)
	}
	whole := func(rate *float64) *uint64 {
		if rate == nil {
			return nil
		}
		return new(uint64(math.Round(*rate)))
	}
	return &Use{
		CPUPercent: tenths(u.CPUPercent), ThrottledPercent: tenths(u.ThrottledPercent), SwapBytes: u.SwapBytes, Tasks: u.Tasks,
		ReceivedBytesPerSecond: whole(u.ReceivedPerSecond), SentBytesPerSecond: whole(u.SentPerSecond),
		ReadBytesPerSecond: whole(u.ReadPerSecond), WrittenBytesPerSecond: whole(u.WrittenPerSecond),
		MemoryPressure: u.MemoryPressure, CPUPressure: u.CPUPressure, IOPressure: u.IOPressure,
	}
}
