package ondisk

import (
	"context"
	"encoding/binary"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// maxWatches bounds the folders that are watched.
const maxWatches = 4096

// files are those that name a container. Runtimes write them before they make its cgroup.
var files = []string{"config.json", "config.v2.json", "state.json", "status"}

// A watcher has the files of new containers read before anybody asks about these: so their first events have their names. It watches
// the folders that have one for each container, and those of new containers until their file is there. What it misses is asked for.
type watcher struct {
	source  *Source
	inotify *os.File

	mu sync.Mutex
	at map[int32]watched // by watch descriptor
}

// watched is a folder that is watched.
type watched struct {
	place place
	dir   string // below the place
	id    string // of the container whose folder it is; "" is one with folders of containers
}

// newWatcher returns a watcher that watches nothing yet.
func newWatcher(s *Source) (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	return &watcher{source: s, inotify: os.NewFile(uintptr(fd), "inotify"), at: map[int32]watched{}}, nil
}

// refresh watches the folders that there are by now.
func (w *watcher) refresh(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		p, ok := w.source.place(i)
		if !ok {
			return
		}
		dirs, err := open(ctx, w.source, p, func(in folder) ([]string, error) { return p.folders(in), nil })
		if err != nil {
			continue // most hosts do not have all places
		}
		for _, dir := range dirs {
			w.add(ctx, watched{p, dir, ""})
		}
	}
}

// add watches a folder. It reports whether that works.
func (w *watcher) add(ctx context.Context, what watched) bool {
	conn, err := w.inotify.SyscallConn()
	if err != nil {
		return false
	}
	descriptor, err := open(ctx, w.source, what.place, func(in folder) (int, error) {
		dir, err := in.root.OpenFile(what.dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
		if err != nil {
			return 0, err
		}
		defer dir.Close()
		const mask = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_CLOSE_WRITE | unix.IN_ONLYDIR
		var descriptor int
		var failed error
		err = conn.Control(func(inotify uintptr) {
			descriptor, failed = unix.InotifyAddWatch(int(inotify), "/proc/self/fd/"+strconv.Itoa(int(dir.Fd())), mask)
		})
		if err != nil {
			return 0, err
		}
		return descriptor, failed
	})
	if err != nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.at[int32(descriptor)]; !known && len(w.at) >= maxWatches {
		w.remove(int32(descriptor))
		return false
	}
	w.at[int32(descriptor)] = what
	return true
}

// remove ends a watch. The kernel says when it has (IN_IGNORED).
func (w *watcher) remove(descriptor int32) {
	conn, err := w.inotify.SyscallConn()
	if err != nil {
		return // closed meanwhile, and with it all watches
	}
	_ = conn.Control(func(inotify uintptr) {
		_, _ = unix.InotifyRmWatch(int(inotify), uint32(descriptor)) // fails if the folder is gone, and the watch with it
	})
}

// run handles what the kernel reports until the watcher is closed.
func (w *watcher) run(ctx context.Context) {
	space := make([]byte, 64<<10)
	for {
		n, err := w.inotify.Read(space)
		if err != nil {
			return
		}
		for events := space[:n]; len(events) >= unix.SizeofInotifyEvent; {
			descriptor := int32(binary.NativeEndian.Uint32(events))
			mask := binary.NativeEndian.Uint32(events[4:])
			end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:]))
			name, _, _ := strings.Cut(string(events[unix.SizeofInotifyEvent:end]), "\x00")
			events = events[end:]
			w.handle(ctx, descriptor, mask, name)
		}
	}
}

func (w *watcher) handle(ctx context.Context, descriptor int32, mask uint32, name string) {
	w.mu.Lock()
	what, ok := w.at[descriptor]
	if mask&unix.IN_IGNORED != 0 {
		delete(w.at, descriptor)
		ok = false
	}
	w.mu.Unlock()
	isNewFolder := mask&unix.IN_ISDIR != 0 && mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0
	switch {
	case !ok: // also what did not fit in the kernel's queue
	case what.id == "" && isNewFolder && isID(name):
		w.await(ctx, watched{what.place, path.Join(what.dir, name), name})
	case what.id != "" && isNewFolder && name == "userdata":
		w.remove(descriptor)
		w.await(ctx, watched{what.place, path.Join(what.dir, name), what.id})
	case what.id != "" && mask&(unix.IN_CLOSE_WRITE|unix.IN_MOVED_TO) != 0 && slices.Contains(files, name):
		w.remove(descriptor)
		w.source.asks.add(what.id, false)
	}
}

// await watches the folder of a container until its file is there, which it may be already.
func (w *watcher) await(ctx context.Context, what watched) {
	if w.add(ctx, what) {
		w.source.asks.add(what.id, false)
		// What the folder has by now was there before the watch.
		if what.id != path.Base(what.dir) {
			return
		}
		inner := watched{what.place, path.Join(what.dir, "userdata"), what.id}
		w.add(ctx, inner)
	}
}
