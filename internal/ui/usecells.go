package ui

import (
	"strconv"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/groups"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// nearQuota is the share of its CPU quota from which on a container is near it.
const nearQuota = 0.9

// useOf returns what a container uses; without a reading all of it is unknown.
func useOf(c *model.Container) model.Use {
	if c.Use == nil {
		return model.Use{}
	}
	return *c.Use
}

func cpuOf(c *model.Container) *float64            { return useOf(c).CPUPercent }
func throttledOf(c *model.Container) *float64      { return useOf(c).ThrottledPercent }
func swapOf(c *model.Container) *uint64            { return useOf(c).SwapBytes }
func tasksOf(c *model.Container) *uint64           { return useOf(c).Tasks }
func receivedOf(c *model.Container) *float64       { return useOf(c).ReceivedPerSecond }
func sentOf(c *model.Container) *float64           { return useOf(c).SentPerSecond }
func readOf(c *model.Container) *float64           { return useOf(c).ReadPerSecond }
func writtenOf(c *model.Container) *float64        { return useOf(c).WrittenPerSecond }
func memoryPressureOf(c *model.Container) *float64 { return useOf(c).MemoryPressure }
func cpuPressureOf(c *model.Container) *float64    { return useOf(c).CPUPressure }
func ioPressureOf(c *model.Container) *float64     { return useOf(c).IOPressure }

func workingSetOf(c *model.Container) *float64 {
	return asFloat(func(c *model.Container) *uint64 { return c.Memory.WorkingSetBytes })(c)
}

func cacheOf(c *model.Container) *float64 {
	return asFloat(func(c *model.Container) *uint64 { return c.Memory.CacheBytes() })(c)
}

// asFloat returns a function that returns what of does as another type.
func asFloat(of func(*model.Container) *uint64) func(*model.Container) *float64 {
	return func(c *model.Container) *float64 {
		if n := of(c); n != nil {
			return new(float64(*n))
		}
		return nil
	}
}

// tenths returns a percentage with a fraction if there is room for that.
func tenths(percent float64) string {
	if percent >= 999.95 {
		return strconv.FormatFloat(percent, 'f', 0, 64)
	}
	return strconv.FormatFloat(percent, 'f', 1, 64)
}

func whole(n float64) string { return strconv.FormatFloat(n, 'f', 0, 64) }

// plainOrDim is the style of a value: nothing is there if it is 0.
func plainOrDim(isZero bool) Style {
	if isZero {
		return Dim
	}
	return Plain
}

func percentText(percent *float64) line {
	if percent == nil {
		return text(Unknown, "?")
	}
	return text(plainOrDim(*percent < 0.05), tenths(*percent))
}

// cpuText returns the CPU time that a container takes; a ! says that it had to wait because of its quota.
func cpuText(c *model.Container) line {
	use := useOf(c)
	if use.CPUPercent == nil {
		return text(Unknown, "?")
	}
	if use.ThrottledPercent != nil && *use.ThrottledPercent > 0 {
		return text(Warn, tenths(*use.CPUPercent)+"!")
	}
	if quota := c.Limits.CPU; quota != nil && quota.Value != nil && *use.CPUPercent >= nearQuota**quota.Value*100 {
		return text(Warn, tenths(*use.CPUPercent))
	}
	return percentText(use.CPUPercent)
}

// pressureText returns a share of the time in which a task waited; from a tenth on, that is to be looked at.
func pressureText(percent *float64) line {
	if percent != nil && *percent >= 10 {
		return text(Warn, tenths(*percent)+"%")
	}
	if percent == nil {
		return text(Unknown, "?")
	}
	return percentText(percent).add(plainOrDim(*percent < 0.05), "%")
}

func bytesText(bytes *uint64) line {
	if bytes == nil {
		return text(Unknown, "?")
	}
	return text(plainOrDim(*bytes == 0), story.Bytes(*bytes))
}

func rateText(bytes *float64) line {
	if bytes == nil {
		return text(Unknown, "?")
	}
	return bytesText(new(uint64(*bytes + 0.5)))
}

// trafficText returns a rate of its network; if others are in that, too, it is nobody's.
func trafficText(c *model.Container, bytes *float64) line {
	if r := c.Namespaces[event.Net].Relation; bytes == nil && (r == model.RelationHost || r == model.RelationShared) {
		return text(Dim, "-")
	}
	return rateText(bytes)
}

// tasksText returns how many processes and threads there are, of how many there may be.
func tasksText(c *model.Container) line {
	tasks, limit := tasksOf(c), c.Limits.PIDs
	if tasks == nil {
		return text(Unknown, "?")
	}
	n := strconv.FormatUint(*tasks, 10)
	if limit == nil || limit.Value == nil {
		return text(Plain, n)
	}
	style := closeness(*tasks, uint64(*limit.Value))
	if style == Calm {
		style = Plain
	}
	return text(style, n+"/"+whole(*limit.Value))
}

// countText returns how often something happened.
func countText(n *uint64) line {
	if n == nil {
		return text(Unknown, "?")
	}
	return text(plainOrDim(*n == 0), strconv.FormatUint(*n, 10))
}

// fullInText returns how soon a container reaches a memory limit; nothing if that is not soon.
func fullInText(c *model.Container) line {
	if c.Forecast == nil {
		return nil
	}
	return text(Warn, "~"+story.Soon(c.Forecast.In))
}

// useSum is a sum over the live members of a group. atLeast is set if it is unknown for some of them; known, if it is known for any.
type useSum struct {
	n              float64
	known, atLeast bool
}

func sumUses(g *groups.Group, of func(*model.Container) *float64) (sum useSum) {
	for _, c := range g.Members {
		if !c.Live() {
			continue
		}
		if n := of(c); n != nil {
			sum.n += *n
			sum.known = true
		} else {
			sum.atLeast = true
		}
	}
	return sum
}

func (u useSum) text(words string) line {
	return sumText(groups.Sum{N: uint64(u.n), Known: u.known, AtLeast: u.atLeast}, plainOrDim(u.n == 0), words)
}

func sumBytes(g *groups.Group, of func(*model.Container) *float64) line {
	sum := sumUses(g, of)
	return sum.text(story.Bytes(uint64(sum.n + 0.5)))
}
