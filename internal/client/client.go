package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/diagram"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/server"
	"github.com/nsviz/nsviz/internal/story"
)

// DefaultFrom is the address of an nsviz that runs on this host, if it serves where it does by default.
const DefaultFrom = "http://" + server.DefaultAddress

// Source is where a report comes from.
type Source struct {
	// From is the address of an nsviz that is running, or the path of a recording.
	From string
	// Access is how an nsviz that is running is reached.
	Access Access
	// Recording is the path of a recording, and goes before From; "" is none.
	Recording string
}

// recording returns the path of the recording to ask; "" is none, but an nsviz that is running.
func (s Source) recording() string {
	if s.Recording != "" || strings.Contains(s.From, "://") {
		return s.Recording
	}
	if _, err := os.Stat(s.From); err != nil {
		return ""
	}
	return s.From
}

// IsRecording reports whether a recording is asked, and not an nsviz that is running.
func (s Source) IsRecording() bool { return s.recording() != "" }

// Question is what is asked, and A is what answers it.
type Question[A any] struct {
	path  string
	query url.Values
	// of answers it from a snapshot.
	of func(*model.Snapshot) (A, error)
	// at is the time that it is asked for; zero is now.
	at time.Time
	// complete reports whether it is an answer: anything may answer at an address.
	complete func(*A) bool
	// decode reads an answer that is no JSON; nil is for one that is.
	decode func([]byte) A
}

// WhyContainer asks how a container ended and who did it, by its name, its id or the beginning of its id.
func WhyContainer(name string) Question[report.ContainerAnswer] {
	return Question[report.ContainerAnswer]{
		path: server.WhyPath, query: url.Values{"container": {name}},
		of: func(s *model.Snapshot) (a report.ContainerAnswer, err error) {
			c, err := report.Find(s, name)
			if err != nil {
				return a, err
			}
			return report.WhyContainer(c, s), nil
		},
		complete: func(a *report.ContainerAnswer) bool { return a.Sentence != "" },
	}
}

// WhyNamespace asks what became of a namespace.
func WhyNamespace(name story.NamespaceName) Question[report.NamespaceAnswer] {
	return Question[report.NamespaceAnswer]{
		path: server.WhyPath, query: url.Values{"namespace": {name.String()}},
		of:       func(s *model.Snapshot) (report.NamespaceAnswer, error) { return report.WhyNamespace(s, name) },
		complete: func(a *report.NamespaceAnswer) bool { return a.Sentence != "" },
	}
}

// WhyCgroup asks what became of the cgroup at a path.
func WhyCgroup(path string) Question[report.CgroupAnswer] {
	return Question[report.CgroupAnswer]{
		path: server.WhyPath, query: url.Values{"cgroup": {path}},
		of:       func(s *model.Snapshot) (report.CgroupAnswer, error) { return report.WhyCgroup(s, path) },
		complete: func(a *report.CgroupAnswer) bool { return a.Sentence != "" },
	}
}

// WhyKill asks about the OOM kill with an id.
func WhyKill(id string) Question[report.KillAnswer] {
	return Question[report.KillAnswer]{
		path: server.WhyPath, query: url.Values{"kill": {id}},
		of:       func(s *model.Snapshot) (report.KillAnswer, error) { return report.WhyKill(s, id) },
		complete: func(a *report.KillAnswer) bool { return a.Sentence != "" },
	}
}

// Inspect asks what is known of a container, without a look at /proc. It is named as for WhyContainer.
func Inspect(name string) Question[report.Known] {
	return Question[report.Known]{
		path: server.InspectPath, query: url.Values{"container": {name}},
		of: func(s *model.Snapshot) (k report.Known, err error) {
			c, err := report.Find(s, name)
			if err != nil {
				return k, err
			}
			return report.NewKnown(c, s), nil
		},
		complete: func(k *report.Known) bool { return k.Sentence != "" },
	}
}

// Workloads asks for the workloads that are known, ended ones too.
func Workloads() Question[report.Listing] {
	return Question[report.Listing]{
		path:     server.PsPath, // which all versions know
		of:       func(s *model.Snapshot) (report.Listing, error) { return report.NewListing(s), nil },
		complete: func(l *report.Listing) bool { return !l.AsOf.IsZero() },
	}
}

// Namespaces asks for the namespaces of a host or, if of is not "", for those of a container, a pod, a project or a process.
func Namespaces(of string) Question[report.NamespaceList] {
	q := Question[report.NamespaceList]{
		path: server.NamespacesPath,
		of: func(s *model.Snapshot) (l report.NamespaceList, err error) {
			if s, err = namespacesOf(s, of); err != nil {
				return l, err
			}
			return report.NewNamespaceList(s), nil
		},
		complete: func(l *report.NamespaceList) bool { return !l.AsOf.IsZero() },
	}
	if of != "" {
		q.query = url.Values{"of": {of}}
	}
	return q
}

// Diagram asks for a diagram of who shares namespaces with whom, of a host or as for Namespaces, in a form that the API knows. Of a
// recording draw draws it.
func Diagram(of string, form diagram.Form) Question[[]byte] {
	q := Question[[]byte]{
		path: server.NamespacesPath, query: url.Values{"form": {form.Name}},
		of: func(s *model.Snapshot) ([]byte, error) {
			s, err := namespacesOf(s, of)
			if err != nil {
				return nil, err
			}
			var b bytes.Buffer
			err = form.Write(&b, s)
			return b.Bytes(), err
		},
		complete: func(text *[]byte) bool { return len(*text) > 0 && (*text)[0] != '{' },
		decode:   func(text []byte) []byte { return text },
	}
	if of != "" {
		q.query.Set("of", of)
	}
	return q
}

func namespacesOf(s *model.Snapshot, of string) (*model.Snapshot, error) {
	if of == "" {
		return s, nil
	}
	return report.NamespacesOf(s, of)
}

// At returns the question about an earlier time.
func (q Question[A]) At(t time.Time) Question[A] {
	q.at = t
	if !t.IsZero() {
		query := url.Values{"at": {t.Format(time.RFC3339Nano)}}
		for key, values := range q.query {
			query[key] = values
		}
		q.query = query
	}
	return q
}

var (
	// ErrNotRunning reports that nobody listens at the address of Source.From.
	ErrNotRunning = errors.New("no nsviz is running")
	// ErrAddress reports that Source.From is neither an address nor the path of a file.
	ErrAddress = errors.New("want an address such as " + DefaultFrom + ", or a recording that is there")
	// ErrNotPermitted reports that an nsviz answers only those who have a password or a certificate.
	ErrNotPermitted = errors.New("not permitted")
	// ErrIncomplete reports that the answer is there, but rests on what there is of a recording.
	ErrIncomplete = errors.New("so the answer may lack something")
)

// Ask puts a question to a source. With ErrIncomplete it returns an answer, too.
func Ask[A any](ctx context.Context, from Source, q Question[A]) (answer A, err error) {
	if path := from.recording(); path != "" {
		return recorded(path, q.at, q.of)
	}
	err = served(ctx, from, q.path, q.query, func(body []byte) bool {
		if q.decode != nil {
			answer = q.decode(body)
		} else if json.Unmarshal(body, &answer) != nil {
			return false
		}
		return q.complete(&answer)
	})
	return answer, err
}
