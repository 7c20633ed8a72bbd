package ondisk

import (
	"context"
	"io/fs"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/host/procfs"
)

const (
	// maxUsers is how many users have a source.
	maxUsers = 8
	// keepOthers is for how long a process that is no monitor is taken for none. A monitor has its name from its fork on.
	keepOthers = 10 * time.Second
)

// Users are the sources of the users who have containers of their own. It is for one goroutine at a time.
type Users struct {
	cfg Config
	// host opens the folders.
	host    *Source
	scanner *scanner // of all sources
	sources map[uint32]engine.Engine
	// owners are the users of the monitors that there were of late; 0 is one of no user.
	owners map[procfs.Listed]uint32
}

// NewUsers returns the sources of no user yet. What c says of a user does not matter.
func NewUsers(c Config) *Users {
	c.User = 0
	return newUsers(c, New(c))
}

func newUsers(c Config, host *Source) *Users {
	return &Users{cfg: c, host: host, scanner: &scanner{proc: host.proc, keep: keepOthers}, sources: map[uint32]engine.Engine{}}
}

// Find returns a source for each user whose runtimes have files in the user's folder in /run/user, and for each who has monitors: the same
// one again for as long as there are any.
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
			source := New(c)
			source.scanner = u.scanner
			u.sources[uid] = source
		}
		found = append(found, u.sources[uid])
	}
	return found
}

// uids lists the users in ascending order.
func (u *Users) uids() []uint32 {
	uids := u.withFiles()
	processes, _ := u.scanner.inCharge() // without a procfs there are none
	owners := make(map[procfs.Listed]uint32, len(processes))
	for _, p := range processes {
		uid, known := u.owners[p.Listed]
		if !known || !p.IsSure() {
			status, err := u.host.proc.Status(p.PID)
			if err != nil {
				continue
			}
			if uid = 0; isMonitor(p.comm) && len(status.NSPID) == 1 {
				uid = status.UID
			}
		}
		owners[p.Listed] = uid
		if uid != 0 && len(uids) < maxUsers && !slices.Contains(uids, uid) {
			uids = append(uids, uid)
		}
	}
	u.owners = owners
	slices.Sort(uids)
	return uids
}

// withFiles lists the users who have a runtime's files in their folder in /run/user.
func (u *Users) withFiles() []uint32 {
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
