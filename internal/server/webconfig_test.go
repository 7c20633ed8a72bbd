package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A web configuration that cannot be used is refused before anything is served, with the file and what is wrong.
func TestUnusableWebConfig(t *testing.T) {
	good, _ := tlsConfigFile(t)
	dir := filepath.Dir(good)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "web.yml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tls := func(cert, key string) string {
		return file("tls_server_config:\n  cert_file: " + cert + "\n  key_file: " + key + "\n")
	}
	for name, tt := range map[string]struct{ file, says string }{
		"no file":                        {filepath.Join(dir, "missing.yml"), "no such file"},
		"a folder":                       {dir, "is a directory"},
		"no YAML":                        {file("a: [b"), "yaml"},
		"a key of a newer version":       {file("oauth_server_config: {}\n"), "oauth_server_config"},
		"no certificate":                 {tls(filepath.Join(dir, "missing.pem"), key), "missing.pem"},
		"no key":                         {tls(cert, filepath.Join(dir, "missing.pem")), "missing.pem"},
		"a certificate that is none":     {tls(good, key), "PEM"},
		"a key that is none":             {tls(cert, cert), "rather than a key"},
		"a certificate that is a folder": {tls(dir, key), "is a directory"},
		"a certificate without a key":    {file("tls_server_config:\n  cert_file: " + cert + "\n"), "key_file"},
		"a password that is no hash":     {file("basic_auth_users:\n  alice: secret\n"), "bcrypt"},
	} {
		_, err := New(testConfig(tt.file))
		if err == nil || !strings.HasPrefix(err.Error(), "--web.config.file "+tt.file+": ") || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s tells the password: %v", name, err)
		}
	}
}

// A web configuration that sets neither a certificate nor a user leaves the server open.
func TestOpenWebConfigs(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "http_server_config: {http2: false}\n": true, "tls_server_config: {min_version: TLS12}\n": true,
		"tls_server_config: {cert_file: a, key_file: b}\n": false, "basic_auth_users: {alice: hash}\n": false,
		"tls_server_config: {min_version: TLS12}\nbasic_auth_users: {alice: hash}\n": false,
	} {
		file := filepath.Join(t.TempDir(), "web.yml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := readProtection(file); err != nil || p.isOpen() != want {
			t.Errorf("%q: open is %v, %v", text, p.isOpen(), err)
		}
	}
}

// A password counts from when it is in the file, and no longer than it is; TLS from the start of the server.
func TestWebConfigThatChanges(t *testing.T) {
	const password, tls = "basic_auth_users: {alice: hash}\n", "tls_server_config: {cert_file: a, key_file: b}\n"
	file := filepath.Join(t.TempDir(), "web.yml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for first, then := range map[string]map[string]bool{
		password: {"": true, password: false, tls: true, "a: [b": true},
		tls:      {"": false, password: false},
		"":       {password: false, tls: true},
	} {
		write(first)
		p, err := readProtection(file)
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range then {
			write(text)
			if got := p.isOpen(); got != want {
				t.Errorf("%q, then %q: open is %t", first, text, got)
			}
		}
	}
}
