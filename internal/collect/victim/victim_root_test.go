//go:build root

package victim

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// roleEnv is set in a process that is to take memory, killsEnv is how many kills to predict (default: 10).
const (
	roleEnv  = "NSVIZ_TEST_TAKES_MEMORY"
	killsEnv = "NSVIZ_TEST_KILLS"
)

func TestMain(m *testing.M) {
	if os.Getenv(roleEnv) == "" {
		os.Exit(m.Run())
	}
	if err := takeMemory(); err != nil {
		fmt.Println(err)
	}
}

// takeMemory takes as many bytes as each line of stdin says, and answers it.
func takeMemory() error {
	for {
		var bytes int
		if _, err := fmt.Scan(&bytes); err != nil {
			return err
		}
		if _, err := unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANONYMOUS|unix.MAP_PRIVATE|unix.MAP_POPULATE); err != nil {
			return err
		}
		fmt.Println("taken")
	}
}

const (
	domainLimit = 192 << 20 // room for all that they begin with, and for a race detector in each
	competitors = 5
)

// competition is a cgroup with a limit, in which processes compete for memory, each in a cgroup of its own below.
type competition struct {
	Reader

	t      *testing.T
	path   string
	random *rand.Rand
	pids   [competitors]int32
	ins    [competitors]io.Writer
	outs   [competitors]*bufio.Reader
}

// leaf returns the path of a competitor's cgroup.
func (c *competition) leaf(i int) string { return fmt.Sprint(c.path, "/", i) }

func newCompetition(t *testing.T, random *rand.Rand, n int) *competition {
	t.Helper()
	fs, err := host.Open(host.Roots{})
	if err != nil {
		t.Fatal(err)
	}
	layout, err := fs.Cgroups.Layout()
	if err != nil {
		t.Fatal(err)
	}
	c := &competition{
		Reader: Reader{Proc: fs.Proc, Resources: fs.Resources, Layout: layout}, t: t, random: random,
		path: fmt.Sprintf("/nsviz-victim-%d-%d", os.Getpid(), n),
	}
	paths := []string{c.path}
	for i := range competitors {
		paths = append(paths, c.leaf(i))
	}
	for _, path := range paths {
		dir := layout.Dir + path
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Remove(dir); err != nil {
				t.Error(err)
			}
		})
		if path == c.path && layout.Controller == "" {
			hosttest.SetFile(t, dir+"/cgroup.subtree_control", "+memory")
		}
	}
	limits := []string{"memory.limit_in_bytes", "memory.memsw.limit_in_bytes"}
	swap := strconv.Itoa(domainLimit)
	if layout.Controller == "" {
		limits, swap = []string{"memory.max", "memory.swap.max"}, "0"
	}
	hosttest.SetFile(t, layout.Dir+c.path+"/"+limits[0], strconv.Itoa(domainLimit))
	_ = os.WriteFile(layout.Dir+c.path+"/"+limits[1], []byte(swap), 0) // missing without swap accounting
	return c
}

// compete starts processes of different sizes and oom_score_adj.
func (c *competition) compete() {
	c.t.Helper()
	for i := range competitors {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), roleEnv+"=1", "GOMAXPROCS=1")
		in, err := cmd.StdinPipe()
		if err != nil {
			c.t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			c.t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			c.t.Fatal(err)
		}
		var waiting sync.WaitGroup
		waiting.Go(func() {
			_ = cmd.Wait() // it is killed
		})
		c.t.Cleanup(func() {
			_ = cmd.Process.Kill() // it may have ended
			waiting.Wait()
		})
		hosttest.SetFile(c.t, c.Layout.Dir+c.leaf(i)+"/cgroup.procs", strconv.Itoa(cmd.Process.Pid))
		hosttest.SetFile(c.t, fmt.Sprintf("/proc/%d/oom_score_adj", cmd.Process.Pid), strconv.Itoa(c.random.IntN(200)))
		c.ins[i], c.outs[i], c.pids[i] = in, bufio.NewReader(out), int32(cmd.Process.Pid)
		if answer, err := c.take(i, (4+c.random.IntN(12))<<20); answer != "taken\n" {
			c.t.Fatal(answer, err)
		}
	}
}

// take has a process take more memory and returns its answer, which does not come from one that is killed for that.
func (c *competition) take(i, bytes int) (answer string, err error) {
	if _, err := fmt.Fprintln(c.ins[i], bytes); err != nil {
		return "", err
	}
	return c.outs[i].ReadString('\n')
}

// grow has one process grow, far from the limit by much and near it by a few pages: so little that there is hardly ever another next victim
// after that. None grows unasked: what was read is so until then, however late the reader or the processes get a CPU.
func (c *competition) grow() {
	c.t.Helper()
	rooms, err := resources.In(c.Layout).MemoryRooms(c.path)
	if err != nil || len(rooms) == 0 {
		c.t.Fatal(rooms, err)
	}
	room := rooms[0].LimitBytes - min(rooms[0].LimitBytes, rooms[0].WorkingSetBytes)
	bytes := (1 + c.random.IntN(16)) << 12
	if room > 8<<20 {
		bytes = int(room / 4)
	}
	_, _ = c.take(c.random.IntN(competitors), bytes) // it may be killed
}

// killed returns those that the kernel says to have killed, by the counts of their cgroups. A second one may follow within a millisecond,
// if the memory of the first is not free in time.
func (c *competition) killed() (pids []int32) {
	c.t.Helper()
	name := "memory.oom_control"
	if c.Layout.Controller == "" {
		name = "memory.events"
	}
	for i, pid := range c.pids {
		text, err := os.ReadFile(c.Layout.Dir + c.leaf(i) + "/" + name)
		if err != nil {
			c.t.Fatal(err)
		}
		if !strings.Contains(string(text), "\noom_kill 0\n") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestRootNextVictimIsTheOneKilled has processes of different sizes and oom_score_adj compete for memory until the kernel kills one, again
// and again. The victim that was named just before that must be that one, nine times out of ten at least: one grows in between.
func TestRootNextVictimIsTheOneKilled(t *testing.T) {
	rounds := 10
	if text := os.Getenv(killsEnv); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	right, readings := 0, 0
	for n := range rounds {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			c := newCompetition(t, random, n)
			c.compete()
			var latest *fact.NextVictim
			var killed []int32
			for len(killed) == 0 {
				var err error
				if latest, err = c.Next(c.path); err != nil || latest == nil {
					t.Fatal(latest, err)
				}
				readings++
				c.grow()
				killed = c.killed()
			}
			if slices.Contains(killed, latest.PID) {
				right++
			}
			if len(killed) > 1 || killed[0] != latest.PID {
				t.Logf("%+v was to be killed, and %d were", *latest, killed)
			}
		})
	}
	t.Logf("%d of %d kills were of the process that was named just before; %d readings", right, rounds, readings)
	if 10*right < 9*rounds {
		t.Errorf("%d of %d kills were of the process that was named just before", right, rounds)
	}
}
