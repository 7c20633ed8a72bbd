package main

import (
	"bytes"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/ui"
)

// restoreLogs restores the log's output for later tests.
func restoreLogs(t *testing.T) {
	t.Helper()
	before, out, flags := slog.Default(), log.Writer(), log.Flags()
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(out)
		log.SetFlags(flags)
	})
}

// A library's log message is a note on the dashboard, in one line.
func TestLogsOfLibrariesAreNotes(t *testing.T) {
	restoreLogs(t)
	n := &ui.Notes{}
	n.Add("metrics on http://127.0.0.1:10064/metrics")
	adoptLogs(slog.New(n))
	log.Print("a library is worried\nat length")
	if got := n.List(); len(got) != 2 || got[0] != "a library is worried" {
		t.Errorf("the notes are %q", got)
	}
	n.Add("the recording ends here") // what came later stands before what is older
	if got := n.List(); len(got) != 3 || got[1] != "the recording ends here" {
		t.Errorf("the notes are %q", got)
	}
	slog.Info("not worth a note")
	if got := n.List(); len(got) != 3 || got[0] != "a library is worried" {
		t.Errorf("the notes are %q", got)
	}
}

// Without a screen it is a line of nsviz's own log.
func TestLogsOfLibrariesAreLogged(t *testing.T) {
	restoreLogs(t)
	var out bytes.Buffer
	adoptLogs((&options{}).logger(&out))
	log.Print("a library is worried\nat length")
	if line := out.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, `level=WARN msg="a library is worried\nat length"`) {
		t.Errorf("logged %q", line)
	}
}

// A server that answers HEAD with a body makes net/http log: the case that was found.
func TestLogOfHTTP(t *testing.T) {
	restoreLogs(t)
	logged := make(chan string, 1)
	adoptLogs(slog.New(slog.NewTextHandler(writerFunc(func(p []byte) {
		select {
		case logged <- string(p):
		default:
		}
	}), nil)))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 1024))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
		_, _ = conn.Read(make([]byte, 1024))
	}()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	response, err := client.Head("http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if line := <-logged; !strings.Contains(line, "level=WARN") || !strings.Contains(line, "Unsolicited response") {
		t.Errorf("logged %q", line)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}
