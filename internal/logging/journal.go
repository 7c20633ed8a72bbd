package logging

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/sink"
)

// The bounds of the entries that wait for the journal.
const (
	waitingEntries    = 4096
	waitingEntryBytes = 1 << 20
)

// ErrNoJournal reports that no journal of systemd takes entries here.
var ErrNoJournal = errors.New("no journal of systemd takes entries at /run/systemd/journal/socket")

// Journal writes to systemd's journal, without waiting for it.
type Journal struct{ sink *sink.Sink[entry] }

// entry is one entry of the journal.
type entry struct {
	message  string
	priority journal.Priority
	fields   map[string]string
}

// size returns roughly how many bytes of memory an entry takes.
func (e entry) size() int {
	n := 128 + len(e.message)
	for key, value := range e.fields {
		n += 64 + len(key) + len(value)
	}
	return n
}

// OpenJournal returns the journal of this host, or ErrNoJournal. It must be closed.
func OpenJournal() (*Journal, error) {
	if !journal.Enabled() {
		return nil, ErrNoJournal
	}
	return newJournal(func(e entry) error {
		_ = journal.Send(e.message, e.priority, e.fields) // a journal that is restarted takes the next one
		return nil
	}), nil
}

func newJournal(write func(entry) error) *Journal {
	return &Journal{sink.New(sink.Config[entry]{
		Name: "journal", Values: waitingEntries, Bytes: waitingEntryBytes, Size: entry.size, Write: write,
		Missed: func(n uint64, _ entry, _ []entry) []entry {
			return []entry{{fmt.Sprintf("%d entries are left out here: the journal did not take them fast enough", n), journal.PriWarning, nil}}
		},
	})}
}

// Stats returns the counts so far.
func (j *Journal) Stats() sink.Stats { return j.sink.Stats() }

// Close closes the journal. Waiting entries are written, if that ends before ctx does.
func (j *Journal) Close(ctx context.Context) error { return j.sink.Close(ctx) }

// Handler returns a handler that writes records of a level and above.
func (j *Journal) Handler(level slog.Leveler) slog.Handler {
	return &journalHandler{journal: j, level: level, fields: map[string]string{"SYSLOG_IDENTIFIER": "nsviz"}}
}

type journalHandler struct {
	journal *Journal
	level   slog.Leveler
	fields  map[string]string
	words   string // the attributes of WithAttrs, as they stand behind a message
	group   string
}

func (h *journalHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

func (h *journalHandler) Handle(_ context.Context, r slog.Record) error {
	e := entry{message: r.Message, priority: priority(r.Level), fields: make(map[string]string, len(h.fields)+r.NumAttrs())}
	for key, value := range h.fields {
		e.fields[key] = value
	}
	words := h.words
	r.Attrs(func(a slog.Attr) bool {
		words += add(e.fields, h.group, a)
		return true
	})
	if e.fields[messageID] == "" {
		e.message += words // an event says all of it in its sentence
	}
	e.message = foreign.Prose(e.message)
	h.journal.sink.Put(e)
	return nil
}

func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.fields = make(map[string]string, len(h.fields)+len(attrs))
	for key, value := range h.fields {
		with.fields[key] = value
	}
	for _, a := range attrs {
		with.words += add(with.fields, h.group, a)
	}
	return &with
}

func (h *journalHandler) WithGroup(name string) slog.Handler {
	with := *h
	with.group += name + "_"
	return &with
}

// The fields of the journal that others know: systemd.journal-fields(7), and those of Docker's log driver for the journal, so that a search
// for a container finds what nsviz says beside what the container itself says.
const messageID = "MESSAGE_ID"

var known = map[string]string{
	messageIDKey: messageID, containerKey: "CONTAINER_NAME", containerIDKey: "CONTAINER_ID_FULL", imageKey: "IMAGE_NAME",
}

// shortID is the field of Docker's log driver with the first twelve digits of a container's id.
const shortID = "CONTAINER_ID"

// add adds an attribute to the fields of an entry, and returns it as words behind a message.
func add(fields map[string]string, group string, a slog.Attr) (words string) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		for _, inner := range value.Group() {
			words += add(fields, group+a.Key+"_", inner)
		}
		return words
	}
	if a.Key == "" {
		return ""
	}
	text := value.String()
	if name := known[a.Key]; name != "" && group == "" {
		fields[name] = text
		if a.Key == containerIDKey {
			fields[shortID] = text[:min(12, len(text))]
		}
		if a.Key == messageIDKey {
			return ""
		}
	}
	fields[fieldName(group+a.Key)] = text
	return fmt.Sprintf(" %s=%s", group+a.Key, text)
}

// fieldName returns the field of the journal for the key of an attribute: NSVIZ_KEY, with the letters, digits and underscores that the
// journal takes.
func fieldName(key string) string {
	return "NSVIZ_" + strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(key))
}

// priority returns the journal's priority for a level.
func priority(level slog.Level) journal.Priority {
	switch {
	case level >= slog.LevelError:
		return journal.PriErr
	case level >= slog.LevelWarn:
		return journal.PriWarning
	case level >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}
