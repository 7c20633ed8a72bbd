package cri

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/fact"
)

const (
	// maxEntries bounds a list of pods, and one of containers.
	maxEntries = 1 << 16
	// maxImages bounds the names of images that are known.
	maxImages = 1024
	// Lists that are asked for are no closer than listPause, or listDuty times as long as one takes: whoever makes cgroups that look like
	// a container's has nsviz ask for each.
	listPause = 100 * time.Millisecond
	listDuty  = 20
	// maxStartError bounds the reason of a failed start, in bytes.
	maxStartError = 1 << 10
)

// The reasons that the API has for an end. The first one is the API's own, the other one containerd's.
const (
	reasonOOMKilled  = "OOMKilled"
	reasonStartError = "StartError"
)

// session is one connection to the engine. All happens on the goroutine that is in Run.
type session struct {
	*Follower

	status  *engine.Status
	engine  *connection
	version string // for people
	// began is when the session did.
	began time.Time
	// events are nil where the engine has none for nsviz.
	events chan *cri.ContainerEventResponse
	// next is the earliest time for a list that somebody asks for.
	next time.Time
}

// session connects and stays until something goes wrong, or until ctx ends. It reports whether the engine was well for a while, and what
// went wrong.
func (f *Follower) session(ctx context.Context, st *engine.Status) (steady bool, p *engine.Problem) {
	conn, p := f.dial(ctx)
	if p != nil {
		return false, p
	}
	defer conn.Close()
	s := &session{Follower: f, status: st, engine: conn, began: time.Now()}
	number, p := s.greet(ctx)
	if p != nil {
		return false, p
	}
	if sharesEvents(s.Name(), number) {
		var subscribed sync.WaitGroup
		defer subscribed.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		s.events = make(chan *cri.ContainerEventResponse, maxEvents)
		subscribed.Go(func() { s.subscribe(ctx, s.events) })
	}
	if p := s.list(ctx); p != nil {
		return false, p
	}
	s.answered = true
	s.serving.Store(true)
	s.status.Set(fact.EngineConnected, s.version)
	s.markSynced()
	return s.follow(ctx)
}

// follow is the session's loop.
func (s *session) follow(ctx context.Context) (steady bool, p *engine.Problem) {
	regular := time.NewTicker(s.cfg.listEvery)
	defer regular.Stop()
	asked := false // somebody waits for a list
	for {
		if n := s.unasked.Swap(0); n > 0 {
			s.status.Sink.Lost(n)
		}
		var due <-chan time.Time
		if at := s.open.due(); !at.IsZero() {
			due = time.After(time.Until(at))
		}
		var may <-chan time.Time
		if asked {
			may = time.After(time.Until(s.next))
		}
		select {
		case <-ctx.Done():
			return steady, nil // the caller knows why

		case <-s.engine.conn.lost:
			return steady, ended()

		case e, more := <-s.events:
			if !more {
				s.events = nil
			} else if s.event(e) {
				asked = true
			}

		case q := <-s.asked:
			q.due = time.Now().Add(s.cfg.askFirst)
			if !s.open.add(q) && !q.start {
				s.status.Sink.Lost(1)
			}

		case <-due:
			if q, ok := s.open.take(time.Now()); ok {
				p = s.answer(ctx, q)
			}

		case <-s.wake:
			asked = true

		case <-may:
			asked = false
			p = s.list(ctx)

		case <-regular.C:
			asked = false
			p = s.list(ctx)
			steady = p == nil
		}
		switch {
		case p == nil:
		case s.engine.isLost():
			return steady, ended()
		default:
			return steady, p
		}
	}
}

// call makes one request, with a bound on its time. The argument what names it for people.
func (s *session) call(ctx context.Context, what string, timeout time.Duration, request func(context.Context) error) *engine.Problem {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := request(ctx); err != nil {
		return s.explain(what, err)
	}
	return nil
}

// shortWord matches the names of runtimes that are taken over.
var shortWord = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// greet asks which engine it is, and returns its version.
func (s *session) greet(ctx context.Context) (number string, p *engine.Problem) {
	var v *cri.VersionResponse
	if p := s.call(ctx, "version request", s.cfg.timeout, func(ctx context.Context) (err error) {
		v, err = s.engine.Version(ctx, &cri.VersionRequest{})
		return err
	}); p != nil {
		return "", p
	}
	if name := v.GetRuntimeName(); shortWord.MatchString(name) {
		s.name.Store(&name)
	}
	// Distributions add what does not matter here: 1.6.20~ds1, 1.30.0+git.
	number, _, _ = strings.Cut(v.GetRuntimeVersion(), "+")
	s.version = fmt.Sprintf("%s, CRI %s", engine.Brief(cmp.Or(number, "unknown version")), engine.Brief(cmp.Or(v.GetRuntimeApiVersion(), "v1")))
	return number, nil
}

