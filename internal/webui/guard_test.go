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
	for _, tt := range []struct {
		local, host, site, mode string // a mode may have a destination behind a space
		open                    bool
		want                    int
	}{
		{"127.0.0.1:10064", "127.0.0.1:10064", "", "", true, http.StatusOK},
		{"127.0.0.1:10064", "localhost:10064", "same-origin", "cors", true, http.StatusOK},
		{"127.0.0.1:10064", "node.localhost", "none", "navigate", true, http.StatusOK},
		{"127.0.0.1:10064", "LOCALHOST.", "", "", true, http.StatusOK},
		{"127.0.0.1:10064", "192.0.2.7:80", "", "", true, http.StatusOK}, // forwarded; no name, and so no rebinding
		{"[::1]:10064", "[::1]:10064", "", "", true, http.StatusOK},
		{"[::ffff:127.0.0.1]:10064", "rebound.example:10064", "", "", true, http.StatusMisdirectedRequest},
		{"127.0.0.1:10064", "rebound.example:10064", "same-origin", "cors", true, http.StatusMisdirectedRequest},
		{"127.0.0.1:10064", "localhost.example", "", "", true, http.StatusMisdirectedRequest},
		{"127.0.0.1:10064", "", "", "", true, http.StatusMisdirectedRequest},
		{"127.0.0.1:10064", "nsviz.example", "same-origin", "cors", false, http.StatusOK}, // with a password
		{"192.0.2.1:10064", "node-1:10064", "", "", true, http.StatusOK},
		{"192.0.2.1:10064", "node-1:10064", "cross-site", "no-cors", true, http.StatusForbidden},
		{"192.0.2.1:10064", "node-1:10064", "same-site", "cors", false, http.StatusForbidden},
		{"192.0.2.1:10064", "node-1:10064", "cross-site", "navigate", true, http.StatusOK}, // a link
		{"192.0.2.1:10064", "node-1:10064", "cross-site", "navigate document", true, http.StatusOK},
		{"192.0.2.1:10064", "node-1:10064", "cross-site", "navigate iframe", true, http.StatusForbidden},
		{"192.0.2.1:10064", "node-1:10064", "same-site", "navigate object", false, http.StatusForbidden},
		{"192.0.2.1:10064", "node-1:10064", "same-origin", "navigate iframe", true, http.StatusOK}, // which the page's policy forbids
		{"", "example.com", "", "", true, http.StatusOK},
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if tt.local != "" {
			local, err := net.ResolveTCPAddr("tcp", tt.local)
			if err != nil {
				t.Fatal(err)
			}
			request = request.WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(local)))
		}
		request.Host = tt.host
		request.Header.Set("Sec-Fetch-Site", tt.site)
		mode, dest, _ := strings.Cut(tt.mode, " ")
		request.Header.Set("Sec-Fetch-Mode", mode)
		request.Header.Set("Sec-Fetch-Dest", dest)
		answer := httptest.NewRecorder()
		Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), tt.open).ServeHTTP(answer, request)
		if answer.Code != tt.want {
			t.Errorf("%+v: %d", tt, answer.Code)
		}
	}
}
