package story

import "github.com/nsviz/nsviz/internal/model"

// Restarts says how often a container was started again, by what nsviz saw and by its engine's own count; nil if it was not.
func Restarts(c *model.Container) Text {
	var t Text
	if c.Restarts != nil && *c.Restarts > 0 {
		t = text(Plain, "It was started again ").add(Strong, timesWords(*c.Restarts)).add(Plain, " since nsviz watches.")
	}
	v := c.EngineReport
	if v == nil && c.Previous != nil {
		v = c.Previous.EngineReport
	}
	if v != nil && v.RestartCount != nil && *v.RestartCount > 0 {
		t = t.sentence(text(Plain, engineBegins(c)+" counted ").add(Strong, Count(uint64(*v.RestartCount), "restart", "restarts")).
			add(Plain, " by its restart policy up to the latest end."))
	}
	return t
}
