package report

import (
	"encoding/json"
	"io"

	"github.com/nsviz/nsviz/internal/foreign"
)

// WriteJSON writes a report as indented JSON. Every name is complete in it, and characters that act on a terminal are escaped.
func WriteJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(foreign.JSONWriter(out))
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
