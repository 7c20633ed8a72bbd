package pipeline

import (
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/vmm"
)

// lookForVM adds a process to the survey if it is a virtual machine.
func (s *surveyor) lookForVM(pid int32, survey *fact.Survey) {
	m, ok, err := vmm.Detect(s.p.fs.Proc, pid, s.p.layout)
	if err != nil || !ok {
		return // or gone meanwhile
	}
	vm := m.VM
	if ref, ok := s.parser.Parse(m.Process.Cgroup); ok {
		vm.ContainerID = ref.ID
	}
	if boot := s.bootTime(); !boot.IsZero() {
		vm.Started = fact.Plain(boot.Add(time.Duration(m.Process.StartTime) * procfs.ClockTick))
	}
	survey.VMs = append(survey.VMs, vm)
}

// bootTime is read when it is first needed, and does not change: a VM's start does not either when somebody
// sets the clock.
func (s *surveyor) bootTime() time.Time {
	if s.boot.IsZero() {
		host, err := s.p.fs.Machine.Read()
		if err != nil {
			s.p.cfg.Log.Debug("boot time", "error", err)
		}
		s.boot = host.BootTime
	}
	return s.boot
}
