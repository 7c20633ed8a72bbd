package server

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/model"
)

// A mistake in an answer ends that answer: no other one, nothing that bounds them, and not the server.
func TestMistakeInAnAnswer(t *testing.T) {
	var log bytes.Buffer
	cfg := testConfig("")
	cfg.Mishaps = mishap.New(slog.New(slog.NewTextHandler(&log, nil)))
	full := cfg.Full
	wrong := true
	cfg.Full = func() *model.Snapshot {
		if wrong {
			panic("a test")
		}
		return full()
	}
	server, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ask := func() *httptest.ResponseRecorder {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, WorkloadsPath, nil)
		request.Host = "localhost"
		answer := httptest.NewRecorder()
		server.handler.ServeHTTP(answer, request)
		return answer
	}
	for range maxQuestions + 1 { // the slots of questions are given back
		if a := ask(); a.Code != http.StatusInternalServerError || !strings.Contains(a.Body.String(), `{"error":"a mistake in nsviz ended this (a test)`) {
			t.Fatalf("%d: %s", a.Code, a.Body)
		}
	}
	wrong = false
	if a := ask(); a.Code != http.StatusOK {
		t.Errorf("%d: %s", a.Code, a.Body)
	}
	if n := cfg.Mishaps.Counts()[mishap.Request]; n != maxQuestions+1 {
		t.Errorf("%d are counted", n)
	}
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "TestMistakeInAnAnswer") {
		t.Error(text)
	}
}

// An answer that was begun does not look complete.
func TestMistakeInABegunAnswer(t *testing.T) {
	s := httptest.NewServer(isolated(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<16))
		panic("a test")
	}), mishap.New(slog.New(slog.DiscardHandler))))
	defer s.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Client().Do(request)
	if err == nil {
		_, err = io.ReadAll(answer.Body)
		_ = answer.Body.Close()
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}
