package docker

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/docker/docker/client"
	"github.com/docker/go-connections/sockets"
	"github.com/docker/go-connections/tlsconfig"

	"github.com/nsviz/nsviz/internal/container/engine"
)

const (
	// HostVariable is the variable of the environment that names the engine where Config.Host does not.
	HostVariable = client.EnvOverrideHost
	// UsualHost is the engine where neither does.
	UsualHost = client.DefaultDockerHost
)

// host is the address of an engine.
type host struct {
	url string // as the client takes it
	// socket is the path of a unix socket, "" for tcp.
	socket string
	// connect connects to the socket, as Config.Connect has it; it may be nil.
	connect func(ctx context.Context, socket string) (net.Conn, error)
	// ofUser is set where it is a user's own engine, which may answer less.
	ofUser bool
}

// dial connects to the socket.
func (h host) dial(ctx context.Context) (net.Conn, error) {
	if h.connect != nil {
		return h.connect(ctx, h.socket)
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", h.socket)
}

// apiVersion matches a version of the engine's API.
var apiVersion = regexp.MustCompile(`^v?[0-9]{1,4}\.[0-9]{1,4}$`)

// parseHost takes an address as --docker-host or $DOCKER_HOST has it. It also fails if the version of the API in
// the environment is not a version: the client would put it into the path of each request.
func parseHost(address string) (host, error) {
	if v := os.Getenv(client.EnvOverrideAPIVersion); v != "" && !apiVersion.MatchString(v) {
		return host{}, fmt.Errorf("$%s %q: want a version such as 1.41, or nothing", client.EnvOverrideAPIVersion, v)
	}
	from := ""
	if address == "" {
		if address = os.Getenv(HostVariable); address != "" {
			from = " in $" + HostVariable
		} else {
			address = UsualHost
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

// connection is a client for one session, with bounded answers.
type connection struct {
	*client.Client

	http      *http.Client
	url       url.URL // of the API, without its version
	transport *http.Transport
}

// Close closes the connections that are idle.
func (c *connection) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

// client makes a client for one session. It does not connect. The next session takes a new one,
// since a client keeps the version that it negotiated, and the engine may come back as another.
// notes is that of boundedTransport.
func (h host) client(clock Clock, notes *streamNotes) (*connection, error) {
	address, err := client.ParseHostURL(h.url)
	if err != nil {
		return nil, fmt.Errorf("docker host %q: %w", h.url, err)
	}
	c := &connection{
		url:       url.URL{Scheme: "http", Host: client.DummyHost},
		transport: &http.Transport{MaxResponseHeaderBytes: maxHeader},
	}
	if h.socket == "" {
		c.url.Host, c.url.Path = address.Host, address.Path
		// Only here: with certificates in the environment, the client would speak TLS on a unix
		// socket as well, where no engine does.
		if c.transport.TLSClientConfig, err = tlsFromEnv(); err != nil {
			return nil, fmt.Errorf("docker host %q: %w", h.url, err)
		}
		if c.transport.TLSClientConfig != nil {
			c.url.Scheme = "https"
		}
	}
	if err := sockets.ConfigureTransport(c.transport, address.Scheme, address.Host); err != nil {
		return nil, fmt.Errorf("docker host %q: %w", h.url, err)
	}
	if h.socket != "" {
		c.transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return h.dial(ctx) }
	}
	c.http = &http.Client{
		Transport: &boundedTransport{base: c.transport, clock: clock, notes: notes, ofUser: h.ofUser}, CheckRedirect: client.CheckRedirect,
	}
	// The host comes first: otherwise it would try to configure our transport, which it does not know.
	if c.Client, err = client.NewClientWithOpts(client.WithHost(h.url), client.WithHTTPClient(c.http), client.WithScheme(c.url.Scheme),
		client.WithVersionFromEnv(), client.WithAPIVersionNegotiation()); err != nil {
		return nil, fmt.Errorf("docker host %q: %w", h.url, err)
	}
	return c, nil
}

// tlsFromEnv returns the environment's settings of TLS, as the docker command reads them; nil is none.
func tlsFromEnv() (*tls.Config, error) {
	dir := os.Getenv(client.EnvOverrideCertPath)
	if dir == "" {
		return nil, nil //nolint:nilnil // no TLS is no error
	}
	return tlsconfig.Client(tlsconfig.Options{
		CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"),
		InsecureSkipVerify: os.Getenv(client.EnvTLSVerify) == "",
	})
}

// knock connects to a unix socket and hangs up. It costs no more than a look at the path, and distinguishes
// the cases of the client's one "cannot connect": no socket, nobody behind it, no
// permission, no time for us.
func (h host) knock(ctx context.Context) error {
	if h.socket == "" {
		return nil
	}
	conn, err := h.dial(ctx)
	if err == nil {
		return conn.Close()
	}
	return socketProblem(h.socket, err)
}

// socketProblem returns in words why connecting to a unix socket failed.
func socketProblem(socket string, err error) error {
	if state, detail := engine.SocketState(socket, err); state != "" {
		return engine.NewProblem(state, detail, err)
	}
	return err
}
