package lesson

import (
	"fmt"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/demo"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
	"github.com/nsviz/nsviz/internal/ui"
)

// startText draws the start of a container to scale: in detail it has a sentence on each step.
func startText(c *model.Container, atLength bool, w int) string {
	steps := story.StartSteps(c.Phases)
	var t strings.Builder
	t.WriteString("\n" + paragraph(startHead(c, steps), w))
	for i, drawn := range story.Chart(steps, w) {
		t.WriteString(drawn + "\n")
		if atLength {
			for _, line := range wrapped(steps[i].Sentence, w-story.StepLabel-4) {
				fmt.Fprintf(&t, "  %*s %s\n", story.StepLabel, "", line)
			}
		}
	}
	t.WriteString(paragraph(story.StartSummary(steps), w))
	return t.String()
}

func startHead(c *model.Container, steps []story.Step) string {
	how := "made by hand, without any engine"
	if c.Runtime != runtime.Demo {
		how = "started by " + c.Runtime
	}
	return fmt.Sprintf("%s, %s, came to be in %s. No kernel had to boot.", c.Label, how, story.Millis(story.StartTook(steps)))
}

// noVMText returns why there is no virtual machine to compare with.
func noVMText(err error, w int) string {
	return "\n" + paragraph("There is no virtual machine to compare with: "+err.Error()+".", w)
}

func bootingText(vm demo.VM, w int) string {
	how := "which emulates a processor, since there is no /dev/kvm that it could use"
	if vm.KVM {
		how = "with KVM"
	}
	return "\n" + paragraph("A virtual machine for comparison: QEMU, "+how+", boots "+vm.Kernel+
		" with nsviz as the only program in it.", w)
}

// bootText draws the boot of a virtual machine and the start of a container to one scale.
func bootText(c *model.Container, boot demo.Boot, w int) string {
	const label, took = 16, 9
	container := story.StartTook(story.StartSteps(c.Phases))
	longest := max(boot.Total, container, 1)
	wide := max(w-label-took-4, 8)
	var t strings.Builder
	row := func(name string, from, to time.Duration) {
		begin := min(int(float64(from)/float64(longest)*float64(wide)), wide-1)
		n := max(int(float64(to)/float64(longest)*float64(wide)+0.5)-begin, 1)
		fmt.Fprintf(&t, "  %-*s %s%s%s%*s\n", label, name, strings.Repeat(" ", begin), strings.Repeat("█", n),
			strings.Repeat(" ", max(wide-begin-n, 0)), took, story.Millis(to-from))
	}
	before := max(boot.Total-boot.Guest, 0)
	row("container", 0, container)
	row("virtual machine", 0, boot.Total)
	row("  before Linux", 0, before)
	row("  Linux boots", before, boot.Total)
	said := fmt.Sprintf("The virtual machine took %s, %s as long: from the start of QEMU to the first word of the program in it. For %s "+
		"of that QEMU and its firmware loaded and unpacked the kernel, and for %s that kernel booted, by its own clock. "+
		"The container's program runs on the kernel that was there already.", story.Millis(boot.Total), times(boot.Total, container),
		story.Millis(before), story.Millis(boot.Guest))
	switch {
	case boot.WithKVM != nil:
		why, _, _ := strings.Cut(boot.WithKVM.Error(), "\n")
		said += " QEMU emulated it, since KVM is of no use here: " + why + "."
	case !boot.KVM:
		said += " QEMU emulated it; with KVM a virtual machine boots faster."
	}
	t.WriteString(paragraph(said, w))
	return t.String()
}

// times returns in words how often b goes into a.
func times(a, b time.Duration) string {
	ratio := float64(a) / float64(max(b, 1))
	if ratio < 10 {
		return fmt.Sprintf("%.1f times", ratio)
	}
	return fmt.Sprintf("%.0f times", ratio)
}

// paragraph wraps text to lines of w columns. Foreign text is made safe.
func paragraph(text string, w int) string {
	if text == "" {
		return ""
	}
	return strings.Join(wrapped(text, w), "\n") + "\n"
}

func wrapped(text string, w int) []string { return ui.Wrap(foreign.Prose(text), max(w, 20)) }
