package survey

import (
	"fmt"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/vmm"
)

// lookForVM adds a process to the survey if it is a virtual machine.
func (s *survey) lookForVM(pid int32) {
	var m vmm.Machine
	var ok bool
	err := s.Mishaps.Do(mishap.Machine, fmt.Sprintf("PID %d", pid), func() (err error) {
		m, ok, err = vmm.Detect(s.Proc, pid, s.Layout)
		return err
	})
	if err != nil || !ok {
		return // or gone meanwhile
	}
	vm := m.VM
	if ref, ok := s.parser.Parse(m.Process.Cgroup); ok && !ref.Unsure {
		vm.ContainerID = ref.ID
	}
	if boot := s.bootTime(); !boot.IsZero() {
		vm.Started = fact.Plain(boot.Add(time.Duration(m.Process.StartTime) * procfs.ClockTick))
	}
	s.vms = append(s.vms, vm)
}

// bootTime is read when it is first needed, and does not change: a VM's start does not either when somebody
// sets the clock.
func (s *surveyor) bootTime() time.Time {
	if s.boot.IsZero() {
		host, err := s.Machine.Read()
		if err != nil {
			s.Log.Debug("boot time", "error", err)
		}
		s.boot = host.BootTime
	}
	return s.boot
}