// list asks for all pods and containers, and reports them.
func (s *session) list(ctx context.Context) *engine.Problem {
	began := time.Now()
	defer func() { s.next = time.Now().Add(max(listPause, listDuty*time.Since(began))) }()
	var pods []*cri.PodSandbox
	var containers []*cri.Container
	if p := s.call(ctx, "list of containers", listPatience*s.cfg.timeout, func(ctx context.Context) error {
		// The containers first: then the pod of each is in the other list.
		c, err := s.engine.ListContainers(ctx, &cri.ListContainersRequest{})
		if err != nil {
			return err
		}
		answer, err := s.engine.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
		containers, pods = c.GetContainers(), answer.GetItems()
		return err
	}); p != nil {
		return p
	}
	if max(len(pods), len(containers)) > maxEntries {
		err := fmt.Errorf("there are more than %d in the list of containers", maxEntries)
		return engine.NewProblem(fact.EngineFailing, err.Error(), err)
	}
	// The newest are passed on last, so that a sink of bounded size keeps them.
	slices.SortStableFunc(pods, func(a, b *cri.PodSandbox) int { return cmp.Compare(a.GetCreatedAt(), b.GetCreatedAt()) })
	slices.SortStableFunc(containers, func(a, b *cri.Container) int { return cmp.Compare(a.GetCreatedAt(), b.GetCreatedAt()) })
	s.before, s.listed = s.listed, make(map[string]bool, len(pods)+len(containers))
	byID := make(map[string]*cri.PodSandbox, len(pods))
	for _, pod := range pods {
		if identity, ok := ofSandbox(s.Name(), pod); ok {
			byID[identity.ID], s.listed[identity.ID] = pod, true
			s.status.Sink.Identify(identity)
		}
	}
	for _, c := range containers {
		image, p := s.image(ctx, c.GetImage())
		if p != nil {
			return p
		}
		if identity, ok := ofContainer(s.Name(), c, byID[c.GetPodSandboxId()], image); ok {
			s.listed[identity.ID] = false
			s.status.Sink.Identify(identity)
			if _, known := s.before[identity.ID]; !known && c.GetState() != cri.ContainerState_CONTAINER_EXITED {
				s.status.Sink.Ended(fact.EngineReport{ID: identity.ID, RestartCount: restarts(c.GetMetadata()), Runs: true})
			}
		}
	}
	return nil
}

// image returns the name of an image. The kubelet names images by their ids.
func (s *session) image(ctx context.Context, spec *cri.ImageSpec) (string, *engine.Problem) {
	name := cmp.Or(spec.GetUserSpecifiedImage(), spec.GetImage())
	id := strings.TrimPrefix(name, "sha256:")
	if !container.IsHash(id) {
		return container.Cut(name), nil
	}
	if known, ok := s.images[id]; ok {
		return known, nil
	}
	short := container.ShortImage("sha256:" + id)
	var answer *cri.ImageStatusResponse
	p := s.call(ctx, "name of an image", s.cfg.timeout, func(ctx context.Context) (err error) {
		answer, err = s.engine.images.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}})
		return err
	})
	switch {
	case p == nil, errors.Is(p, errNoAPI): // the images may have a server of their own
	case errors.Is(p, context.DeadlineExceeded), s.engine.isLost():
		return "", p
	default:
		return short, nil
	}
	// It may have been removed.
	for _, names := range [][]string{answer.GetImage().GetRepoDigests(), answer.GetImage().GetRepoTags()} {
		if len(names) > 0 {
			short = container.Cut(names[0])
		}
	}
	if len(s.images) == maxImages {
		clear(s.images)
	}
	s.images[id] = short
	return short, nil
}

// answer asks the engine a question, and reports what it says.
func (s *session) answer(ctx context.Context, q question) *engine.Problem {
	sandbox, known := s.listed[q.id]
	if !known {
		sandbox, known = s.before[q.id]
	}
	if sandbox {
		return nil // its end is the pod's, of which the API reports no code
	}
	var said *cri.ContainerStatus
	gone := false
	if p := s.call(ctx, "question about an end", s.cfg.timeout, func(ctx context.Context) error {
		answer, err := s.engine.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: q.id})
		gone, said = status.Code(err) == codes.NotFound, answer.GetStatus()
		if gone {
			return nil
		}
		return err
	}); p != nil {
		s.again(q, s.cfg.askFirst<<q.tries)
		if errors.Is(p, context.DeadlineExceeded) || s.engine.isLost() {
			return p
		}
		s.status.Log.Debug("ask how a container ended", "container", q.id, "error", p)
		return nil
	}
	switch {
	case gone && known:
		s.status.Sink.Ended(fact.EngineReport{ID: q.id, Removed: true})
	case gone: // it is somebody else's
	case said.GetState() != cri.ContainerState_CONTAINER_EXITED:
		s.again(q, s.cfg.askFirst<<q.tries)
	case said.GetReason() == reasonStartError:
		s.status.Sink.Ended(fact.EngineReport{
			ID: q.id, ExitCode: new(said.GetExitCode()), StartError: startError(said.GetMessage()), RestartCount: restarts(said.GetMetadata()),
		})
	case q.start: // it did start
	case said.GetExitCode() == killed && said.GetReason() != reasonOOMKilled && !q.looked:
		q.looked = true
		s.again(q, s.cfg.secondLook)
	default:
		s.status.Sink.Ended(fact.EngineReport{
			ID: q.id, ExitCode: new(said.GetExitCode()), OOMKilled: new(said.GetReason() == reasonOOMKilled), RestartCount: restarts(said.GetMetadata()),
		})
	}
	return nil
}

// restarts returns how often a container was restarted: the kubelet makes a new one each time, and numbers these from 0. nil is unknown.
func restarts(m *cri.ContainerMetadata) *int {
	if m == nil {
		return nil
	}
	return new(int(m.GetAttempt()))
}

// killed is the exit code of SIGKILL.
const killed = 128 + 9

// again has a question asked once more after a pause.
func (s *session) again(q question, pause time.Duration) {
	if q.tries++; q.tries == maxTries {
		return // whatever the engine waits for
	}
	q.due = time.Now().Add(min(pause, maxPause))
	s.open.add(q) // there is room, since it was taken out
}

// startError returns why a container did not start: the end of the message, which has what matters.
func startError(message string) string {
	if over := len(message) - maxStartError; over > 0 {
		message = strings.ToValidUTF8(message[over:], "")
	}
	return strings.Clone(message)
}
