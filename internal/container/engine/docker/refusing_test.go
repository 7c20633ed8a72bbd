package docker

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync/atomic"

	"github.com/nsviz/nsviz/internal/container/engine"
)

// gate is a Config.Connect that fails until the gate is open.
type gate struct{ open atomic.Bool }

func (g *gate) connect(ctx context.Context, socket string) (net.Conn, error) {
	if !g.open.Load() {
		return nil, fmt.Errorf("%s: %w", socket, engine.ErrNotRunning)
	}
	var d net.Dialer
	return d.DialContext(ctx, "unix", socket)
}

// refusing is an engine that refuses requests with a version of the API below 1.min.
type refusing struct {
	*fakeEngine

	min     int
	refused atomic.Int32
}

func refuses(e *fakeEngine, minimum int) *refusing { return &refusing{fakeEngine: e, min: minimum} }

var versioned = regexp.MustCompile(`^/v1\.([0-9]+)(/.*)$`)

func (r *refusing) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	m := versioned.FindStringSubmatch(request.URL.Path)
	if m == nil {
		r.fakeEngine.ServeHTTP(w, request)
		return
	}
	if minor, _ := strconv.Atoi(m[1]); minor < r.min {
		r.refused.Add(1)
		say(http.StatusBadRequest, "application/json", fmt.Sprintf(
			`{"message": "client version 1.%d is too old. Minimum supported API version is 1.%d, please upgrade your client to a newer version"}`, minor, r.min))(w, request)
		return
	}
	request.URL.Path = "/v" + r.api + m[2]
	r.fakeEngine.ServeHTTP(w, request)
}
