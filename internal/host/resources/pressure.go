package resources

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Pressures holds how long tasks of a cgroup waited for scarce resources. Only the unified hierarchy reports it; a hybrid host
// has one, too.
type Pressures struct {
	Memory *Pressure `json:"memory,omitempty"`
	CPU    *Pressure `json:"cpu,omitempty"`
	IO     *Pressure `json:"io,omitempty"`
}

// Pressure holds the time in which some task waited, and the time in which all did.
type Pressure struct {
	Some *Stall `json:"some,omitempty"`
	Full *Stall `json:"full,omitempty"` // of the CPU since Linux 5.13
}

// Stall is a part of the time: in the last 10, 60 and 300 seconds in percent, as the kernel counts it, and in total.
type Stall struct {
	Avg10        *float64 `json:"avg10,omitempty"`
	Avg60        *float64 `json:"avg60,omitempty"`
	Avg300       *float64 `json:"avg300,omitempty"`
	TotalSeconds *float64 `json:"total_seconds,omitempty"`
}

// micros returns the total in microseconds; nil is unknown, as of a nil Stall.
func (s *Stall) micros() *uint64 {
	if s == nil || s.TotalSeconds == nil {
		return nil
	}
	return new(uint64(math.Round(*s.TotalSeconds * microseconds)))
}

func (r *resourceReader) pressures() *Pressures {
	c, found := r.cgroup("") // the unified hierarchy, whichever is tracked
	if !found || c.v1() || c.unconfined {
		return nil
	}
	p := Pressures{
		Memory: parsed(r, c.dir, "memory.pressure", parsePressure),
		CPU:    parsed(r, c.dir, "cpu.pressure", parsePressure),
		IO:     parsed(r, c.dir, "io.pressure", parsePressure),
	}
	if p == (Pressures{}) {
		return nil
	}
	return &p
}

// parsePressure reads the lines "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and "full …".
func parsePressure(text string) (*Pressure, error) {
	var p Pressure
	for line := range strings.Lines(text) {
		kind, rest, _ := strings.Cut(line, " ")
		if kind != "some" && kind != "full" {
			continue
		}
		stall, err := parseStall(rest)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
		if kind == "some" {
			p.Some = stall
		} else {
			p.Full = stall
		}
	}
	if p == (Pressure{}) {
		return nil, nil
	}
	return &p, nil
}

func parseStall(text string) (*Stall, error) {
	var s Stall
	for word := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(word, "=")
		if key == "total" {
			total, err := parseBytes(value)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", word, err)
			}
			s.TotalSeconds = seconds(total, microseconds)
			continue
		}
		into := map[string]**float64{"avg10": &s.Avg10, "avg60": &s.Avg60, "avg300": &s.Avg300}[key]
		if into == nil {
			continue
		}
		percent, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", word, err)
		}
		if math.IsNaN(percent) || percent < 0 || percent > 100 {
			return nil, fmt.Errorf("%s: not a percentage", word)
		}
		*into = &percent
	}
	return &s, nil
}
