package procfs

import (
	"errors"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// The kernel reads some files of a process from its memory (cmdline) or from its memory map (maps). A program in user space may
// have to supply a page of that memory (FUSE, userfaultfd), and a thread that waits for such a page may hold the map's lock.
// Reading then takes as long as that program likes, and it may be a container's.
const (
	// memoryPatience is how long such a reading may take.
	memoryPatience = 500 * time.Millisecond
	// mostWaiting limits how many reads that took longer may still be under way, each in a thread of its own.
	mostWaiting = 16
	// mostWaitingOfCgroup limits how many of those may be of processes in one cgroup, so that no cgroup can use up all.
	mostWaitingOfCgroup = 4
)

// ErrNoAnswer reports that a file was not read in time.
var ErrNoAnswer = errors.New("the process's memory does not answer")

// ReadMemory reads a file that the kernel reads from the process's memory, such as cmdline and maps. It fails with [ErrNoAnswer]
// if that takes longer than half a second.
func (r *Reader) ReadMemory(dir pseudofs.Dir, name string) ([]byte, error) {
	return r.memory.read(dir, name)
}

// patientReader reads such files. It is safe for concurrent use.
type patientReader struct {
	patience time.Duration

	mu      sync.Mutex
	waiting map[string]string // the cgroups of the processes whose files are still waited for, by path of the file
}

func newPatientReader() *patientReader {
	return &patientReader{patience: memoryPatience, waiting: map[string]string{}}
}

// read reads a file below dir. It fails with ErrNoAnswer if that takes too long. The thread then keeps waiting, and until it
// returns the same file is not read again.
func (p *patientReader) read(dir pseudofs.Dir, name string) ([]byte, error) {
	path := dir.Path() + "/" + name
	cgroups, err := dir.Read("cgroup", nil)
	if err != nil {
		cgroups = nil // as if the process had ended; if so, the reading reports it
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
