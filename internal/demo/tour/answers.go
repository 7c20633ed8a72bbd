package tour

import (
	"cmp"
	"fmt"

	"github.com/nsviz/nsviz/internal/story"
)

// answers answers the three questions with what this host has shown.
func (t *tour) answers() error {
	text := "\nThree questions, answered by this host\n"
	for _, qa := range [][2]string{
		{"Why does a container start in milliseconds, and a virtual machine in seconds?", t.whyFast()},
		{"Why does docker logs say nothing about an OOM kill?", t.whySilent()},
		{"Can a container load a kernel module? What is shared?", t.whatIsShared()},
	} {
		text += "\n" + t.paragraphs(qa[0]) + t.indented(qa[1])
	}
	return t.print(text)
}

func (t *tour) whyFast() string {
	l := t.lesson.Learned()
	switch {
	case l.Start == 0:
		return "nsviz has seen no start here."
	case l.NoBoot != "":
		return fmt.Sprintf("The container's program ran %s after it was asked for, on a kernel that was there already. How long a boot takes was not seen here: %s.",
			story.Millis(l.Start), l.NoBoot)
	}
	return fmt.Sprintf("The container's program ran after %s, on a kernel that was there already. The virtual machine's ran after %s, of which its own kernel booted for %s.",
		story.Millis(l.Start), story.Millis(l.Boot), story.Millis(l.Guest))
}

func (t *tour) whySilent() string {
	if t.kill == nil {
		return "There was no kill to look at here."
	}
	return fmt.Sprintf("The kernel killed %s (PID %d) with a SIGKILL, which it could not answer, and counted that in %s. The container's stdout is %s, into which only its processes write.",
		story.VictimComm(t.kill), story.VictimPID(t.kill), t.counter, cmp.Or(t.log, "unknown"))
}

func (t *tour) whatIsShared() string {
	c, err := t.running(subject)
	if err != nil {
		return err.Error()
	}
	modules, err := t.modules(c)
	if err != nil {
		return err.Error()
	}
	release, err := t.release()
	if err != nil {
		return err.Error()
	}
	_, host, err := t.ownNamespaces(c.InitPID)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s Shared are the kernel, Linux %s, and those namespaces of %s that are the host's: %s.", modules, release, c.Label, listed(host))
}
