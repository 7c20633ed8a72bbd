package ui

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gdamore/tcell/v2"
	"go.uber.org/goleak"

	"github.com/nsviz/nsviz/internal/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// simulated is a simulated screen that reports when it was drawn and when it was restored.
type simulated struct {
	tcell.SimulationScreen

	initErr error
	shown   chan string // what is on the screen, after each frame
	ready   chan struct{}
	fini    atomic.Int32
	mouse   []string // whether it was taken from the terminal or left there
	steps   []string // of a suspension
	once    sync.Once
}

func newSimulated() *simulated {
	return &simulated{
		SimulationScreen: tcell.NewSimulationScreen("UTF-8"),
		shown:            make(chan string, 1), ready: make(chan struct{}),
	}
}

func (s *simulated) Init() error {
	if s.initErr != nil {
		return s.initErr
	}
	err := s.SimulationScreen.Init()
	s.SetSize(120, 40)
	return err
}

// Show keeps the latest frame for await.
func (s *simulated) Show() {
	s.SimulationScreen.Show()
	var b strings.Builder
	cells, w, _ := s.GetContents()
	for i, c := range cells {
		b.Write(c.Bytes)
		if (i+1)%w == 0 {
			b.WriteByte('\n')
		}
	}
	select {
	case <-s.shown:
	default:
	}
	s.shown <- b.String()
	s.once.Do(func() { close(s.ready) })
}

func (s *simulated) EnableMouse(flags ...tcell.MouseFlags) {
	s.mouse = append(s.mouse, "taken")
	s.SimulationScreen.EnableMouse(flags...)
}

func (s *simulated) DisableMouse() {
	s.mouse = append(s.mouse, "left")
	s.SimulationScreen.DisableMouse()
}

func (s *simulated) Suspend() error {
	s.steps = append(s.steps, "suspend")
	return s.SimulationScreen.Suspend()
}

func (s *simulated) Resume() error {
	s.steps = append(s.steps, "resume")
	return s.SimulationScreen.Resume()
}

func (s *simulated) Fini() {
	s.fini.Add(1)
	s.SimulationScreen.Fini()
}

// await waits for a frame that has a text on it.
func (s *simulated) await(t *testing.T, want string) string {
	t.Helper()
	for {
		select {
		case frame := <-s.shown:
			if strings.Contains(frame, want) {
				return frame
			}
		case <-t.Context().Done():
			t.Fatalf("no frame has %q", want)
		}
	}
}

// start runs the dashboard; the returned function waits for its end.
func start(ctx context.Context, o Options) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- Run(ctx, o) }()
	return func() error { return <-done }
}

func TestRunDrawsAnswersKeysAndQuits(t *testing.T) {
	screen := newSimulated()
	wait := start(t.Context(), Options{
		Screen: screen, Snapshots: scene,
		Notes: func() []string { return []string{"metrics: port in use"} },
	})
	frame := screen.await(t, "metrics: port in use")
	for _, want := range []string{"nsviz", "sidecar", "OOM KILL", "● live"} {
		if !strings.Contains(frame, want) {
			t.Errorf("the first frame has no %q:\n%s", want, frame)
		}
	}
	screen.InjectKey(tcell.KeyTab, 0, 0)
	screen.InjectKey(tcell.KeyTab, 0, 0)
	screen.await(t, "WHO IS IN IT")
	screen.InjectKey(tcell.KeyRune, '?', 0)
	screen.await(t, "What is this?")
	screen.InjectKey(tcell.KeyEsc, 0, 0)
	screen.await(t, "WHO IS IN IT")
	screen.InjectKey(tcell.KeyCtrlL, 0, 0)
	screen.InjectKey(tcell.KeyRune, 'q', 0)
	if err := wait(); err != nil {
		t.Errorf("quitting: %v", err)
	}
	if n := screen.fini.Load(); n != 1 {
		t.Errorf("the terminal was given back %d times", n)
	}
}

