package find

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
)

// A rootless engine without a cgroup of its own to give makes containers that no cgroup shows: on cgroup v1, and without systemd. Its files
// and its monitors name their PID 1s, and are believed about processes in user namespaces of that user alone.

// UsersInit is the PID 1 of a user's container, as the user's own engine has it.
type UsersInit struct {
	engine.Init

	ID   string
	User uint32
}

// After a start it takes a moment until the user's engine has written which process is PID 1: so long after a start is the second of several
// looks, and each one twice as long after the one before. Whoever starts very many has nsviz look no more often.
const (
	firstUsersLook = 100 * time.Millisecond
	usersLooks     = 5
)

// FollowUsers finds users' containers without a cgroup, whenever there may be new ones, until ctx is done. It is for a goroutine and a finder
// of its own: a user's files may not answer.
func (f *Finder) FollowUsers(ctx context.Context, probes Probes) {
	for looks := usersLooks; ; { // since the last start
		began := f.cfg.Now()
		if err := f.newPass(probes).admitUsers(ctx); err != nil && ctx.Err() == nil {
			f.cfg.Log.Debug("look for users' containers", "error", err)
		}
		f.cfg.Loop.UsersLooked(began)
		if !collect.Pause(ctx, collect.Backoff(f.cfg.Now().Sub(began), firstUsersLook, longestReconcileInterval)) {
			return
		}
		var again <-chan time.Time
		if looks < usersLooks {
			again = time.After(firstUsersLook<<looks - firstUsersLook)
		}
		select {
		case <-ctx.Done():
			return
		case <-f.cfg.UsersDue:
		case <-f.cfg.UsersStarts:
			looks = 0
		case <-again:
			looks++
		}
	}
}

// admitUsers admits users' containers without a cgroup, and reports those whose end no event has reported.
func (p *pass) admitUsers(ctx context.Context) error {
	if !p.cfg.HostPIDs {
		return nil
	}
	var failed error
	type user struct {
		uid uint32
		id  string
	}
	run := map[user]bool{}
	taken := map[int32]bool{} // a monitor may change what it says of its child
	cgroupless, others := p.cfg.Loop.OfUsers()
	for _, c := range cgroupless {
		if _, err := p.changed(ctx, Cgroup{Ref: c.Ref}); err != nil {
			failed = errors.Join(failed, err)
		}
		run[user{c.Ref.User, c.Ref.ID}] = p.lives(c.State)
		taken[c.State.Init] = true
	}
	for _, init := range p.cfg.UsersInits(ctx, func(uid uint32, id string) bool { return run[user{uid, id}] || others[id] }) {
		proc, ok := p.initAt(init.Init, p.host)
		if !ok || strings.Contains(proc.Cgroup, init.ID) || taken[init.PID] {
			continue
		}
		if ref, ok := p.parser.Parse(proc.Cgroup); ok && !ref.Unsure {
			continue // a container in another one
		}
		if owner, err := p.cfg.NS.OwnerUID(proc.PID); err != nil || owner != init.User {
			continue
		}
		root := Cgroup{Ref: &container.Ref{Runtime: init.Runtime, ID: init.ID, User: init.User}}
		c := newContainer(root)
		c.SharedCgroup = proc.Cgroup
		taken[init.PID] = true
		p.describe(c, proc, p.host)
		if err := p.report(root, c); err != nil {
			failed = errors.Join(failed, lookError(root, err))
		}
	}
	return failed
}
