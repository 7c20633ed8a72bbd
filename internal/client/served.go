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
	"syscall"
	"time"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/server"
)

// An answer takes milliseconds, and as long as its kills are.
const (
	askPatience = 10 * time.Second
	maxAnswer   = 64 << 20
)

// served asks an nsviz that is running and fills in the answer.
func served(ctx context.Context, from, path string, query url.Values, answer any, complete func() bool) error {
	if _, _, err := net.SplitHostPort(from); err == nil && !strings.Contains(from, "://") {
		from = "http://" + from // as --web.listen-address has it
	}
	base, err := url.Parse(from)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return ErrAddress // the error of url.Parse has the password in it
	}
	base.Path = strings.TrimSuffix(strings.TrimSuffix(base.Path, "/"), "/metrics") // the dashboard shows the address of the metrics
	address := base.Redacted()
	question := base.JoinPath(path)
	question.RawQuery = query.Encode()
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, question.String(), nil)
	if err != nil {
		return ErrAddress
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w at %s: start `sudo nsviz serve` before the container, or name a recording with --recording", ErrNotRunning, address)
	}
	if err != nil {
		if failure := (*url.Error)(nil); errors.As(err, &failure) {
			err = failure.Err // without the question
		}
		return fmt.Errorf("ask the nsviz at %s: %w", address, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("ask the nsviz at %s: %w", address, err)
	}
	if response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, answer); err != nil || !complete() {
			return fmt.Errorf("what answers at %s is no nsviz", address)
		}
		return nil
	}
	return refused(response.StatusCode, body, address)
}

// refused puts an answer that is none into words.
func refused(status int, body []byte, address string) error {
	var refusal server.Refusal
	if json.Unmarshal(body, &refusal) != nil || refusal.Error == "" {
		if status == http.StatusUnauthorized {
			return fmt.Errorf("the nsviz at %s wants a password: --from http://USER:PASSWORD@…", address)
		}
		return fmt.Errorf("what answers at %s is no nsviz that knows the question (HTTP status %d)", address, status)
	}
	said := strings.TrimSpace(foreign.Prose(refusal.Error))
	if status == http.StatusBadRequest {
		return fmt.Errorf("the nsviz at %s is of another version and does not know the question: %s", address, said)
	}
	if status == http.StatusNotFound {
		kept := ", for a while after their end"
		if n := refusal.RetentionSeconds; n > 0 {
			kept = fmt.Sprintf(", for %.0f minutes after their end at most", n/60)
			if n == 60 {
				kept = ", for a minute after their end at most"
			}
		}
		return fmt.Errorf("%s; the nsviz at %s knows those that were there since it began%s", said, address, kept)
	}
	return errors.New(said)
}
