//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/report"
)

// behindTLS writes the settings of a web server with a certificate of 127.0.0.1, a password for alice and, in another file, that password.
func behindTLS(t *testing.T) (webConfig, caFile, passwordFile string, trusted *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	users, err := os.ReadFile("../../internal/server/testdata/web-config.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	caFile = write("cert.pem", certPEM)
	keyFile := write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	trusted = x509.NewCertPool()
	trusted.AppendCertsFromPEM(certPEM)
	webConfig = write("web.yml", fmt.Appendf(nil, "tls_server_config:\n  cert_file: %s\n  key_file: %s\n%s", caFile, keyFile, users))
	return webConfig, caFile, write("password", []byte(alicesPassword+"\n")), trusted
}

const alicesPassword = "open sesame"

// withJournal runs a command with a journald of its own, in a mount namespace of its own, that writes to a directory.
const withJournal = `set -e
mount --make-rslave /
mkdir -p /run/systemd /run/log
mount -t tmpfs none /run/systemd
mount -t tmpfs none /run/log
mkdir -p /run/systemd/journal /run/systemd/journald.conf.d "$0" /run/log/journal
mount --bind "$0" /run/log/journal
printf '[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\n' >/run/systemd/journald.conf.d/test.conf
NOTIFY_SOCKET= /lib/systemd/systemd-journald &
journald=$!
trap 'kill $journald; wait $journald' EXIT
until [ -S /run/systemd/journal/socket ]; do kill -0 $journald; done
trap 'kill $nsviz' INT
"$@" &
nsviz=$!
wait $nsviz || wait $nsviz
`

// document is the description of the API.
func document(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	file, err := os.Open("../../docs/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	whole, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", whole); err != nil {
		t.Fatal(err)
	}
	return compiler
}

// An nsviz behind TLS and a password tells those who ask it from afar what commands on its host tell. What it answers is as docs/api says,
// and in the journal an OOM kill is found by the container's name.
func TestAskedFromAfar(t *testing.T) {
	const name = "nsviz-test-afar"
	removeContainer(t, name)
	webConfig, caFile, passwordFile, trusted := behindTLS(t)
	journal, address := t.TempDir(), freeAddress(t)
	serve := startBy(t, io.Discard, exec.Command("unshare", "-m", "bash", "-c", withJournal, journal,
		binary(), "serve", "--web.listen-address", address, "--web.config.file", webConfig, "--log-format", "journald"))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, DisableKeepAlives: true}}
	ask := func(path string) (body []byte, status int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("alice", alicesPassword)
		response, err := client.Do(request)
		if err != nil {
			return nil, 0
		}
		defer response.Body.Close()
		if body, err = io.ReadAll(response.Body); err != nil {
			t.Fatal(err)
		}
		return body, response.StatusCode
	}
	eventually(t, func() bool { _, status := ask("/readyz"); return status == http.StatusOK },
		func() string { return "nsviz serve is not ready:\n" + serve.stderr.String() })
	from := []string{"--from", "https://" + address, "--user", "alice", "--password-file", passwordFile, "--cacert", caFile}
	afar := func(into any, args ...string) { t.Helper(); nsvizJSON(t, into, append(args, from...)...) }

	stream := startEvents(t, from...)
	docker(t, "run", "-d", "--name", name, "--memory=64m", stressImage, "sh", "-c", "stress-ng --vm 1 --vm-bytes 200M --timeout 1s >/dev/null 2>&1; exec sleep 1000")
	stream.await(t, 1, func(e *event.Event) bool { return of(event.OOMKill, name)(e) })
	eventually(t, func() bool { return !strings.Contains(docker(t, "top", name), "stress-ng") }, func() string { return "stress-ng has ended" })

	// The commands that look at the host say the same as they do from afar, but for what only those know who have watched.
	t.Run("ps", func(t *testing.T) {
		plain := func(list []report.Workload) (rows []string) {
			for i := range list {
				w := &list[i]
				row, err := json.Marshal([]any{w.Kind, w.ID, w.Name, w.Image, w.Runtime, w.State, w.PID, w.Namespaces, w.Memory.LimitBytes})
				if err != nil {
					t.Fatal(err)
				}
				rows = append(rows, string(row))
			}
			return rows
		}
		var diff string
		eventually(t, func() bool {
			var here, there []report.Workload
			nsvizJSON(t, &here, "ps", "-o", "json", "--filter", "name="+name)
			afar(&there, "ps", "-o", "json", "--filter", "name="+name)
			diff = cmp.Diff(plain(here), plain(there))
			return diff == "" && len(here) == 1
		}, func() string { return "(-here +afar):\n" + diff })
	})
	t.Run("ns", func(t *testing.T) {
		list := func(args ...string) (list []report.Namespace) {
			nsvizJSON(t, &list, append([]string{"ns", name, "-o", "json"}, args...)...)
			for i := range list {
				list[i].Created, list[i].Creator = time.Time{}, nil
			}
			// In the host's, processes come and go.
			return slices.DeleteFunc(list, func(n report.Namespace) bool { return n.Host })
		}
		// What an nsviz that watches knows of processes is as old as its latest survey.
		here, diff := list(), ""
		eventually(t, func() bool { diff = cmp.Diff(here, list(from...)); return diff == "" }, func() string { return "(-here +afar):\n" + diff })
		if len(here) < 5 {
			t.Errorf("only %+v", here)
		}
		tree := func(args ...string) string {
			stdout, stderr, code := nsviz(t, append([]string{"ns", name}, args...)...)
			if code != 0 {
				t.Errorf("exit code %d: %s", code, stderr)
			}
			return regexp.MustCompile(`\d+ processes.*`).ReplaceAllString(stdout, "")
		}
		eventually(t, func() bool { diff = cmp.Diff(tree(), tree(from...)); return diff == "" }, func() string { return "(-here +afar):\n" + diff })
		if dot, _, code := nsviz(t, append([]string{"ns", name, "-o", "dot"}, from...)...); code != 0 || !strings.Contains(dot, name) {
			t.Errorf("exit code %d\n%s", code, dot)
		}
	})
	docker(t, "rm", "-f", name)
	stream.await(t, 1, of(event.ContainerExited, name))

	compiler := document(t)
	// answered asks the API and checks the answer by its schema.
	answered := func(t *testing.T, path, schema string, into any) {
		t.Helper()
		body, status := ask(path)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d, %v\n%s", path, status, err, body)
		}
		if err := compiler.MustCompile("openapi.json#/components/schemas/" + schema).Validate(value); err != nil {
			t.Errorf("%s: %#v\n%s", path, err, body)
		}
		if err := json.Unmarshal(body, into); err != nil {
			t.Fatal(err)
		}
	}
	var why, told report.ContainerAnswer
	var known, inspected report.Known
	t.Run("why and inspect", func(t *testing.T) {
		// Of what has just ended more becomes known: between two answers, too.
		var diff string
		eventually(t, func() bool {
			why, told = report.ContainerAnswer{}, report.ContainerAnswer{}
			afar(&why, "why", name, "-o", "json")
			answered(t, "/api/v1/why?container="+name, "report.ContainerAnswer", &told)
			diff = cmp.Diff(told, why)
			return diff == ""
		}, func() string { return "why (-API +command):\n" + diff })
		if why.OOMKills == nil || *why.OOMKills == 0 {
			t.Errorf("%v kills", why.OOMKills)
		}
		eventually(t, func() bool {
			known, inspected = report.Known{}, report.Known{}
			afar(&inspected, "inspect", name, "-o", "json")
			answered(t, "/api/v1/inspect?container="+name, "report.Known", &known)
			known.AsOf, inspected.AsOf = time.Time{}, time.Time{}
			diff = cmp.Diff(known, inspected)
			return diff == ""
		}, func() string { return "inspect (-API +command):\n" + diff })
	})
	t.Run("kills and events", func(t *testing.T) {
		var kills report.KillList
		answered(t, "/api/v1/kills?filter="+url.QueryEscape("container="+name), "report.KillList", &kills)
		var diff string
		eventually(t, func() bool {
			var past report.EventList
			answered(t, "/api/v1/events?since=2020-01-01T00:00:00Z&filter="+url.QueryEscape("container="+name), "report.EventList", &past)
			var list []event.Event
			stdout, stderr, code := nsviz(t, append([]string{"events", "-o", "json", "--since", "1h", "--filter", "container=" + name}, from...)...)
			if code != 0 {
				t.Fatalf("exit code %d\n%s", code, stderr)
			}
			for line := range strings.Lines(stdout) {
				var e event.Event
				if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Fatal(err)
				}
				list = append(list, e)
			}
			followed := stream.all(func(e *event.Event) bool { c := e.Subject(); return c != nil && c.Name == name })
			diff = "(-API +command):\n" + cmp.Diff(past.Events, list) + "followed (-past +followed):\n" + cmp.Diff(past.Events, followed)
			return cmp.Equal(past.Events, list) && cmp.Equal(past.Events, followed)
		}, func() string { return diff })
		if len(kills.Kills) != len(why.Kills) || !slices.ContainsFunc(kills.Kills, func(k report.Kill) bool { return strings.Contains(k.Sentence, name) }) {
			t.Errorf("%d kills, want %d: %+v", len(kills.Kills), len(why.Kills), kills.Kills)
		}
		var namespaces report.NamespaceList
		answered(t, "/api/v1/namespaces", "report.NamespaceList", &namespaces)
		var workloads report.Listing
		answered(t, "/api/v1/workloads", "report.Listing", &workloads)
	})
	t.Run("refused", func(t *testing.T) {
		for says, args := range map[string][]string{
			"wants a password":                         {"--cacert", caFile},
			"refuses the password of the user mallory": {"--cacert", caFile, "--user", "mallory", "--password-file", passwordFile},
		} {
			_, stderr, code := nsviz(t, append([]string{"ps", "--from", "https://" + address}, args...)...)
			if code != 3 || !strings.Contains(stderr, says) || strings.Contains(stderr, alicesPassword) {
				t.Errorf("exit code %d: %s, want %q", code, stderr, says)
			}
		}
		if _, stderr, code := nsviz(t, "ps", "--from", "https://"+address, "--user", "alice", "--password-file", passwordFile); code != 1 || !strings.Contains(stderr, "--cacert") {
			t.Errorf("without a CA: exit code %d: %s", code, stderr)
		}
	})
	t.Run("the journal", func(t *testing.T) {
		var entries []map[string]string
		eventually(t, func() bool {
			out, err := exec.Command("journalctl", "--directory", journal, "CONTAINER_NAME="+name, "MESSAGE_ID=abf5f979205d49698f0f7937fdec7c48", "--output", "json").Output()
			if err != nil {
				t.Fatal(err)
			}
			entries = nil
			for line := range bytes.Lines(out) {
				var e map[string]string
				if err := json.Unmarshal(line, &e); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				entries = append(entries, e)
			}
			return len(entries) == len(why.Kills)
		}, func() string { return fmt.Sprintf("the journal has %d kills of %d", len(entries), len(why.Kills)) })
		for _, e := range entries {
			if !strings.Contains(e["MESSAGE"], name) || e["PRIORITY"] != "6" || e["SYSLOG_IDENTIFIER"] != "nsviz" || e["CONTAINER_ID_FULL"] != why.Container.ID ||
				e["CONTAINER_ID"] != why.Container.ID[:12] || e["NSVIZ_VICTIM"] == "" || e["NSVIZ_PID"] == "" {
				t.Errorf("%q", e)
			}
		}
	})
}
