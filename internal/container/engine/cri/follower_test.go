package cri

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/nsviz/nsviz/internal/fact"
)

const connected = "containerd connected: 1.6.20~ds1, CRI v1"

// Pods and containers have the names that the bundles give them; the newest come last, and a later list has what has come since.
func TestNames(t *testing.T) {
	s := newServer(t)
	s.pods = []*cri.PodSandbox{pod(3, "queue"), pod(1, "cart"), {Id: "../nonsense"}}
	s.containers = []*cri.Container{in(3, 4, "app", "sha256:"+id(7)), in(1, 2, "app", "busybox:1"), in(8, 5, "", id(9)), {Id: "x"}}
	s.containers[0].Image.UserSpecifiedImage = "docker.io/nginx:1"
	s.start(true)
	r := s.follow(Config{})
	r.expect(
		"containerd connecting: ",
		"pod 1 is shop/cart of containerd in shop cart", "pod 3 is shop/queue of containerd in shop queue",
		"2 is shop/cart/app of containerd in shop cart app busybox:1", "2 runs, restarts 0",
		"4 is shop/queue/app of containerd in shop queue app docker.io/nginx:1", "4 runs, restarts 0",
		"5 is 000000000000 of containerd in nothing 000000000000", "5 runs, restarts 0", connected,
	)
	<-r.Synced()
	s.set(func() { s.containers = []*cri.Container{in(1, 6, "new", "busybox:1")} })
	r.Ask("../nonsense")
	r.Ask(id(6))
	r.await("6 is shop/cart/new of containerd in shop cart new busybox:1")
}

// CRI-O names images by their ids, as the kubelet has it, and versions its own way.
func TestCRIO(t *testing.T) {
	s := newServer(t)
	s.version = &cri.VersionResponse{RuntimeName: "cri-o", RuntimeVersion: "1.30.0+git", RuntimeApiVersion: "v1"}
	s.pods, s.containers = []*cri.PodSandbox{pod(1, "cart")}, []*cri.Container{in(1, 2, "app", id(7)), in(1, 3, "side", id(7))}
	s.images[id(7)] = []string{"docker.io/library/nginx:1.27"}
	s.start(true)
	s.follow(Config{}).expect(
		"containerd connecting: ", "pod 1 is shop/cart of cri-o in shop cart",
		"2 is shop/cart/app of cri-o in shop cart app docker.io/library/nginx:1.27", "2 runs, restarts 0",
		"3 is shop/cart/side of cri-o in shop cart side docker.io/library/nginx:1.27", "3 runs, restarts 0", "cri-o connected: 1.30.0, CRI v1",
	)
}

// What the engine says of an end is reported once the engine knows of it.
func TestEnds(t *testing.T) {
	for name, test := range map[string]struct {
		says  []*cri.ContainerStatus
		start bool
		want  string
	}{
		"OOM-killed":            {[]*cri.ContainerStatus{exited(137, "OOMKilled")}, false, "ended 2 code 137 OOMKilled true"},
		"not OOM-killed":        {[]*cri.ContainerStatus{exited(0, "Completed")}, false, "ended 2 code 0 OOMKilled false"},
		"killed":                {[]*cri.ContainerStatus{exited(137, "Error")}, false, "ended 2 code 137 OOMKilled false"},
		"it hears of it later":  {[]*cri.ContainerStatus{runs(), runs(), exited(1, "Error")}, false, "ended 2 code 1 OOMKilled false"},
		"of the OOM kill later": {[]*cri.ContainerStatus{exited(137, "Error"), exited(137, "OOMKilled")}, false, "ended 2 code 137 OOMKilled true"},
		"removed":               {nil, false, "ended 2 removed"},
		"not started":           {[]*cri.ContainerStatus{{State: cri.ContainerState_CONTAINER_CREATED}, exited(128, "StartError")}, true, "ended 2 code 128"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.pods, s.containers = []*cri.PodSandbox{pod(1, "cart")}, []*cri.Container{in(1, 2, "app", "busybox")}
			s.says[id(2)] = test.says
			s.says[id(9)] = []*cri.ContainerStatus{exited(9, "")}
			s.start(true)
			r := s.follow(Config{secondLook: time.Millisecond})
			r.await(connected)
			r.AskEnd("../nonsense")
			r.AskEnd(id(1)) // a sandbox
			r.AskEnd(id(3)) // another engine's
			r.AskEnd(broken)
			if test.start {
				r.AskStart(id(2))
			} else {
				r.AskEnd(id(2))
			}
			r.expect(test.want)
			r.AskEnd(id(9))
			r.expect("ended 9 code 9 OOMKilled false")
		})
	}
}

