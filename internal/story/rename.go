package story

import "github.com/nsviz/nsviz/internal/model"

// formerNames says what a container was called before; nil if it has always had its name.
func formerNames(c *model.Container) Text {
	n := len(c.FormerNames)
	if n == 0 {
		return nil
	}
	latest := &c.FormerNames[n-1]
	t := text(Plain, "It was called ").add(Name, latest.Name).add(Plain, " until it was renamed at ").at(latest.Until, fullTime)
	for i := n - 2; i >= 0; i-- {
		t = t.add(Plain, ", before that ").add(Name, c.FormerNames[i].Name)
	}
	return t.add(Plain, ".")
}

func renameWords(r *model.Rename) Text {
	if r == nil {
		return text(Plain, "it was renamed")
	}
	return text(Plain, "it was ").add(Strong, "renamed").add(Plain, " from ").add(Name, r.From).add(Plain, " to ").add(Name, r.To)
}
