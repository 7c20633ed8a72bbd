package record

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// Errors. They are wrapped with details.
var (
	ErrNotARecording = errors.New("not a recording of nsviz")
	ErrCutShort      = errors.New("the recording is cut short")
	// ErrTooLong is of writing: of a fact that no Reader would take. The recording is as it was before.
	ErrTooLong = errors.New("longer than a recording can hold")
)

const (
	format  = "nsviz recording"
	version = 1
	// maxLine limits the length of one fact: a survey of some ten thousand namespaces.
	maxLine = 64 << 20
)

type header struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Time    time.Time `json:"time"`
	// Escapes names the escaping of bytes that are not UTF-8; "" in recordings of versions that lost them.
	Escapes string `json:"escapes,omitempty"`
}

// line is a line after the header: a fact, or the trailer with the number of facts.
type line struct {
	*fact.Fact
	Facts *uint64 `json:"facts,omitempty"`
}

// Writer writes a recording. It is not safe for concurrent use.
type Writer struct {
	zip    *gzip.Writer
	line   bytes.Buffer
	json   *json.Encoder // to line
	count  uint64
	closed bool
}

// NewWriter starts a recording.
func NewWriter(w io.Writer, now time.Time) (*Writer, error) {
	out := &Writer{zip: gzip.NewWriter(w)}
	out.json = json.NewEncoder(&out.line)
	if err := out.write(header{Format: format, Version: version, Time: now, Escapes: escapes}); err != nil {
		return nil, fmt.Errorf("write recording: %w", err)
	}
	// From now on the file is recognizable as a recording.
	if err := out.Flush(); err != nil {
		return nil, err
	}
	return out, nil
}

// Write adds a fact.
func (w *Writer) Write(f fact.Fact) error {
	if err := w.write(f); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	w.count++
	return nil
}

func (w *Writer) write(v any) error {
	w.line.Reset()
	if err := w.json.Encode(v); err != nil {
		return err
	}
	if f, ok := v.(fact.Fact); ok && needsEscape(w.line.Bytes()) {
		w.line.Reset()
		if err := w.json.Encode(rewriteFact(f, escape)); err != nil {
			return err
		}
	}
	if n := w.line.Len(); n > maxLine {
		w.line = bytes.Buffer{} // it keeps what it has taken otherwise
		return fmt.Errorf("a fact of %d bytes: %w (%d)", n, ErrTooLong, maxLine)
	}
	_, err := w.zip.Write(w.line.Bytes())
	return err
}

// Flush writes what is buffered to the underlying writer.
func (w *Writer) Flush() error {
	if err := w.zip.Flush(); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	return nil
}

// Count returns the number of facts written.
func (w *Writer) Count() uint64 { return w.count }

// Close writes the trailer. It does not close the underlying writer.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if err := errors.Join(w.write(line{Facts: &w.count}), w.zip.Close()); err != nil {
		return fmt.Errorf("finish recording: %w", err)
	}
	return nil
}

// Reader reads a recording.
type Reader struct {
	lines   *bufio.Scanner
	escaped bool // bytes that are not UTF-8 are escaped
	count   uint64
	end     error // the result of all later calls of Next; nil before the end
}

// NewReader starts reading. It fails with ErrNotARecording, or with ErrCutShort if even the header is incomplete.
func NewReader(r io.Reader) (*Reader, error) {
	in := bufio.NewReader(r)
	if magic, _ := in.Peek(2); string(magic) != "\x1f\x8b" {
		return nil, ErrNotARecording
	}
	zip, err := gzip.NewReader(in)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w before its first line", ErrCutShort)
	case err != nil:
		return nil, fmt.Errorf("%w (%w)", ErrNotARecording, err)
	}
	zip.Multistream(false) // further data in the file do not belong to the recording
	out := &Reader{lines: bufio.NewScanner(zip)}
	out.lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	if err := out.header(); err != nil {
		return nil, err
	}
	return out, nil
}

// opening is the beginning of every header.
const opening = `{"format":"` + format + `"`

func (r *Reader) header() error {
	r.lines.Scan()
	first := r.lines.Bytes()
	var h header
	if err := json.Unmarshal(first, &h); err != nil {
		ours := bytes.HasPrefix(first, []byte(opening)) || bytes.HasPrefix([]byte(opening), first)
		if ours && errors.Is(r.lines.Err(), io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w in its first line", ErrCutShort)
		}
		return ErrNotARecording
	}
	if h.Format != format {
		return ErrNotARecording
	}
	if h.Version != version {
		return fmt.Errorf("%w that this version can read: it is of format %d, this reads %d",
			ErrNotARecording, h.Version, version)
	}
	r.escaped = h.Escapes == escapes
	return nil
}

// Next returns the next fact. It returns io.EOF at the end of a complete recording, and ErrCutShort if the recording breaks
// off.
func (r *Reader) Next() (fact.Fact, error) {
	if r.end != nil {
		return fact.Fact{}, r.end
	}
	f, err := r.next()
	r.end = err
	return f, err
}

func (r *Reader) next() (fact.Fact, error) {
	if !r.lines.Scan() {
		return fact.Fact{}, r.cutShort(r.lines.Err())
	}
	var l line
	if err := json.Unmarshal(withParents(r.lines.Bytes()), &l); err != nil {
		return fact.Fact{}, r.cutShort(cmp.Or(r.lines.Err(), err))
	}
	if l.Facts != nil {
		return fact.Fact{}, r.trailer(*l.Facts)
	}
	if l.Fact == nil {
		return fact.Fact{}, r.cutShort(errors.New("a line without a fact"))
	}
	r.count++
	if r.escaped && bytes.Contains(r.lines.Bytes(), escapePrefix) {
		return rewriteFact(*l.Fact, unescape), nil
	}
	return *l.Fact, nil
}

// trailer checks the end: the number of facts, no more data, and the checksum.
func (r *Reader) trailer(facts uint64) error {
	if facts != r.count {
		return r.cutShort(fmt.Errorf("there should be %d", facts))
	}
	if r.lines.Scan() {
		return r.cutShort(errors.New("more follows after its end"))
	}
	if err := r.lines.Err(); err != nil {
		return r.cutShort(err)
	}
	return io.EOF
}

func (r *Reader) cutShort(cause error) error {
	if cause == nil || errors.Is(cause, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w after %d facts", ErrCutShort, r.count)
	}
	return fmt.Errorf("%w after %d facts (%w)", ErrCutShort, r.count, cause)
}
