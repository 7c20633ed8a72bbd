package client

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
		var answer struct{}
		if err := served(t.Context(), srv.URL+from, "/api/v1/why", nil, &answer, func() bool { return true }); err != nil || asked != want {
			t.Errorf("%q: asked for %q, want %q: %v", from, asked, want, err)
		}
	}
}

// An nsviz of an earlier version does not say how long it keeps what has ended.
func TestRefusedByEarlierVersion(t *testing.T) {
	if err := refused(http.StatusNotFound, []byte(`{"error":"nothing is known"}`), "ADDRESS"); !strings.HasSuffix(err.Error(), "since it began, for a while after their end") {
		t.Errorf("of an earlier version: %v", err)
	}
}
