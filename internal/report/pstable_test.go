package report

import (
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
)

// crowd returns containers in all states, one with a hostile name, and a machine.
func crowd() *model.Snapshot {
	up := func(label, image string) model.Container {
		c := model.Container{
			ID: strings.Repeat("7edab7c9", 8), Label: label, Named: true, Image: image, Runtime: "docker", State: model.Running, InitPID: 22518,
			Started: at(-180), OOMKills: new(uint64(2)), Restarts: new(uint64(0)),
			Memory: model.Memory{UsageBytes: new(uint64(3342336)), LimitBytes: new(uint64(64 << 20))},
		}
		for t := range c.Namespaces {
			c.Namespaces[t] = model.Membership{ID: uint64(100 + t), Relation: model.RelationOwn}
		}
		c.Namespaces[event.User].Relation, c.Namespaces[event.Time].Relation = model.RelationHost, model.RelationHost
		return c
	}
	side := up("sidecar", "envoy:1.36")
	side.Restarts = new(uint64(12))
	side.Namespaces[event.Net] = model.Membership{ID: 7, Relation: model.RelationShared, Group: 1}
	side.Namespaces[event.IPC] = model.Membership{ID: 8, Relation: model.RelationShared, Abandoned: &model.Abandoned{By: "web"}}
	paused := up("we\x1b[2Jb\n"+strings.Repeat("x", 60), "nginx:1.29")
	paused.State = model.Paused
	gone := ended(&event.Exit{Code: new(int32(137)), Signal: 9, Cause: event.CauseOOMKill})
	gone.OOMKills, gone.OOMKillsAtLeast = nil, 3
	return &model.Snapshot{
		Time: at(120), Containers: []model.Container{up("web", "nginx:1.29"), side, paused, gone},
		VMs: []model.VM{{VM: fact.VM{PID: 8212, Kind: fact.KindQEMU, Name: "lesson", Started: at(0)}}},
	}
}

// In 80 columns there is what matters most; where there is room, all of it.
func TestPsTable(t *testing.T) {
	narrow := crowd()
	narrow.Containers = narrow.Containers[:2]
	for _, test := range []struct {
		s     *model.Snapshot
		width int
		cells Cells
		want  string
	}{
		{narrow, 80, Cells{}, `
NAME        CONTAINER ID STATUS       RESTARTS NAMESPACES MEMORY  LIMIT  OOM
web         7edab7c97eda Up 5 minutes 0        ●●●●●○●○   3.2 MiB 64 MiB 2
sidecar     7edab7c97eda Up 5 minutes 12       ●●a!●○●○   3.2 MiB 64 MiB 2
lesson (VM) vm-8212      Up 2 minutes -        ????????   ?       -      -
`},
		{crowd(), 80, Cells{}, `
NAME             CONTAINER ID STATUS                   NAMESPACES MEMORY  OOM
web              7edab7c97eda Up 5 minutes             ●●●●●○●○   3.2 MiB 2
sidecar          7edab7c97eda Up 5 minutes             ●●a!●○●○   3.2 MiB 2
we\x1b[2…xxxxxxx 7edab7c97eda Paused                   ●●●●●○●○   3.2 MiB 2
web              a1a1a1a1a1a1 Exited (137)… OOM-killed ????????   ?       3+
lesson (VM)      vm-8212      Up 2 minutes             ????????   ?       -
`},
		{narrow, 120, Cells{}, `
NAME         CONTAINER ID  STATUS        RESTARTS  HOST PID  NAMESPACES  MEMORY   LIMIT   OOM  IMAGE
web          7edab7c97eda  Up 5 minutes  0         22518     ●●●●●○●○    3.2 MiB  64 MiB  2    nginx:1.29
sidecar      7edab7c97eda  Up 5 minutes  12        22518     ●●a!●○●○    3.2 MiB  64 MiB  2    envoy:1.36
lesson (VM)  vm-8212       Up 2 minutes  -         8212      ????????    ?        -       -    qemu; one … the host
`},
		{&model.Snapshot{Time: at(120), Containers: crowd().Containers[1:2]}, 0, Cells{}, `
NAME     CONTAINER ID  STATUS        RESTARTS  HOST PID  STARTED              mnt  pid  net      ipc   uts  user  cgroup  time  MEMORY   LIMIT   OOM  IMAGE
sidecar  7edab7c97eda  Up 5 minutes  12        22518     2026-11-23 19:57:00  own  own  shared1  dead  own  host  own     host  3.2 MiB  64 MiB  2    envoy:1.36
`},
		{&model.Snapshot{Time: at(120), Containers: crowd().Containers[3:]}, 80, Cells{NoTrunc: true}, `
NAME  CONTAINER ID                                                      STATUS                                  HOST PID  STARTED              mnt  pid  net  ipc  uts  user  cgroup  time  MEMORY  LIMIT  OOM  IMAGE
web   a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1  Exited (137) 2 minutes ago, OOM-killed  100       2026-11-23 19:59:00  ?    ?    ?    ?    ?    ?     ?       ?     ?       ?      3+   
`},
	} {
		if got := "\n" + tableText(t, test.s, test.width, test.cells); got != test.want {
			t.Errorf("in %d columns, %+v:%s\nwant%s", test.width, test.cells, got, test.want)
		}
	}
}

// Whatever the width, no line is wider, and nothing that comes from outside reaches the terminal as it is.
func TestPsFits(t *testing.T) {
	for width := 20; width <= 300; width++ {
		for line := range strings.Lines(tableText(t, crowd(), width, Cells{})) {
			line = strings.TrimSuffix(line, "\n")
			if foreign.Width(line) > width || foreign.Clean(line) != line {
				t.Fatalf("in %d columns: %q", width, line)
			}
		}
	}
}
