package docker

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/fact"
)

func TestNewHost(t *testing.T) {
	for _, tt := range []struct{ host, env, want string }{
		{"", "", "unix:///var/run/docker.sock"},
		{"", "unix:///tmp/other.sock", "unix:///tmp/other.sock"},
		{"unix:///x", "tcp://127.0.0.1:1", "unix:///x"},
		{"tcp://127.0.0.1:2375", "", "tcp://127.0.0.1:2375"},
		{"tcp://[::1]:2375", "", "tcp://[::1]:2375"},
	} {
		t.Setenv("DOCKER_HOST", tt.env)
		f, err := New(Config{Host: tt.host})
		if err != nil {
			t.Errorf("host %q, env %q: %v", tt.host, tt.env, err)
		} else if f.host.url != tt.want {
			t.Errorf("host %q, env %q: %s, want %s", tt.host, tt.env, f.host.url, tt.want)
		}
	}
}

func TestNewBadHost(t *testing.T) {
	const wanted = `: want unix:///path/to/docker.sock or tcp://host:port`
	for _, tt := range []struct{ host, env, want string }{
		{"nonsense", "", `docker host "nonsense"` + wanted},
		{"unix://", "", `docker host "unix://"` + wanted},
		{"tcp://", "", `docker host "tcp://"` + wanted},
		{"tcp://host", "", `docker host "tcp://host"` + wanted},
		{"tcp://a b:1", "", `docker host "tcp://a b:1"` + wanted},
		{"ssh://me@host", "", `docker host "ssh://me@host"` + wanted},
		{"", "npipe:////./pipe/docker", `docker host "npipe:////./pipe/docker" in $DOCKER_HOST` + wanted},
		{"/run/docker.sock", "", `docker host "/run/docker.sock": a socket is written unix:///run/docker.sock`},
		{"unix:///" + strings.Repeat("x", 200), "", `docker host "unix:///` + strings.Repeat("x", 200) +
			`": unix socket path "/` + strings.Repeat("x", 200) + `" is too long`},
	} {
		t.Setenv("DOCKER_HOST", tt.env)
		if _, err := New(Config{Host: tt.host}); err == nil || err.Error() != tt.want {
			t.Errorf("host %q, env %q: error %v, want %s", tt.host, tt.env, err, tt.want)
		}
	}
}

