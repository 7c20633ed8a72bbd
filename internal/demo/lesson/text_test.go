package lesson

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/demo"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

func startedContainer() *model.Container {
	return &model.Container{
		Label: "nsviz-demo-start1", Runtime: "docker",
		Phases: []event.Phase{
			{Name: "create", AtMS: -100}, {Name: "cgroup"}, {Name: "namespaces", AtMS: 50},
			{Name: "namespace_mnt", AtMS: 50, TookMS: new(0.67)}, {Name: "mounts", AtMS: 60},
			{Name: "mounts_last", AtMS: 100, Count: new(uint32(33))}, {Name: "exec", AtMS: 200}, {Name: "engine_start", AtMS: 220},
		},
	}
}

func TestStartText(t *testing.T) {
	want := `
nsviz-demo-start1, started by docker, came to be in 300 ms. No kernel had to
boot.
  engine prepares  ████████████████                                      100 ms
                   The engine gets files and a network ready and starts a shim
                   and a runtime, which makes the cgroup. That includes the
                   wait for the request to start it.
  namespaces                       ████████                             50.0 ms
                   The kernel makes its namespaces, mnt: what it sees from here
                   on. The call itself took 0.67 ms.
  gets ready                               ██                           10.0 ms
                   It reads its configuration, up to the first mount.
  mounts                                     ██████                     40.0 ms
                   33 mounts put together the files that it will see.
  waits, and execs                                 ████████████████      100 ms
                   The last steps, such as giving up rights and waiting to be
                   started; then it becomes the container's own program.
  engine reports                                                   ███  20.0 ms
                   The engine reports that the container has started.
Of 300 ms the engine's preparation took 100 ms and the runtime's work 200 ms;
the kernel took 0.67 ms of that to make the namespaces. The engine reported the
start 20.0 ms later.
`
	if diff := cmp.Diff(want, startText(startedContainer(), true, 80)); diff != "" {
		t.Errorf("at length (-want +got):\n%s", diff)
	}
	short := startText(startedContainer(), false, 80)
	if n := strings.Count(short, "\n"); n != 12 {
		t.Errorf("in short it has %d lines:\n%s", n, short)
	}
	byHand := &model.Container{Label: "nsviz-demo-start1", Runtime: "nsviz-demo", Phases: []event.Phase{{Name: "cgroup"}}}
	want = "\nnsviz-demo-start1, made by hand, without any engine, came to be in 0 ms. No\nkernel had to boot.\n"
	if diff := cmp.Diff(want, startText(byHand, true, 80)); diff != "" {
		t.Errorf("of which nothing is known (-want +got):\n%s", diff)
	}
}

func TestBootText(t *testing.T) {
	want := `
  container        █████                                                 300 ms
  virtual machine  ███████████████████████████████████████████████████  3000 ms
    before Linux   █████████████████                                    1000 ms
    Linux boots                     ██████████████████████████████████  2000 ms
The virtual machine took 3000 ms, 10 times as long: from the start of QEMU to
the first word of the program in it. For 1000 ms of that QEMU and its firmware
loaded and unpacked the kernel, and for 2000 ms that kernel booted, by its own
clock. The container's program runs on the kernel that was there already. QEMU
emulated it; with KVM a virtual machine boots faster.
`
	boot := demo.Boot{Total: 3 * time.Second, Guest: 2 * time.Second}
	if diff := cmp.Diff(want, "\n"+bootText(startedContainer(), boot, 80)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	boot.WithKVM = errors.New("QEMU ended before a program ran: failed to set MSR 0x10a\nassertion failed")
	text := strings.Join(strings.Fields(bootText(startedContainer(), boot, 80)), " ")
	if !strings.HasSuffix(text, "since KVM is of no use here: QEMU ended before a program ran: failed to set MSR 0x10a.") {
		t.Errorf("KVM in vain:\n%s", text)
	}
	// A slow container, a guest whose clock is wrong, and a start of which nothing is known.
	for _, boot := range []demo.Boot{{Total: time.Millisecond, Guest: time.Hour, KVM: true}, {}} {
		for _, c := range []*model.Container{startedContainer(), {}} {
			for _, line := range strings.Split(bootText(c, boot, 80), "\n") {
				if n := len([]rune(line)); n > 80 {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		}
	}
}

// Foreign text is made safe, however narrow the terminal.
func TestLessonTextIsSafe(t *testing.T) {
	hostile := "x\x1b[2J\u202ey"
	c := startedContainer()
	c.Label = hostile
	c.Runtime = hostile
	for _, w := range []int{0, 1, 30, 80, 120} {
		for _, text := range []string{
			startText(c, true, w), bootText(c, demo.Boot{WithKVM: errors.New(hostile)}, w), bootingText(demo.VM{Kernel: hostile, KVM: true}, w), noVMText(errors.New(hostile), w),
			bootText(c, demo.Boot{Total: 1, Guest: 1}, w),
		} {
			if strings.ContainsAny(text, "\x1b\u202e") {
				t.Errorf("in %d columns: %q", w, text)
			}
		}
	}
}
