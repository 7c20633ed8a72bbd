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
	case c.Kind == event.KindSandbox:
		words = strings.TrimSpace(c.Runtime + " sandbox")
	case c.Kind == event.KindService:
		words = "service"
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
