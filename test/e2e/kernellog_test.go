//go:build e2e

package e2e

import (
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// kernelKill is one "Killed process" line of the kernel log.
type kernelKill struct {
	pid                   int32
	comm                  string
	anonKB, fileKB, shmKB uint64
	pgtablesKB            uint64
	scoreAdj              int32
	uid                   uint32
}

// kernelLog follows /dev/kmsg. It is a ring of a few hundred kB, and one OOM dump has some 60 lines: to count, one has to read
// along.
type kernelLog struct {
	file *os.File
	// comm is what the names of the processes begin with that are counted.
	comm  string
	mu    sync.Mutex
	kills []kernelKill
}

// followKernelLog follows the kills of processes whose names begin so.
func followKernelLog(t *testing.T, comm string) *kernelLog {
	t.Helper()
	file, err := os.OpenFile("/dev/kmsg", os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Seek(0, 2); err != nil { // SEEK_END: only later lines
		t.Fatal(err)
	}
	log := &kernelLog{file: file, comm: comm}
	done := make(chan struct{})
	go func() {
		defer close(done)
		log.read(t)
	}()
	t.Cleanup(func() {
		_ = file.Close()
		<-done
	})
	return log
}

var killedProcess = regexp.MustCompile(`Killed process (\d+) \((.*)\) total-vm:\d+kB, anon-rss:(\d+)kB, ` +
	`file-rss:(\d+)kB, shmem-rss:(\d+)kB, UID:(\d+) pgtables:(\d+)kB oom_score_adj:(-?\d+)`)

func (k *kernelLog) read(t *testing.T) {
	record := make([]byte, 16<<10)
	for {
		n, err := k.file.Read(record)
		if errors.Is(err, syscall.EPIPE) {
			t.Error("the kernel log was overwritten before it was read: it is no oracle any more")
			continue
		}
		if err != nil {
			return // closed
		}
		m := killedProcess.FindStringSubmatch(strings.TrimSpace(string(record[:n])))
		// The line does not name the cgroup, and the line that does is rate-limited (oom_rs in the kernel's mm/oom_kill.c).
		if m == nil || !strings.HasPrefix(m[2], k.comm) {
			continue
		}
		number := func(i int) uint64 {
			n, err := strconv.ParseInt(m[i], 10, 64)
			if err != nil {
				t.Errorf("kernel log: %v in %q", err, m[0])
			}
			return uint64(n)
		}
		k.mu.Lock()
		k.kills = append(k.kills, kernelKill{
			pid: int32(number(1)), comm: m[2], anonKB: number(3), fileKB: number(4), shmKB: number(5),
			uid: uint32(number(6)), pgtablesKB: number(7), scoreAdj: int32(number(8)),
		})
		k.mu.Unlock()
	}
}

func (k *kernelLog) all() []kernelKill {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]kernelKill(nil), k.kills...)
}
