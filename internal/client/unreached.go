package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// unreached puts into words why there was no answer. The address in the error has no password.
func (r *remote) unreached(err error) error {
	if failure := (*url.Error)(nil); errors.As(err, &failure) {
		err = failure.Err // without the question
	}
	var (
		unknown  x509.UnknownAuthorityError
		invalid  x509.CertificateInvalidError
		named    x509.HostnameError
		plain    tls.RecordHeaderError
		alert    *net.OpError
		resolved *net.DNSError
	)
	failed := func(format string, args ...any) error {
		return fmt.Errorf("ask the nsviz at %s: %w: %s", r.address, err, fmt.Sprintf(format, args...))
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w at %s: start `sudo nsviz serve` before the container, or name a recording with --recording", ErrNotRunning, r.address)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("what listens at %s has not answered within %v: %w", r.address, askPatience, context.DeadlineExceeded)
	case errors.As(err, &unknown):
		if r.access.CAFile != "" {
			return failed("none of the certificates in %s has signed the server's", r.access.CAFile)
		}
		return failed("give the certificate of the authority that has signed the server's by --cacert FILE")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if invalid.Cert.NotBefore.After(time.Now()) {
			return failed("the server's certificate is not valid yet: look at the clocks of both hosts")
		}
		return failed("the server's certificate has to be renewed")
	case errors.As(err, &named):
		return failed("ask by a name that is in the server's certificate")
	case errors.As(err, &plain) || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return failed("it answers without TLS: write http://")
	case errors.As(err, &alert) && alert.Op == "remote error" && strings.Contains(alert.Err.Error(), "certificate required"),
		strings.Contains(err.Error(), "tls: certificate required"):
		return fmt.Errorf("%w: the nsviz at %s wants a certificate of its clients: give --cert and --key", ErrNotPermitted, r.address)
	case strings.Contains(err.Error(), "remote error: tls:") && r.access.CertFile != "":
		return fmt.Errorf("%w: the nsviz at %s refuses the certificate in %s: %w", ErrNotPermitted, r.address, r.access.CertFile, err)
	case errors.As(err, &resolved):
		return failed("look at the name of the host")
	}
	return fmt.Errorf("ask the nsviz at %s: %w", r.address, err)
}
