package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/report"
)

// The address of the metrics, which the dashboard shows, is that of an nsviz as well.
func TestAddressOfTheMetricsIsAccepted(t *testing.T) {
	asked := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		_, _ = w.Write([]byte("{}"))
	}))
	defer srv.Close()
	for from, want := range map[string]string{
		"": "/api/v1/why", "/": "/api/v1/why", "/metrics": "/api/v1/why", "/metrics/": "/api/v1/why", "/behind/metrics": "/behind/api/v1/why",
		"/behind": "/behind/api/v1/why",
	} {
		if err := served(t.Context(), Source{From: srv.URL + from}, "/api/v1/why", nil, func([]byte) bool { return true }); err != nil || asked != want {
			t.Errorf("%q: asked for %q, want %q: %v", from, asked, want, err)
		}
	}
}

// certificate writes a certificate of 127.0.0.1 that has signed itself, with its key, and returns both.
func certificate(t *testing.T, until time.Time) (certFile, keyFile string, pair tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(until.UnixNano()), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func write(t *testing.T, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serveTLS serves with a certificate until the test ends.
func serveTLS(t *testing.T, pair tls.Certificate, clients *x509.CertPool, handler http.HandlerFunc) (url string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(handler)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	if clients != nil {
		srv.TLS.ClientAuth, srv.TLS.ClientCAs = tls.RequireAndVerifyClientCert, clients
	}
	srv.Config.ErrorLog = nil
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL
}

const secret = "open sesame"

// guarded answers alice alone, with an empty list of workloads.
func guarded(w http.ResponseWriter, r *http.Request) {
	if user, password, _ := r.BasicAuth(); user != "alice" || password != secret {
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
		return
	}
	_, _ = io.WriteString(w, `{"as_of":"2026-03-01T12:00:00Z","workloads":[]}`)
}

// Each obstacle between nsviz and another one has a sentence of its own, and no sentence has the password.
func TestObstacles(t *testing.T) {
	caFile, keyFile, pair := certificate(t, time.Now().Add(time.Hour))
	otherCA, otherKey, _ := certificate(t, time.Now().Add(time.Hour))
	expiredCA, _, expiredPair := certificate(t, time.Now().Add(-time.Hour))
	text, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)

	address := serveTLS(t, pair, nil, guarded)
	expired := serveTLS(t, expiredPair, nil, guarded)
	mutual := serveTLS(t, pair, pool, guarded)
	plain := httptest.NewServer(http.HandlerFunc(guarded))
	t.Cleanup(plain.Close)
	host := strings.TrimPrefix(address, "https://")
	password := write(t, secret+"\n")
	alice := Access{User: "alice", PasswordFile: password, CAFile: caFile}
	with := func(change func(*Access)) Access {
		a := alice
		change(&a)
		return a
	}
	answer := func(status int, body string) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/-/healthy" {
				_, _ = io.WriteString(w, "nsviz is healthy.\n")
				return
			}
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(srv.Close)
		return srv.URL
	}
	gone := httptest.NewServer(nil)
	gone.Close()

	for name, tt := range map[string]struct {
		from   string
		access Access
		says   string // "" is that it is answered
		is     error
	}{
		"all is right":                      {address, alice, "", nil},
		"the password itself":               {address, Access{User: "alice", Password: secret, CAFile: caFile}, "", nil},
		"in the address":                    {"https://alice:open%20sesame@" + host, Access{CAFile: caFile}, "", nil},
		"flags before the address":          {"https://alice:guess@" + host, alice, "", nil},
		"a file of the user in the address": {"https://alice@" + host, with(func(a *Access) { a.User = "" }), "", nil},
		"with a certificate":                {mutual, with(func(a *Access) { a.CertFile, a.KeyFile = caFile, keyFile }), "", nil},
		"without TLS":                       {plain.URL, alice, "", nil},

		"no CA":                  {address, with(func(a *Access) { a.CAFile = "" }), "--cacert FILE", nil},
		"another CA":             {address, with(func(a *Access) { a.CAFile = otherCA }), "none of the certificates in " + otherCA, nil},
		"expired":                {expired, with(func(a *Access) { a.CAFile = expiredCA }), "has to be renewed", nil},
		"another name":           {strings.Replace(address, "127.0.0.1", "localhost", 1), alice, "a name that is in the server's certificate", nil},
		"no password":            {address, Access{CAFile: caFile}, "wants a password: give --user", ErrNotPermitted},
		"wrong password":         {address, Access{User: "alice", Password: "guess", CAFile: caFile}, "refuses the password of the user alice", ErrNotPermitted},
		"wrong, in the address":  {"https://alice:guess@" + host, Access{CAFile: caFile}, "refuses the password of the user alice", ErrNotPermitted},
		"no certificate":         {mutual, alice, "wants a certificate of its clients: give --cert", ErrNotPermitted},
		"another certificate":    {mutual, with(func(a *Access) { a.CertFile, a.KeyFile = otherCA, otherKey }), "refuses the certificate in " + otherCA, ErrNotPermitted},
		"https to http":          {strings.Replace(plain.URL, "http", "https", 1), alice, "write http://", nil},
		"http to https":          {"http://" + host, alice, "wants TLS: write https://", nil},
		"nobody":                 {gone.URL, alice, "no nsviz is running at", ErrNotRunning},
		"a redirect":             {answer(http.StatusFound, ""), alice, "which nsviz does not follow", nil},
		"a name of its own":      {answer(http.StatusMisdirectedRequest, "This nsviz asks for no password\n"), alice, "start it with --web.host", nil},
		"metrics alone":          {answer(http.StatusForbidden, `{"error":"this nsviz gives other hosts its metrics alone"}`), alice, "gives other hosts its metrics alone", nil},
		"HTML":                   {answer(http.StatusOK, "<html>Log in</html>"), alice, "is no nsviz", nil},
		"HTML of a proxy":        {answer(http.StatusBadGateway, "<html>Bad Gateway</html>"), alice, "no nsviz that knows the question (HTTP status 502)", nil},
		"an older nsviz":         {answer(http.StatusNotFound, "404 page not found\n"), alice, "is older than this one", nil},
		"an nsviz of this time":  {answer(http.StatusNotFound, `{"error":"nothing is known of a container","retention_seconds":300}`), alice, "for 5 minutes after their end", nil},
		"no period of retention": {answer(http.StatusNotFound, `{"error":"nothing is known"}`), alice, "since it began, for a while after their end", nil},
		"too much":               {answer(http.StatusOK, strings.Repeat(" ", maxAnswer+1)), alice, "sends more than an nsviz does", nil},

		"a password file that is not there": {address, with(func(a *Access) { a.PasswordFile += "-not" }), "read the password: open", nil},
		"a password file with two lines":    {address, with(func(a *Access) { a.PasswordFile = write(t, secret+"\n"+secret) }), "want one line, the password", nil},
		"an empty password file":            {address, with(func(a *Access) { a.PasswordFile = write(t, "\n") }), "want one line, the password", nil},
		"a password file that is a device":  {address, with(func(a *Access) { a.PasswordFile = "/dev/zero" }), "too large", nil},
		"a password and no user":            {address, Access{PasswordFile: password, CAFile: caFile}, "no user: give --user", nil},
		"a CA file without a certificate":   {address, with(func(a *Access) { a.CAFile = password }), "has no certificate in PEM form", nil},
		"a CA file that is not there":       {address, with(func(a *Access) { a.CAFile += "-not" }), "read the certificates to trust", nil},
		"a certificate without a key":       {address, with(func(a *Access) { a.CertFile = caFile }), "give --cert and --key", nil},
		"a key that is none":                {address, with(func(a *Access) { a.CertFile, a.KeyFile = caFile, caFile }), "read the certificate to show", nil},
	} {
		var err error
		for began := time.Now(); ; {
			// A busy host may need longer than an asker's patience, above all for too much.
			if _, err = Ask(t.Context(), Source{From: tt.from, Access: tt.access}, Workloads()); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Minute {
				break
			}
		}
		if tt.says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.says) || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: %v, want %q and %v", name, err, tt.says, tt.is)
		}
		for _, hidden := range []string{secret, "open%20sesame", "guess"} {
			if err != nil && strings.Contains(err.Error(), hidden) {
				t.Errorf("%s: the password is in the error: %v", name, err)
			}
		}
	}
}

// A server that takes the question and says nothing is not waited for after the asker's patience.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // nobody accepts
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	_, err = Ask(ctx, Source{From: l.Addr().String()}, Workloads())
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), fmt.Sprintf("has not answered within %v", askPatience)) {
		t.Errorf("%v", err)
	}
}

// A redirect is not followed, whatever asks: the password is for one host.
func TestPasswordStaysWithItsHost(t *testing.T) {
	var elsewhere int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	from := Source{From: srv.URL, Access: Access{User: "alice", Password: secret}}
	if _, err := Ask[report.Listing](t.Context(), from, Workloads()); err == nil {
		t.Error("it is answered")
	}
	if err := Follow(t.Context(), from, Following{}); err == nil {
		t.Error("it is followed")
	}
	if elsewhere > 0 {
		t.Errorf("another host was asked %d times", elsewhere)
	}
}
