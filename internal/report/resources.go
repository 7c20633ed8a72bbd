package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/story"
)

// resourceLines describes what a container uses and may use, a line for each subject. Unknown values are left out of a line. If
// nothing is known about the subject or its limit, the line says so.
func resourceLines(r resources.Resources) []Line {
	lines := []Line{{"memory", memoryWords(r.Memory, r.Cgroup)}}
	if m := r.Memory; m != nil {
		if split := splitWords(m); split != "" {
			lines = append(lines, Line{"", "of it " + split})
		}
	}
	return append(lines,
		Line{"cpu", cpuWords(r.CPU, r.Cgroup)},
		Line{"pids", pidsWords(r.PIDs, r.Cgroup)},
		Line{"io", ioWords(r.IO)},
		Line{"pressure", pressureWords(r.Pressure)},
	)
}

// pssWords describes the memory of what has no cgroup of its own.
func pssWords(bytes uint64) string {
	return story.Bytes(bytes) + ", the sum of its processes' shares (PSS), since no cgroup counts it"
}

const unknownWords = "unknown"

func memoryWords(m *resources.MemoryUse, cgroup string) string {
	if m == nil {
		return unknownWords
	}
	var words []string
	if m.CurrentBytes != nil {
		words = append(words, story.Bytes(*m.CurrentBytes)+" in use")
	}
	if m.PeakBytes != nil {
		words = append(words, "at most "+story.Bytes(*m.PeakBytes)+" so far")
	}
	words = append(words, limitWords("limit", m.MaxBytes, m.EffectiveMaxBytes, cgroup, func(n float64) string { return story.Bytes(uint64(n)) }))
	if m.HighBytes != nil && m.HighBytes.Value != nil {
		words = append(words, "slowed down from "+story.Bytes(uint64(*m.HighBytes.Value))+" on")
	}
	if m.SwapBytes != nil {
		words = append(words, story.Bytes(*m.SwapBytes)+" in swap")
	}
	switch swap := m.SwapMaxBytes; {
	case swap == nil:
	case swap.Unlimited:
		words = append(words, "swap unlimited")
	case *swap.Value == 0:
		words = append(words, "no swap allowed")
	default:
		words = append(words, "swap limit "+story.Bytes(uint64(*swap.Value)))
	}
	if e := m.Events; e != nil {
		if e.Max != nil && *e.Max > 0 {
			words = append(words, "limit reached "+times(*e.Max))
		}
		if e.OOMKill != nil && *e.OOMKill > 0 {
			words = append(words, "OOM-killed "+times(*e.OOMKill))
		}
	}
	return strings.Join(words, ", ")
}

func splitWords(m *resources.MemoryUse) string {
	var words []string
	for _, part := range []struct {
		name  string
		bytes *uint64
	}{{"anonymous", m.AnonBytes}, {"of files", m.FileBytes}, {"of the kernel", m.KernelBytes}, {"slab", m.SlabBytes}} {
		if part.bytes != nil {
			words = append(words, story.Bytes(*part.bytes)+" "+part.name)
		}
	}
	return strings.Join(words, ", ")
}

func cpuWords(c *resources.CPUUse, cgroup string) string {
	if c == nil {
		return unknownWords
	}
	var words []string
	if c.UsageSeconds != nil {
		words = append(words, decimal(*c.UsageSeconds)+" s used")
	}
	words = append(words, limitWords("quota", c.QuotaCores, c.EffectiveQuotaCores, cgroup, func(cores float64) string {
		if cores == 1 {
			return "1 core"
		}
		return decimal(cores) + " cores"
	}))
	switch {
	case c.Weight != nil:
		words = append(words, fmt.Sprint("weight ", *c.Weight))
	case c.Shares != nil:
		words = append(words, fmt.Sprint("shares ", *c.Shares))
	}
	if c.ThrottledRatio != nil && *c.ThrottledRatio > 0 {
		throttled := "throttled in " + decimal(*c.ThrottledRatio*100) + " % of the periods"
		if c.ThrottledSeconds != nil {
			throttled += " for " + decimal(*c.ThrottledSeconds) + " s"
		}
		words = append(words, throttled)
	}
	return strings.Join(words, ", ")
}

func pidsWords(p *resources.PIDsUse, cgroup string) string {
	if p == nil {
		return unknownWords
	}
	var words []string
	if p.Current != nil {
		words = append(words, fmt.Sprint(*p.Current, " in use"))
	}
	words = append(words, limitWords("limit", p.Max, p.EffectiveMax, cgroup, func(n float64) string { return fmt.Sprint(uint64(n)) }))
	if p.Refused != nil && *p.Refused > 0 {
		words = append(words, "refused "+times(*p.Refused))
	}
	return strings.Join(words, ", ")
}

func ioWords(io *resources.IOUse) string {
	if io == nil {
		return unknownWords
	}
	var words []string
	for _, way := range []struct {
		name          string
		bytes, number *uint64
	}{{"read", io.ReadBytes, io.Reads}, {"written", io.WriteBytes, io.Writes}} {
		if way.bytes == nil {
			continue
		}
		word := story.Bytes(*way.bytes) + " " + way.name
		if way.number != nil {
			word += " in " + requests(*way.number)
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return unknownWords
	}
	return strings.Join(words, ", ")
}

func pressureWords(p *resources.Pressures) string {
	if p == nil {
		return unknownWords
	}
	var words []string
	for _, of := range []struct {
		name string
		*resources.Pressure
	}{{"memory", p.Memory}, {"cpu", p.CPU}, {"io", p.IO}} {
		if of.Pressure == nil || of.Some == nil || of.Some.Avg10 == nil {
			words = append(words, of.name+" "+unknownWords)
			continue
		}
		word := of.name + " " + decimal(*of.Some.Avg10) + " %"
		if of.Full != nil && of.Full.Avg10 != nil {
			word += " (all tasks " + decimal(*of.Full.Avg10) + " %)"
		}
		words = append(words, word)
	}
	return "waiting in the last 10 s: " + strings.Join(words, ", ")
}

// limitWords describes the effective limit, and the cgroup's own if another one is tighter.
func limitWords(name string, own *fact.Limit, effective *resources.EffectiveLimit, cgroup string, say func(float64) string) string {
	limit := effective
	if limit == nil && own != nil {
		limit = &resources.EffectiveLimit{Limit: *own}
	}
	var words string
	switch {
	case limit == nil:
		return name + " " + unknownWords
	case limit.Unlimited || limit.Value == nil:
		words = "no " + name
	default:
		words = name + " " + say(*limit.Value)
		// Controllers on v1 may have other paths for the container; the value shows its own limit as well.
		if ownValue := own != nil && own.Value != nil && *own.Value == *limit.Value; limit == effective && limit.Cgroup != cgroup && !ownValue {
			if limit.Cgroup == "" {
				words += " set above what is visible"
			} else {
				words += " set by " + foreign.Clean(story.ShortPath(limit.Cgroup))
			}
			switch {
			case own == nil:
			case own.Unlimited:
				words += " (its own: none)"
			case own.Value != nil:
				words += " (its own: " + say(*own.Value) + ")"
			}
		}
	}
	if limit.Partial {
		words += " as far as is visible"
	}
	return words
}

func requests(n uint64) string {
	if n == 1 {
		return "1 request"
	}
	return strconv.FormatUint(n, 10) + " requests"
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return strconv.FormatUint(n, 10) + " times"
}

// decimal formats a number with at most two decimals.
func decimal(n float64) string {
	text := strconv.FormatFloat(n, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
