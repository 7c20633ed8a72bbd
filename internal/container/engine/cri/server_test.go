package cri

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/fact"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// server is an engine that a test acts for.
type server struct {
	cri.UnimplementedRuntimeServiceServer
	cri.UnimplementedImageServiceServer

	t      *testing.T
	socket string
	grpc   *grpc.Server
	// connections gets a value for each connection.
	connections chan struct{}

	mu         sync.Mutex
	version    *cri.VersionResponse
	pods       []*cri.PodSandbox
	containers []*cri.Container
	images     map[string][]string // names by ids
	// says is what it answers about a container, one after the other; the last one stays.
	says map[string][]*cri.ContainerStatus
	hang bool
	// events are what it sends to whoever subscribes; nil is that it has none.
	events chan *cri.ContainerEventResponse
}

func newServer(t *testing.T) *server {
	return &server{
		t: t, socket: filepath.Join(t.TempDir(), "containerd.sock"), connections: make(chan struct{}, 1000),
		version: &cri.VersionResponse{Version: "0.1.0", RuntimeName: "containerd", RuntimeVersion: "1.6.20~ds1+x", RuntimeApiVersion: "v1"},
		images:  map[string][]string{}, says: map[string][]*cri.ContainerStatus{},
	}
}

// start has it serve the API; without it has only gRPC.
func (s *server) start(api bool) {
	s.t.Helper()
	l, err := net.Listen("unix", s.socket)
	if err != nil {
		s.t.Fatal(err)
	}
	s.grpc = grpc.NewServer(grpc.MaxSendMsgSize(64 << 20))
	if api {
		cri.RegisterRuntimeServiceServer(s.grpc, s)
		cri.RegisterImageServiceServer(s.grpc, s)
	}
	serving := make(chan struct{})
	go func() {
		defer close(serving)
		_ = s.grpc.Serve(l)
	}()
	s.t.Cleanup(func() {
		s.grpc.Stop()
		<-serving
	})
}