// A click selects, two open; moving with the button held does nothing. Without the mouse, the terminal has it.
func TestRunAnswersTheMouse(t *testing.T) {
	screen := newSimulated()
	wait := start(t.Context(), Options{Screen: screen, Snapshots: scene})
	frame := screen.await(t, "HOST PID")
	y := slices.IndexFunc(strings.Split(frame, "\n"), func(l string) bool { return strings.Contains(l, "sidecar ") })
	press := func() {
		screen.InjectMouse(5, y, tcell.ButtonPrimary, 0)
		screen.InjectMouse(6, y, tcell.ButtonPrimary, 0) // held by an unsteady hand
		screen.InjectMouse(6, y, tcell.ButtonNone, 0)
	}
	screen.InjectMouse(5, y-1, tcell.ButtonPrimary, 0) // a try to select text
	screen.InjectMouse(25, y-1, tcell.ButtonNone, 0)
	press()
	if frame = screen.await(t, "▸ sidecar"); !strings.Contains(frame, "HOST PID") {
		t.Errorf("one click opens:\n%s", frame)
	}
	press()
	screen.await(t, "sidecar is one ordinary process")
	screen.InjectKey(tcell.KeyEsc, 0, 0)
	screen.await(t, "▸ sidecar")
	screen.InjectMouse(5, y, tcell.WheelUp, 0)
	screen.InjectMouse(5, y, tcell.WheelUp, 0)
	screen.await(t, "▸ agent")
	screen.InjectKey(tcell.KeyRune, 'm', 0)
	screen.await(t, "the mouse is the terminal's")
	screen.InjectKey(tcell.KeyRune, 'q', 0)
	if err := wait(); err != nil {
		t.Error(err)
	}
	if want := []string{"taken", "left"}; !slices.Equal(screen.mouse, want) {
		t.Errorf("the mouse was %q, want %q", screen.mouse, want)
	}
}

// Ctrl-Z gives the terminal back before the process stops, and takes it again behind that.
func TestRunSuspends(t *testing.T) {
	screen := newSimulated()
	answers := make(chan bool)
	wait := start(t.Context(), Options{Screen: screen, Snapshots: scene, Stop: func() (bool, error) {
		screen.steps = append(screen.steps, "stop")
		return <-answers, nil
	}})
	screen.await(t, "sidecar")
	screen.InjectKey(tcell.KeyCtrlZ, 0, 0)
	answers <- true
	screen.await(t, "sidecar")
	screen.InjectKey(tcell.KeyCtrlZ, 0, 0)
	answers <- false
	screen.await(t, "there is no shell to go back to")
	screen.InjectKey(tcell.KeyRune, 'q', 0)
	if err := wait(); err != nil {
		t.Error(err)
	}
	once := []string{"suspend", "stop", "resume"}
	if want := slices.Concat(once, once); !slices.Equal(screen.steps, want) {
		t.Errorf("%q, want %q", screen.steps, want)
	}
}

func TestRunCopies(t *testing.T) {
	screen := newSimulated()
	wait := start(t.Context(), Options{Screen: screen, Snapshots: scene})
	screen.await(t, "sidecar")
	screen.InjectKey(tcell.KeyRune, 'G', 0)
	screen.InjectKey(tcell.KeyRune, 'y', 0)
	screen.await(t, "copied the id of hog")
	if got := string(screen.GetClipboardData()); got != hogID {
		t.Errorf("the clipboard has %q", got)
	}
	screen.InjectKey(tcell.KeyRune, 'q', 0)
	if err := wait(); err != nil {
		t.Error(err)
	}
}

