package sockets

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/host/netfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
)

// patience bounds a look at the folders of users. Whoever may mount a FUSE there can let it take for ever.
const patience = time.Second

// Config says where to look.
type Config struct {
	Proc *procfs.Reader
	Net  *netfs.Reader
	// Root is where the host's file system is; "" is "/".
	Root string
	// Except is the path of a socket that is not found, whatever other path it has.
	Except string
}

// Finder finds sockets. It may be used by any goroutine, but for Find.
type Finder struct {
	cfg Config

	mu      sync.Mutex // guards sockets
	sockets map[string]*Socket

	// What follows is for Find alone.

	// looking is the look that is under way, since one did not end in time; nil is none.
	looking chan []*Socket
	last    []*Socket
}

// New returns a finder.
func New(c Config) *Finder {
	c.Root = cmp.Or(c.Root, "/")
	return &Finder{cfg: c, sockets: map[string]*Socket{}}
}

// Socket is a place at which an engine may serve. It is the same one for the same path.
type Socket struct {
	Path string
	// Runtime is the name of the engine that usually serves there.
	Runtime string
	// CRI is set where Kubernetes' CRI API may be served, and not Docker's API.
	CRI bool
	// User is the uid of the user in whose folder it is; 0 is the host's.
	User uint32

	holder holder
	// opening holds a token while the socket is being opened, so that no more than one goroutine is stuck in that.
	opening chan struct{}
}

// socket returns the socket at a path.
func (f *Finder) socket(path, runtime string, cri bool, user uint32) *Socket {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sockets[path]
	if s == nil {
		s = &Socket{
			Path: path, Runtime: runtime, CRI: cri, User: user, holder: holder{proc: f.cfg.Proc, net: f.cfg.Net}, opening: make(chan struct{}, 1),
		}
		f.sockets[path] = s
	}
	return s
}

// Find returns the sockets that exist, the host's first.
func (f *Finder) Find() []*Socket {
	if f.looking == nil {
		looking := make(chan []*Socket, 1)
		go func() { looking <- f.look() }() // one at a time
		f.looking = looking
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case f.last = <-f.looking:
		f.looking = nil
		f.forgetOthers()
	case <-late.C:
	}
	return f.last
}

// forgetOthers forgets what is not there any more.
func (f *Finder) forgetOthers() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for path, s := range f.sockets {
		if !slices.Contains(f.last, s) {
			delete(f.sockets, path)
		}
	}
}

func (f *Finder) look() []*Socket {
	seen := map[file]bool{}
	var except unix.Stat_t
	if err := unix.Stat(f.cfg.Except, &except); err == nil {
		seen[file{uint64(except.Dev), except.Ino}] = true //nolint:unconvert // its type differs between architectures
	}
	var list []*Socket
	add := func(path, runtime string, cri bool, user uint32) {
		opened, id, err := open(path, user)
		if err != nil {
			return // it is not there, or not one to be trusted
		}
		_ = opened.Close() // nothing was written
		if !seen[id] {
			seen[id] = true
			list = append(list, f.socket(path, runtime, cri, user))
		}
	}
	var ofUsers []func()
	for _, r := range runtime.All() {
		for _, pattern := range r.Files.Listens {
			before, after, of := strings.Cut(pattern, "*")
			if !of {
				add(filepath.Join(f.cfg.Root, pattern), r.Name, false, 0)
				continue
			}
			ofUsers = append(ofUsers, func() {
				for _, uid := range users(filepath.Join(f.cfg.Root, before)) {
					add(filepath.Join(f.cfg.Root, before, strconv.FormatUint(uint64(uid), 10)+after), r.Name, false, uid)
				}
			})
		}
		for _, path := range r.Files.CRI {
			add(filepath.Join(f.cfg.Root, path), r.Name, true, 0)
		}
	}
	for _, find := range ofUsers {
		find()
	}
	return list
}

// users returns the users who have a folder in one, which is called by their uid, in ascending order.
func users(dir string) []uint32 {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // no user is logged in
	}
	var list []uint32
	for _, e := range entries {
		if uid, err := strconv.ParseUint(e.Name(), 10, 32); err == nil && uid != 0 && strconv.FormatUint(uid, 10) == e.Name() {
			list = append(list, uint32(uid))
		}
	}
	slices.Sort(list)
	return list
}

// errStuck is that a file system does not answer.
var errStuck = errors.New("the folder of the socket does not answer")

// openPatience bounds how long a connection waits for the socket to be opened.
const openPatience = 3 * time.Second

// Connect connects to the socket, unless that would start the engine: then the error is [engine.ErrNotRunning]. The path is the
// socket's own.
func (s *Socket) Connect(ctx context.Context, _ string) (net.Conn, error) {
	opening, cancel := context.WithTimeoutCause(ctx, openPatience, errStuck)
	defer cancel()
	select {
	case s.opening <- struct{}{}:
	case <-opening.Done():
		return nil, context.Cause(opening)
	}
	type result struct {
		file *os.File
		err  error
	}
	opened := make(chan result, 1)
	go func() {
		socket, _, err := open(s.Path, s.User)
		<-s.opening
		opened <- result{socket, err}
	}()
	select {
	case <-opening.Done():
		go func() {
			if r := <-opened; r.err == nil {
				_ = r.file.Close()
			}
		}()
		return nil, context.Cause(opening)
	case r := <-opened:
		if r.err != nil {
			return nil, r.err
		}
		defer r.file.Close()
		if s.holder.isHeld(s.Path, s.User) {
			return nil, engine.ErrNotRunning
		}
		return dial(ctx, r.file)
	}
}

// Chosen returns what connects to a socket that the user has chosen: by its path, whoever has made it, but as [Socket.Connect] not if
// that would start the engine.
func (f *Finder) Chosen() func(ctx context.Context, path string) (net.Conn, error) {
	h := &holder{proc: f.cfg.Proc, net: f.cfg.Net}
	return func(ctx context.Context, path string) (net.Conn, error) {
		var stat unix.Stat_t
		if target, err := filepath.EvalSymlinks(path); err == nil && unix.Stat(target, &stat) == nil && h.isHeld(target, stat.Uid) {
			return nil, engine.ErrNotRunning
		}
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", path)
	}
}