func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// wait hangs where it is to.
func (s *server) wait(ctx context.Context) error {
	s.mu.Lock()
	hang := s.hang
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (s *server) Version(ctx context.Context, _ *cri.VersionRequest) (*cri.VersionResponse, error) {
	return s.version, s.wait(ctx)
}

func (s *server) ListPodSandbox(ctx context.Context, _ *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	err := s.wait(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	return &cri.ListPodSandboxResponse{Items: s.pods}, err
}

func (s *server) ListContainers(ctx context.Context, _ *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	err := s.wait(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	return &cri.ListContainersResponse{Containers: s.containers}, err
}

func (s *server) ContainerStatus(ctx context.Context, r *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.GetContainerId() == broken {
		return nil, status.Error(codes.Internal, "its state is broken")
	}
	all := s.says[r.GetContainerId()]
	if len(all) == 0 {
		return nil, status.Error(codes.NotFound, "no such container")
	}
	if len(all) > 1 {
		s.says[r.GetContainerId()] = all[1:]
	}
	return &cri.ContainerStatusResponse{Status: all[0]}, nil
}

func (s *server) GetContainerEvents(_ *cri.GetEventsRequest, stream grpc.ServerStreamingServer[cri.ContainerEventResponse]) error {
	if s.events == nil {
		return status.Error(codes.Unimplemented, "events are switched off")
	}
	for {
		select {
		case e := <-s.events:
			if err := stream.Send(e); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return nil
		}
	}
}

// Status implements the request of both services.
func (s *server) Status(context.Context, *cri.StatusRequest) (*cri.StatusResponse, error) {
	return &cri.StatusResponse{}, nil
}

func (s *server) ImageStatus(_ context.Context, r *cri.ImageStatusRequest) (*cri.ImageStatusResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, ok := s.images[r.GetImage().GetImage()]
	if !ok {
		return &cri.ImageStatusResponse{}, nil
	}
	return &cri.ImageStatusResponse{Image: &cri.Image{RepoTags: names}}, nil
}

// broken is a container of which the engine says nothing but an error.
var broken = id(0xbad)

func id(n int) string { return fmt.Sprintf("%064x", n) }

func pod(n int, name string) *cri.PodSandbox {
	return &cri.PodSandbox{Id: id(n), Metadata: &cri.PodSandboxMetadata{Namespace: "shop", Name: name}, CreatedAt: int64(n)}
}

func in(pod, n int, name, image string) *cri.Container {
	return &cri.Container{
		Id: id(n), PodSandboxId: id(pod), Metadata: &cri.ContainerMetadata{Name: name}, Image: &cri.ImageSpec{Image: image}, CreatedAt: int64(n),
		Labels: map[string]string{"tier": "front"},
	}
}

func exited(code int32, reason string) *cri.ContainerStatus {
	return &cri.ContainerStatus{State: cri.ContainerState_CONTAINER_EXITED, ExitCode: code, Reason: reason}
}

func runs() *cri.ContainerStatus {
	return &cri.ContainerStatus{State: cri.ContainerState_CONTAINER_RUNNING, Reason: reasonOOMKilled}
}

// run is a follower at work. It is the Sink.
type run struct {
	t *testing.T
	*Follower

	calls chan string
}

func short(id string) string { return strings.TrimLeft(id, "0") }

func (r *run) Identify(i container.Identity) {
	group := "nothing"
	if i.Group != nil {
		group = i.Group.Namespace + " " + i.Group.Name + " " + i.Group.Member
	}
	r.calls <- strings.TrimSpace(fmt.Sprintf("%s %s is %s of %s in %s %s", i.Kind, short(i.ID), i.Name, i.Runtime, group, i.Image))
}

func (r *run) Ended(e fact.EngineReport) {
	if e.Runs {
		r.calls <- fmt.Sprintf("%s runs, restarts %d", short(e.ID), *e.RestartCount)
		return
	}
	text := "ended " + short(e.ID)
	if e.ExitCode != nil {
		text += fmt.Sprint(" code ", *e.ExitCode)
	}
	if e.OOMKilled != nil {
		text += fmt.Sprint(" OOMKilled ", *e.OOMKilled)
	}
	if e.Removed {
		text += " removed"
	}
	if n := e.RestartCount; n != nil {
		text += fmt.Sprint(" restarts ", *n)
	}
	r.calls <- text + e.StartError
}

func (r *run) Did(e fact.EngineEvent) { r.calls <- string(e.Action) + " " + short(e.ID) }
func (r *run) Lost(n uint64)          { r.calls <- fmt.Sprint("lost ", n) }
func (r *run) EngineState(e fact.Engine) {
	r.calls <- fmt.Sprintf("%s %s: %s", e.Name, e.State, e.Detail)
}

var _ engine.Engine = (*Follower)(nil)

// follow runs a follower until the end of the test.
func (s *server) follow(c Config) *run {
	s.t.Helper()
	c.Endpoint = "unix://" + s.socket
	c.Connect = func(ctx context.Context, socket string) (net.Conn, error) {
		s.connections <- struct{}{}
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	if c.askFirst == 0 {
		c.askFirst = time.Millisecond
	}
	f, err := New(c)
	if err != nil {
		s.t.Fatal(err)
	}
	r := &run{s.t, f, make(chan string, 1<<12)}
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx, r) }()
	s.t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				s.t.Errorf("Run ended with %v", err)
			}
		case <-time.After(patience):
			s.t.Error("Run does not end")
		}
	})
	return r
}

// next returns the next call of the Sink.
func (r *run) next() string {
	r.t.Helper()
	select {
	case call := <-r.calls:
		return call
	case <-time.After(patience):
		r.t.Fatal("nothing is reported")
		return ""
	}
}

// expect expects these calls next.
func (r *run) expect(want ...string) {
	r.t.Helper()
	for _, w := range want {
		if got := r.next(); got != w {
			r.t.Fatalf("reported %q, want %q", got, w)
		}
	}
}

// await waits for a call, whatever comes before.
func (r *run) await(want string) {
	r.t.Helper()
	for r.next() != want {
	}
}
