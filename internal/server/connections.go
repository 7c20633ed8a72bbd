package server

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/metrics"
)

// The bounds of a Server's connections at a time: each is a file descriptor, and nsviz needs many of those to look at the
// host.
const (
	mostConnections  = 64
	leastConnections = 4
	// connectionShare divides the number of files that this process may have open.
	connectionShare = 8
)

// connectionLimit returns how many connections there may be at a time.
func connectionLimit() int {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return mostConnections
	}
	return int(min(max(files.Cur/connectionShare, leastConnections), mostConnections))
}

// connections bounds the connections of all listeners together. A further one replaces the one that has been idle for the
// longest time; if all are busy it is refused. So a client that only holds connections open cannot keep a scraper out, as
// it could if further ones had to wait (netutil.LimitListener).
type connections struct {
	limit int

	mu      sync.Mutex // guards what follows
	open    map[net.Conn]*list.Element
	idle    *list.List // of net.Conn without a request, the longest idle one first
	dropped metrics.DroppedConnections
}

func newConnections(limit int) *connections {
	return &connections{limit: limit, open: map[net.Conn]*list.Element{}, idle: list.New()}
}

// state is for http.Server.ConnState.
func (c *connections) state(conn net.Conn, state http.ConnState) {
	if drop := c.record(conn, state); drop != nil {
		// Close of a TLS connection would send an alert, and wait for the other side.
		if t, ok := drop.(*tls.Conn); ok {
			drop = t.NetConn()
		}
		_ = drop.Close()
	}
}

// record records the state of a connection, and returns the one to close; nil means none.
func (c *connections) record(conn net.Conn, state http.ConnState) (drop net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, known := c.open[conn]
	switch {
	case state == http.StateNew:
		if len(c.open) >= c.limit {
			oldest := c.idle.Front()
			if oldest == nil {
				c.dropped.Refused++
				return conn
			}
			drop = oldest.Value.(net.Conn)
			c.idle.Remove(oldest)
			delete(c.open, drop)
			c.dropped.Idle++
		}
		c.open[conn] = c.idle.PushBack(conn)
	case !known: // it is being closed
	case state == http.StateActive && element != nil:
		c.idle.Remove(element)
		c.open[conn] = nil
	case state == http.StateIdle && element == nil:
		c.open[conn] = c.idle.PushBack(conn)
	case state == http.StateClosed || state == http.StateHijacked:
		if element != nil {
			c.idle.Remove(element)
		}
		delete(c.open, conn)
	}
	return drop
}

// stats returns what was dropped so far.
func (c *connections) stats() metrics.DroppedConnections {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped
}