// A start that did not fail has no report, whatever came of the container. The reason of one that failed is bounded.
func TestStarts(t *testing.T) {
	s := newServer(t)
	failed := exited(128, "StartError")
	failed.Message = strings.Repeat("é", maxStartError) + " no such file"
	s.says[id(2)], s.says[id(3)] = []*cri.ContainerStatus{exited(1, "Error")}, []*cri.ContainerStatus{failed}
	s.start(true)
	r := s.follow(Config{})
	r.await(connected)
	r.AskStart(id(2))
	r.AskStart(id(3))
	if got := r.next(); !strings.HasPrefix(got, "ended 3 code 128é") || !strings.HasSuffix(got, "é no such file") || len(got) > maxStartError+30 {
		t.Errorf("reported %q", got)
	}
}

// The kubelet makes a new container for each restart and numbers them. The number is reported once while such a container runs, and with its end.
func TestRestarts(t *testing.T) {
	s := newServer(t)
	again, over := in(1, 2, "app", "busybox"), in(1, 3, "app", "busybox")
	again.Metadata.Attempt, over.State = 4, cri.ContainerState_CONTAINER_EXITED
	s.pods, s.containers = []*cri.PodSandbox{pod(1, "cart")}, []*cri.Container{over, again}
	end := exited(1, "Error")
	end.Metadata = again.Metadata
	s.says[id(2)] = []*cri.ContainerStatus{end}
	s.start(true)
	r := s.follow(Config{})
	const app, before = "2 is shop/cart/app of containerd in shop cart app busybox", "3 is shop/cart/app of containerd in shop cart app busybox"
	r.expect("containerd connecting: ", "pod 1 is shop/cart of containerd in shop cart", app, "2 runs, restarts 4", before, connected)
	r.Ask(id(2))
	r.expect("pod 1 is shop/cart of containerd in shop cart", app, before)
	r.AskEnd(id(2))
	r.expect("ended 2 code 1 OOMKilled false restarts 4")
}

// A question about an end is not asked for ever.
func TestAnEndThatNeverComes(t *testing.T) {
	f := &Follower{cfg: Config{}.withDefaults()}
	s := &session{Follower: f}
	s.again(question{id: id(2)}, 0)
	n := 1
	for ; len(f.open) > 0 && n < 2*maxTries; n++ {
		q, _ := f.open.take(time.Now().Add(maxPause))
		s.again(q, 0)
	}
	if n != maxTries {
		t.Errorf("asked %d times", n)
	}
}

// A gRPC server without the API, as Docker's containerd, is no engine. One that was found is not worth a word, and neither is tried soon.
func TestServerWithoutTheAPI(t *testing.T) {
	s := newServer(t)
	s.start(false)
	found := s.follow(Config{Found: true, retryMin: time.Hour, noAPI: time.Millisecond})
	<-found.Synced()
	for range 3 {
		<-s.connections
	}
	if len(found.calls) > 0 {
		t.Errorf("reported %q", <-found.calls)
	}
	s.follow(Config{retryMin: time.Millisecond}).expect("containerd connecting: ", "containerd absent: serves no CRI API")
}

