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

// Isolated returns what something is that no container runtime has made, by its kind, what made it, and what its first process calls
// itself; the latter two may be "".
func Isolated(kind event.Kind, made, program string) string {
	if kind == event.KindService {
		return "service"
	}
	words := strings.TrimSpace(made + " sandbox")
	if program != "" {
		words += " (" + program + ")"
	}
	return words
}
