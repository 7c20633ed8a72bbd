package client

import (
	"net/http"
	"strings"
	"testing"
)

// An nsviz of an earlier version does not say how long it keeps what has ended.
func TestRefusedByEarlierVersion(t *testing.T) {
	if err := refused(http.StatusNotFound, []byte(`{"error":"nothing is known"}`), "ADDRESS"); !strings.HasSuffix(err.Error(), "since it began, for a while after their end") {
		t.Errorf("of an earlier version: %v", err)
	}
}