// A server that hangs is reported, also if it was only found; whoever asks does not wait. Once it answers it is an engine like any other.
func TestHang(t *testing.T) {
	s := newServer(t)
	s.hang = true
	s.pods, s.containers = []*cri.PodSandbox{pod(1, "cart")}, []*cri.Container{in(1, 2, "app", "busybox")}
	s.says[id(2)] = []*cri.ContainerStatus{exited(3, "Error")}
	s.start(true)
	r := s.follow(Config{Found: true, timeout: 100 * time.Millisecond, retryMin: time.Millisecond, retryMax: time.Millisecond})
	r.expect("containerd failing: does not answer the version request in time")
	for n := range 2 * maxAsked {
		r.Ask(id(n))
		r.AskEnd(id(n))
	}
	s.set(func() { s.hang = false })
	r.await(connected)
	r.await("ended 2 code 3 OOMKilled false")
	s.set(func() { s.hang = true })
	r.AskEnd(id(2))
	r.await("containerd failing: does not answer the question about an end in time")
	s.set(func() { s.hang = false })
	r.await("ended 2 code 3 OOMKilled false") // the question is still open
}

// What is no gRPC, and what is too large, is no engine, and no harm.
func TestNonsense(t *testing.T) {
	s := newServer(t)
	l, err := net.Listen("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprint(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			conn.Close()
		}
	}()
	r := s.follow(Config{retryMin: time.Millisecond, retryMax: 20 * time.Millisecond})
	r.expect("containerd connecting: ")
	if got := r.next(); !strings.HasPrefix(got, "containerd failing: version request: ") {
		t.Errorf("reported %q", got)
	}
	l.Close()
	<-served
	r.await("containerd absent: no socket at " + s.socket)
	large := in(1, 2, "app", "busybox")
	large.Labels["large"] = strings.Repeat("x", maxMessage)
	s.containers = []*cri.Container{large}
	s.start(true)
	r.await("containerd failing: list of containers: the answer is larger than 16 MiB")
	s.set(func() { s.containers = nil })
	r.await(connected)
}

// An engine that is restarted is followed again, from its list on.
func TestRestart(t *testing.T) {
	s := newServer(t)
	s.start(true)
	r := s.follow(Config{Found: true, retryMin: time.Millisecond, retryMax: time.Millisecond})
	r.expect(connected)
	s.grpc.Stop()
	_ = os.Remove(s.socket)
	r.expect("containerd connecting: the connection has ended", "containerd absent: no socket at "+s.socket)
	s.pods = []*cri.PodSandbox{pod(1, "cart")}
	s.start(true)
	r.await("pod 1 is shop/cart of containerd in shop cart")
	r.await(connected)
}

// The list is read again and again, also if nobody asks.
func TestListIsReadAgain(t *testing.T) {
	s := newServer(t)
	s.start(true)
	r := s.follow(Config{listEvery: 10 * time.Millisecond})
	r.await(connected)
	s.set(func() { s.pods = []*cri.PodSandbox{pod(1, "cart")} })
	r.await("pod 1 is shop/cart of containerd in shop cart")
}

// An engine's events are actions, and have the list read. What it kept from before is left out.
func TestEvents(t *testing.T) {
	s := newServer(t)
	s.version.RuntimeVersion = "2.1.0"
	s.events = make(chan *cri.ContainerEventResponse)
	s.start(true)
	r := s.follow(Config{})
	r.await("containerd connected: 2.1.0, CRI v1")
	s.set(func() {
		s.pods, s.containers = []*cri.PodSandbox{pod(1, "cart")}, []*cri.Container{in(1, 2, "app", "busybox")}
	})
	now := time.Now().UnixNano()
	for _, e := range []*cri.ContainerEventResponse{
		{ContainerId: id(2), ContainerEventType: cri.ContainerEventType_CONTAINER_STOPPED_EVENT, CreatedAt: 1},
		{ContainerId: "../nonsense", ContainerEventType: cri.ContainerEventType_CONTAINER_STOPPED_EVENT, CreatedAt: now},
		{ContainerId: id(2), ContainerEventType: cri.ContainerEventType_CONTAINER_CREATED_EVENT, CreatedAt: now},
	} {
		s.events <- e
	}
	r.expect("pod 1 is shop/cart of containerd in shop cart", "2 is shop/cart/app of containerd in shop cart app busybox", "2 runs, restarts 0")
	for typ, want := range map[cri.ContainerEventType]string{
		cri.ContainerEventType_CONTAINER_STARTED_EVENT: "start 2", cri.ContainerEventType_CONTAINER_STOPPED_EVENT: "die 2",
		cri.ContainerEventType_CONTAINER_DELETED_EVENT: "destroy 2",
	} {
		s.events <- &cri.ContainerEventResponse{ContainerId: id(2), ContainerEventType: typ, CreatedAt: now}
		r.expect(want)
	}
}