func TestDoubleClick(t *testing.T) {
	began := time.Now()
	sh := &shell{}
	var got []bool
	for _, tt := range []struct {
		x     int
		after time.Duration
	}{{5, 0}, {5, doubleClick}, {5, doubleClick + 1}, {5, 3 * doubleClick}, {6, 3*doubleClick + 1}, {6, 3*doubleClick + 2}} {
		press := tcell.NewEventMouse(tt.x, 3, tcell.ButtonPrimary, 0)
		now := began.Add(tt.after)
		sh.mouse(press, now)
		got = append(got, sh.mouse(tcell.NewEventMouse(tt.x, 3, tcell.ButtonNone, 0), now).Double)
	}
	if want := []bool{false, true, false, false, false, true}; !slices.Equal(got, want) {
		t.Errorf("double: %v, want %v", got, want)
	}
}

func TestRunFollowsChanges(t *testing.T) {
	screen := newSimulated()
	var latest atomic.Pointer[model.Snapshot]
	latest.Store(sceneFirst())
	changed := make(chan struct{}, 1)
	wait := start(t.Context(), Options{Screen: screen, Snapshots: latest.Load, Changed: changed, Replay: true})
	screen.await(t, "▶ replay")
	for range 3 {
		latest.Store(sceneEmpty())
		changed <- struct{}{}
		screen.await(t, "At this point of the recording")
		latest.Store(scene())
		changed <- struct{}{}
		screen.await(t, "sidecar")
	}
	// A source that ends leaves the last picture on the screen.
	close(changed)
	screen.InjectKey(tcell.KeyRune, '7', 0)
	screen.await(t, "How nsviz learns each fact")
	screen.InjectKey(tcell.KeyCtrlC, 0, 0)
	if err := wait(); err != nil {
		t.Error(err)
	}
}

func TestRunResizes(t *testing.T) {
	screen := newSimulated()
	wait := start(t.Context(), Options{Screen: screen, Snapshots: scene})
	screen.await(t, "what it sees: namespaces")
	for _, size := range []struct {
		w, h int
		want string
	}{{80, 24, "m mnt  p pid  n net"}, {20, 5, "nsviz ● 4 ct 12 OOM"}, {200, 50, "IMAGE"}} {
		screen.SetSize(size.w, size.h)
		if err := screen.PostEvent(tcell.NewEventResize(size.w, size.h)); err != nil {
			t.Fatal(err)
		}
		screen.await(t, size.want)
	}
	screen.InjectKey(tcell.KeyRune, 'q', 0)
	if err := wait(); err != nil {
		t.Error(err)
	}
}

func TestRunGivesTheTerminalBack(t *testing.T) {
	t.Run("when the context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		screen := newSimulated()
		wait := start(ctx, Options{Screen: screen, Snapshots: scene})
		<-screen.ready
		cancel()
		if err := wait(); err != nil {
			t.Errorf("a context that ends is no failure: %v", err)
		}
		if screen.fini.Load() != 1 {
			t.Error("the terminal was not given back")
		}
	})
	t.Run("when the terminal fails", func(t *testing.T) {
		screen := newSimulated()
		wait := start(t.Context(), Options{Screen: screen, Snapshots: scene})
		<-screen.ready
		gone := errors.New("hung up")
		if err := screen.PostEvent(tcell.NewEventError(gone)); err != nil {
			t.Fatal(err)
		}
		if err := wait(); err == nil || !strings.Contains(err.Error(), "hung up") {
			t.Errorf("got %v", err)
		}
		if screen.fini.Load() != 1 {
			t.Error("the terminal was not given back")
		}
	})
	t.Run("when it panics", func(t *testing.T) {
		screen := newSimulated()
		recovered := make(chan any, 1)
		go func() {
			defer func() { recovered <- recover() }()
			_ = Run(t.Context(), Options{Screen: screen, Snapshots: func() *model.Snapshot { panic("a bug") }})
		}()
		if r, ok := (<-recovered).(string); !ok || !strings.HasPrefix(r, "a bug\n\ngoroutine ") {
			t.Errorf("the panic became %v", r)
		}
		if screen.fini.Load() != 1 {
			t.Error("the terminal was not given back")
		}
	})
	t.Run("when there is none", func(t *testing.T) {
		screen := newSimulated()
		screen.initErr = errors.New("not a terminal")
		err := Run(t.Context(), Options{Screen: screen, Snapshots: scene})
		if !errors.Is(err, screen.initErr) || !strings.Contains(err.Error(), "nsviz serve") {
			t.Errorf("got %v", err)
		}
	})
}

