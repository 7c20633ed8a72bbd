package model

import (
	"cmp"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// Forecast says when a container runs out of memory if its working set goes on growing at the pace of the last seconds.
type Forecast struct {
	// Room is the limit that is reached: the container's own or one above it.
	Room fact.MemoryRoom
	// In is how long after the time of the snapshot it is reached.
	In time.Duration
	// BytesPerSecond is the pace.
	BytesPerSecond float64
}

const (
	// forecastWindow is how much of the past a forecast is made from, paceWindow how much of it determines the pace.
	forecastWindow = time.Minute
	paceWindow     = 15 * time.Second
	// forecastPoints is the least number of points that a forecast or a pace is made from.
	forecastPoints = 5
	// farthestForecast is the longest time for which growth is expected to go on.
	farthestForecast = 10 * time.Minute
	// mostFalls is the share of all pairs of points from which on a falling use counts as noise.
	mostFalls = 0.1
	// roomTTL is how long a reading of the working set stays valid. Far from a limit they are rare.
	roomTTL = 30 * time.Second
)

// roomPoint is the working set in one step of historyStep.
type roomPoint struct {
	at    instant
	bytes uint64
}

// forecast returns when the latest points, oldest first, reach a limit, as from the latest point. It returns false if that is not soon: they
// fall, are flat or noisy, are too few, or the limit is farther than farthestForecast.
func forecast(points []roomPoint, limit uint64) (in time.Duration, bytesPerSecond float64, soon bool) {
	n := len(points)
	if n < forecastPoints || points[n-1].bytes <= points[0].bytes { // the latter costs less than the slopes
		return 0, 0, false
	}
	// Garbage collection and requests that come and go make a use that rises again and again, and falls as often.
	if falls(points) > mostFalls {
		return 0, 0, false
	}
	recent := points
	if i := slices.IndexFunc(points, func(p roomPoint) bool { return points[n-1].at.sub(p.at) <= paceWindow }); n-i >= forecastPoints {
		recent = points[i:]
	}
	pace := slope(recent)
	if pace <= 0 {
		return 0, 0, false
	}
	seconds := float64(limit-min(points[n-1].bytes, limit)) / pace
	if seconds > farthestForecast.Seconds() {
		return 0, 0, false
	}
	return time.Duration(seconds * float64(time.Second)), pace, true
}

// falls returns the share of all pairs of points of which the later one is lower.
func falls(points []roomPoint) float64 {
	n, falling := len(points), 0
	for i, a := range points {
		for _, b := range points[i+1:] {
			if b.bytes < a.bytes {
				falling++
			}
		}
	}
	return float64(falling) / float64(n*(n-1)/2)
}

// slope returns the median of the slopes between all pairs of points (Theil and Sen), in bytes per second. Up to 29 % of the points may be
// far off without moving it much.
func slope(points []roomPoint) float64 {
	slopes := make([]float64, 0, len(points)*(len(points)-1)/2)
	for i, a := range points {
		for _, b := range points[i+1:] {
			slopes = append(slopes, (float64(b.bytes)-float64(a.bytes))/b.at.sub(a.at).Seconds())
		}
	}
	slices.SortFunc(slopes, cmp.Compare[float64])
	half := len(slopes) / 2
	if len(slopes)%2 == 0 {
		return (slopes[half] + slopes[half-1]) / 2
	}
	return slopes[half]
}

// room is what the model knows of the limit on a container's memory that is nearest to being reached.
type room struct {
	fact.MemoryRoom

	at     instant     // of the latest reading
	points []roomPoint // the last minute, oldest first
	kills  uint64      // as the kernel counted in the container at the latest reading
	// reachedIn is the forecast as of the latest reading, at a pace in bytes per second; valid if soon.
	reachedIn time.Duration
	pace      float64
	soon      bool
}

// take takes a reading of a limit. A kill or another limit begins a new series: what was before has no part in the growth since.
func (r *room) take(at instant, reading *fact.Reading) {
	kills := r.kills
	if reading.OOMKills != nil {
		kills = *reading.OOMKills
	}
	if r.Cgroup != reading.Room.Cgroup || kills != r.kills || at < r.at {
		r.points = nil
	}
	r.MemoryRoom, r.at, r.kills = *reading.Room, at, kills
	r.points = slices.DeleteFunc(r.points, func(p roomPoint) bool { return at.sub(p.at) >= forecastWindow })
	point := roomPoint{at, r.WorkingSetBytes}
	if n := len(r.points); n > 0 && stepOf(r.points[n-1].at) == stepOf(at) {
		r.points[n-1] = point
	} else {
		r.points = append(r.points, point)
	}
	r.reachedIn, r.pace, r.soon = forecast(r.points, r.LimitBytes)
}

// forecast returns the forecast at an instant; nil is none.
func (r *room) forecast(now instant) *Forecast {
	age := now.sub(r.at)
	if !r.soon || age > roomTTL {
		return nil
	}
	return &Forecast{Room: r.MemoryRoom, In: max(r.reachedIn-max(age, 0), 0), BytesPerSecond: r.pace}
}

// readWorkingSet takes what a reading has of the working set and the nearest limit.
func (c *container) readWorkingSet(at instant, reading *fact.Reading) {
	if reading.WorkingSetBytes != nil && reading.UsageBytes != nil {
		c.cached, c.cachedAt = new(*reading.UsageBytes-min(*reading.UsageBytes, *reading.WorkingSetBytes)), at
	}
	if reading.Room != nil {
		c.room.take(at, reading)
	}
}

// workingSetBytes returns the working set at an instant; nil is unknown. The usage is read more often: what was cached at the latest reading
// of both is taken for cached still. For an ended container both are of the last readings.
func (c *container) workingSetBytes(now instant) *uint64 {
	usage := c.reading.UsageBytes
	if c.cached == nil || usage == nil || c.live() && now.sub(c.cachedAt) > roomTTL {
		return nil
	}
	return new(*usage - min(*usage, *c.cached))
}
