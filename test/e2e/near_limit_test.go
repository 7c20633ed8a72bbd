//go:build e2e

package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/report"
)

// TestForecastAndNextVictim has a container fill its memory at a steady pace. nsviz foretells when its limit is reached and whom the kernel
// chooses then.
func TestForecastAndNextVictim(t *testing.T) {
	const name = "nsviz-test-near-limit"
	address := startServe(t)
	events := startEvents(t)
	// Two programs keep what they have read until somebody takes it, while files in memory grow. On a busy host they fall behind
	// and catch up: the size of the file goes by the clock, so that its pace is steady.
	run(t, name, "--memory=64m", "--tmpfs=/big:size=64m", busyboxImage, "sh", "-c", `echo ready
		dd if=/dev/zero bs=6M count=1 2>/dev/null | sleep 1000 &
		dd if=/dev/zero bs=20M count=1 2>/dev/null | sleep 1000 &
		read up idle </proc/uptime; begun=${up%.*}${up#*.}; have=0
		while sleep 0.05; do
			read up idle </proc/uptime; more=$(( (${up%.*}${up#*.} - begun) / 8 - have )); have=$((have + more))
			[ $more -eq 0 ] || dd if=/dev/zero bs=256k count=$more >>/big/file 2>/dev/null
		done`)
	var w report.Workload
	var asked, answered time.Time // between these two it was as in w
	look := func() *report.Workload {
		var list []report.Workload
		asked = time.Now()
		nsvizJSON(t, &list, "ps", "-o", "json", "--from", address)
		answered = time.Now()
		for i := range list {
			if list[i].Name == name {
				w = list[i]
			}
		}
		return &w
	}
	describe := func() string {
		return fmt.Sprintf("memory %+v, forecast %+v, next victim %+v", w.Memory, w.Forecast, w.NextVictim)
	}
	eventually(t, func() bool { return look().Forecast != nil }, describe)
	in := time.Duration(w.Forecast.InSeconds * float64(time.Second))
	earliest, latest := asked.Add(in), answered.Add(in)
	if m, f := w.Memory, w.Forecast; m.WorkingSetBytes == nil || *m.WorkingSetBytes > *m.UsageBytes || f.LimitBytes != limit || f.BytesPerSecond < 256<<10 {
		t.Error(describe())
	}
	samples := metrics(t, address)
	for family, most := range map[string]float64{"nsviz_container_memory_working_set_bytes": limit, "nsviz_container_memory_limit_reached_in_seconds": w.Forecast.InSeconds + 2} {
		sample := fmt.Sprintf("%s{container=%q}", family, name)
		if got, err := strconv.ParseFloat(samples[sample], 64); err != nil || got <= 0 || got > most {
			t.Errorf("%s is %q, want at most %v", sample, samples[sample], most)
		}
	}
	eventually(t, func() bool { return look().NextVictim != nil }, describe)
	kill := events.await(t, 1, of(event.OOMKill, name))[0]
	if next := w.NextVictim; next.PID != kill.OOM.Victim.PID || next.Comm != "dd" || next.Cgroup != kill.OOM.Cgroup || next.ScorePages < 20<<20/4096 {
		t.Errorf("killed %+v, foretold %+v", kill.OOM.Victim, next)
	}
	if kill.Time.Before(earliest.Add(-3*time.Second)) || kill.Time.After(latest.Add(5*time.Second)) { // a busy host slows the container down
		t.Errorf("killed %v after the time that was foretold", kill.Time.Sub(latest))
	}
	t.Logf("killed %v after the time that was foretold", kill.Time.Sub(latest))
}