func TestShellCopiesWideRunesAndStyles(t *testing.T) {
	screen := newSimulated()
	if err := screen.Init(); err != nil {
		t.Fatal(err)
	}
	defer screen.SimulationScreen.Fini()
	sh := &shell{screen: screen, styles: tcellStyles(&anywhere)}
	f := newFrame(12, 1)
	f.set(0, row{line: text(Name, "データ").add(KillMark, "×").add(Plain, " e\u0301"), selected: true})
	sh.copy(f)
	for _, tt := range []struct {
		x     int
		text  string
		style Style
	}{{0, "デ", Name}, {2, "ー", Name}, {4, "タ", Name}, {6, "×", KillMark}, {8, "e\u0301", Plain}, {11, " ", Plain}} {
		text, style, _ := screen.Get(tt.x, 0)
		if text != tt.text || style != sh.styles[tt.style|Selected] {
			t.Errorf("column %d: %q in %v, want %q in %v", tt.x, text, style, tt.text, tt.style)
		}
	}
}

func TestShellDrawsAtMostTenTimesASecond(t *testing.T) {
	screen := newSimulated()
	var frames atomic.Int32
	changed := make(chan struct{})
	began := time.Now()
	wait := start(t.Context(), Options{Screen: screen, Changed: changed, Snapshots: func() *model.Snapshot {
		frames.Add(1)
		return scene()
	}})
	for range 5000 {
		changed <- struct{}{}
	}
	screen.InjectKey(tcell.KeyRune, 'q', 0)
	if err := wait(); err != nil {
		t.Error(err)
	}
	// One for each gap, the first, and those of the clock.
	took := time.Since(began)
	if most := int32(took/frameGap + took/clockTick + 2); frames.Load() > most {
		t.Errorf("%d frames in %v", frames.Load(), took)
	}
}

