package procfs

import (
	"errors"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Some files of a process are read out of its memory (cmdline) or out of the map of that (maps). A page of it may be one
// that a program in user space has to supply (FUSE, userfaultfd), and the lock of the map may be held by a thread that
// waits for such a page: then reading takes as long as its supplier likes, which may be a container.
const (
	// memoryPatience is how long such a reading may take.
	memoryPatience = 500 * time.Millisecond
	// mostWaiting is how many reads that took longer may still be under way, each in a thread of its own.
	mostWaiting = 16
	// mostWaitingOfCgroup is how many of those may be of processes in the same cgroup, so that none can use up all.
	mostWaitingOfCgroup = 4
)

// ErrNoAnswer reports that a file was not read in time.
var ErrNoAnswer = errors.New("the process's memory does not answer")

// ReadMemory reads a file of a process that is read out of its memory, such as cmdline and maps. It fails with [ErrNoAnswer]
// where that takes longer than half a second.
func (r *Reader) ReadMemory(dir pseudofs.Dir, name string) ([]byte, error) {
	return r.memory.read(dir, name)
}

// patientReader reads such files. It may be used by any number of goroutines at a time.
type patientReader struct {
	patience time.Duration

	mu      sync.Mutex
	waiting map[string]string // the files that are still waited for, by path: the cgroups that their processes are in
}

func newPatientReader() *patientReader {
	return &patientReader{patience: memoryPatience, waiting: map[string]string{}}
}

// read reads a file below dir. It fails with ErrNoAnswer where that takes too long; the thread is left behind then, and
// until it comes back the same file is not read again.
func (p *patientReader) read(dir pseudofs.Dir, name string) ([]byte, error) {
	path := dir.Path() + "/" + name
	cgroups, err := dir.Read("cgroup", nil)
	if err != nil {
		cgroups = nil // as where it has ended; reading goes on to say so
	}
	if !p.begin(path, string(cgroups)) {
		return nil, pseudofs.PathError("read", path, ErrNoAnswer)
	}
	own, err := dir.Dup() // the caller closes its own
	if err != nil {
		p.end(path)
		return nil, err
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		defer p.end(path)
		defer own.Close()
		data, err := own.Read(name, nil)
		done <- result{data, err}
	}()
	timeout := time.NewTimer(p.patience)
	defer timeout.Stop()
	select {
	case r := <-done:
		return r.data, r.err
	case <-timeout.C:
		return nil, pseudofs.PathError("read", path, ErrNoAnswer)
	}
}

func (p *patientReader) begin(path, cgroups string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, waits := p.waiting[path]; waits || len(p.waiting) == mostWaiting {
		return false
	}
	same := 0
	for _, other := range p.waiting {
		if cgroups != "" && other == cgroups {
			same++
		}
	}
	if same == mostWaitingOfCgroup {
		return false
	}
	p.waiting[path] = cgroups
	return true
}

func (p *patientReader) end(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, path)
}
