package story

import (
	"fmt"
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// What returns what a container was made from or, if it has no image, by what; and how many containers run in it. "" is unknown.
func What(c *model.Container) string {
	words := c.Image
	switch {
	case words != "":
	case c.Kind == event.KindSandbox || c.Kind == event.KindService:
		words = Isolated(c.Kind, c.Runtime, c.InitComm)
	case c.Runtime == runtime.LXC, c.Runtime == runtime.Nspawn, c.Runtime == runtime.Runc, c.Runtime == runtime.Crun, c.Runtime == runtime.BuildKit:
		words = c.Runtime // which know no images
	}
	if c.Inside > 0 {
		inside := fmt.Sprintf("%d inside", c.Inside)
		if words == "" {
			return inside
		}
		return inside + ", " + words
	}
	return words
}

// kindWords returns the words for what no container runtime made: a bubblewrap sandbox, a service. "" is a container.
func kindWords(kind event.Kind, by string) string {
	switch kind {
	case event.KindSandbox:
		return strings.TrimSpace(by + " sandbox")
	case event.KindService:
		return "service"
	}
	return ""
}

// Isolated is kindWords with what its first process calls itself, which may be "".
func Isolated(kind event.Kind, by, program string) string {
	words := kindWords(kind, by)
	if kind == event.KindSandbox && program != "" {
		words += " (" + program + ")"
	}
	return words
}