// A kill is drawn soon after the frame before it, other changes later; a storm of kills keeps a gap, too.
func TestUrgentChangesAreDrawnSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen := newSimulated()
		changed, urgent := make(chan struct{}, 1), make(chan struct{}, 1)
		var mu sync.Mutex // guards frames
		var frames []time.Duration
		drawn := func() []time.Duration {
			mu.Lock()
			defer mu.Unlock()
			return frames
		}
		began := time.Now()
		wait := start(t.Context(), Options{Screen: screen, Changed: changed, Urgent: urgent, Snapshots: func() *model.Snapshot {
			mu.Lock()
			defer mu.Unlock()
			frames = append(frames, time.Since(began))
			return scene()
		}})
		next := func(by ...chan struct{}) time.Duration {
			t.Helper()
			synctest.Wait()
			n, now := len(drawn()), time.Since(began)
			for _, c := range by {
				c <- struct{}{}
			}
			for len(drawn()) == n {
				<-time.After(time.Millisecond)
				synctest.Wait()
			}
			return drawn()[n] - now
		}
		for _, step := range []struct {
			name  string
			after time.Duration
			by    []chan struct{}
			want  time.Duration
		}{
			{"a change after a while", time.Second / 2, []chan struct{}{changed}, 0},
			{"another one right after that", 0, []chan struct{}{changed}, frameGap},
			{"a kill right after that", 0, []chan struct{}{urgent, changed}, urgentGap},
			{"a second kill", 0, []chan struct{}{urgent, changed}, urgentGap},
			{"a kill a moment later", urgentGap, []chan struct{}{urgent}, 0},
			{"a kill after a while", time.Second / 2, []chan struct{}{urgent, changed}, 0},
		} {
			<-time.After(step.after)
			if got := next(step.by...); (got - step.want).Abs() > 2*time.Millisecond {
				t.Errorf("%s: drawn after %v, want %v", step.name, got, step.want)
			}
		}
		screen.InjectKey(tcell.KeyRune, 'q', 0)
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// The clocks go on by seconds, and by two seconds while nothing happens for long; a key or a change ends that.
func TestClocksWhileNothingHappens(t *testing.T) {
	for name, watched := range map[string]bool{"changes are signalled": true, "changes are not signalled": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				screen := newSimulated()
				changed := make(chan struct{}, 1)
				o := Options{Screen: screen}
				if watched {
					o.Changed = changed
				}
				var frames atomic.Int32
				o.Snapshots = func() *model.Snapshot {
					frames.Add(1)
					return scene()
				}
				wait := start(t.Context(), o)
				within := func(d time.Duration) int32 {
					before := frames.Load()
					<-time.After(d)
					synctest.Wait()
					return frames.Load() - before
				}
				synctest.Wait()
				<-time.After(clockTick / 2)
				check := func(when string, d time.Duration, want int32) {
					t.Helper()
					if got := within(d); got != want {
						t.Errorf("%s: %d frames in %v, want %d", when, got, d, want)
					}
				}
				calm := int32(10)
				if watched {
					calm = 5
				}
				check("at first", calmAfter, 10)
				check("after a while", 10*clockTick, calm)
				screen.InjectKey(tcell.KeyRune, '2', 0)
				synctest.Wait()
				check("after a key", calmAfter-clockTick, 9)
				within(calmAfter)
				changed <- struct{}{}
				synctest.Wait()
				if watched {
					check("after a change", calmAfter-clockTick, 9)
				}
				screen.InjectKey(tcell.KeyRune, 'q', 0)
				if err := wait(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestTranslate(t *testing.T) {
	for _, tt := range []struct {
		key  tcell.Key
		r    rune
		want Key
	}{
		{tcell.KeyRune, 'ä', Key{Name: KeyRune, Rune: 'ä'}},
		{tcell.KeyUp, 0, Key{Name: KeyUp}},
		{tcell.KeyDown, 0, Key{Name: KeyDown}},
		{tcell.KeyPgUp, 0, Key{Name: KeyPageUp}},
		{tcell.KeyPgDn, 0, Key{Name: KeyPageDown}},
		{tcell.KeyHome, 0, Key{Name: KeyHome}},
		{tcell.KeyEnd, 0, Key{Name: KeyEnd}},
		{tcell.KeyEnter, 0, Key{Name: KeyEnter}},
		{tcell.KeyEsc, 0, Key{Name: KeyEsc}},
		{tcell.KeyTab, 0, Key{Name: KeyTab}},
		{tcell.KeyBacktab, 0, Key{Name: KeyBackTab}},
		{tcell.KeyBackspace, 0, Key{Name: KeyBackspace}},
		{tcell.KeyBackspace2, 0, Key{Name: KeyBackspace}},
		{tcell.KeyCtrlC, 0, Key{Name: KeyCtrlC}},
		{tcell.KeyCtrlU, 0, Key{Name: KeyCtrlU}},
		{tcell.KeyCtrlL, 0, Key{Name: KeyCtrlL}},
		{tcell.KeyF1, 0, Key{Name: KeyF1}},
		{tcell.KeyCtrlD, 0, Key{Name: KeyCtrlD}},
		{tcell.KeyF2, 0, Key{Name: KeyF2}},
		{tcell.KeyCtrlA, 0, Key{Name: KeyCtrlA}},
		{tcell.KeyF12, 0, Key{Name: KeyF12}},
		{tcell.KeyF13, 0, Key{}},
	} {
		if got := translate(tcell.NewEventKey(tt.key, tt.r, tcell.ModNone)); got != tt.want {
			t.Errorf("%v: %v, want %v", tcell.KeyNames[tt.key], got, tt.want)
		}
	}
}