func TestNewBadCertificates(t *testing.T) {
	t.Setenv("DOCKER_CERT_PATH", t.TempDir())
	if _, err := New(Config{Host: "tcp://127.0.0.1:2376"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want one on the missing certificates", err)
	}
}

// Certificates are read again for each session; if they are gone by then, that is reported like any failure.
func TestCertificatesVanish(t *testing.T) {
	e := newEngine(t)
	dir := serveTLS(t, e)
	t.Setenv("DOCKER_CERT_PATH", dir)
	r := begin(t, e, func(c *Config) { c.Host = "tcp://" + e.server.Listener.Addr().String() })
	r.expect(connected)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	e.emitRaw("garbage\n")
	<-r.sink.calls
	r.clock.fire(t, DefaultRetryMin)
	if got := <-r.sink.calls; !strings.HasPrefix(got, "failing ") || !strings.Contains(got, "ca.pem") &&
		!strings.Contains(got, "cert.pem") {
		t.Errorf("got %q, want the certificate that is missing", got)
	}
}

// Certificates in the environment are for another host; the socket is spoken to in plain.
func TestSocketIgnoresCertificates(t *testing.T) {
	t.Setenv("DOCKER_CERT_PATH", t.TempDir())
	e := newEngine(t)
	e.start()
	begin(t, e).expect(connected)
}

func TestAPIVersionFromEnvironment(t *testing.T) {
	t.Setenv("DOCKER_API_VERSION", "1.40")
	e := newEngine(t)
	e.api = "1.40" // what the paths carry
	e.start()
	begin(t, e).expect("connected 20.10.24, API 1.40")
}

func TestTLS(t *testing.T) {
	e := newEngine(t)
	t.Setenv("DOCKER_CERT_PATH", serveTLS(t, e))
	t.Setenv("DOCKER_TLS_VERIFY", "1")
	t.Setenv("DOCKER_HOST", "tcp://"+e.server.Listener.Addr().String())
	begin(t, e, func(c *Config) { c.Host = "" }).expect(connected)
}

// serveTLS starts the engine on a port and returns the directory of its certificates.
func serveTLS(t *testing.T, e *fakeEngine) string {
	t.Helper()
	e.server = httptest.NewTLSServer(e)
	certificate := e.server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]pem.Block{
		"ca.pem":   {Type: "CERTIFICATE", Bytes: certificate.Certificate[0]},
		"cert.pem": {Type: "CERTIFICATE", Bytes: certificate.Certificate[0]},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestNothingListensOnPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "tcp://" + listener.Addr().String()
	listener.Close()
	r := begin(t, newEngine(t), func(c *Config) { c.Host = address })
	r.expect("absent nothing answers at " + address)
}

// A listener that is no engine at all.
func TestConnectionClosed(t *testing.T) {
	e := newEngine(t)
	listener, err := net.Listen("unix", e.socket)
	if err != nil {
		t.Fatal(err)
	}
	accepting := make(chan struct{})
	go func() {
		defer close(accepting)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { <-accepting }) // runs last, before the directory's removal
	r := begin(t, e)
	got := <-r.sink.calls
	// The connection breaks while the request is written or while the answer is awaited.
	if !strings.HasPrefix(got, "failing ping: ") || strings.Contains(got, "%2F") {
		t.Errorf("got %q", got)
	}
	r.end()
	listener.Close()
}

func TestSocketProblem(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.ENOENT:       "absent no socket at /s",
		syscall.ENOTDIR:      "absent no socket at /s",
		syscall.ECONNREFUSED: "absent nothing listens on /s",
		syscall.EACCES:       "failing no permission to open /s: run nsviz as root or as a member of the socket's group",
		syscall.EPERM:        "failing no permission to open /s: run nsviz as root or as a member of the socket's group",
		syscall.EAGAIN:       "failing does not accept connections on /s",
		syscall.EMFILE:       "failing connection: dial unix: too many open files",
	} {
		err := socketProblem("/s", &net.OpError{Op: "dial", Net: "unix", Err: errno})
		p := explain(host{url: "unix:///s", socket: "/s"}, "connection", DefaultTimeout, err)
		if got := fmt.Sprintf("%s %s", p.State, p.Detail); got != want {
			t.Errorf("%v: %q, want %q", errno, got, want)
		}
		if !errors.Is(p, errno) || !strings.Contains(p.Error(), errno.Error()) {
			t.Errorf("%v is not wrapped in %v", errno, p)
		}
	}
}

// The kernel itself refuses: root's thread gives up its rights on files for a moment.
func TestSocketWithoutPermission(t *testing.T) {
	e := newEngine(t)
	e.start()
	defer e.stop()
	if err := os.Chmod(e.socket, 0); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = syscall.Setfsuid(0) }()
	}
	var p *engine.Problem
	if err := (host{socket: e.socket}).knock(context.Background()); !errors.As(err, &p) || p.State != fact.EngineFailing ||
		!strings.HasPrefix(p.Detail, "no permission to open ") {
		t.Errorf("knock: %v", err)
	}
}

func TestVersionInTheEnvironment(t *testing.T) {
	for version, ok := range map[string]bool{"": true, "1.41": true, "v1.41": true, "junk": false, "../../x": false, "1": false, "1.41 ": false} {
		t.Setenv("DOCKER_API_VERSION", version)
		if _, err := parseHost("unix:///run/docker.sock"); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "$DOCKER_API_VERSION") {
			t.Errorf("%q: %v", version, err)
		}
	}
}
