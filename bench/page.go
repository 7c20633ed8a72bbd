package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// pageCrowd is how many containers the viewers of the page look at.
const pageCrowd = 50

// pageAddress is where startNsviz has nsviz listen.
const pageAddress = "http://127.0.0.1:10164"

// pageShare measures how much of one CPU `nsviz serve` takes while browsers show its page of idle containers. A viewer here asks for what a
// browser does, and draws nothing.
func pageShare(binary string) error {
	return serveCrowd(binary, pageCrowd, sharesWatched)
}

// sharesWatched prints the share of one CPU that a serving nsviz takes with some viewers and others.
func sharesWatched(pid int) error {
	for _, of := range []struct {
		words   string
		viewers int
		onMap   bool
	}{{"nobody looks", 0, false}, {"one viewer of the table", 1, false}, {"one viewer of the map", 1, true}, {"ten viewers of the map", 10, true}} {
		share, bytes, err := shareWatched(pid, of.viewers, of.onMap)
		if err != nil {
			return err
		}
		fmt.Printf("  %4d containers, %-24s %6.2f %% of one CPU, %6.0f bytes a second to each\n", pageCrowd, of.words+":", 100*share, bytes)
	}
	return nil
}

// shareWatched returns the share of one CPU that a serving nsviz takes while so many look, and how many bytes each of them is sent in a second.
func shareWatched(pid, viewers int, onMap bool) (share, bytes float64, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	all := make([]viewer, viewers)
	for i := range all {
		group.Go(func() error { return all[i].look(ctx, onMap) })
	}
	share, err = shareOf(pid)
	over := time.Since(began).Seconds()
	if ctx.Err() != nil { // one of them has failed
		return 0, 0, errors.Join(err, group.Wait())
	}
	cancel()
	_ = group.Wait() // they end because they are cancelled
	for i := range all {
		bytes += float64(all[i].bytes) / over / float64(viewers)
	}
	return share, bytes, err
}

// viewer asks for what the page in a browser asks for, and counts the bytes that it is sent.
type viewer struct {
	bytes  int
	layout string // of the map that it has
}

// look follows the states of the host until ctx is done and, on the map, has that drawn anew when its rooms have changed.
func (v *viewer) look(ctx context.Context, onMap bool) error {
	body, err := v.get(ctx, "/ui/stream")
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	for lines := bufio.NewReader(body); ; {
		line, err := lines.ReadBytes('\n')
		v.bytes += len(line)
		if err != nil {
			return fmt.Errorf("following the page: %w", err)
		}
		data, found := bytes.CutPrefix(line, []byte("data: "))
		if !found || !onMap {
			continue
		}
		var state struct {
			Head struct {
				Layout string `json:"layout"`
			} `json:"head"`
		}
		if err := json.Unmarshal(data, &state); err != nil {
			return fmt.Errorf("reading a state: %w", err)
		}
		if state.Head.Layout == v.layout {
			continue
		}
		v.layout = state.Head.Layout
		picture, err := v.get(ctx, "/ui/map.svg?w=160&h=40")
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, picture)
		v.bytes += int(n)
		if err := errors.Join(err, picture.Close()); err != nil {
			return fmt.Errorf("reading the map: %w", err)
		}
	}
}

func (v *viewer) get(ctx context.Context, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, pageAddress+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("%s answers %s", path, answer.Status), answer.Body.Close())
	}
	return answer.Body, nil
}
