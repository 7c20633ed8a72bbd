//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/webui"
	"github.com/nsviz/nsviz/internal/webui/webuitest"
)

// browser is Debian's Chromium with one tab, in which nothing may go wrong.
type browser struct {
	context.Context

	mu       sync.Mutex
	said     []string // by its console, and what was thrown
	requests []string
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("this test needs Chromium; on Debian: apt-get install chromium: %v", err)
	}
	dir, err := os.MkdirTemp("", "nsviz-chromium") //nolint:usetesting // a process that is ending may still write there, which t.TempDir takes for a failure
	if err != nil {
		t.Fatal(err)
	}
	options := chromedp.DefaultExecAllocatorOptions[:]
	allocator, stop := chromedp.NewExecAllocator(t.Context(), append(options, chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(patience))...)
	ctx, cancel := chromedp.NewContext(allocator)
	b := &browser{Context: ctx}
	t.Cleanup(func() {
		cancel()
		stop()
		_ = os.RemoveAll(dir)
	})
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return b
}

// begin forgets what was before.
func (b *browser) begin(t *testing.T) {
	t.Helper()
	b.do(t, chromedp.Navigate("about:blank"), chromedp.EmulateViewport(1280, 720))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said, b.requests = nil, nil
}

// note keeps what the tab says.
func (b *browser) note(happened any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := happened.(type) {
	case *runtime.EventConsoleAPICalled:
		b.said = append(b.said, fmt.Sprintf("console.%s", e.Type))
	case *runtime.EventExceptionThrown:
		b.said = append(b.said, "exception: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		b.said = append(b.said, e.Entry.Text+" "+e.Entry.URL)
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	}
}

// check fails if the console is not empty, or something was asked for elsewhere.
func (b *browser) check(t *testing.T, address string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, words := range b.said {
		t.Errorf("the console is not empty: %s", words)
	}
	for _, url := range b.requests {
		if !strings.HasPrefix(url, address+"/") && url != "about:blank" {
			t.Errorf("a request to another origin: %s", url)
		}
	}
	if len(b.requests) == 0 {
		t.Error("no request was seen")
	}
}

func (b *browser) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b, steps...); err != nil {
		t.Fatal(err)
	}
}

// open opens a view anew.
func (b *browser) open(t *testing.T, url string) {
	t.Helper()
	b.do(t, chromedp.Navigate(url), chromedp.Reload())
}

// until waits until an expression is true of the page. It may be about what is not there yet.
func (b *browser) until(t *testing.T, expression string) {
	t.Helper()
	if _, err := chromedp.Run(b, chromedp.Poll[chromedp.Void]("(() => { try { return Boolean("+expression+") } catch { return false } })()", chromedp.WithPollingTimeout(patience), chromedp.WithPollingInterval(20*time.Millisecond))); err != nil {
		page, _ := chromedp.Run(b, chromedp.Evaluate[string]("location.hash + '\\n' + document.body.innerText.slice(0, 1500)"))
		t.Fatalf("in vain: %s: %v\n%s", expression, err, page)
	}
}

