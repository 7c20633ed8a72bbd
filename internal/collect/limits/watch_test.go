package limits

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/fact"
)

func TestStatus(t *testing.T) {
	if s := status(oldWatch{}, nil); s.Method != fact.MethodFanotify || !strings.Contains(s.Reason, "(no such device)") {
		t.Errorf("%+v", s)
	}
	if s := status(brokenWatch{}, nil); s.Method != fact.MethodFanotify || s.Reason != "" {
		t.Errorf("%+v", s)
	}
	if s := status(nil, errors.New("no")); s.Method != fact.MethodNone || !slices.Equal(s.RuledOut, []fact.Method{fact.MethodFanotify}) || !strings.HasPrefix(s.Reason, "fanotify: no; ") {
		t.Errorf("%+v", s)
	}
}
