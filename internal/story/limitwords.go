package story

import (
	"slices"
	"strconv"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// LimitWords words a limit: 64 MiB, 1.5 CPUs, 100 processes, none.
func LimitWords(r fact.Resource, l fact.Limit) string {
	if l.Value == nil {
		return "none"
	}
	number := strconv.FormatFloat(*l.Value, 'f', -1, 64)
	switch {
	case r == fact.ResourceMemory || r == fact.ResourceSwap:
		return Bytes(uint64(*l.Value))
	case r == fact.ResourceCPU && *l.Value == 1:
		return "1 CPU"
	case r == fact.ResourceCPU:
		return number + " CPUs"
	case *l.Value == 1:
		return "1 process"
	}
	return number + " processes"
}

// limitOf returns the name of a resource's limit.
func limitOf(r fact.Resource) string {
	switch r {
	case fact.ResourceCPU:
		return "CPU limit"
	case fact.ResourcePIDs:
		return "limit of processes"
	}
	return string(r) + " limit"
}

func limitList(limits []model.LimitChange) []string {
	words := make([]string, len(limits))
	for i, l := range limits {
		words[i] = LimitWords(l.Resource, l.To)
		switch {
		case l.To.Value == nil:
			words[i] = "no " + limitOf(l.Resource)
		case l.Resource == fact.ResourceSwap && *l.To.Value == 0:
			words[i] = "no swap"
		case l.Resource == fact.ResourceMemory || l.Resource == fact.ResourceSwap:
			words[i] += " of " + string(l.Resource)
		}
	}
	return words
}

// changeWords describes limits that were changed. Where only a reading found that, by whom is not known, nor when
// exactly. id is the container whose limits they are.
func changeWords(m *model.Entry, id string) Text {
	known := m.By != nil || len(m.ByAnyOf) > 0
	var t Text
	if known {
		t = author(m.By, m.ByAnyOf, id)
	}
	verb := " changed"
	if slices.ContainsFunc(m.Limits, func(l model.LimitChange) bool { return l.From == nil }) {
		verb = " set" // perhaps to what it was
	}
	for i, l := range m.Limits {
		from, before := "", " (unknown before)"
		if l.From != nil {
			from, before = " from "+LimitWords(l.Resource, *l.From), ""
		}
		if known {
			if i > 0 {
				verb = ","
			}
			t = t.add(Plain, verb+" its "+limitOf(l.Resource)+from+" to ").add(Strong, LimitWords(l.Resource, l.To))
			if before != "" {
				t = t.add(Plain, before)
			}
			continue
		}
		if i > 0 {
			t = t.add(Plain, "; ")
		}
		t = t.add(Plain, "a reading found its "+limitOf(l.Resource)+" changed"+from+" to ").add(Strong, LimitWords(l.Resource, l.To))
		if !l.After.IsZero() {
			t = t.add(Plain, ", within the "+duration(m.Time.Sub(l.After))+" before")
		}
	}
	return t
}

// oneOf names those one of whom acted: all of them wrote before anybody could look.
func oneOf(list []event.Process, id string) Text {
	t := text(Plain, "one of ")
	for i := range list {
		switch {
		case i == 0:
		case i == len(list)-1:
			t = t.add(Plain, " and ")
		default:
			t = t.add(Plain, ", ")
		}
		t = t.join(author(&list[i], nil, id))
	}
	return t
}
