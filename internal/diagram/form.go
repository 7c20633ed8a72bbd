package diagram

import (
	"io"

	"github.com/nsviz/nsviz/internal/model"
)

// Form is a language in which diagrams are written.
type Form struct {
	// Name is what it is called, Ending that of its files' names.
	Name, Ending, MediaType string
	Write                   func(io.Writer, *model.Snapshot) error
}

// Forms returns all forms.
func Forms() []Form {
	return []Form{
		{"dot", "dot", "text/vnd.graphviz; charset=utf-8", WriteDOT},
		{"mermaid", "mmd", "text/plain; charset=utf-8", WriteMermaid},
		{"svg", "svg", "image/svg+xml", WriteSVG},
	}
}

// FormNamed returns the form of a name. It returns false if there is none.
func FormNamed(name string) (Form, bool) {
	for _, f := range Forms() {
		if f.Name == name {
			return f, true
		}
	}
	return Form{}, false
}
