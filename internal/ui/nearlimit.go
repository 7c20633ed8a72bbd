package ui

import (
	"cmp"
	"slices"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/story"
)

// nearest returns the containers of a snapshot that are near a memory limit: first those that reach it at the present pace, the soonest
// first.
func nearest(s *model.Snapshot, needle string) []*model.Container {
	var list []*model.Container
	for c := range s.All() {
		if c.Live() && (c.Forecast != nil || c.NextVictim != nil) && query.Containers.Match(c, needle) {
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b *model.Container) int {
		if a.Forecast != nil && b.Forecast != nil {
			return cmp.Compare(a.Forecast.In, b.Forecast.In)
		}
		return falseFirst(a.Forecast == nil, b.Forecast == nil)
	})
	return list
}

// nearLimit says of the container that is nearest to a memory limit when it reaches that, and whom the kernel would choose. On a screen of
// h rows it takes two at most, below a rule.
func (sc screen) nearLimit(h int) []line {
	list := nearest(sc.s, sc.state.Search)
	if len(list) == 0 || h < 12 {
		return nil
	}
	label := text(Plain, " ").add(Warn, " NEAR LIMIT").add(Plain, "  ")
	sentence := storyLine(story.NearLimit(list[0], sc.s), sc.s.Time)
	if others := len(list) - 1; others > 0 {
		sentence = sentence.add(Dim, " "+story.Count(uint64(others), "other is", "others are")+" near a limit, too.")
	}
	left := label.width()
	lines := capped(sentence.wrapIn(sc.w-left-1, 2, sc.w), 2)
	for i := range lines {
		head := label
		if i > 0 {
			head = line{}.space(left)
		}
		lines[i] = head[:len(head):len(head)].join(lines[i])
	}
	return append([]line{rule(nil, sc.w)}, lines...)
}
