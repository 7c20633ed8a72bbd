package victim

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// Reader finds victims on one host.
type Reader struct {
	Proc      *procfs.Reader
	Resources *resources.Reader
	Layout    cgroupfs.Layout
}

// neverChosen is the oom_score_adj of processes that the OOM killer spares (OOM_SCORE_ADJ_MIN).
const neverChosen = -1000

// Next returns the process that the OOM killer would choose if the memory limit of the cgroup at path were reached now. nil means that
// it would choose none: it is off there, or there is no process that it may kill.
//
// It judges as oom_evaluate_task and oom_badness in mm/oom_kill.c do: all processes in the cgroup and those below it, the one with the
// highest score, the last one of equals.
func (r Reader) Next(path string) (*fact.NextVictim, error) {
	domain, err := r.Resources.OOMDomain(r.Layout, path)
	if err != nil || domain.Off {
		return nil, err
	}
	candidates, err := r.candidates(path, domain.TotalPages)
	if err != nil {
		return nil, fmt.Errorf("find the next victim in %s: %w", path, err)
	}
	slices.SortStableFunc(candidates, func(a, b fact.NextVictim) int { return cmp.Compare(a.ScorePages, b.ScorePages) })
	for i := range slices.Backward(candidates) {
		// The kernel's own score also has what nothing else shows: the first process of the host, a child of vfork that uses its
		// parent's memory, and a process whose memory has been taken already are spared.
		score, err := r.Proc.OOMScore(candidates[i].PID)
		if err != nil && !pseudofs.IsGone(err) {
			return nil, fmt.Errorf("find the next victim in %s: %w", path, err)
		}
		// One with -999 and little memory has the score 0, too.
		if err != nil || score == 0 && candidates[i].OOMScoreAdj > neverChosen+1 {
			continue
		}
		victim := candidates[i]
		victim.Group = resources.In(r.Layout).OOMGroup(victim.Cgroup, path)
		return &victim, nil
	}
	return nil, nil
}

// candidates returns the processes in the cgroup at path and below that the OOM killer would judge, with their scores.
func (r Reader) candidates(path string, totalPages uint64) ([]fact.NextVictim, error) {
	var list []fact.NextVictim
	err := r.Layout.WalkTree(path, func(c cgroupfs.Cgroup, _ string) error {
		pids, err := r.Layout.Procs(c.Path)
		if err != nil && !pseudofs.IsGone(err) {
			return err
		}
		for _, pid := range pids {
			traits, err := r.Proc.OOMTraits(pid)
			switch {
			case pseudofs.IsGone(err):
				continue
			case err != nil:
				return err
			case traits.Pages == 0 || traits.ScoreAdj == neverChosen:
				continue
			}
			list = append(list, fact.NextVictim{
				PID: pid, Comm: traits.Comm, Cgroup: c.Path, OOMScoreAdj: traits.ScoreAdj,
				ScorePages: int64(traits.Pages) + int64(traits.ScoreAdj)*int64(totalPages/1000),
			})
		}
		return nil
	})
	return list, err
}
