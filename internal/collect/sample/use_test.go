package sample

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/netfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/model"
)

// useTest has a container /web on cgroup v2.
type useTest struct {
	*sampler

	t    *testing.T
	dir  string
	live []model.Watched
	// processes is what the latest reading has of them: another pointer is another reading.
	processes *int
}

func newUseTest(t *testing.T) *useTest {
	u := &useTest{t: t, dir: t.TempDir(), live: []model.Watched{{ID: "web", Running: true, CgroupPath: "/web", InitPID: 50}}}
	c := configOf(u.dir)
	c.Resources, c.Net = resources.New(pseudofs.Proc(u.dir)), netfs.New(pseudofs.Proc(u.dir))
	u.sampler = newSampler(c)
	t.Cleanup(u.close)
	u.write(map[string]string{"memory.current": "4096\n", "memory.max": "max\n", "memory.events": "oom_kill 0\n", "cgroup.procs": "50\n", "pids.current": "1\n"})
	u.ran(1000)
	return u
}

func (u *useTest) write(files map[string]string) {
	u.t.Helper()
	for name, text := range files {
		hosttest.WriteFile(u.t, filepath.Join(u.dir, "web", name), text)
	}
}

// ran sets the CPU time.
func (u *useTest) ran(micros int) {
	u.t.Helper()
	u.write(map[string]string{"cpu.stat": fmt.Sprintf("usage_usec %d\n", micros)})
}

// hasTraffic gives the container a network of its own.
func (u *useTest) hasTraffic() {
	u.t.Helper()
	u.live[0].OwnNet = true
	hosttest.WriteFile(u.t, u.dir+"/50/net/dev", "eth0: 100 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n")
}

// read returns what one reading has of the use, whether that was read beyond the CPU time, and whether all was.
func (u *useTest) read(writesReported bool) (use *fact.Use, used, full bool) {
	u.t.Helper()
	list, _ := u.readings(u.live, writesReported)
	if len(list) != 1 {
		u.t.Fatalf("read %+v", list)
	}
	use = list[0].Use
	full = list[0].Processes != u.processes
	u.processes = list[0].Processes
	return use, use != nil && use.ReceivedBytes != nil, full
}

// A container that nothing runs in is read fully rarely, and what it uses as rarely as of one that nobody looks at. Its CPU time is read as
// often as before.
func TestRestingContainersAreReadRarely(t *testing.T) {
	const turns = 2 * restingEvery
	type times struct{ fewest, most int }
	often := times{turns / fullEvery, turns/fullEvery + 2}
	for _, test := range []struct {
		name                    string
		writesReported, running bool
		used, fully             times
	}{
		{"it rests", true, false, times{turns / idleEvery, turns/idleEvery + 3}, times{2, 5}},
		{"it runs", true, true, often, often},
		{"limits are found only by reading them", false, false, often, often},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := newUseTest(t)
			u.hasTraffic()
			fully, used, uses := 0, 0, 0
			for i := range turns {
				if test.running {
					u.ran(1000 + i)
				}
				use, more, full := u.read(test.writesReported)
				if use != nil && use.CPUMicros != nil {
					uses++
				}
				if more {
					used++
				}
				if full {
					fully++
				}
			}
			if fully < test.fully.fewest || fully > test.fully.most {
				t.Errorf("%d full readings, want %+v", fully, test.fully)
			}
			if used < test.used.fewest || used > test.used.most {
				t.Errorf("what it uses was read %d times, want %+v", used, test.used)
			}
			if uses < turns/fullEvery || uses > turns/fullEvery+2 {
				t.Errorf("the CPU time was read %d times in %d turns", uses, turns)
			}
		})
	}
}

