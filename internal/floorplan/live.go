package floorplan

import "github.com/nsviz/nsviz/internal/model"

// Live builds the rooms of all live containers and virtual machines.
func Live(s *model.Snapshot) Building {
	var containers []*model.Container
	for i := range s.Containers {
		if c := &s.Containers[i]; c.Live() {
			containers = append(containers, c)
		}
	}
	vms := make([]*model.VM, len(s.VMs))
	for i := range s.VMs {
		vms[i] = &s.VMs[i]
	}
	return Of(containers, vms, Selection{})
}
