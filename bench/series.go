package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nsviz/nsviz/internal/metrics"
	"github.com/nsviz/nsviz/internal/server"
)

const (
	// seriesNodes hosts with seriesLive containers each are scraped, on which a container starts and another one ends every seriesChurn.
	seriesNodes = 2
	seriesLive  = 1000
	seriesChurn = 2 * time.Second
	// seriesFor is how long Prometheus scrapes them, every seriesInterval.
	seriesFor      = 85 * time.Second
	seriesInterval = "15s"
)

// The series that a large fleet can do without, as docs/FLEET.md has them: metric_relabel_configs drop those whose names match leanNames, and
// those whose names and types do leanTypes.
const (
	leanNames = `nsviz_.+_created|nsviz_container_namespace_shared|nsviz_container_pressure_stalled_seconds_total|nsviz_container_cpu_throttled_seconds_total|nsviz_container_swap_usage_bytes|nsviz_container_entries_total|nsviz_namespace_(created|joined)_total|nsviz_container_start_seconds_.+|go_.+|promhttp_.+`
	leanTypes = `nsviz_container_namespace_shared_with_host;(mnt|ipc|uts|user|cgroup|time)`
)

// seriesBudget measures what a real Prometheus needs for the series of hosts with many containers, with all series and without those that a
// large fleet can do without. The hosts are made up: the real collector and server over a model that is fed made-up facts.
func seriesBudget(string) error {
	if _, err := exec.LookPath("prometheus"); err != nil {
		return errors.New("needs Prometheus; on Debian: apt-get install prometheus")
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	var targets []string
	for i := range seriesNodes {
		n := newNode(i, seriesLive)
		address, serve, err := n.listen()
		if err != nil {
			return err
		}
		targets = append(targets, address)
		running.Go(func() { n.run(ctx, seriesChurn) })
		running.Go(func() {
			if err := serve(ctx); err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
			}
		})
	}
	empty, err := scrapeOf(newNode(0, 0))
	if err != nil {
		return err
	}
	full, err := scrapeOf(newNode(0, seriesLive))
	if err != nil {
		return err
	}
	fmt.Printf("  without containers %d series (%d of them times of creation, %d kept by the lean rules)\n", empty.series, empty.created, empty.lean)
	fmt.Printf("  a live container   %.1f series (%.1f times of creation, %.1f kept by the lean rules)\n", per(full.series-empty.series), per(full.created-empty.created), per(full.lean-empty.lean))
	fmt.Printf("  a scrape of %d     %.1f MB, %.0f ms to make\n", seriesLive, float64(full.bytes)/1e6, float64(full.took.Milliseconds()))
	base, err := watchWith(nil, false, 20*time.Second)
	if err != nil {
		return err
	}
	fmt.Printf("  Prometheus alone   %.0f MiB resident\n", base.resident/(1<<20))
	for _, lean := range []bool{false, true} {
		m, err := watchWith(targets, lean, seriesFor)
		if err != nil {
			return err
		}
		name := map[bool]string{false: "all series", true: "lean"}[lean]
		more := m.resident - base.resident
		fmt.Printf("  %-18s %.0f in the head for %d nodes of %d, %.0f samples/s, scrape %.2f s\n", name, m.head, seriesNodes, seriesLive, m.samples, m.scrape)
		fmt.Printf("  %-18s %.0f MiB resident, %.0f bytes a series, %.0f series a GiB, %.2f µs of CPU a sample\n", "", m.resident/(1<<20), more/m.head, m.head/(more/(1<<30)), m.cpu*1e6)
	}
	return nil
}

func per(n int) float64 { return float64(n) / seriesLive }

// exposed is what one scrape has.
type exposed struct {
	series, created, lean, bytes int
	took                         time.Duration
}