// As soon as it runs, or uses another amount of memory, all is read.
func TestRestingContainerIsReadWhenItMoves(t *testing.T) {
	for name, move := range map[string]func(u *useTest){
		"it runs":          func(u *useTest) { u.ran(2000) },
		"it uses a little": func(u *useTest) { u.write(map[string]string{"memory.current": "8192\n"}) },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUseTest(t)
			for range 3 * idleEvery {
				u.read(true)
			}
			for full := false; !full; { // to just after a full reading
				_, _, full = u.read(true)
			}
			move(u)
			for turn := 1; ; turn++ {
				if _, _, full := u.read(true); full {
					break
				}
				if turn == fullEvery {
					t.Fatalf("not read within %d turns", turn)
				}
			}
		})
	}
}

// The count of kills of a container at rest is read when some may not have been reported.
func TestRecountOfAContainerAtRest(t *testing.T) {
	for _, recounts := range []bool{false, true} {
		u := newUseTest(t)
		u.passed = fullEvery
		for range 2 * restingEvery / fullEvery {
			u.read(true)
		}
		for _, _, full := u.read(true); !full; _, _, full = u.read(true) { // to just after a full reading
		}
		u.write(map[string]string{"memory.events": "oom_kill 3\n"})
		u.recounts = recounts
		list, _ := u.readings(u.live, true)
		if read := *list[0].OOMKills == 3; read != recounts {
			t.Errorf("recounts: %t; read: %t", recounts, read)
		}
	}
}

// Where readings come as rarely as the full ones, what a container at rest uses is read every idleEvery turns, since the kernel may reclaim it; at
// every reading near its limit, and after a stall.
func TestReadingsOfAContainerAtRest(t *testing.T) {
	for _, test := range []struct {
		name                  string
		above, limit, pressed string
		within                int // turns
	}{
		{"far from its limit", "max", "8192", "0.00", idleEvery},
		{"near its limit", "max", "5000", "0.00", fullEvery},
		{"near a limit above", "5000", "max", "0.00", fullEvery},
		{"after a stall", "max", "8192", "0.20", fullEvery},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := newUseTest(t)
			u.passed = fullEvery
			const stalls = "some avg10=%s avg60=0.00 avg300=0.00 total=9\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
			u.write(map[string]string{"memory.max": test.limit + "\n", "memory.stat": "inactive_file 0\n", "memory.pressure": fmt.Sprintf(stalls, test.pressed)})
			u.live[0].CgroupPath = "/pod/web"
			if err := os.Mkdir(u.dir+"/pod", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(u.dir+"/web", u.dir+"/pod/web"); err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{"memory.current": "4096\n", "memory.max": test.above + "\n", "memory.events": "oom_kill 0\n", "memory.stat": "inactive_file 0\n"} {
				hosttest.WriteFile(t, u.dir+"/pod/"+name, text)
			}
			for range 2 * restingEvery / fullEvery {
				u.read(true)
			}
			hosttest.WriteFile(t, u.dir+"/pod/web/memory.current", "4000\n")
			for turns := fullEvery; ; turns += fullEvery {
				list, _ := u.readings(u.live, true)
				if got := *list[0].UsageBytes; got == 4000 {
					break
				}
				if turns == test.within {
					t.Fatalf("not read within %d turns", turns)
				}
			}
		})
	}
}

func TestTrafficOfItsOwnNetworkAlone(t *testing.T) {
	u := newUseTest(t)
	hosttest.WriteFile(t, u.dir+"/50/net/dev", "eth0: 100 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n")
	use, _, _ := u.read(true)
	if diff := cmp.Diff(&fact.Use{CPUMicros: new(uint64(1000)), Tasks: new(uint64(1))}, use); diff != "" {
		t.Errorf("of another network (-want +got):\n%s", diff)
	}
	u = newUseTest(t)
	u.hasTraffic()
	use, _, _ = u.read(true)
	want := &fact.Use{CPUMicros: new(uint64(1000)), Tasks: new(uint64(1)), ReceivedBytes: new(uint64(100)), SentBytes: new(uint64(20))}
	if diff := cmp.Diff(want, use); diff != "" {
		t.Errorf("of its own (-want +got):\n%s", diff)
	}
}
