package webui

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestGuard(t *testing.T) {
	open, err := ParseHosts([]string{"nsviz.example"}, func() (string, error) { return "node-1", nil })
	if err != nil {
		t.Fatal(err)
	}
	var password *Hosts // any name
	for _, tt := range []struct {
		host, site, mode string // a mode may have a destination behind a space
		hosts            *Hosts
		want             int
	}{
		{"127.0.0.1:10064", "", "", open, http.StatusOK},
		{"localhost:10064", "same-origin", "cors", open, http.StatusOK},
		{"node.localhost", "none", "navigate", open, http.StatusOK},
		{"192.0.2.7:80", "", "", open, http.StatusOK},
		{"node-1:10064", "", "", open, http.StatusOK},
		{"nsviz.example", "same-origin", "cors", open, http.StatusOK},
		{"rebound.example:10064", "", "", open, http.StatusMisdirectedRequest},
		{"rebound.example:10064", "same-origin", "cors", open, http.StatusMisdirectedRequest},
		{"rebound.example:10064", "none", "navigate", open, http.StatusMisdirectedRequest},
		{"", "", "", open, http.StatusMisdirectedRequest},
		{"rebound.example", "same-origin", "cors", password, http.StatusOK},
		{"node-1:10064", "cross-site", "no-cors", open, http.StatusForbidden},
		{"node-1:10064", "same-site", "cors", password, http.StatusForbidden},
		{"node-1:10064", "cross-site", "navigate", open, http.StatusOK}, // a link
		{"node-1:10064", "cross-site", "navigate document", open, http.StatusOK},
		{"node-1:10064", "cross-site", "navigate iframe", open, http.StatusForbidden},
		{"node-1:10064", "same-site", "navigate object", password, http.StatusForbidden},
		{"node-1:10064", "same-origin", "navigate iframe", open, http.StatusOK}, // which the page's policy forbids
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		request.Host = tt.host
		request.Header.Set("Sec-Fetch-Site", tt.site)
		mode, dest, _ := strings.Cut(tt.mode, " ")
		request.Header.Set("Sec-Fetch-Mode", mode)
		request.Header.Set("Sec-Fetch-Dest", dest)
		answer := httptest.NewRecorder()
		Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), tt.hosts).ServeHTTP(answer, request)
		if answer.Code != tt.want {
			t.Errorf("%+v: %d", tt, answer.Code)
		}
		if answer.Code == http.StatusMisdirectedRequest && !strings.Contains(answer.Body.String(), "--web.host") {
			t.Errorf("%+v: %s", tt, answer.Body)
		}
	}
}

// No name leads to a socket in the file system.
func TestGuardOfASocketFile(t *testing.T) {
	hosts, err := ParseHosts(nil, func() (string, error) { return "node-1", nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		local net.Addr
		want  int
	}{
		{&net.UnixAddr{Net: "unix", Name: "/run/nsviz.sock"}, http.StatusOK},
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 10064}, http.StatusMisdirectedRequest},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://nsviz/", nil)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, test.local))
		w := httptest.NewRecorder()
		if Guard(http.NotFoundHandler(), hosts).ServeHTTP(w, r); (w.Code == http.StatusMisdirectedRequest) != (test.want == http.StatusMisdirectedRequest) {
			t.Errorf("at %v: %d", test.local, w.Code)
		}
	}
}
