package ui

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// Notes are the short remarks that the dashboard shows. As a log handler it accepts warnings and
// shows the latest: on stderr they would spoil the screen.
type Notes struct {
	mu      sync.Mutex
	lines   []string
	warning string
}

// Add adds a remark that stays.
func (n *Notes) Add(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, line)
}

// List returns the latest warning, followed by the remarks, newest first: where there is no room for all, the oldest is cut off.
func (n *Notes) List() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []string
	if n.warning != "" {
		list = append(list, n.warning)
	}
	for _, l := range slices.Backward(n.lines) {
		list = append(list, l)
	}
	return list
}

// Enabled accepts warnings and errors.
func (n *Notes) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle keeps the first line of the message, with the error if there is one.
func (n *Notes) Handle(_ context.Context, r slog.Record) error {
	text, _, _ := strings.Cut(r.Message, "\n")
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			text += ": " + a.Value.String()
		}
		return true
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.warning = text
	return nil
}

// WithAttrs leaves attributes out: there is no room for them. It drops records about a container engine, since the dashboard
// shows the state of engines itself.
func (n *Notes) WithAttrs(attrs []slog.Attr) slog.Handler {
	if slices.ContainsFunc(attrs, func(a slog.Attr) bool { return a.Key == "engine" }) {
		return slog.DiscardHandler
	}
	return n
}

// WithGroup does as WithAttrs.
func (n *Notes) WithGroup(string) slog.Handler { return n }
