//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/report"
)

// A real Prometheus that keeps exemplars and native histograms is led from the counter of OOM kills to the kill, which nsviz explains, and
// keeps the times of starts finely.
func TestExemplarLeadsToTheKill(t *testing.T) {
	const name = "nsviz-test-exemplar"
	removeContainer(t, name)
	address := freeAddress(t)
	serve := start(t, io.Discard, "serve", "--web.listen-address", address)
	ready := func() (status int) {
		response, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return 0 // it does not listen yet
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	eventually(t, func() bool { return ready() == http.StatusOK }, func() string { return "not ready:\n" + serve.stderr.String() })
	if !strings.Contains(serve.stderr.String(), "watching") {
		t.Errorf("ready before it watches:\n%s", serve.stderr)
	}
	p := startPrometheus(t, address, "--enable-feature=exemplar-storage,native-histograms")

	out := docker(t, "run", "--name", name, "--memory=32m", busyboxImage, "sh", "-c", "tail /dev/zero; "+readOwnCounter)
	own := float64(ownCount(t, out))
	counter := fmt.Sprintf(`nsviz_oom_kills_total{container=%q,scope="cgroup"}`, name)
	eventually(t, func() bool { list := p.now(t, counter); return len(list) == 1 && list[0].last() == own },
		func() string { return fmt.Sprint("Prometheus has not got the kill: ", p.now(t, counter)) })

	var exemplars []struct {
		SeriesLabels map[string]string
		Exemplars    []struct {
			Labels    map[string]string
			Timestamp float64
		}
	}
	begin, end := strconv.FormatInt(p.began.Unix()-1, 10), strconv.FormatInt(time.Now().Unix()+1, 10)
	p.get(t, "query_exemplars", url.Values{"query": {counter}, "start": {begin}, "end": {end}}, &exemplars)
	if len(exemplars) != 1 || len(exemplars[0].Exemplars) == 0 {
		t.Fatalf("no exemplar: %+v", exemplars)
	}
	latest := exemplars[0].Exemplars[len(exemplars[0].Exemplars)-1]
	id := latest.Labels["kill_id"]
	var a report.KillAnswer
	nsvizJSON(t, &a, "why", id, "--from", "http://"+address, "-o", "json")
	if a.Kill.OOM == nil || a.Kill.OOM.ID != id || a.Kill.Container == nil || a.Kill.Container.Name != name || a.Kill.OOM.Victim.Comm != "tail" {
		t.Errorf("%s is explained by %+v", id, a)
	}
	if at := float64(a.Kill.Time.UnixMilli()) / 1000; math.Abs(at-latest.Timestamp) > 0.002 {
		t.Errorf("the exemplar is of %v, the kill of %v", latest.Timestamp, at)
	}
	if text, _, code := nsviz(t, "why", strings.ToUpper(id), "--from", "http://"+address); code != 0 || !strings.HasPrefix(text, name+": the kernel killed tail (PID ") {
		t.Errorf("exit code %d: %s", code, text)
	}
	if _, said, code := nsviz(t, "why", "kill:0000000000000000", "--from", "http://"+address); code != 1 || !strings.Contains(said, "nothing is known of an OOM kill") {
		t.Errorf("a kill that nobody knows: exit code %d, %s", code, said)
	}
	events := fmt.Sprintf(`nsviz_events_total{type="oom_kill",instance=%q}`, address)
	p.get(t, "query_exemplars", url.Values{"query": {events}, "start": {begin}, "end": {end}}, &exemplars)
	if len(exemplars) != 1 || exemplars[0].Exemplars[len(exemplars[0].Exemplars)-1].Labels["kill_id"] == "" {
		t.Errorf("the count of events has no exemplar: %+v", exemplars)
	}

	// The native histogram has counted the start, to within a tenth of what the classic one says.
	sum, count := p.now(t, "histogram_sum(nsviz_container_start_seconds)"), p.now(t, "histogram_count(nsviz_container_start_seconds)")
	if len(sum) != 1 || len(count) != 1 || count[0].last() < 1 {
		t.Fatalf("no native histogram: %v, %v", sum, count)
	}
	samples := metrics(t, address)
	if samples["nsviz_container_start_seconds_count"] != strconv.FormatFloat(count[0].last(), 'f', -1, 64) {
		t.Errorf("%v starts, the text has %s", count[0].last(), samples["nsviz_container_start_seconds_count"])
	}
	if count[0].last() == 1 { // nobody else starts containers here
		middle := p.now(t, "histogram_quantile(0.5, nsviz_container_start_seconds)")
		if len(middle) != 1 || math.Abs(math.Log(middle[0].last()/sum[0].last())) > 0.1 {
			t.Errorf("the one start took %v, its bucket is around %v", sum, middle)
		}
	}
}