// evaluated returns the value of an expression in the page.
func evaluated[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	v, err := chromedp.Run(b, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// press types a key where the focus is.
func (b *browser) press(t *testing.T, keys string) {
	t.Helper()
	b.do(t, chromedp.KeyEvent(keys))
}

// scene serves the page of a host that a test changes.
type scene struct {
	state   atomic.Pointer[func(time.Time) *model.Snapshot]
	address string
}

func (s *scene) show(of func(time.Time) *model.Snapshot) { s.state.Store(&of) }

func serveScene(t *testing.T, of func(time.Time) *model.Snapshot) *scene {
	t.Helper()
	s := &scene{}
	s.show(of)
	page, err := webui.New(webui.Config{Snapshot: func() *model.Snapshot { return (*s.state.Load())(time.Now()) }, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(page)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(page.Close)
	s.address = server.URL
	return s
}

// The page in the real browser: one for all, since its start takes long.
func TestBrowser(t *testing.T) {
	b := startBrowser(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *browser)
	}{{"views", browseViews}, {"hostile names", browseHostileNames}, {"many workloads", browseManyWorkloads}, {"a kill", browseKill}} {
		t.Run(test.name, func(t *testing.T) {
			b.begin(t)
			test.run(t, b)
		})
	}
}

// browseViews looks at every view, by clicks and by keys.
func browseViews(t *testing.T, b *browser) {
	now := time.Now()
	busy, killed := webuitest.Busy(now), webuitest.Busy(now)
	host := serveScene(t, func(time.Time) *model.Snapshot { return busy })
	hog := webuitest.ID(9)
	room := func(id string) string { return fmt.Sprintf(`document.querySelector('.room[data-key="%s"]')`, id) }

	b.open(t, host.address+"/")
	b.until(t, `document.querySelectorAll('.room').length === 10`)
	b.until(t, room(hog)+`.classList.contains('killed') && `+room(hog)+`.querySelector('.count').textContent === '× 12'`)
	// The count is legible, on whatever ground.
	fill := func(part string) string {
		return evaluated[string](t, b, `getComputedStyle(`+room(hog)+`.querySelector('`+part+`')).fill`)
	}
	if on, count := fill(".boom rect"), fill(".count"); on != "rgb(179, 38, 30)" || count != "rgb(238, 238, 238)" {
		t.Errorf("the count of kills is %s on %s", count, on)
	}
	b.until(t, `document.getElementById('status').textContent === 'live' && document.title.includes('node-1')`)
	if got := evaluated[int](t, b, `document.querySelectorAll('header, nav[aria-label], main, footer').length`); got != 4 {
		t.Errorf("%d landmarks", got)
	}

	// The map by keys: from room to room, and into one.
	b.press(t, kb.ArrowRight)
	b.until(t, `document.activeElement.classList.contains('room')`)
	b.do(t, chromedp.Focus(`.room[data-key="`+hog+`"]`))
	b.until(t, `document.getElementById('about-room').textContent.includes('63.9 of 64 MiB') && document.getElementById('about-room').textContent.includes('uses the host')`)
	b.press(t, kb.ArrowLeft)
	b.until(t, `document.activeElement.dataset.key !== '`+hog+`'`)
	b.do(t, chromedp.Focus(`.room[data-key="`+hog+`"]`))
	b.press(t, kb.Enter)
	b.until(t, `location.hash === '#/workload/`+hog+`' && document.querySelector('.box.sees tbody').rows.length === 8`)
	b.until(t, `document.querySelector('.box.uses .chart') && document.querySelector('.box.start .waterfall').rows.length > 8`)
	b.until(t, `document.querySelector('.box.history').textContent.includes("OOM killer") && document.querySelector('.box.hand code').textContent.includes('nsviz why')`)
	b.do(t, chromedp.NavigateBack())
	b.until(t, `document.querySelectorAll('.room').length === 10`)

	// The table: groups, a filter in the language of the command line, sorting, into a row and back.
	b.press(t, "2")
	b.until(t, `document.querySelectorAll('.workloads tbody tr:not(.heading)').length === 12 && document.querySelectorAll('tr.heading').length === 2`)
	b.press(t, "/")
	b.until(t, `document.activeElement.id === 'filter'`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.activeElement.select()`)) // the protocol types the / after its key was taken; a keyboard does not
	b.press(t, "oom>0 && status=running")
	b.until(t, `document.querySelectorAll('.workloads tbody tr').length === 1 && document.querySelector('.workloads tbody').textContent.includes('hog')`)
	b.press(t, " && nope=1")
	b.until(t, `document.getElementById('filter-problem').textContent.includes('nope')`)
	b.press(t, kb.Escape)
	b.until(t, `document.querySelectorAll('tr.heading').length === 2 && location.hash === '#/workloads'`)
	b.do(t, chromedp.Click(`th[data-column=memory] button`))
	b.until(t, `document.querySelector('th[data-column=memory]').getAttribute('aria-sort') === 'descending' && document.querySelectorAll('tr.heading').length === 0`)
	if got := evaluated[string](t, b, `document.querySelector('.workloads tbody a').textContent`); got != "shop-db-1" {
		t.Errorf("%s uses the most memory", got)
	}
	b.do(t, chromedp.Click(`.workloads tbody a`))
	b.until(t, `document.querySelector('.box.title').textContent.includes('shop-db-1')`)
	b.press(t, kb.Escape)
	b.until(t, `location.hash.startsWith('#/workloads?sort=memory')`)

	b.do(t, chromedp.Click(`#views a[data-path=namespaces]`))
	b.until(t, `document.querySelectorAll('.field').length === 8 && document.querySelector('.ring.shared').textContent.includes('sidecar')`)
	b.do(t, chromedp.Click(`#views a[data-path=kills]`))
	b.until(t, `document.querySelectorAll('.kills > li').length === 12`)
	b.do(t, chromedp.Click(`.kills summary`))
	b.until(t, `document.querySelector('.kills details[open] code').textContent.startsWith('cat /sys/fs/cgroup/docker/')`)

	// A kill is shown, and said aloud.
	killed.Kills = append(killed.Kills, webuitest.Kill(&killed.Containers[3], 1, now))
	host.show(func(time.Time) *model.Snapshot { return killed })
	b.until(t, `document.getElementById('announce').textContent.includes('OOM kill. web')`)

	b.press(t, "?")
	b.until(t, `document.querySelector('dialog[open]').textContent.includes('its own namespace')`)
	b.press(t, kb.Escape)
	b.until(t, `!document.querySelector('dialog')`)
	b.do(t, chromedp.Click("#theme"))
	b.until(t, `document.documentElement.dataset.theme === 'dark'`)
	b.do(t, chromedp.Reload())
	b.until(t, `getComputedStyle(document.documentElement).backgroundColor === 'rgb(16, 22, 29)'`)

	// On a phone nothing is wider than the screen.
	b.do(t, chromedp.EmulateViewport(360, 740))
	for _, view := range []string{"map", "workloads", "namespaces", "kills", "workload/" + hog} {
		b.do(t, chromedp.Evaluate[chromedp.Void](`location.hash = '#/`+view+`'`))
		b.until(t, `document.querySelector('main').children.length > 1 && document.querySelector('.room, tbody a, .field, .kills li, .box')`)
		if over := evaluated[int](t, b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("%s is wider than a phone by %d pixels", view, over)
		}
	}
	b.check(t, host.address)
}

// browseHostileNames checks that a name that would be a script is text in every view.
func browseHostileNames(t *testing.T, b *browser) {
	rude := webuitest.Rude(time.Now())
	host := serveScene(t, func(time.Time) *model.Snapshot { return rude })
	b.open(t, host.address+"/")
	b.until(t, `document.querySelectorAll('.room').length === 10`)
	for _, view := range []string{"workloads", "namespaces", "kills", "workload/" + webuitest.ID(9), "workload/vm-31007", `%3Cimg src=x onerror=document.title=1%3E`, "map"} {
		b.do(t, chromedp.Evaluate[chromedp.Void](`location.hash = '#/`+view+`'`))
		b.until(t, `document.querySelector('main').textContent.includes("</script><script>")`)
		if got := evaluated[int](t, b, `document.querySelectorAll('img, iframe, object, script:not([src^="ui/"]), [onerror]').length`); got != 0 {
			t.Errorf("%s: %d elements come from names", view, got)
		}
		if title := evaluated[string](t, b, `document.title`); title == "owned" || title == "1" {
			t.Errorf("%s: a name is a script", view)
		}
		if over := evaluated[int](t, b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("%s is wider than the screen by %d pixels", view, over)
		}
	}
	b.check(t, host.address)
}

// browseManyWorkloads checks that of 500 workloads, of which most change all the time, only what has changed is written, and that a tab that wants 500
// streams takes none from others.
func browseManyWorkloads(t *testing.T, b *browser) {
	const n = 500
	begun := time.Now()
	host := serveScene(t, func(at time.Time) *model.Snapshot {
		return webuitest.Crowd(at, n, int(at.Sub(begun)/(200*time.Millisecond)))
	})
	b.open(t, host.address+"/#/workloads")
	b.until(t, fmt.Sprintf(`document.querySelectorAll('.workloads tbody tr').length === %d`, n))
	evaluated[any](t, b, `(() => {
		const t = globalThis.seen = { added: 0, states: new Set(), long: 0 };
		new MutationObserver((list) => { for (const m of list) if (m.target.closest && m.target.tagName === 'TBODY') t.added += m.addedNodes.length; })
			.observe(document.querySelector('.workloads'), { childList: true, subtree: true });
		new PerformanceObserver((list) => { for (const e of list.getEntries()) t.long = Math.max(t.long, e.duration); }).observe({ type: 'longtask' });
		return null; })()`)
	b.until(t, `globalThis.seen.states.add(nsviz.store.name).size > 5`)
	if added := evaluated[int](t, b, `globalThis.seen.added`); added != 0 {
		t.Errorf("%d rows were made anew in five states", added)
	}
	t.Logf("the longest task took %.0f ms (0: none above 50)", evaluated[float64](t, b, `globalThis.seen.long`))
	b.do(t, chromedp.Evaluate[chromedp.Void](`location.hash = '#/map'`))
	b.until(t, fmt.Sprintf(`document.querySelectorAll('.room').length === %d`, n))
	evaluated[any](t, b, `(() => { globalThis.picture = document.querySelector('.floor'); globalThis.seen.states.clear(); return null; })()`)
	b.until(t, `globalThis.seen.states.add(nsviz.store.name).size > 3`)
	if !evaluated[bool](t, b, `globalThis.picture.isConnected`) {
		t.Error("the map was drawn anew, and no wall has changed")
	}

	evaluated[any](t, b, `(() => { globalThis.many = Array.from({ length: 500 }, () => new EventSource('ui/stream')); return null; })()`)
	b.until(t, `globalThis.many.filter((s) => s.readyState === 1).length > 1`)
	if body := get(t, host.address+"/ui/state"); !strings.Contains(body, "job-499") {
		t.Errorf("beside 500 streams others get %.200s", body)
	}
	evaluated[any](t, b, `(() => { for (const s of globalThis.many) s.close(); globalThis.seen.states.clear(); return null; })()`)
	b.until(t, `globalThis.seen.states.add(nsviz.store.name).size > 2`) // the page goes on
	b.check(t, host.address)
}

// browseKill looks at a container that outgrows its memory, as the page of nsviz serve shows it.
func browseKill(t *testing.T, b *browser) {
	const name = "nsviz-e2e-browser"
	address := "http://" + startServe(t)
	b.open(t, address+"/#/kills")
	b.until(t, `document.getElementById('status').textContent === 'live'`)
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, "--memory=64m", "--memory-swap=64m", stressImage, "stress-ng", "--vm", "1", "--vm-bytes", "200M", "--timeout", "60s", "--quiet")
	b.until(t, `(() => { const li = [...document.querySelectorAll('.kills > li')].find((li) => li.textContent.includes('`+name+`'));
		if (li && !globalThis.delay) globalThis.delay = Date.now() - Math.max(...[...nsviz.store.kills.values()].map((k) => k.at)); return Boolean(li); })()`)
	t.Logf("the latest kill is shown %.0f ms after it happened", evaluated[float64](t, b, `globalThis.delay`))
	b.do(t, chromedp.Evaluate[chromedp.Void](`location.hash = '#/map'`))
	b.until(t, `[...document.querySelectorAll('.room.killed')].some((a) => a.textContent.includes('`+name[:8]+`'))`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`location.hash = '#/workloads?filter=`+name+`'`))
	b.until(t, `document.querySelectorAll('.workloads tbody tr').length === 1 && document.querySelector('tr.killed .c-kills').textContent.startsWith('×')`)
	b.do(t, chromedp.Click(`.workloads tbody a`))
	b.until(t, `document.querySelector('.box.sees tbody').rows.length === 8 && document.querySelector('.box.processes').textContent.includes('stress-ng')`)
	b.until(t, `document.querySelector('.box.holes li') && document.querySelector('.box.start .waterfall') && document.querySelector('.box.made dd')`)
	id := docker(t, "inspect", "--format", "{{.Id}}", name)
	if hash := evaluated[string](t, b, `location.hash`); hash != "#/workload/"+id {
		t.Errorf("%s is the page of %s", hash, id)
	}
	pid := docker(t, "inspect", "--format", "{{.State.Pid}}", name)
	if words := evaluated[string](t, b, `document.querySelector('.box.title').textContent`); !strings.Contains(words, "PID "+pid+" on the host") {
		t.Errorf("its PID is %s: %s", pid, words)
	}
	docker(t, "rm", "-f", name)
	b.until(t, `document.querySelector('.box.title h2').textContent.includes('ago')`)
	b.check(t, address)
}
