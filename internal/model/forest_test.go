package model

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// forestText writes trees in one line: a namespace, and in parentheses those below it.
func forestText(nodes []*NamespaceNode) string {
	parts := make([]string, len(nodes))
	for i, n := range nodes {
		parts[i] = fmt.Sprintf("%s:%d", n.Type, n.ID)
		if len(n.Below) > 0 {
			parts[i] += "(" + forestText(n.Below) + ")"
		}
	}
	return strings.Join(parts, " ")
}

func TestNamespaceForest(t *testing.T) {
	kernel := []*Namespace{
		{Type: event.PID, ID: 1, Owner: 20, Host: true}, {Type: event.PID, ID: 2, Parent: 1, Owner: 21}, {Type: event.PID, ID: 3, Parent: 2, Owner: 22},
		{Type: event.PID, ID: 4, Parent: 99, Owner: 98}, {Type: event.Net, ID: 10, Owner: 20}, {Type: event.Net, ID: 11, Owner: 21},
		{Type: event.Net, ID: 12},
		{Type: event.User, ID: 20, Host: true}, {Type: event.User, ID: 21, Parent: 20, Owner: 20}, {Type: event.User, ID: 22, Parent: 21},
	}
	if got, want := forestText(NamespacesByParent(kernel)), "pid:1(pid:2(pid:3)) pid:4 net:10 net:11 net:12 user:20(user:21(user:22))"; got != want {
		t.Errorf("by parent %s\nwant      %s", got, want)
	}
	if got, want := forestText(NamespacesByOwner(kernel)), "pid:4 net:12 user:20(pid:1 net:10 user:21(pid:2 net:11 user:22(pid:3)))"; got != want {
		t.Errorf("by owner %s\nwant     %s", got, want)
	}
	if got := NamespacesByParent(kernel)[1]; got.Above != 99 {
		t.Errorf("%d is above pid 4", got.Above)
	}
}

// What a damaged recording says leaves out no namespace, and does not hang.
func TestNamespaceForestHasNoCycles(t *testing.T) {
	list := []*Namespace{
		{Type: event.PID, ID: 1, Parent: 1}, {Type: event.PID, ID: 2, Parent: 3}, {Type: event.PID, ID: 3, Parent: 4}, {Type: event.PID, ID: 4, Parent: 3},
		{Type: event.PID, ID: 5, Parent: 2},
	}
	if got, want := forestText(NamespacesByParent(list)), "pid:1 pid:2 pid:3 pid:4 pid:5"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