func scrapeOf(n *node) (e exposed, err error) {
	address, serve, err := n.listen()
	if err != nil {
		return e, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-done)
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+server.MetricsPath, nil)
	if err != nil {
		return e, err
	}
	request.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	began := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return e, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return e, err
	}
	e.took, e.bytes = time.Since(began), len(body)
	names, types := regexp.MustCompile("^("+leanNames+")$"), regexp.MustCompile("^("+leanTypes+")$")
	typeOf := regexp.MustCompile(`[{,]type="([^"]*)"`)
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		e.series++
		name := line[:strings.IndexAny(line, "{ ")]
		if strings.HasSuffix(name, "_created") {
			e.created++
		}
		typed := name + ";"
		if label := typeOf.FindStringSubmatch(line); label != nil {
			typed += label[1]
		}
		if !names.MatchString(name) && !types.MatchString(typed) {
			e.lean++
		}
	}
	return e, nil
}

// measured is what a Prometheus tells of itself.
type measured struct{ head, resident, samples, scrape, cpu float64 }

// watchWith runs a Prometheus that scrapes targets for a while, with all series or the lean ones.
func watchWith(targets []string, lean bool, watch time.Duration) (m measured, err error) {
	dir, err := os.MkdirTemp("", "nsviz-bench")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	config := fmt.Sprintf("global: {scrape_interval: %s}\nscrape_configs:\n- job_name: prometheus\n  static_configs: [{targets: ['127.0.0.1:19790']}]\n", seriesInterval)
	if len(targets) > 0 {
		config += "- job_name: nsviz\n  static_configs: [{targets: ['" + strings.Join(targets, "','") + "']}]\n"
		if lean {
			config += "  metric_relabel_configs:\n  - {source_labels: [__name__], regex: '" + leanNames + "', action: drop}\n" +
				"  - {source_labels: [__name__, type], regex: '" + leanTypes + "', action: drop}\n"
		}
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return m, err
	}
	b, err := startUntil("Server is ready to receive web requests", "prometheus", "--config.file="+file, "--storage.tsdb.path="+dir+"/data", "--web.listen-address=127.0.0.1:19790")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, b.end()) }()
	time.Sleep(watch)
	for _, q := range []struct {
		into *float64
		expr string
	}{
		{&m.head, "prometheus_tsdb_head_series"},
		{&m.samples, `sum(scrape_samples_post_metric_relabeling{job="nsviz"}) / 15 or vector(0)`},
		{&m.scrape, `max(scrape_duration_seconds{job="nsviz"}) or vector(0)`},
		{&m.cpu, `sum(rate(process_cpu_seconds_total{job="prometheus"}[1m])) / sum(rate(prometheus_tsdb_head_samples_appended_total[1m])) or vector(0)`},
	} {
		if *q.into, err = ask(q.expr); err != nil {
			return m, err
		}
	}
	kib, err := residentKiB(b.cmd.Process.Pid)
	m.resident = float64(kib) * 1024
	return m, err
}

// end stops a program that exits with 0 on SIGTERM.
func (b *background) end() error {
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return b.cmd.Wait()
}

// ask runs an instant query that has one value.
func ask(expr string) (float64, error) {
	response, err := http.Get("http://127.0.0.1:19790/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, err
	}
	if len(answer.Data.Result) != 1 {
		return 0, fmt.Errorf("%s has %d values", expr, len(answer.Data.Result))
	}
	text, _ := answer.Data.Result[0].Value[1].(string)
	return strconv.ParseFloat(text, 64)
}

// listen returns a node's address and what serves its metrics there, as nsviz serve does.
func (n *node) listen() (address string, serve func(context.Context) error, err error) {
	s, err := server.New(server.Config{
		Snapshot: n.snapshot, Full: n.snapshot, Build: metrics.BuildInfo{Version: "bench"}, Logger: slog.New(slog.DiscardHandler),
		Findings: func(string) map[string]int {
			return map[string]int{"info": 1, "low": 2, "medium": 0, "high": 0, "critical": 0}
		},
	})
	if err != nil {
		return "", nil, err
	}
	listeners, err := server.Listen([]string{"127.0.0.1:0"})
	if err != nil {
		return "", nil, err
	}
	return listeners[0].Addr().String(), func(ctx context.Context) error { return s.Serve(ctx, listeners) }, nil
}
