package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/record"
	"github.com/nsviz/nsviz/internal/server"
	"github.com/nsviz/nsviz/internal/story"
)

// source is whom to ask about what happened: an nsviz that is running, or a recording.
type source struct{ from, recording string }

const defaultSource = "http://" + server.DefaultAddress

func (s *source) flags(cmd *cobra.Command) {
	cmd.Flags().Var(newChecked(&s.from, defaultSource, "string", notEmpty("an address or a recording")), "from",
		"the nsviz to ask, http://USER:PASSWORD@… where it wants one; or a recording")
	cmd.Flags().Var(newChecked(&s.recording, "", "string", notEmpty("a file")), "recording", "ask a recording, made by nsviz record, and not an nsviz that runs")
}

// named reports whether the command line names a source.
func named(cmd *cobra.Command) bool {
	return cmd.Flags().Changed("from") || cmd.Flags().Changed("recording")
}

// file is the recording to ask; "" is none, but an nsviz that is running.
func (s *source) file() string {
	if s.recording != "" || strings.Contains(s.from, "://") {
		return s.recording
	}
	if _, err := os.Stat(s.from); err != nil {
		return ""
	}
	return s.from
}

// ask asks the source, by a path of the metrics server or with a recording's last snapshot, and has the answer
// written; sentence tells one from what others answer. The answer from a recording that is cut short is
// written, and is an error all the same.
func ask[A any](
	cmd *cobra.Command, from *source, path string, query url.Values,
	of func(*isolation.Snapshot) (A, error), sentence func(A) string, write func(A) error,
) error {
	if from.recording != "" && cmd.Flags().Changed("from") {
		return errUsage{errors.New("--from and --recording exclude each other")}
	}
	var answer A
	var err error
	if file := from.file(); file != "" {
		answer, err = recorded(file, of)
	} else {
		err = served(cmd.Context(), from.from, path, query, &answer, func() bool { return sentence(answer) != "" })
	}
	if err != nil && !errors.Is(err, errIncomplete) {
		return err
	}
	return errors.Join(write(answer), err)
}

// errIncomplete is that the answer rests on what there is of a recording.
var errIncomplete = errors.New("so the answer may lack something")

// recorded asks a recording.
func recorded[A any](path string, of func(*isolation.Snapshot) (A, error)) (answer A, err error) {
	file, err := os.Open(path)
	if err != nil {
		return answer, fmt.Errorf("ask a recording: %w", err)
	}
	defer func() { _ = file.Close() }()
	reader, err := record.NewReader(file)
	if err != nil {
		return answer, fmt.Errorf("%s: %w", path, err)
	}
	snapshot, cut := record.Whole(reader, isolation.RecordingLimits())
	lacks := errors.Join(cut, leftOut(snapshot.LeftOut))
	answer, err = of(snapshot)
	switch {
	case err != nil && lacks != nil:
		return answer, fmt.Errorf("%s: %s; %w", path, foreign.Prose(err.Error()), lacks)
	case err != nil:
		return answer, fmt.Errorf("%s: %s", path, foreign.Prose(err.Error()))
	case lacks != nil:
		err = fmt.Errorf("%s: %w, %w", path, lacks, errIncomplete)
	}
	return answer, err
}

// leftOut says what of a recording was too much to be kept; nil is nothing.
func leftOut(n isolation.LeftOut) error {
	var list []string
	for _, kind := range []struct {
		n    uint64
		what string
	}{{n.Containers, "ended containers"}, {n.Namespaces, "freed namespaces"}, {n.Cgroups, "cgroups"}, {n.Kills, "OOM kills"}, {n.Unstarted, "containers that never started"}} {
		if kind.n > 0 {
			list = append(list, fmt.Sprintf("%d %s", kind.n, kind.what))
		}
	}
	if list == nil {
		return nil
	}
	return fmt.Errorf("it holds more than can be kept at a time, and the oldest are left out: %s", story.Listed(list))
}

// An answer takes milliseconds, and as long as its kills are.
const (
	askPatience = 10 * time.Second
	maxAnswer   = 64 << 20
)

// served asks an nsviz that is running and fills in the answer.
func served(ctx context.Context, from, path string, query url.Values, answer any, whole func() bool) error {
	if _, _, err := net.SplitHostPort(from); err == nil && !strings.Contains(from, "://") {
		from = "http://" + from // as --web.listen-address has it
	}
	base, err := url.Parse(from)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		// The error of url.Parse has the password in it.
		return errUsage{errors.New("--from: want an address such as http://" + server.DefaultAddress + ", or a recording that is there")}
	}
	address := base.Redacted()
	question := base.JoinPath(path)
	question.RawQuery = query.Encode()
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, question.String(), nil)
	if err != nil {
		return errUsage{errors.New("--from: want an address such as http://" + server.DefaultAddress)}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no nsviz is running at %s: start `sudo nsviz serve` before the container, or name a recording with --recording", address)
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
		if err := json.Unmarshal(body, answer); err != nil || !whole() {
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
