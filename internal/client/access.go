package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// Access is how an nsviz that is running is reached where it wants TLS, a password or a certificate of its clients. Its zero value is
// for one that wants none.
type Access struct {
	// User and Password go before those in an address. PasswordFile names a file with the password, and goes before Password.
	User, Password, PasswordFile string
	// CAFile names the certificates to trust in place of the system's, CertFile and KeyFile the certificate to show.
	CAFile, CertFile, KeyFile string
}

// AccessError reports that an Access cannot be used: it is the user's mistake.
type AccessError struct{ Err error }

func (e *AccessError) Error() string { return e.Err.Error() }
func (e *AccessError) Unwrap() error { return e.Err }

// maxSecret bounds a file with a password.
const maxSecret = 64 << 10

// password returns the password; "" is none.
func (a Access) password() (string, error) {
	if a.PasswordFile == "" {
		return a.Password, nil
	}
	file, err := os.Open(a.PasswordFile)
	if err != nil {
		return "", &AccessError{fmt.Errorf("read the password: %w", err)}
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", &AccessError{fmt.Errorf("read the password: %w", err)}
	}
	password := strings.TrimRight(string(data), "\r\n")
	switch {
	case len(data) > maxSecret:
		return "", &AccessError{fmt.Errorf("%s is too large for a file with a password", a.PasswordFile)}
	case password == "" || strings.ContainsAny(password, "\r\n"):
		return "", &AccessError{fmt.Errorf("%s: want one line, the password", a.PasswordFile)}
	}
	return password, nil
}

// authorize adds the user and the password to a request. Those in its address are there already.
func (a Access) authorize(r *http.Request) error {
	user := r.URL.User.Username()
	password, _ := r.URL.User.Password()
	r.URL.User = nil // it is in the header from here on, and in no error
	if a.User != "" {
		user, password = a.User, ""
	}
	own, err := a.password()
	if err != nil {
		return err
	}
	if own != "" {
		password = own
	}
	switch {
	case user == "" && password != "":
		return &AccessError{errors.New("there is a password and no user: give --user, or $NSVIZ_USER")}
	case user != "":
		r.SetBasicAuth(user, password)
	}
	return nil
}

// client returns what asks. It follows no redirect: another host would get the password, and the answer would be of somebody else.
func (a Access) client() (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.CAFile != "" {
		text, err := os.ReadFile(a.CAFile)
		if err != nil {
			return nil, &AccessError{fmt.Errorf("read the certificates to trust: %w", err)}
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, &AccessError{fmt.Errorf("%s has no certificate in PEM form", a.CAFile)}
		}
	}
	switch {
	case (a.CertFile == "") != (a.KeyFile == ""):
		return nil, &AccessError{errors.New("a certificate and its key belong together: give --cert and --key")}
	case a.CertFile != "":
		pair, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile)
		if err != nil {
			return nil, &AccessError{fmt.Errorf("read the certificate to show: %w", err)}
		}
		config.Certificates = []tls.Certificate{pair}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = config
	transport.DisableKeepAlives = true // a command asks once or twice
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}
