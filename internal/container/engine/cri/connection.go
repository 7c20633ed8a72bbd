package cri

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/grpclog"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// The bounds of what an engine may answer, in bytes.
const (
	// maxMessage is the size of an answer: the bound of containerd's own messages and of those that the kubelet takes.
	maxMessage = 16 << 20
	maxHeader  = 64 << 10
)

// silence keeps the gRPC library from writing to stderr, where the dashboard draws.
var silence = sync.OnceFunc(func() { grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)) })

// connection is one connection to an engine.
type connection struct {
	cri.RuntimeServiceClient

	images cri.ImageServiceClient
	client *grpc.ClientConn
	conn   *watchedConn
}

// errOver is why the gRPC library cannot connect a second time: a session is one connection.
var errOver = errors.New("the connection has ended")

// connect makes a connection over one that is open, and owns that from then on.
func connect(conn net.Conn) (*connection, error) {
	watched := &watchedConn{Conn: conn, lost: make(chan struct{})}
	once := make(chan net.Conn, 1)
	once <- watched
	client, err := grpc.NewClient("passthrough:///cri", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(), grpc.WithIdleTimeout(0), grpc.WithAuthority("localhost"), grpc.WithMaxHeaderListSize(maxHeader),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			select {
			case conn := <-once:
				return conn, nil
			default:
				return nil, errOver
			}
		}))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &connection{cri.NewRuntimeServiceClient(client), cri.NewImageServiceClient(client), client, watched}, nil
}

// Close ends the connection.
func (c *connection) Close() {
	_ = c.client.Close() // it fails if it is closed already
	_ = c.conn.Close()   // also where the library has not taken it
}

// isLost reports whether the connection has ended.
func (c *connection) isLost() bool {
	select {
	case <-c.conn.lost:
		return true
	default:
		return false
	}
}

// watchedConn shows when a connection is closed, by whichever side.
type watchedConn struct {
	net.Conn

	once sync.Once
	lost chan struct{} // closed when it is
}

// Close implements net.Conn. The library calls it when reading or writing fails, too.
func (c *watchedConn) Close() error {
	c.once.Do(func() { close(c.lost) })
	return c.Conn.Close()
}