// An engine whose events are switched off, or are another one's, is followed by its list.
func TestWithoutEvents(t *testing.T) {
	for version, shared := range map[string]bool{"1.7.27": false, "2.0.0": true} {
		s := newServer(t)
		s.version.RuntimeVersion = version
		if !shared {
			s.events = make(chan *cri.ContainerEventResponse, 1)
			s.events <- &cri.ContainerEventResponse{} // the kubelet's
		}
		s.start(true)
		r := s.follow(Config{listEvery: 10 * time.Millisecond})
		r.await("containerd connected: " + version + ", CRI v1")
		s.set(func() { s.pods = []*cri.PodSandbox{pod(1, "cart")} })
		r.await("pod 1 is shop/cart of containerd in shop cart")
		if !shared && len(s.events) == 0 {
			t.Error("it has taken an event from the kubelet")
		}
	}
}

func TestSharesEvents(t *testing.T) {
	for engine, want := range map[string]bool{
		"containerd 1.7.27": false, "containerd v1.7.27": false, "containerd 2.0.0-rc.1": true, "containerd v2.1.4": true, "containerd ": false,
		"containerd x.y": false, "cri-o 1.27.9": false, "cri-o 1.28.0": true, "cri-o 1.30.0-dev": true, "cri-o 2.0": true, "docker 27.1": false,
	} {
		name, version, _ := strings.Cut(engine, " ")
		if got := sharesEvents(name, version); got != want {
			t.Errorf("%s: %v", engine, got)
		}
	}
}

// Ends that nobody can ask about are counted, but only while there is an engine to ask.
func TestManyEndsAreBounded(t *testing.T) {
	f, err := New(Config{Endpoint: "unix:///nowhere/containerd.sock"})
	if err != nil {
		t.Fatal(err)
	}
	for n := range maxAsked + 2 {
		f.AskEnd(id(n))
	}
	f.serving.Store(true)
	f.AskEnd(id(0))
	f.AskStart(id(0))
	if n := f.unasked.Load(); n != 1 || len(f.asked) != maxAsked {
		t.Errorf("%d wait, %d are lost", len(f.asked), n)
	}
	var open questions
	for n := range maxOpen {
		open.add(question{id: id(n)})
	}
	if !open.add(question{id: id(0)}) || open.add(question{id: id(maxOpen)}) || len(open) != maxOpen {
		t.Errorf("%d are open", len(open))
	}
}

func TestEndpoints(t *testing.T) {
	for endpoint, want := range map[string]string{
		"unix:///run/crio/crio.sock": "cri-o", "unix:///run/x/containerd.sock": "containerd", "unix:///x/other.sock": "containerd",
		"/run/containerd/containerd.sock": "", "tcp://127.0.0.1:1": "", "unix://relative": "", "": "",
	} {
		f, err := New(Config{Endpoint: endpoint})
		if (err == nil) != (want != "") || err == nil && (f.Name() != want || f.Address() != endpoint || f.User() != 0) {
			t.Errorf("%q: %+v, %v", endpoint, f, err)
		}
	}
}

// Settings and the PID 1s of containers are read from the disk.
func TestWhatTheAPIDoesNotHave(t *testing.T) {
	f, err := New(Config{Endpoint: "unix:///run/crio/crio.sock", Runtime: "cri-o"})
	if err != nil {
		t.Fatal(err)
	}
	var settings *fact.Settings
	if settings, err = f.Settings(context.Background(), id(1)); err == nil {
		t.Errorf("it has the settings %+v", settings)
	}
	if inits, err := f.Inits(context.Background(), nil); len(inits) > 0 || err != nil {
		t.Errorf("it has %v, %v", inits, err)
	}
}
