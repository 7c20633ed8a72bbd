package ondisk

import (
	"context"
	"io/fs"
	"slices"
	"strconv"
	"syscall"

	"github.com/nsviz/nsviz/internal/container/engine"
)

// maxUsers is how many users have a source.
const maxUsers = 8

// Users are the sources of the users who have containers of their own. It is for one goroutine at a time.
type Users struct {
	cfg Config
	// host opens the folders.
	host    *Source
	sources map[uint32]engine.Engine
}

// NewUsers returns the sources of no user yet. What c says of a user does not matter.
func NewUsers(c Config) *Users {
	c.User = 0
	return newUsers(c, New(c))
}

func newUsers(c Config, host *Source) *Users {
	return &Users{cfg: c, host: host, sources: map[uint32]engine.Engine{}}
}

// Find returns a source for each user whose runtimes have files in the user's folder in /run/user: the same one again for as long as
// there are any.
func (u *Users) Find() []engine.Engine {
	uids := u.uids()
	for uid := range u.sources {
		if !slices.Contains(uids, uid) {
			delete(u.sources, uid)
		}
	}
	var found []engine.Engine
	for _, uid := range uids {
		if u.sources[uid] == nil {
			c := u.cfg
			c.User = uid
			u.sources[uid] = New(c)
		}
		found = append(found, u.sources[uid])
	}
	return found
}

// uids lists the users in ascending order.
func (u *Users) uids() []uint32 {
	const dir = "/run/user"
	names, err := open(context.Background(), u.host, place{dir: dir}, func(in folder) ([]string, error) { return in.names(".", maxEntries), nil })
	if err != nil {
		return nil // there are no users
	}
	var uids []uint32
	for _, name := range names {
		uid, err := strconv.ParseUint(name, 10, 32)
		if err != nil || uid == 0 || len(uids) == maxUsers {
			continue
		}
		// The folder is a file system of the user's, which may not answer.
		has, err := open(context.Background(), u.host, place{dir: dir + "/" + name}, func(in folder) (bool, error) { return in.hasRuntime(uint32(uid)) })
		if err == nil && has {
			uids = append(uids, uint32(uid))
		}
	}
	slices.Sort(uids)
	return uids
}

// hasRuntime reports whether a folder is a user's, and has one of a runtime.
func (f folder) hasRuntime(uid uint32) (bool, error) {
	info, err := f.root.Stat(".")
	if err != nil {
		return false, err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Uid != uid {
		return false, fs.ErrPermission
	}
	for _, name := range []string{"containers", "libpod", "containerd", "containerd-rootless", "docker", "dockerd-rootless", "runc", "crun"} {
		if info, err := f.root.Lstat(name); err == nil && info.IsDir() {
			return true, nil
		}
	}
	return false, nil
}
