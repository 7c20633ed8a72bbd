package ui

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// killPlace has the kills in one container, or outside of all.
type killPlace struct {
	name          string
	kills         uint64
	first, latest *model.Kill
}

// killPlaces returns where kills fell, the most first. The list has the newest kills first.
func killPlaces(list []*model.Kill) []killPlace {
	var places []killPlace
	for _, k := range list {
		name := story.VictimPlace(k)
		i := slices.IndexFunc(places, func(p killPlace) bool { return p.name == name })
		if i < 0 {
			i = len(places)
			places = append(places, killPlace{name: name, latest: k})
		}
		places[i].kills++
		places[i].first = k
	}
	slices.SortStableFunc(places, func(a, b killPlace) int { return cmp.Compare(b.kills, a.kills) })
	return places
}

// killPlaceRows says in at most h rows, a rule among them, where the listed kills fell and how often: what fills the screen below a short
// list. It is empty where there is no room for that.
func (sc screen) killPlaceRows(list []*model.Kill, h int) []row {
	const least = 3 // a blank row, the rule and a place
	if h < least {
		return nil
	}
	places := killPlaces(list)
	rows := []row{{line: rule(text(Title, "where").add(Dim, ", the most kills first"), sc.w)}}
	name := min(max(sc.w/6, 10), 64)
	for i, p := range places {
		if len(rows) == h-1 && i < len(places)-1 {
			return append(rows, row{line: moreNote(0, i, len(places))})
		}
		if len(rows) == h {
			break
		}
		style := Name
		if story.VictimContainer(p.latest) == nil {
			style = Dim
		}
		l := line{}.space(marker).join(text(style, cutMiddle(p.name, name)).mark(sc.state.Search).fit(name)).space(1)
		l = l.join(text(KillMark, fmt.Sprint(killSign, p.kills)).right(6)).space(2)
		if p.kills == 1 {
			l = l.add(Plain, "at ").add(Number, clockIn(p.latest.Event.Time, sc.s.Time))
		} else {
			l = l.add(Number, clockIn(p.first.Event.Time, sc.s.Time)).add(Plain, " to ").add(Number, clockIn(p.latest.Event.Time, sc.s.Time)).
				add(Plain, ", one every "+pace(p.latest.When().Sub(p.first.When())/time.Duration(p.kills-1))) //nolint:gosec // a list has some thousand
		}
		rows = append(rows, row{line: l.add(Plain, ", the latest of ").add(Strong, story.VictimComm(p.latest))})
	}
	return rows
}

// pace returns the time between two things of many.
func pace(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}
