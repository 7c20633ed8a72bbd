package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/server"
)

// An answer takes milliseconds, and as long as its kills are.
const (
	askPatience = 10 * time.Second
	maxAnswer   = 64 << 20
	// maxRefusal bounds what is read of an answer that is none.
	maxRefusal = 64 << 10
)

// remote is an nsviz that is running.
type remote struct {
	base    *url.URL
	address string // as errors have it: without a password
	access  Access
	http    *http.Client
}

// remote returns the nsviz at From.
func (s Source) remote() (*remote, error) {
	from := s.From
	if _, _, err := net.SplitHostPort(from); err == nil && !strings.Contains(from, "://") {
		from = "http://" + from // as --web.listen-address has it
	}
	base, err := url.Parse(from)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, ErrAddress // the error of url.Parse has the password in it
	}
	base.Path = strings.TrimSuffix(strings.TrimSuffix(base.Path, "/"), "/metrics") // the dashboard shows the address of the metrics
	client, err := s.Access.client()
	if err != nil {
		return nil, err
	}
	return &remote{base: base, address: base.Redacted(), access: s.Access, http: client}, nil
}

// get asks a question. The body of the answer has to be closed.
func (r *remote) get(ctx context.Context, path string, query url.Values) (*http.Response, error) {
	question := r.base.JoinPath(path)
	question.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, question.String(), nil)
	if err != nil {
		return nil, ErrAddress
	}
	if err := r.access.authorize(request); err != nil {
		return nil, err
	}
	response, err := r.http.Do(request)
	if err != nil {
		return nil, r.unreached(err)
	}
	return response, nil
}

// ask asks a question and returns the answer, which has at most maxAnswer bytes.
func (r *remote) ask(ctx context.Context, path string, query url.Values) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	response, err := r.get(ctx, path, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, r.refused(ctx, response)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, r.unreached(err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("what answers at %s sends more than an nsviz does", r.address)
	}
	return body, nil
}

// served asks an nsviz that is running and fills in the answer by decode, which reports whether it is one.
func served(ctx context.Context, from Source, path string, query url.Values, decode func([]byte) bool) error {
	r, err := from.remote()
	if err != nil {
		return err
	}
	body, err := r.ask(ctx, path, query)
	if err != nil {
		return err
	}
	if !decode(body) {
		return fmt.Errorf("what answers at %s is no nsviz", r.address)
	}
	return nil
}

// refused puts an answer that is none into words.
func (r *remote) refused(ctx context.Context, response *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxRefusal)) // what there is of it
	status := response.StatusCode
	var refusal server.Refusal
	if json.Unmarshal(body, &refusal) != nil || refusal.Error == "" {
		return r.refusedInProse(ctx, response, string(body))
	}
	said := strings.TrimSpace(foreign.Prose(refusal.Error))
	switch status {
	case http.StatusBadRequest:
		return &questionError{fmt.Errorf("the nsviz at %s is of another version and does not know the question: %s", r.address, said)}
	case http.StatusServiceUnavailable:
		return &busyError{fmt.Errorf("the nsviz at %s: %s", r.address, said)}
	case http.StatusNotFound:
		if refusal.RetentionSeconds == 0 && strings.HasPrefix(refusal.Error, "no path ") {
			return &questionError{r.older(said)}
		}
		kept := ", for a while after their end"
		if n := refusal.RetentionSeconds; n > 0 {
			kept = fmt.Sprintf(", for %.0f minutes after their end at most", n/60)
			if n == 60 {
				kept = ", for a minute after their end at most"
			}
		}
		return fmt.Errorf("%s; the nsviz at %s knows those that were there since it began%s", said, r.address, kept)
	}
	return errors.New(said)
}

// refusedInProse puts an answer into words that is not of the API: of the server's gate, of an older nsviz, or of somebody else.
func (r *remote) refusedInProse(ctx context.Context, response *http.Response, body string) error {
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized && response.Request.Header.Get("Authorization") == "":
		return fmt.Errorf("%w: the nsviz at %s wants a password: give --user and --password-file, or $NSVIZ_USER and $NSVIZ_PASSWORD", ErrNotPermitted, r.address)
	case status == http.StatusUnauthorized:
		user, _, _ := response.Request.BasicAuth()
		return fmt.Errorf("%w: the nsviz at %s refuses the password of the user %s", ErrNotPermitted, r.address, foreign.Name(user))
	case status == http.StatusBadRequest && strings.Contains(body, "HTTP request to an HTTPS server"):
		return fmt.Errorf("the nsviz at %s wants TLS: write https://", r.address)
	case status == http.StatusMisdirectedRequest:
		return fmt.Errorf("the nsviz at %s asks for no password and does not answer under that name: write its address or, if it is on this host, localhost; "+
			"or start it with --web.host and the name", r.address)
	case status >= 300 && status < 400:
		return fmt.Errorf("what answers at %s sends one elsewhere, which nsviz does not follow (HTTP status %d): give the address of nsviz itself", r.address, status)
	case status == http.StatusNotFound && r.isNsviz(ctx):
		return &questionError{r.older("no path " + response.Request.URL.Path)}
	default:
		return fmt.Errorf("what answers at %s is no nsviz that knows the question (HTTP status %d)", r.address, status)
	}
}

func (r *remote) older(said string) error {
	return fmt.Errorf("the nsviz at %s is older than this one and does not know the question (%s): update it", r.address, said)
}

// isNsviz reports whether an nsviz of any version answers.
func (r *remote) isNsviz(ctx context.Context) bool {
	response, err := r.get(ctx, "/-/healthy", nil)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	return err == nil && strings.HasPrefix(string(body), "nsviz is ")
}

// questionError reports that an nsviz does not know a question, since it is of another version.
type questionError struct{ error }

func (e *questionError) Unwrap() error { return e.error }

// busyError reports that an nsviz may answer later.
type busyError struct{ error }

func (e *busyError) Unwrap() error { return e.error }
