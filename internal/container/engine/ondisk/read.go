package ondisk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/mishap"
)

const (
	// maxFile bounds a file about one container, maxList one about all of them, in bytes.
	maxFile = 1 << 20
	maxList = 4 << 20
	// maxEntries bounds the entries of a folder that are looked at, maxNamespaces those of the folder of containerd's namespaces.
	maxEntries    = 8192
	maxNamespaces = 64
	// patience is how long one look into a root may take.
	patience = 500 * time.Millisecond
)

var (
	errHangs   = errors.New("the files do not answer")
	errForeign = errors.New("not a regular file that its owner alone can write")
	errLong    = errors.New("the file is too long")
	errOther   = errors.New("the file is about another container")
)

// folder is an open folder that does not lead out of itself.
type folder struct {
	root  *os.Root
	owner uint32
	lists *lists
}

// open opens a regular file of the folder's owner, of at most so many bytes.
func (f folder) open(name string, most int64) (*os.File, os.FileInfo, error) {
	// Opening does not wait for the other end of a FIFO. An os.Root follows no link out of itself.
	file, err := f.root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil {
		const others = 0o022 // may write
		switch stat, ok := info.Sys().(*syscall.Stat_t); {
		case !ok || !info.Mode().IsRegular() || stat.Uid != f.owner || info.Mode()&others != 0:
			err = &fs.PathError{Op: "read", Path: name, Err: errForeign}
		case info.Size() > most:
			err = &fs.PathError{Op: "read", Path: name, Err: errLong}
		}
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// readAll reads an open file of at most so many bytes.
func readAll(file *os.File, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(data)) > most { // it has grown meanwhile
		err = &fs.PathError{Op: "read", Path: file.Name(), Err: errLong}
	}
	return data, err
}

// decode reads a file of JSON about one container. A file that is cut short is an error.
func (f folder) decode(name string, into any) error {
	file, _, err := f.open(name, maxFile)
	if err != nil {
		return err
	}
	defer file.Close()
	data, err := readAll(file, maxFile)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// names lists at most so many names of folders in a folder, in the order of the file system.
func (f folder) names(dir string, most int) []string {
	opened, err := f.root.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil // there is none
	}
	defer opened.Close()
	entries, _ := opened.ReadDir(most) // those that were read before an error count
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// lanes bounds the goroutines that hang: where one does, no other look is begun in the same lane. It is safe for concurrent use.
type lanes struct {
	mishaps *mishap.Counter // may be nil

	mu   sync.Mutex
	hung map[string]int // by lane; 0 is absent
}

func (l *lanes) hangs(lane string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hung[lane] > 0
}

// add adds to the goroutines of a lane that hang.
func (l *lanes) add(lane string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hung == nil {
		l.hung = map[string]int{}
	}
	if l.hung[lane] += n; l.hung[lane] == 0 {
		delete(l.hung, lane)
	}
}

// within returns what look returns. It fails with errHangs if that takes too long, and then leaves its goroutine behind: until that
// ends there is no other look in the same lane.
func within[T any](ctx context.Context, l *lanes, lane string, look func() (T, error)) (T, error) {
	type result struct {
		found T
		err   error
	}
	var none T
	if l.hangs(lane) {
		return none, errHangs
	}
	done := make(chan result)
	abandoned := make(chan struct{})
	go func() {
		var found T
		err := l.mishaps.Do(mishap.Files, lane, func() (err error) {
			found, err = look()
			return err
		})
		select {
		case done <- result{found, err}:
		case <-abandoned:
			l.add(lane, -1)
		}
	}()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	err := errHangs
	select {
	case r := <-done:
		return r.found, r.err
	case <-limit.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	l.add(lane, 1)
	close(abandoned)
	return none, err
}
