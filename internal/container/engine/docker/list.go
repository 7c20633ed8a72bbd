package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"

	"github.com/docker/docker/api/types"
	dockertypes "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

// containers lists containers, running or not, and calls visit for each, the newest first; whole is false if something of it was left
// out. The client's own list would hold all of them in memory at once, with everything that the engine says of them, several times over.
func (c *connection) containers(ctx context.Context, filter filters.Args, visit func(c *dockertypes.Summary, whole bool)) error {
	wanted, err := filters.ToJSON(filter)
	if err != nil {
		return err
	}
	address := c.url.JoinPath("v"+c.ClientVersion(), "containers", "json")
	query := url.Values{"all": {"1"}}
	if wanted != "" { // podman refuses filters without any
		query.Set("filters", wanted)
	}
	address.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(expect(ctx, expectList), http.MethodGet, address.String(), nil)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return refusal(answer)
	}
	return summaries(answer.Body, visit)
}

// summaries decodes a list of containers entry by entry.
func summaries(body io.Reader, visit func(c *dockertypes.Summary, whole bool)) error {
	filtered := &filteredReader{body, valueFilter{bounds: entryBounds(), depth: 1, what: "a container in the answer"}}
	decoder := json.NewDecoder(filtered)
	begin, err := decoder.Token()
	if err != nil {
		return err
	}
	switch begin {
	case json.Delim('['):
	case json.Delim('{'):
		return &json.UnmarshalTypeError{Value: "object", Type: reflect.TypeFor[[]dockertypes.Summary]()}
	default:
		return &json.UnmarshalTypeError{Value: "single value", Type: reflect.TypeFor[[]dockertypes.Summary]()}
	}
	cuts := map[int]bool{} // by the number of the entry
	for n := 0; decoder.More(); n++ {
		if n == maxEntries {
			return errTooMany
		}
		var entry struct { // the parts of an dockertypes.Summary that are used
			ID      string `json:"Id"`
			Names   []string
			Image   string
			Labels  map[string]string
			State   string
			Created int64
		}
		if err := decoder.Decode(&entry); err != nil {
			return err
		}
		for _, cut := range filtered.values.takeCuts() {
			cuts[cut] = true
		}
		visit(&dockertypes.Summary{ID: entry.ID, Names: entry.Names, Image: entry.Image, Labels: entry.Labels, State: entry.State, Created: entry.Created}, !cuts[n])
	}
	_, err = decoder.Token()
	return err
}

// refusal holds the message of an engine that refuses a request.
func refusal(answer *http.Response) error {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	var said types.ErrorResponse
	switch {
	case json.Unmarshal(body, &said) == nil && said.Message != "":
		return errors.New(said.Message)
	case len(body) > 0:
		return errors.New(string(body))
	}
	return fmt.Errorf("request returned %s", answer.Status)
}

// filteredReader reads a stream and leaves out what does not fit.
type filteredReader struct {
	io.Reader

	values valueFilter
}

func (r *filteredReader) Read(p []byte) (int, error) {
	return r.values.read(p, func(p []byte) error {
		n, err := r.Reader.Read(p)
		if _, tooLarge := r.values.scan(p[:n]); tooLarge != nil {
			return tooLarge
		}
		return err
	})
}
