package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/docker/docker/client"
)

// host is the address of an engine.
type host struct {
	url string // as the client takes it
	// socket is the path of a unix socket, "" for tcp.
	socket string
}

// apiVersion is what the engine's API calls a version.
var apiVersion = regexp.MustCompile(`^v?[0-9]{1,4}\.[0-9]{1,4}$`)

// parseHost takes an address as --docker-host or $DOCKER_HOST has it. It also fails where the environment asks for a version of
// the API that is none: the client would put it into the path of each request.
func parseHost(address string) (host, error) {
	if v := os.Getenv(client.EnvOverrideAPIVersion); v != "" && !apiVersion.MatchString(v) {
		return host{}, fmt.Errorf("$%s %q: want a version such as 1.41, or nothing", client.EnvOverrideAPIVersion, v)
	}
	from := ""
	if address == "" {
		if address = os.Getenv(client.EnvOverrideHost); address != "" {
			from = " in $" + client.EnvOverrideHost
		} else {
			address = client.DefaultDockerHost
		}
	}
	parsed, err := client.ParseHostURL(address)
	switch {
	case err == nil && parsed.Scheme == "unix":
		return host{url: address, socket: parsed.Host}, nil
	case err == nil && parsed.Scheme == "tcp" && parsed.Port() != "":
		return host{url: address}, nil
	case strings.HasPrefix(address, "/"):
		return host{}, fmt.Errorf("docker host %q%s: a socket is written unix://%s", address, from, address)
	default:
		return host{}, fmt.Errorf(
			"docker host %q%s: want unix:///path/to/docker.sock or tcp://host:port", address, from)
	}
}

// client makes a client for one session. It does not connect. The next session takes a new one,
// since a client keeps the version that it negotiated, and the engine may come back as another.
func (h host) client() (*client.Client, error) {
	var options []client.Opt
	if h.socket == "" {
		// Only here: with certificates in the environment, the client would speak TLS on a unix
		// socket as well, where no engine does.
		options = append(options, client.WithTLSClientConfigFromEnv())
	}
	options = append(options, client.WithHost(h.url), client.WithVersionFromEnv(),
		client.WithAPIVersionNegotiation())
	cli, err := client.NewClientWithOpts(options...)
	if err != nil {
		return nil, fmt.Errorf("docker host %q: %w", h.url, err)
	}
	return cli, nil
}

// knock connects to a unix socket and hangs up. It is no dearer than a look at the path and tells
// apart what the client folds into one "cannot connect": no socket, nobody behind it, no
// permission, no time for us.
func (h host) knock(ctx context.Context) error {
	if h.socket == "" {
		return nil
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", h.socket)
	if err == nil {
		return conn.Close()
	}
	return socketProblem(h.socket, err)
}

// socketProblem puts into words why a unix socket cannot be connected to.
func socketProblem(socket string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		return &problem{Absent, "no socket at " + socket, err}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &problem{Absent, "nothing listens on " + socket, err}
	case errors.Is(err, os.ErrPermission):
		return &problem{Failing, "no permission to open " + socket +
			": run nsviz as root or as a member of the socket's group", err}
	case errors.Is(err, syscall.EAGAIN):
		return &problem{Failing, "does not accept connections on " + socket, err}
	}
	return err
}
