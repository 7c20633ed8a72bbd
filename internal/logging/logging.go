package logging

import (
	"io"
	"log/slog"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/foreign"
)

// The forms of a log.
const (
	Text     = "text" // which is logfmt
	Logfmt   = "logfmt"
	JSON     = "json"
	Journald = "journald"
)

// Forms lists all forms.
func Forms() []string { return []string{Text, JSON, Logfmt, Journald} }

// NewHandler returns a handler that writes records of a level and above to out, in any form but Journald. out should not block.
func NewHandler(out io.Writer, form string, level slog.Leveler) slog.Handler {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: withoutID}
	if form == JSON {
		return slog.NewJSONHandler(foreign.JSONWriter(out), options)
	}
	options.ReplaceAttr = plain
	return slog.NewTextHandler(out, options)
}

// withoutID leaves the journal's id of a message out: in text and JSON the type of the event says the same.
func withoutID(_ []string, a slog.Attr) slog.Attr {
	if a.Key == messageIDKey {
		return slog.Attr{}
	}
	return a
}

// plain also makes texts printable: package slog would quote other characters as Go does (\x1b), which is no logfmt.
func plain(groups []string, a slog.Attr) slog.Attr {
	a = withoutID(groups, a)
	if kind := a.Value.Kind(); kind != slog.KindString && kind != slog.KindAny {
		return a
	}
	unquotable := func(r rune) bool { return !strconv.IsPrint(r) && !strings.ContainsRune("\n\r\t", r) }
	if text := a.Value.String(); strings.ContainsFunc(text, unquotable) {
		a.Value = slog.StringValue(foreign.Clean(text))
	}
	return a
}
